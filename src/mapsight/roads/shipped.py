"""The road model that comes with the package, and how one is chosen."""

from __future__ import annotations

from pathlib import Path

from mapsight.cnn.checkpoint import read_model
from mapsight.cnn.shipped import ROADS, read_shipped
from mapsight.errors import ModelError
from mapsight.roads.train import Model


def read_model_or_default(path: Path | None) -> Model:
    """The road model of a file, or the shipped one; ModelError where neither is there, or it knows no roads."""
    model = Model(*(read_shipped(ROADS) if path is None else read_model(path)))
    if model.card.classes or len(model.card.bands) != 3:
        raise ModelError(path, f"'{model.card.net}' names a {model.card.label} and finds no roads", "use a road model")
    return model

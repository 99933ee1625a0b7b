"""The road model that comes with the package, and how one is chosen."""

from __future__ import annotations

from pathlib import Path

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.shipped import SHIPPED, read_named_model
from mapsight.errors import ModelError


def read_model_or_default(name: str | Path | None) -> Model:
    """The road model of a file, or the one that ships (None, 'shipped'); ModelError where it is not
    there, or knows no roads.
    """
    model = read_named_model(SHIPPED if name is None else name)
    if model.card.classes or len(model.card.bands) != 3:
        raise ModelError(
            name,
            f"'{model.card.net}' names a {model.card.label} and finds no roads",
            "use a road model",
        )
    return model

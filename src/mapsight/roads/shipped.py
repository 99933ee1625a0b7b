"""The model that comes with the package, and how one is chosen."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from mapsight.cnn.checkpoint import read_model
from mapsight.errors import ModelError
from mapsight.roads.train import Model

SHIPPED = "roads-1m.safetensors"


def read_model_or_default(path: Path | None) -> Model:
    """The model of a file, or the shipped one; ModelError where neither is there."""
    if path is not None:
        return Model(*read_model(path))
    with as_file(files("mapsight").joinpath("weights", SHIPPED)) as shipped:
        if not shipped.is_file():
            raise ModelError("no --model", "and this build ships none", "make one with `mapsight train`")
        return Model(*read_model(shipped))

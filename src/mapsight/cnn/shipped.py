"""The models that come with the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from mapsight.cnn.checkpoint import Model, read_model
from mapsight.errors import ModelError

ROADS = "roads-1m.safetensors"
ANYWHERE = "roads-anywhere.safetensors"
DIGITS = "digits-small.safetensors"
SHIPPED = "shipped"  # the road model, by the name that commands know
NAMES = {SHIPPED: ROADS, "anywhere": ANYWHERE, "digits": DIGITS}


def read_shipped(name: str) -> Model:
    """A shipped net, in eval mode, and its card; ModelError in a build without it."""
    with as_file(files("mapsight").joinpath("weights", name)) as path:
        if not path.is_file():
            raise ModelError(
                name, "this build does not ship it", "give a model file; `mapsight train` makes one"
            )
        return read_model(path)


def read_named_model(name: str | Path) -> Model:
    """A shipped model by its name in `NAMES`, or that of a file."""
    return read_shipped(NAMES[str(name)]) if str(name) in NAMES else read_model(name)

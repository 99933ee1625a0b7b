"""Libraries that only gathering needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mapsight.errors import MapsightError


def import_extra(name: str, *, extra: str = "gather") -> Any:
    """The module `name`; MapsightError with the command that installs it where it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        package = name.split(".")[0]
        raise MapsightError(
            package, "is not installed", f"pip install 'mapsight[{extra}]'"
        ) from None

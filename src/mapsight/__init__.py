"""mapsight: where a road map is wrong, seen from the air."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "Finding",
    "MapsightError",
    "__version__",
    "audit",
    "evaluate",
    "extract",
    "plant",
    "predict",
    "read_audit",
    "score",
    "train",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from mapsight.api.audit import audit
    from mapsight.api.lines import extract, plant, score
    from mapsight.api.models import evaluate, predict
    from mapsight.api.result import Audit, Finding, read_audit
    from mapsight.api.training import train
    from mapsight.errors import MapsightError
else:
    # name → where it is made: what it needs (torch, geopandas …) is loaded when it is asked for
    _HOMES = {
        "Audit": "api.result",
        "Finding": "api.result",
        "MapsightError": "errors",
        "audit": "api.audit",
        "evaluate": "api.models",
        "extract": "api.lines",
        "plant": "api.lines",
        "predict": "api.models",
        "read_audit": "api.result",
        "score": "api.lines",
        "train": "api.training",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

"""Where what can be made anew is kept between two commands."""

from __future__ import annotations

import os
from pathlib import Path


def find_cache_dir() -> Path:
    """The user's cache folder of mapsight; XDG_CACHE_HOME moves it."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "mapsight"

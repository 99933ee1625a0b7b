"""One slip: what the lecture says, what the experiment shows, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Slip:
    """`numbers` are the experiment's results by name, so that a test can hold them against an
    oracle.
    """

    name: str
    said: str
    shows: str
    numbers: dict[str, Any]

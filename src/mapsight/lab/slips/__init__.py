"""Where the lecture slips: each slip as an experiment that shows it."""

from __future__ import annotations

from collections.abc import Callable

from mapsight.lab.slips import filters, layers, results
from mapsight.lab.slips.slip import Slip

__all__ = ["SLIPS", "Slip", "run_slips"]

# in the order of the lecture
SLIPS: tuple[Callable[[], Slip], ...] = (*filters.SLIPS, *layers.SLIPS, *results.SLIPS)


def run_slips() -> list[Slip]:
    """All experiments, run."""
    return [experiment() for experiment in SLIPS]

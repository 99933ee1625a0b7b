"""A probability as `predict` tells it: with the threshold that suits its picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mapsight.api.files import PathLike
from mapsight.geo.raster import Raster
from mapsight.roads.prediction.predict import read_probability, read_threshold

USUAL_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Probability(Raster):
    """Probability of road, (1, H, W) float32 in 0 … 1.

    Parameters
    ----------
    threshold : float or None
        From where on a pixel is road in this picture, if whoever predicted it has said so.
    """

    threshold: float | None = None


def open_probability(path: PathLike) -> Probability:
    """A probability file; InputError for any other raster."""
    seen = read_probability(Path(path))
    return Probability(seen.array, seen.transform, seen.crs, seen.valid, read_threshold(Path(path)))

"""From the numbers of a file (16 bits, floats) to bytes, by one stated range for all bands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from mapsight.errors import InputError
from mapsight.geo.source import read_pixels, read_valid

_SAMPLE_WINDOWS = 8  # a side
_SAMPLE_PX = 64
_PERCENTILES = (2, 98)

Scale = tuple[float, float]


def choose_scale(
    grid: DatasetReader | WarpedVRT, bands: list[int], scale: Scale | None
) -> tuple[Scale | None, tuple[str, ...]]:
    """The (low, high) that become 0 and 255 and a note, (None, ()) for bytes.

    Bytes stay bytes, floats within 0–1 are multiplied; all else runs from its 2nd to its 98th
    percentile over a fixed sample of windows, the same for all bands, so that colours keep their
    proportions.
    """
    kind = np.dtype(grid.dtypes[bands[0] - 1])
    if scale is not None:
        low, high = float(scale[0]), float(scale[1])
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(
                f"scale {scale}",
                "expected two numbers, the lower first",
                "write for example 0,3000",
            )
        return (low, high), (describe_scale(kind, (low, high)),)
    if kind == np.uint8:
        return None, ()
    chosen = _measure_range(_sample(grid, bands), kind)
    return chosen, (describe_scale(kind, chosen),)


def describe_scale(kind: np.dtype[Any], scale: Scale) -> str:
    return f"{kind.name} scaled {scale[0]:g}–{scale[1]:g} → 0–255"


def scale_to_bytes(raw: NDArray[Any], scale: Scale | None) -> NDArray[np.uint8]:
    """Raw values of any real type as uint8, clipped and rounded; what is not finite becomes 0."""
    if scale is None:
        return raw.astype(np.uint8)
    low, high = scale
    with np.errstate(invalid="ignore", over="ignore"):
        bytes_ = (raw.astype(np.float32) - np.float32(low)) * np.float32(
            255 / (high - low)
        ) + np.float32(0.5)
    scaled: NDArray[np.float32] = np.clip(np.nan_to_num(bytes_, nan=0.0), 0, 255)
    return scaled.astype(np.uint8)


def sample_windows(grid: DatasetReader | WarpedVRT) -> Iterator[Window]:
    """Small windows spread evenly over a grid: what is told of a whole image is told from them."""
    for row in _spread(grid.height):
        for col in _spread(grid.width):
            yield Window(
                col, row, min(_SAMPLE_PX, grid.width - col), min(_SAMPLE_PX, grid.height - row)
            )


def _sample(grid: DatasetReader | WarpedVRT, bands: list[int]) -> NDArray[Any]:
    """All valid values of the bands in windows spread evenly over the grid."""
    found = []
    for window in sample_windows(grid):
        raw = read_pixels(grid, bands, window)
        found.append(raw[:, read_valid(grid, window) & np.isfinite(raw).all(axis=0)].ravel())
    return np.concatenate(found)


def _spread(length: int) -> list[int]:
    return sorted(
        {int(start) for start in np.linspace(0, max(length - _SAMPLE_PX, 0), _SAMPLE_WINDOWS)}
    )


def _measure_range(values: NDArray[Any], kind: np.dtype[Any]) -> Scale:
    if np.issubdtype(kind, np.floating) and (
        values.size == 0 or (values.min() >= 0 and values.max() <= 1)
    ):
        return 0.0, 1.0
    if kind == np.uint16 and (values.size == 0 or values.max() <= 255):
        return 0.0, 255.0  # bytes in wider clothes
    seen = values != 0  # borders that nobody marked are 0, or the highest number there is
    if np.issubdtype(kind, np.integer):
        seen &= values != np.iinfo(kind).max
    values = values[seen] if seen.any() else values
    low, high = (
        (float(np.percentile(values, share)) for share in _PERCENTILES)
        if values.size
        else (0.0, 255.0)
    )
    return (low, high) if low < high else (low, low + 1.0)

"""Which bands of a file are colours and what says where it has data: as declared, if the pixels
agree.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader

from mapsight.errors import InputError
from mapsight.geo.scaling import sample_windows
from mapsight.geo.source import read_pixels

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
# An alpha band is clear or opaque nearly everywhere: feathered edges are few, and so are the
# levels of what is laid over another picture. Near infrared has all values.
_ALPHA_BETWEEN = 0.1
_ALPHA_LEVELS = 8
_NEAR = 0.03


@dataclass(frozen=True)
class Colours:
    """How a file's bands are read.

    `bands` (from 1): red, green, blue, or the only one. `alpha`: the band that is heeded as such,
    and `opaque` its value where nothing shows through. `palette`: the only band holds indices,
    which are looked up. `distrusted`: a band that is flagged alpha and is none.
    """

    bands: tuple[int, ...]
    alpha: int | None = None
    opaque: float = 0.0
    palette: bool = False
    distrusted: int | None = None

    def describe(self, count: int) -> tuple[str, ...]:
        """In words, what is not plain about them."""
        notes = []
        if self.palette:
            notes.append("palette: its colours were looked up")
        elif self.bands != (1, 2, 3) or count != 3:
            notes.append(f"bands {', '.join(map(str, self.bands))} of {count}")
        if self.distrusted:
            notes.append(
                f"band {self.distrusted} is flagged alpha, but its values are those of a colour or"
                " of infrared: not heeded"
            )
        return tuple(notes)


def read_colours(source: DatasetReader, bands: Sequence[int] | None) -> Colours:
    """What a file's colours are, from what it declares and a look at its pixels.

    `bands` (one or three, from 1) win over all that the file declares: then no alpha is heeded.
    InputError where the bands are not known.
    """
    if source.colorinterp[0] == ColorInterp.palette and (
        tuple(bands) == (1,) if bands is not None else source.count <= 2
    ):
        alpha = _find_alpha(source) if bands is None else None
        return Colours((1,), alpha, _measure_opaque(source, alpha), palette=True)
    if bands is not None:
        return Colours(check_bands(source, bands))
    flagged = _find_alpha(source)
    chosen = _find_declared(source, flagged)
    if flagged is None:
        return Colours(chosen)
    sample = _sample_band(source, flagged)
    if not _looks_like_alpha(sample):
        return Colours(chosen, distrusted=flagged)
    return Colours(chosen, flagged, _highest(sample, source, flagged))


def check_bands(source: DatasetReader, bands: Sequence[int]) -> tuple[int, ...]:
    """The bands that somebody chose; InputError unless the file has them, one or three."""
    chosen, count = tuple(bands), source.count
    if len(chosen) not in (1, 3) or not all(1 <= band <= count for band in chosen):
        raise InputError(
            f"bands {chosen}",
            f"expected one or three of 1 to {count}",
            f"choose bands of {os.path.basename(source.name)}",
        )
    return chosen


def is_plain(source: DatasetReader, colours: Colours) -> bool:
    """Whether GDAL's own reading of the file is that of `colours`."""
    if colours.palette:
        return False
    if colours.alpha is None:
        return _find_alpha(source) is None
    dtype = np.dtype(source.dtypes[colours.alpha - 1])
    return (
        np.issubdtype(dtype, np.unsignedinteger)
        and colours.opaque >= np.iinfo(dtype).max * (1 - _NEAR)
        and MaskFlags.alpha in source.mask_flag_enums[colours.bands[0] - 1]
    )


def _find_alpha(source: DatasetReader) -> int | None:
    for band, meaning in enumerate(source.colorinterp, 1):
        if meaning == ColorInterp.alpha and band > 1:
            return band
    return None


def _find_declared(source: DatasetReader, alpha: int | None) -> tuple[int, ...]:
    """Bands that are declared red, green, blue, in whatever order; else three bands in theirs."""
    meanings = list(source.colorinterp)
    if all(meanings.count(colour) == 1 for colour in _RGB):
        return tuple(meanings.index(colour) + 1 for colour in _RGB)
    others = [band for band in source.indexes if band != alpha]
    if len(others) == 3:
        return tuple(others)
    raise InputError(
        os.path.basename(source.name),
        f"has {source.count} band(s), and which are red, green, blue is not known",
        "say it with --bands, such as 1,2,3",
    )


def _looks_like_alpha(values: NDArray[np.float64]) -> bool:
    """Whether values are those of an alpha band: opaque is the highest value that occurs."""
    if values.size == 0 or values.max() <= 0:
        return True  # nothing seen that speaks against it
    share = values / values.max()
    between = (share > _NEAR) & (share < 1 - _NEAR)
    return bool(
        between.mean() <= _ALPHA_BETWEEN or len(np.unique(values[between])) <= _ALPHA_LEVELS
    )


def _measure_opaque(source: DatasetReader, alpha: int | None) -> float:
    return 0.0 if alpha is None else _highest(_sample_band(source, alpha), source, alpha)


def _highest(values: NDArray[np.float64], source: DatasetReader, band: int) -> float:
    """The highest value that occurs; the highest there can be where none does."""
    if values.size and values.max() > 0:
        return float(values.max())
    dtype = np.dtype(source.dtypes[band - 1])
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0


def _sample_band(source: DatasetReader, band: int) -> NDArray[np.float64]:
    """Finite values of a band over windows spread evenly."""
    parts = [read_pixels(source, [band], window)[0].ravel() for window in sample_windows(source)]
    values = np.concatenate(parts).astype(np.float64)
    return values[np.isfinite(values)]

"""In which CRS a map file is read, and what its coordinates say against the CRS that it names."""

from __future__ import annotations

from pathlib import Path

import pyproj
from rasterio.crs import CRS

from mapsight.errors import InputError, OverlapError
from mapsight.geo.maps.formats import JSON_SUFFIXES
from mapsight.geo.maps.ways import Tally

WGS84 = CRS.from_epsg(4326)
_GIVE = "give it: --map-crs EPSG:<number>"
_GIVE_OWN = "give its own: --map-crs EPSG:<number>"


def settle_map_crs(stated: CRS | None, path: Path, tally: Tally) -> CRS:
    """The CRS to read a map in: as stated, if it has a place on earth; else GeoJSON is WGS 84.

    Parameters
    ----------
    stated
        What the user or else the file says.
    path
        The file, to speak of it.
    tally
        Takes a remark where degrees of an unknown datum are read as WGS 84.

    Raises
    ------
    InputError
        Where no CRS is stated, or one that is not tied to the earth, or has three axes.
    """
    if stated is None:
        if path.suffix.lower() in JSON_SUFFIXES:
            return WGS84
        raise InputError(path.name, "does not say its CRS", _GIVE)
    try:
        known = pyproj.CRS.from_wkt(stated.to_wkt())
    except pyproj.exceptions.CRSError:
        raise InputError(path.name, "names a CRS that cannot be read", _GIVE) from None
    if known.is_geocentric:
        raise InputError(
            path.name, "is in a geocentric CRS, which is no map's", "reproject it: ogr2ogr -t_srs"
        )
    if known.is_engineering or not (known.is_geographic or known.is_projected):
        raise InputError(path.name, "does not say its CRS (it names a local one)", _GIVE)
    if known.is_geographic and "undefined" in known.name.lower():
        tally.remark("its degrees are of an undefined datum: they are read as WGS 84 (--map-crs)")
        return WGS84
    try:
        pyproj.Transformer.from_crs(known, "EPSG:4326", always_xy=True)
    except pyproj.exceptions.ProjError:
        raise InputError(
            path.name, f"names a CRS without a place on earth ({known.name[:40]})", _GIVE_OWN
        ) from None
    return stated


def explain_nothing(
    path: Path, tally: Tally, crs: CRS | None, *, place: str
) -> InputError | OverlapError:
    """Why no feature of a map lies at the place, by cause.

    Parameters
    ----------
    path, tally, crs
        The file, what was met in it, and the CRS it was read in.
    place
        What it was to lie over: 'image', or the area in words.
    """
    if tally.total == 0:
        return InputError(path.name, "the map is empty", "give one with roads in it")
    off_earth = tally.dropped["coordinates not on earth"]
    geographic = crs is not None and bool(crs.is_geographic)
    if geographic and (2 * off_earth >= tally.total or _reaches_beyond(tally)):
        return InputError(
            path.name,
            f"{_say_extent(tally)} are read as degrees, but look like metres",
            _GIVE_OWN,
        )
    if tally.swapped:
        return OverlapError(
            path.name, f"no overlap of map and {place}; its axes look swapped", "exchange x and y"
        )
    if tally.dropped.total() >= tally.total:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.dropped.items())
        return InputError(
            path.name, f"holds no usable line ({reasons})", "give a map of road centre lines"
        )
    if crs is not None and crs.is_projected and _fits_degrees(tally):
        return InputError(
            path.name,
            f"{_say_extent(tally)} look like degrees, but its CRS is in metres",
            "give --map-crs EPSG:4326",
        )
    return OverlapError(
        path.name,
        f"no overlap of map and {place}",
        "swapped axes? wrong CRS? give its own: --map-crs EPSG:<number>",
    )


def _reaches_beyond(tally: Tally) -> bool:
    return bool(tally.extent) and (
        max(map(abs, tally.extent[1::2])) > 90.001 or max(map(abs, tally.extent[::2])) > 540
    )


def _fits_degrees(tally: Tally) -> bool:
    if not tally.extent:
        return False
    left, bottom, right, top = tally.extent
    return -180 <= left <= right <= 360 and -90 <= bottom <= top <= 90


def _say_extent(tally: Tally) -> str:
    if not tally.extent:
        return "its coordinates"
    left, bottom, right, top = tally.extent
    return f"its coordinates ({left:.7g} {bottom:.7g} to {right:.7g} {top:.7g})"

"""GeoPackages and shapefiles through GDAL, after a look whether they are what they seem."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, parse_crs
from mapsight.geo.maps.columns import is_class_column
from mapsight.geo.maps.database import check_geopackage
from mapsight.geo.maps.roadclass import identify_way
from mapsight.geo.maps.shapefile import check_shapefile, count_deleted, find_encoding
from mapsight.geo.maps.tags import CONTAINERS, spread_tags
from mapsight.geo.maps.ways import FloatArray, Tally, Way

_PLAIN_TYPES = ("OFTString", "OFTInteger", "OFTInteger64", "OFTReal")
_CHUNK = 50_000  # rows; more need not be held at a time
_MOST_PARTS = 100_000
_LINE_TYPES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
_MOST_DEGREES, _PROJECTED_LIMIT = 720.0, 1e8


@dataclass
class _Table:
    """A layer, what of it can be read, and how its letters are read."""

    path: Path
    layer: str | None
    indexed: bool
    options: dict[str, Any]
    columns: list[str] = field(default_factory=list)
    features: int = 0
    crs: str | None = None
    encoding: str | None = None


class _Rows(NamedTuple):
    fids: NDArray[np.int64]
    geometries: NDArray[np.object_]
    tags: list[dict[str, Any]]


def read_vector_crs(path: Path, layer: str | None = None) -> CRS | None:
    """The CRS of a layer, or None where none is named that has a place on earth.

    Raises
    ------
    InputError
        For files that are not what they seem.
    """
    crs = _open_table(path, layer, Tally()).crs
    try:
        return parse_crs(pyproj.CRS.from_user_input(crs)) if crs and "://" not in crs[:40] else None
    except pyproj.exceptions.CRSError:
        return None


def iterate_vector_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally
) -> Iterator[Way]:
    """Features of a layer that reach into `near`, with all their columns of text and numbers as
    tags; those elsewhere are counted.

    A spatial index is asked where it knows every row; else every row is read, some at a time.

    Raises
    ------
    InputError
        For files that are damaged, or hold fewer rows than they say.
    """
    table = _open_table(path, layer, tally)
    tally.note_columns(name.lower() for name in table.columns)
    read = 0
    areas = [area for area in near if all(map(math.isfinite, area))]
    if table.indexed and len(areas) == len(near):
        found: set[int] = set()  # a way that reaches into two areas is one
        for area in areas:
            for way, fid in _split_rows(_read_rows(table, tally, bbox=area)):
                if fid not in found:
                    found.add(fid)
                    yield way
        tally.elsewhere += max(table.features - len(found), 0)
        if not found:
            _look_swapped(table, tally, areas)
        return
    for start in range(0, max(table.features, 1), _CHUNK):
        rows = _read_rows(table, tally, skip_features=start, max_features=_CHUNK)
        read += len(rows.fids)
        for way, _ in _split_rows(_leave_far(rows, near, tally)):
            yield way
    if read < table.features and (
        not _is_shapefile(path) or read + count_deleted(path) < table.features
    ):
        raise InputError(
            path.name, f"gave {read} of its {table.features} features", "export it again"
        )


def _leave_far(rows: _Rows, near: list[Bounds], tally: Tally) -> _Rows:
    """The rows without the sound lines that lie elsewhere: those are counted at once."""
    shapes = [None if isinstance(shape, str) else shape for shape in rows.geometries]
    bare = np.array(shapes, dtype=object)
    bounds = shapely.bounds(bare)  # (n, 4); NaN where there is no geometry
    is_line = np.isin(shapely.get_type_id(bare), _LINE_TYPES)
    span = bounds[:, 2:] - bounds[:, :2]
    degrees = np.abs(near).max() <= _MOST_DEGREES  # as the areas are, so are the coordinates
    limit = np.array([360.0, 90.0] * 2 if degrees else [_PROJECTED_LIMIT] * 4)
    sound = is_line & (np.abs(bounds) <= limit).all(axis=1) & (span > 0).any(axis=1)
    far = sound & ~_touches(bounds, near)
    if far.any():
        tally.elsewhere += int(far.sum())
        tally.swapped += int(_touches(bounds[far][:, [1, 0, 3, 2]], near).sum())
        tally.note_extent(bounds[far].reshape(-1, 2))
    kept = np.flatnonzero(~far)
    return _Rows(rows.fids[kept], rows.geometries[kept], [rows.tags[row] for row in kept])


def _touches(bounds: NDArray[np.float64], areas: list[Bounds]) -> NDArray[np.bool_]:
    left, bottom, right, top = bounds.T
    found = np.zeros(len(bounds), bool)
    for area in areas:
        found |= (left <= area[2]) & (right >= area[0]) & (bottom <= area[3]) & (top >= area[1])
    return found


def _split_rows(rows: _Rows) -> Iterator[tuple[Way, int]]:
    for fid, geometry, row in zip(rows.fids.tolist(), rows.geometries, rows.tags, strict=True):
        tags = spread_tags(row)
        lines, fault = _take_lines(geometry)
        yield Way(identify_way(tags, str(fid)), tags, lines, fault), fid


def _take_lines(geometry: Any) -> tuple[list[FloatArray], str]:
    """Lines of a geometry, those inside collections too, and in words why there are none."""
    if isinstance(geometry, str):
        return [], geometry
    if geometry is None or geometry.is_empty:
        return [], "no geometry"
    parts = [geometry]
    while any(hasattr(part, "geoms") for part in parts) and len(parts) < _MOST_PARTS:
        parts = [one for part in parts for one in getattr(part, "geoms", [part])]
    lines = [
        shapely.get_coordinates(part)
        for part in parts
        if part.geom_type == "LineString" and not part.is_empty
    ]
    return (lines, "") if lines else ([], "not a line")


def _look_swapped(table: _Table, tally: Tally, areas: list[Bounds]) -> None:
    for left, bottom, right, top in areas:
        turned = _read_rows(table, tally, bbox=(bottom, left, top, right), columns=[])
        tally.swapped += len(turned.fids)
    bounds = np.asarray(_look(table.path, table.layer, table.options, total=True)["total_bounds"])
    if bounds.size == 4 and np.isfinite(bounds.astype(float)).all():
        tally.note_extent(bounds.astype(float).reshape(2, 2))


def _open_table(path: Path, layer: str | None, tally: Tally) -> _Table:
    """The layer to read, once the file is known to be what its name says."""
    indexed, options = False, dict[str, Any]()
    if _is_shapefile(path):
        check_shapefile(path)
    else:
        layer, indexed = check_geopackage(path, layer)
        options = {"IMMUTABLE": "YES"}
    table = _Table(path, layer, indexed, options)
    info = _try_encodings(table, tally, lambda how: _look(path, layer, options, encoding=how))
    table.features, table.crs = int(info["features"]), info["crs"]
    kinds = info.get("ogr_types", ["OFTString"] * len(info["fields"]))
    table.columns = [
        str(name) for name, kind in zip(info["fields"], kinds, strict=True) if kind in _PLAIN_TYPES
    ]
    return table


def _is_shapefile(path: Path) -> bool:
    return path.suffix.lower() == ".shp"


def _look(
    path: Path,
    layer: str | None,
    options: dict[str, Any],
    *,
    encoding: str | None = None,
    total: bool = False,
) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dict(
                pyogrio.read_info(
                    path,
                    layer=layer,
                    encoding=encoding,
                    force_feature_count=True,
                    force_total_bounds=total,
                    **options,
                )
            )
        except UnboundLocalError:  # pyogrio's own, where the text of a CRS is not UTF-8
            raise InputError(
                path.name,
                "names a CRS that cannot be read",
                "take its .prj away, and give --map-crs EPSG:<number>",
            ) from None


def _read_rows(table: _Table, tally: Tally, **which: Any) -> _Rows:
    """Rows as GDAL gives them; a column that cannot be read is left out, with a remark."""
    columns = which.pop("columns", table.columns)
    try:
        rows: _Rows = _try_encodings(table, tally, lambda how: _read(table, how, columns, which))
        return rows
    except UnicodeDecodeError:
        raise
    except Exception:
        wanted = [name for name in columns if is_class_column(name) or name.lower() in CONTAINERS]
        if len(wanted) == len(columns):
            raise
        fewer: _Rows = _try_encodings(table, tally, lambda how: _read(table, how, wanted, which))
        table.columns = wanted
        tally.remark("a column of the table cannot be read: names and numbers are left away")
        return fewer


def _read(table: _Table, how: str | None, columns: list[str], which: dict[str, Any]) -> _Rows:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta, fids, geometry, values = pyogrio.raw.read(
            table.path,
            layer=table.layer,
            columns=columns,
            encoding=how,
            return_fids=True,
            **which,
            **table.options,
        )
    names = [str(name) for name in meta["fields"]]
    table_rows = zip(*(column.tolist() for column in values), strict=True)
    tags = [dict(zip(names, row, strict=True)) for row in table_rows] or [{} for _ in fids]
    if geometry is None:
        return _Rows(fids, np.full(len(fids), None, object), tags)
    shapes = shapely.from_wkb(geometry, on_invalid="ignore")
    broken = np.array([wkb is not None for wkb in geometry], bool) & shapely.is_missing(shapes)
    return _Rows(fids, np.where(broken, "malformed geometry", shapes), tags)


def _try_encodings(table: _Table, tally: Tally, read: Any) -> Any:
    """What `read` gives with the file's own encoding, else with one in which it can be read.

    Letters are in names, which explain; that they are wrong is no reason not to read lines.
    """
    named = find_encoding(table.path) if _is_shapefile(table.path) else None
    last: Exception | None = None
    for how in dict.fromkeys((table.encoding, named, "utf-8", "cp1252", "latin-1")):
        try:
            done = read(how)
        except (UnicodeDecodeError, LookupError) as error:
            last = error
            continue
        if how != table.encoding:
            table.encoding = how
            tally.remark(f"its letters are not in the encoding that it names; read as {how}")
        return done
    assert last is not None
    raise last

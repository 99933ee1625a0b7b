"""Road maps: read from any usual format, cleaned, measured in metres on the image's CRS; lines
written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from rasterio.crs import CRS

from mapsight.atomic import write_atomically
from mapsight.errors import InputError, OverlapError
from mapsight.geo.clip import find_near, place_lines
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import Bounds, GeoBox, parse_crs
from mapsight.geo.geojson import iterate_geojson_ways, read_geojson_crs
from mapsight.geo.osm import iterate_osm_ways, read_osm_crs
from mapsight.geo.roadclass import ROAD_WIDTH_M, classify_way, name_way, read_width
from mapsight.geo.vector import iterate_vector_ways, read_vector_crs
from mapsight.geo.ways import Tally, Way, clean_coordinates, reaches

__all__ = [
    "LINE_COLUMNS",
    "READERS",
    "ROAD_WIDTH_M",
    "MapOverlap",
    "RoadMap",
    "read_map",
    "write_layers",
    "write_lines",
]

LINE_COLUMNS = ("road_id", "road_class", "width_m", "visible", "name")

_Iterate = Callable[[Path, str | None, list[Bounds], Tally], Iterator[Way]]
READERS: dict[str, tuple[Callable[[Path, str | None], CRS | None], _Iterate]] = {
    ".gpkg": (read_vector_crs, iterate_vector_ways),
    ".shp": (read_vector_crs, iterate_vector_ways),
    ".geojson": (read_geojson_crs, iterate_geojson_ways),
    ".json": (read_geojson_crs, iterate_geojson_ways),
    ".osm": (read_osm_crs, iterate_osm_ways),
    ".pbf": (read_osm_crs, iterate_osm_ways),
}
_WRITE_FAULTS = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)
MASKS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2")


@dataclass(frozen=True)
class MapOverlap:
    """How much of the map lies in the image: ways in the file and inside, kilometres of road
    inside.
    """

    ways: int
    ways_inside: int
    km_inside: float

    @property
    def share_inside(self) -> float:
        return self.ways_inside / self.ways if self.ways else 0.0

    def __str__(self) -> str:
        share = f"{self.ways_inside} of {self.ways} ways of the map ({self.share_inside:.0%})"
        return f"{share} and {self.km_inside:.2f} km of road lie in the image"


@dataclass(frozen=True, eq=False)
class RoadMap:
    """The roads of a map in the CRS of an image, and what else was met in it.

    `lines`: geometry (simple LineStrings), road_id (pieces of one way share it), road_class,
    width_m, visible (False where it cannot be seen from above: tunnels, roofs, not yet built),
    name. `other_ways`: geometry, road_class of ways that are not checked but explain a prediction.
    `dropped`: reason → count.
    """

    lines: gpd.GeoDataFrame
    source_crs: CRS | None
    dropped: dict[str, int]
    other_ways: gpd.GeoDataFrame
    overlap: MapOverlap


def read_map(
    path: str | os.PathLike[str],
    *,
    box: GeoBox,
    crs: CRS | pyproj.CRS | str | int | None = None,
    layer: str | None = None,
) -> RoadMap:
    """The part of a road map that lies in the box or within 50 m of it, in the CRS of the box.

    Reads GeoPackage, GeoJSON, shapefile, OpenStreetMap (.osm, .pbf) and masks (`MASKS`, which are
    traced). `crs` overrides what the file says. Memory grows with what lies near the box, not with
    the file. Raises InputError for a file that cannot be read or placed or holds no roads,
    OverlapError for another place.
    """
    found = check_local_file(path)
    suffix = found.suffix.lower()
    if suffix in MASKS:
        return _trace_map(found, box)
    if suffix not in READERS:
        known = ", ".join((*READERS, *MASKS))
        raise InputError(path, f"maps are read from {known}", "convert it to GeoPackage")
    read_crs, iterate = READERS[suffix]
    stated = parse_crs(crs) if crs is not None else read_crs(found, layer)
    source_crs = _settle_crs(stated, box, suffix, found.name)
    tally = Tally()
    near = find_near(box, source_crs)
    table = _gather(
        iterate(found, layer, near, tally), near, tally, geographic=_is_geographic(source_crs)
    )
    if not table["line"]:
        raise _explain_nothing(found.name, tally)
    frame = place_lines(table, source_crs, box, tally)
    return _assemble(frame, source_crs, box, tally, found.name)


def write_lines(
    path: str | os.PathLike[str], gdf: gpd.GeoDataFrame, *, layer: str = "lines"
) -> None:
    """Write atomically as GeoPackage (.gpkg) or GeoJSON (.geojson, .json).

    GeoJSON follows RFC 7946 (WGS 84, right-hand rule, no crs member); lines without a CRS keep
    their pixels.
    """
    suffix = Path(path).suffix.lower()
    options: dict[str, Any] = {"driver": "GPKG", "layer": layer}
    if suffix in (".geojson", ".json"):
        options = {"driver": "GeoJSON", "WRITE_NAME": "NO"}
        if gdf.crs is not None:
            gdf = gdf.to_crs("EPSG:4326")
            options["RFC7946"] = "YES"
    elif suffix != ".gpkg":
        raise InputError(path, "lines are written as .gpkg or .geojson", "change the suffix")
    with write_atomically(path) as temporary:
        _write(temporary, gdf, options, path)


def write_layers(path: str | os.PathLike[str], layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Write several layers of lines into one GeoPackage, atomically."""
    with write_atomically(path) as temporary:
        for layer, gdf in layers.items():
            _write(temporary, gdf, {"driver": "GPKG", "layer": layer}, path)


def _write(
    temporary: Path, gdf: gpd.GeoDataFrame, options: dict[str, Any], path: str | os.PathLike[str]
) -> None:
    if gdf.empty:
        options = {**options, "geometry_type": "LineString"}
    try:
        pyogrio.write_dataframe(gdf, temporary, **options)
    except _WRITE_FAULTS as error:
        reason = str(error).split("\n")[0][:120]
        raise InputError(path, f"cannot be written ({reason})", "is the disk full?") from None


def _settle_crs(stated: CRS | None, box: GeoBox, suffix: str, name: str) -> CRS | None:
    """The CRS to read the file in: GeoJSON without one is WGS 84, unless the image is in pixels."""
    if box.crs is None and stated is not None:
        raise InputError(name, "is georeferenced, but the image is not", "georeference the image")
    if box.crs is not None and stated is None:
        if suffix in (".geojson", ".json"):
            return CRS.from_epsg(4326)
        raise InputError(name, "does not say its CRS", "give it: --map-crs EPSG:<number>")
    return stated


def _is_geographic(crs: CRS | None) -> bool:
    return crs is not None and bool(crs.is_geographic)


def _gather(
    ways: Iterator[Way], near: list[Bounds], tally: Tally, *, geographic: bool
) -> dict[str, list[Any]]:
    """Columns of the ways that reach into `near`: line (n, 2), role, and those of RoadMap.lines."""
    table: dict[str, list[Any]] = {name: [] for name in ("line", "role", *LINE_COLUMNS)}
    for way in ways:
        pieces, fault = clean_coordinates(way.coordinates, geographic=geographic)
        if not any(reaches(piece, near) for piece in pieces):
            tally.swapped += reaches(way.coordinates[:, ::-1], near) if len(way.coordinates) else 0
            tally.dropped.update([fault] if fault else [])
            continue
        role, road_class, visible = classify_way(way.tags)
        if not role:
            tally.dropped["not a road"] += 1
            continue
        row = (
            role,
            way.way_id,
            road_class,
            read_width(way.tags, road_class),
            visible,
            name_way(way.tags),
        )
        for piece in pieces:
            for name, value in zip(table, (piece, *row), strict=True):
                table[name].append(value)
    return table


def _assemble(
    frame: gpd.GeoDataFrame, source_crs: CRS | None, box: GeoBox, tally: Tally, name: str
) -> RoadMap:
    is_road = frame["role"] == "road"
    lines = frame.loc[is_road, ["geometry", *LINE_COLUMNS]].reset_index(drop=True)
    others = frame.loc[~is_road, ["geometry", "road_class"]].reset_index(drop=True)
    inside = shapely.length(shapely.clip_by_rect(lines.geometry.to_numpy(), *box.bounds))
    if not inside.sum() > 0:
        if len(others):
            raise InputError(
                name,
                f"has no road in the image, only {len(others)} other ways",
                "give a map with roads",
            )
        raise _explain_nothing(name, tally)
    ways_inside = lines.loc[inside > 0, "road_id"].nunique()
    overlap = MapOverlap(tally.total, ways_inside, float(inside.sum()) / 1000)
    return RoadMap(lines, source_crs, dict(+tally.dropped), others, overlap)


def _explain_nothing(name: str, tally: Tally) -> InputError | OverlapError:
    if tally.total == 0:
        return InputError(name, "the map is empty", "give one with roads in it")
    if tally.swapped:
        return OverlapError(
            name, "no overlap of map and image; its axes look swapped", "exchange x and y"
        )
    if tally.dropped.total() >= tally.total:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.dropped.items())
        return InputError(
            name, f"holds no usable line ({reasons})", "give a map of road centre lines"
        )
    return OverlapError(
        name,
        "no overlap of map and image",
        "swapped axes? wrong CRS? give its own as EPSG:<number>",
    )


def _trace_map(path: Path, box: GeoBox) -> RoadMap:
    """Lines of a mask on the grid of the box; widths as traced, all of them of the class 'road'."""
    from mapsight.geo.masks import read_mask
    from mapsight.geo.trace import trace_mask

    mask = read_mask(path, geobox=box)
    traced = trace_mask(mask.array[0].astype(bool), box)
    if traced.empty:
        raise InputError(path.name, "the mask shows no roads", "give a mask in which roads are on")
    lines = traced[["geometry", "width_m"]].assign(road_class="road", visible=True, name="")
    lines["road_id"] = [str(number + 1) for number in range(len(lines))]
    lines = lines[["geometry", *LINE_COLUMNS]]
    others = gpd.GeoDataFrame({"road_class": []}, geometry=[], crs=traced.crs)
    overlap = MapOverlap(len(lines), len(lines), float(lines.length.sum()) / 1000)
    return RoadMap(lines, box.crs, {}, others, overlap)

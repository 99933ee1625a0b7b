"""Road maps: read from any usual format, cleaned, measured in metres on the image's CRS; lines
written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataSourceError
from rasterio.crs import CRS

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.clip import find_near, place_lines
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import GeoBox, parse_crs
from mapsight.geo.maps.classes import Classes, RoadChoice
from mapsight.geo.maps.crs import explain_nothing, settle_map_crs
from mapsight.geo.maps.formats import open_map
from mapsight.geo.maps.gather import LINE_COLUMNS, describe_gathered, gather_ways
from mapsight.geo.maps.roadclass import ROAD_WIDTH_M
from mapsight.geo.maps.ways import Tally

__all__ = [
    "LINE_COLUMNS",
    "ROAD_WIDTH_M",
    "MapOverlap",
    "RoadChoice",
    "RoadMap",
    "read_map",
    "wrap_lines",
    "write_layers",
    "write_lines",
]

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


@dataclass(frozen=True)
class Reading:
    """How a map file was read: what became of each of its features, and what must be said of it.

    features = roads + others + elsewhere + all that was dropped, by reason. unknown: value → count
    of those dropped because nobody knows their value. column: the one that says what a way is; ''
    where all lines are roads.
    """

    features: int = 0
    roads: int = 0
    others: int = 0
    elsewhere: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    column: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RoadMap:
    """The roads of a map in the CRS of an image, and what else was met in it.

    `lines`: geometry (simple LineStrings), road_id (pieces of one way share it), road_class,
    width_m, visible (False where it cannot be seen from above: tunnels, roofs, not yet built),
    name. `other_ways`: geometry, road_class of ways that are not checked but explain a prediction.
    `dropped`: reason → features. `reading`: how the file was read.
    """

    lines: gpd.GeoDataFrame
    source_crs: CRS | None
    dropped: dict[str, int]
    other_ways: gpd.GeoDataFrame
    overlap: MapOverlap
    reading: Reading = Reading()


def read_map(
    path: str | os.PathLike[str],
    *,
    box: GeoBox,
    crs: CRS | pyproj.CRS | str | int | None = None,
    layer: str | None = None,
    choice: RoadChoice = RoadChoice(),
) -> RoadMap:
    """The part of a road map that lies in the box or within 50 m of it, in the CRS of the box.

    Reads GeoPackage, GeoJSON, shapefile, OpenStreetMap (.osm, .pbf) and masks (`MASKS`, which are
    traced). Memory grows with what lies near the box, not with the file; the file and its folder
    stay as they are.

    Parameters
    ----------
    path
        An ordinary local file.
    box
        The grid of the image.
    crs
        Overrides what the file says.
    layer
        Of a file that has several.
    choice
        Which column and which of its values tell roads, where the user says so.

    Raises
    ------
    InputError
        For a file that cannot be read or placed, or holds no roads.
    OverlapError
        For another place.
    """
    found = check_local_file(path)
    if found.suffix.lower() in MASKS:
        return _trace_map(found, box)
    tally = Tally()
    with open_map(found, masks=MASKS) as (reader, readable):
        stated = parse_crs(crs) if crs is not None else reader.read_crs(readable, layer)
        source_crs = _settle_crs(stated, box, found, tally)
        near = find_near(box, source_crs)
        gathered = gather_ways(
            reader.iterate(readable, layer, near, tally),
            near,
            tally,
            geographic=source_crs is not None and bool(source_crs.is_geographic),
            choice=choice,
            name=found.name,
        )
        if not gathered.rows["line"] and not tally.dropped["not a road"]:
            raise explain_nothing(found, tally, source_crs, place="image")
        frame = place_lines(gathered.rows, source_crs, box, tally)
    return _assemble(frame, source_crs, box, tally, found, gathered.classes)


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
    with write_atomically(path, check=check_layers) as temporary:
        _write(temporary, gdf, options)


def write_layers(path: str | os.PathLike[str], layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Write several layers of lines into one GeoPackage, atomically."""
    with write_atomically(path, check=check_layers) as temporary:
        for layer, gdf in layers.items():
            _write(temporary, gdf, {"driver": "GPKG", "layer": layer})


def check_layers(path: Path) -> None:
    """Read a vector file back, layer by layer; DataSourceError where a part of it is not there."""
    for layer, _ in pyogrio.list_layers(path):
        stated = pyogrio.read_info(path, layer=layer)["features"]
        _, numbers, _, _ = pyogrio.raw.read(path, layer=layer, return_fids=True)
        held = len(numbers)  # a table of styles has no geometries to count
        if held < stated:
            raise DataSourceError(f"layer '{layer}' holds {held} of {stated} features")


def _write(temporary: Path, gdf: gpd.GeoDataFrame, options: dict[str, Any]) -> None:
    if gdf.empty:
        options = {**options, "geometry_type": "LineString"}
    pyogrio.write_dataframe(gdf, temporary, **options)


def _settle_crs(stated: CRS | None, box: GeoBox, path: Path, tally: Tally) -> CRS | None:
    """The CRS to read the file in; none where the image is in pixels."""
    if box.crs is not None:
        return settle_map_crs(stated, path, tally)
    if stated is not None:
        raise InputError(
            path.name, "is georeferenced, but the image is not", "georeference the image"
        )
    return None


def _assemble(
    frame: gpd.GeoDataFrame,
    source_crs: CRS | None,
    box: GeoBox,
    tally: Tally,
    path: Path,
    classes: Classes,
) -> RoadMap:
    is_road = frame["role"] == "road"
    lines = frame.loc[is_road, ["geometry", *LINE_COLUMNS]].reset_index(drop=True)
    others = frame.loc[~is_road, ["geometry", "road_class"]].reset_index(drop=True)
    inside = shapely.length(shapely.clip_by_rect(lines.geometry.to_numpy(), *box.bounds))
    if not inside.sum() > 0:
        if len(others) or tally.dropped["not a road"]:
            no_roads = len(others) + tally.dropped["not a road"]
            raise InputError(
                path.name,
                f"has no road in the image, only {no_roads} other ways",
                "give a map with roads",
            )
        raise explain_nothing(path, tally, source_crs, place="image")
    ways_inside = frame.loc[is_road, "feature"].reset_index(drop=True)[inside > 0].nunique()
    overlap = MapOverlap(tally.total, ways_inside, float(inside.sum()) / 1000)
    reading = Reading(
        features=tally.total,
        roads=tally.roads,
        others=tally.others,
        elsewhere=tally.elsewhere,
        unknown=dict(tally.unknown.most_common()),
        column=classes.name,
        notes=tuple(describe_gathered(tally, classes)),
    )
    return RoadMap(lines, source_crs, dict(+tally.dropped), others, overlap, reading)


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
    return wrap_lines(lines, source_crs=box.crs)


def wrap_lines(
    lines: gpd.GeoDataFrame,
    *,
    source_crs: CRS | None = None,
    other_ways: gpd.GeoDataFrame | None = None,
) -> RoadMap:
    """A map of these roads, all of which lie inside the image.

    Parameters
    ----------
    lines : GeoDataFrame
        LINE_COLUMNS and lines in metres.
    source_crs : CRS or None
        Of the map's own file; None for pixels.
    other_ways : GeoDataFrame or None
        `road_class` and lines of ways that are no roads; None for none.
    """
    if other_ways is None:
        other_ways = gpd.GeoDataFrame({"road_class": []}, geometry=[], crs=lines.crs)
    overlap = MapOverlap(len(lines), len(lines), float(lines.length.sum() / 1000))
    return RoadMap(lines, source_crs, {}, other_ways, overlap)

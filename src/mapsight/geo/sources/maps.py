"""The road map of an area from whichever source: map.gpkg, and the mask of its roads on the grid of
the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import GeoBox
from mapsight.geo.maps.classes import RoadChoice
from mapsight.geo.network import read_map, write_lines
from mapsight.geo.raster import open_raster_writer
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.http import Http
from mapsight.geo.sources.mapimage import trace_roads
from mapsight.geo.sources.overpass import ENDPOINT, fetch_overpass
from mapsight.geo.sources.record import format_time
from mapsight.geo.sources.rendered import find_roads
from mapsight.geo.sources.roads import read_roads
from mapsight.geo.sources.template import read_template
from mapsight.geo.sources.tiles import TileSettings, fetch_drawn_map

_STRIP_PX = 2048
_ON = 255
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class MapRequest:
    """Which road map: a file, `overpass`, `overpass:URL`, or `rendered:TEMPLATE` (or a picture of
    one) with the colours of its roads.
    """

    source: str
    layer: str | None = None
    crs: str | None = None
    colours: tuple[Colour, ...] = ()
    attribution: str = ""
    choice: RoadChoice = RoadChoice()
    tiles: TileSettings = TileSettings(photo=False)


def check_map(request: MapRequest) -> None:
    """InputError for a map that cannot be had, before anything is fetched for its sake."""
    name, _, rest = request.source.partition(":")
    if name not in _ROADS:
        check_local_file(request.source)
    elif name == "rendered":
        read_template(rest)
        if not request.colours:
            raise InputError(
                "rendered:", "which colours are roads is not known", "add --road-colour '#ffffff'"
            )


def gather_map(
    area: Area, box: GeoBox, request: MapRequest, *, out: Path, http: Http
) -> dict[str, Any]:
    """Write map.gpkg and mask.tif (255 where a road is) into `out`; a record of what they hold and
    where from.
    """
    name, _, rest = request.source.partition(":")
    read = _ROADS.get(name, _read_file)
    roads, mask, about = read(
        area,
        box,
        replace(request, source=rest if read is not _read_file else request.source),
        out,
        http,
    )
    write_lines(out / "map.gpkg", roads, layer="roads")
    lines = read_map(
        out / "map.gpkg", box=box
    )  # as an audit will: what it cannot read is found out here
    if mask is None:
        _write_mask(
            out / "mask.tif",
            box,
            lambda part: burn_lines(lines.lines[lines.lines["visible"]], part),
        )
    attribution = request.attribution or str(roads.attrs.get("attribution", ""))
    km = lines.lines.length.groupby(lines.lines["road_class"]).sum() / 1000
    return {
        "source": request.source,
        "attribution": attribution,
        "data_of": str(roads.attrs.get("data_of", "")),
        "notes": list(roads.attrs.get("notes", ())),
        "ways": int(lines.lines["road_id"].nunique()),
        "km": round(float(km.sum()), 3),
        "km_by_class": {str(kind): round(float(length), 3) for kind, length in km.items()},
        **about,
    }


_Read = tuple[gpd.GeoDataFrame, "Path | None", dict[str, Any]]


def _read_file(area: Area, box: GeoBox, request: MapRequest, out: Path, http: Http) -> _Read:
    path = Path(request.source)
    roads = read_roads(area, path, layer=request.layer, crs=request.crs, choice=request.choice)
    return roads, None, {"kind": "file", "file_of": format_time(path.stat().st_mtime)}


def _read_overpass(area: Area, box: GeoBox, request: MapRequest, out: Path, http: Http) -> _Read:
    return (
        fetch_overpass(area, http, endpoint=request.source or ENDPOINT),
        None,
        {"kind": "overpass"},
    )


def _read_rendered(area: Area, box: GeoBox, request: MapRequest, out: Path, http: Http) -> _Read:
    """A drawn map: its roads by their colours where the service drew them, traced; their mask on
    the image's grid.
    """
    settings = replace(request.tiles, attribution=request.attribution)
    drawn, gathered = fetch_drawn_map(
        area, request.source, m_per_px=box.m_per_px, http=http, settings=settings
    )
    road = (
        find_roads(np.ascontiguousarray(np.moveaxis(drawn.array, 0, -1)), request.colours)
        & drawn.valid
    )
    traced = trace_roads(road, drawn.geobox)
    if traced.empty:
        raise InputError(request.source, "shows no road in these colours", "check --road-colour")
    _write_mask(out / "mask.tif", box, partial(_warp_mask, road, drawn.geobox))
    roads = traced[["geometry", "width_m"]].assign(road_class="road", name="")
    return roads, out / "mask.tif", {"kind": "rendered", "tiles": asdict(gathered)}


_ROADS: dict[str, Callable[[Area, GeoBox, MapRequest, Path, Http], _Read]] = {
    "overpass": _read_overpass,
    "rendered": _read_rendered,
}


def _write_mask(path: Path, box: GeoBox, draw: Callable[[GeoBox], Any]) -> None:
    """Strip by strip, so that a city does not have to fit into memory."""
    with open_raster_writer(path, box) as writer:
        for row in range(0, box.height, _STRIP_PX):
            part = box.window(row, 0, min(_STRIP_PX, box.height - row), box.width)
            writer.write(row, 0, (draw(part)[None] > 0).astype(np.uint8) * _ON)


def _warp_mask(mask: NDArray[np.bool_], own: GeoBox, part: GeoBox) -> NDArray[np.uint8]:
    target = np.zeros(part.shape, np.uint8)
    reproject(
        mask.astype(np.uint8),
        target,
        src_transform=own.transform,
        src_crs=own.crs,
        dst_transform=part.transform,
        dst_crs=part.crs,
        resampling=Resampling.nearest,
    )
    return target

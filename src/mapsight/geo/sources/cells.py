"""The pictures a service cuts the earth into: where each lies, and how it is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyproj
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points
from rasterio.warp import transform_bounds

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, GeoBox, parse_crs
from mapsight.geo.sources.extra import import_extra
from mapsight.geo.sources.template import Template, find_parameter

WEB_MERCATOR = CRS.from_epsg(3857)
_HALF_EARTH = math.pi * 6378137.0  # half the side of the Web Mercator square, in its units
_NEVER_COARSER = 1.05
_CRS_PARAMETERS = ("crs", "srs", "bboxSR")
_OLD_WEB_MERCATOR = frozenset({"900913", "102100", "102113", "3785"})


class Cell(NamedTuple):
    """One picture: its row and column from the top left of the grid."""

    row: int
    col: int


@dataclass(frozen=True)
class Cells:
    """A grid of pictures of width_px × height_px in `crs`; `unit` is the side of a pixel in units
    of the CRS.

    A picture comes with `cut_px` more lines below, which carry the attribution bar of the service;
    `density` is its pixels per pixel asked for. `rows` and `cols` are limits of the grid, None
    where there are none.
    """

    crs: CRS
    left: float
    top: float
    unit: float
    width_px: int
    height_px: int
    zoom: int | None = None
    rows: int | None = None
    cols: int | None = None
    cut_px: int = 0
    density: int = 1
    lat_first: bool = False

    def transform(self, cell: Cell) -> Affine:
        """From (col, row) inside the picture to (x, y)."""
        left, _, _, top = self.bounds(cell)
        return Affine(self.unit, 0, left, 0, -self.unit, top)

    def bounds(self, cell: Cell) -> Bounds:
        """(left, bottom, right, top) of what is used of a picture."""
        width, height = self.width_px * self.unit, self.height_px * self.unit
        left, top = self.left + cell.col * width, self.top - cell.row * height
        return left, top - height, left + width, top

    def find_over(self, box: GeoBox, *, margin_px: int = 2) -> tuple[range, range]:
        """Rows and columns of the pictures that show any of the box."""
        left, bottom, right, top = transform_bounds(box.crs, self.crs, *box.bounds, densify_pts=21)
        margin, width, height = (
            margin_px * self.unit,
            self.width_px * self.unit,
            self.height_px * self.unit,
        )
        col0, col1 = (math.floor((x - self.left) / width) for x in (left - margin, right + margin))
        row0, row1 = (math.floor((self.top - y) / height) for y in (top + margin, bottom - margin))
        if self.rows is not None and self.cols is not None:
            row0, row1, col0, col1 = (
                max(row0, 0),
                min(row1, self.rows - 1),
                max(col0, 0),
                min(col1, self.cols - 1),
            )
        return range(row0, row1 + 1), range(col0, col1 + 1)

    def name_values(self, cell: Cell) -> dict[str, str]:
        """What stands for each placeholder of a template."""
        left, bottom, right, top = self.bounds(cell)
        west, south, east, north = (
            f"{edge:.10f}" if self.crs.is_geographic else f"{edge:.4f}"
            for edge in (left, bottom, right, top)
        )
        edges = (south, west, north, east) if self.lat_first else (west, south, east, north)
        values = {
            "bbox": ",".join(edges),
            "west": west,
            "south": south,
            "east": east,
            "north": north,
            "width": str(self.width_px // self.density),
            "height": str((self.height_px + self.cut_px) // self.density),
        }
        if self.zoom is None:
            return values
        values |= {"z": str(self.zoom), "x": str(cell.col), "y": str(cell.row)}
        if self.rows is not None:
            return values | {
                "-y": str(self.rows - 1 - cell.row),
                "!y": str(self.rows // 2 - 1 - cell.row),
                "q": _spell_quadkey(cell, self.zoom),
            }
        middle = (left + right) / 2, (top + bottom - self.cut_px * self.unit) / 2  # bar included
        (lon,), (lat,) = transform_points(self.crs, "EPSG:4326", [middle[0]], [middle[1]])
        return values | {"lon": f"{lon:.8f}", "lat": f"{lat:.8f}"}


@dataclass(frozen=True)
class CellSettings:
    """How pictures are chosen: the zoom (None: from the wanted metres a pixel, up to max_zoom),
    their side in pixels (None: 256 for tiles, 512 for WMS, 640 for static maps), the attribution
    bar, the tile matrix set.

    `world_px` is the side of the whole earth at zoom 0 of a static-maps service (Google 256, Mapbox
    512); `density` its pixels per pixel asked for ('scale=2', '@2x').
    """

    zoom: int | None = None
    max_zoom: int = 22
    tile_px: int | None = None
    matrix_set: str = "WebMercatorQuad"
    bar_px: int = 0
    world_px: int = 256
    density: int = 1


def choose_cells(template: Template, box: GeoBox, settings: CellSettings) -> Cells:
    """The grid of a service and the zoom at which it is as fine as `box`, or as fine as it gets."""
    if settings.tile_px is not None and not 64 <= settings.tile_px <= 4096:
        raise InputError(f"--tile-px {settings.tile_px}", "expected 64 to 4096", "omit it")
    choose = {"tiles": _choose_tiles, "wms": _choose_wms, "static": _choose_static}[template.kind]
    return choose(template, box, settings)


def measure_unit_m(crs: CRS, box: GeoBox) -> float:
    """Metres on the ground of one unit of `crs` in the middle of the box."""
    left, bottom, right, top = box.bounds
    (x,), (y,) = transform_points(box.crs, crs, [(left + right) / 2], [(bottom + top) / 2])
    step = 1e-3 if crs.is_geographic else 100.0
    lon, lat = transform_points(
        crs, "EPSG:4326", [x - step, x + step, x, x], [y, y, y - step, y + step]
    )
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lon[::2], lat[::2], lon[1::2], lat[1::2])
    return math.sqrt(float(metres[0]) * float(metres[1])) / (2 * step)


def _choose_tiles(template: Template, box: GeoBox, settings: CellSettings) -> Cells:
    tms = _find_matrix_set(settings.matrix_set)
    crs = tms.rasterio_crs
    metres = measure_unit_m(crs, box)
    low, high = template.zooms or (tms.minzoom, tms.maxzoom)
    limit = min(settings.max_zoom, tms.maxzoom, high)
    for zoom in (
        range(min(max(tms.minzoom, low), limit), limit + 1)
        if settings.zoom is None
        else [_check_zoom(settings.zoom, tms.maxzoom)]
    ):
        matrix = tms.matrix(zoom)
        side_px = settings.tile_px or matrix.tileWidth
        left, bottom, right, top = tms.xy_bounds(0, 0, zoom)
        unit = (right - left) / side_px
        if unit * metres <= box.m_per_px * _NEVER_COARSER:
            break
    if abs((top - bottom) / side_px / unit - 1) > 1e-6 or matrix.variableMatrixWidths:
        raise InputError(
            settings.matrix_set, "its tiles are not square grids", "use another tile matrix set"
        )
    if "{q}" in template.text and settings.matrix_set != "WebMercatorQuad":
        raise InputError("{q}", "quadkeys belong to WebMercatorQuad", "omit --tile-matrix-set")
    return Cells(
        crs, left, top, unit, side_px, side_px, zoom, matrix.matrixHeight, matrix.matrixWidth
    )


def _choose_wms(template: Template, box: GeoBox, settings: CellSettings) -> Cells:
    crs = _find_crs(template)
    width, height = (
        _read_side(template, name, settings.tile_px or 512) for name in ("width", "height")
    )
    unit = box.m_per_px if crs == box.crs else box.m_per_px / measure_unit_m(crs, box)
    version = find_parameter(template.text, "version") or ""
    lat_first = version.startswith("1.3") and _is_lat_first(crs)
    return Cells(crs, 0.0, 0.0, unit, width, height, lat_first=lat_first)


def _find_crs(template: Template) -> CRS:
    """The CRS in which a service is asked: as a WMS or an ArcGIS server is told it."""
    named = next(
        filter(None, (find_parameter(template.text, name) for name in _CRS_PARAMETERS)), "3857"
    )
    drawn_in = find_parameter(template.text, "imageSR")
    if drawn_in and drawn_in != named:
        raise InputError(
            f"imageSR={drawn_in[:20]}",
            f"is another CRS than bboxSR={named[:20]}",
            "write the same for both",
        )
    code = named.upper().rpartition(":")[2]
    if code in _OLD_WEB_MERCATOR:
        return WEB_MERCATOR
    if named.upper() == "CRS:84":
        return parse_crs("OGC:CRS84")
    return parse_crs(f"EPSG:{named}" if named.isdigit() else named)


def _choose_static(template: Template, box: GeoBox, settings: CellSettings) -> Cells:
    """Any centre may be asked for, so the pictures lie side by side once their bars are cut off."""
    width, height = (
        _read_side(template, name, settings.tile_px or 640) for name in ("width", "height")
    )
    cut = settings.bar_px
    if not 0 <= cut < height - 64:
        raise InputError(
            f"--bar-px {cut}",
            f"leaves nothing of pictures {height} px high",
            "give the height of the bar",
        )
    metres = measure_unit_m(WEB_MERCATOR, box)
    world = settings.world_px * settings.density
    fitting = math.ceil(math.log2(2 * _HALF_EARTH * metres / world / box.m_per_px / _NEVER_COARSER))
    zoom = _check_zoom(
        settings.zoom if settings.zoom is not None else min(max(fitting, 0), settings.max_zoom), 24
    )
    unit = 2 * _HALF_EARTH / world / 2**zoom
    shape = width * settings.density, (height - cut) * settings.density
    return Cells(
        WEB_MERCATOR,
        -_HALF_EARTH,
        _HALF_EARTH,
        unit,
        *shape,
        zoom,
        cut_px=cut * settings.density,
        density=settings.density,
    )


def _find_matrix_set(name: str) -> Any:
    morecantile = import_extra("morecantile")
    known = morecantile.tms.list()
    if name not in known:
        raise InputError(
            f"--tile-matrix-set {name}", f"expected one of {', '.join(known)}", "or omit it"
        )
    return morecantile.tms.get(name)


def _check_zoom(zoom: int, limit: int) -> int:
    if not 0 <= zoom <= limit:
        raise InputError(f"--zoom {zoom}", f"expected 0 to {limit}", "omit it to have it chosen")
    return zoom


def _read_side(template: Template, name: str, fallback: int) -> int:
    """A side that is written out in the template counts; in static maps it may stand as 640x640,
    too.
    """
    found = find_parameter(template.text, name)
    if found is None:
        return fallback
    if not found.isdigit() or not 64 <= int(found) <= 4096:
        raise InputError(
            f"{name}={found[:20]}", "expected 64 to 4096 px", f"write {name}={{{name}}}"
        )
    return int(found)


def _is_lat_first(crs: CRS) -> bool:
    return pyproj.CRS.from_user_input(crs.to_string()).axis_info[0].direction in ("north", "south")


def _spell_quadkey(cell: Cell, zoom: int) -> str:
    return "".join(
        str((cell.col >> bit & 1) + 2 * (cell.row >> bit & 1)) for bit in reversed(range(zoom))
    )

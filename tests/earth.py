"""An earth painted with waves of known place: what any map service over it must show, pixel by
pixel.

The colour is a formula of longitude and latitude, so that a gathered image can be compared with the
formula at the places where the image says it lies. All projecting here is pyproj's, none of it
mapsight's.
"""

from __future__ import annotations

import io
import math
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyproj
from PIL import Image

from tests.servers import Answer, Asked

WAVE_DEG = 0.0008  # 89 m from north to south, 60 m from west to east at 48°
SIDE = 2 * math.pi * 6378137.0


def colour_at(lon, lat):
    """RGB (3, …) float at places in degrees."""
    east, north = 2 * np.pi * np.asarray(lon) / WAVE_DEG, 2 * np.pi * np.asarray(lat) / WAVE_DEG
    return 128 + 90 * np.stack([np.sin(east), np.sin(north), np.sin((east + north) / 2.5)])


def expect(box):
    """What an image on a grid (a GeoBox) shows at the middle of its pixels."""
    col, row = np.meshgrid(np.arange(box.width) + 0.5, np.arange(box.height) + 0.5)
    x, y = box.transform @ (col, row)
    to_degrees = pyproj.Transformer.from_crs(
        pyproj.CRS.from_wkt(box.crs.to_wkt()), "EPSG:4326", always_xy=True
    )
    return colour_at(*to_degrees.transform(x, y))


def paint(left, bottom, right, top, width, height, *, crs="EPSG:3857"):
    """RGB (h, w, 3) uint8 of a rectangle of a CRS."""
    x = left + (np.arange(width) + 0.5) / width * (right - left)
    y = top - (np.arange(height) + 0.5) / height * (top - bottom)
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    if pyproj.CRS(crs).to_epsg() in (
        3857,
        4326,
    ):  # longitude depends on x alone, latitude on y: cheaper
        lon, lat = np.meshgrid(
            to_degrees.transform(x, np.full(width, y[0]))[0],
            to_degrees.transform(np.full(height, x[0]), y)[1],
        )
    else:
        lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    return np.round(colour_at(lon, lat)).astype(np.uint8).transpose(1, 2, 0)


def as_picture(pixels, kind="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def paint_tile(z: int, x: int, y: int, side_px: int = 256) -> bytes:
    """The PNG of a Web Mercator tile."""
    size = SIDE / 2**z
    left, top = x * size - SIDE / 2, SIDE / 2 - y * size
    return as_picture(paint(left, top - size, left + size, top, side_px, side_px))


def respond(asked: Asked) -> Answer:
    """A service that knows XYZ, TMS, quadkeys, WMS and static maps."""
    path, query = (
        urlsplit(asked.path).path,
        {k.lower(): v[0] for k, v in parse_qs(urlsplit(asked.path).query).items()},
    )
    if path == "/wms":
        return Answer(_draw_wms(query), content_type="image/png")
    if path == "/static":
        return Answer(_draw_static(query), content_type="image/png")
    if found := re.fullmatch(r"/q/([0-3]+)\.png", path):
        digits = [int(digit) for digit in found[1]]
        x, y = (int("".join(str(digit >> bit & 1) for digit in digits), 2) for bit in (0, 1))
        return Answer(paint_tile(len(digits), x, y), content_type="image/png")
    found = re.fullmatch(r"/(xyz|tms)/(\d+)/(\d+)/(\d+)\.png", path)
    if not found:
        return Answer(status=404)
    z, x, y = (int(part) for part in found.groups()[1:])
    return Answer(
        paint_tile(z, x, 2**z - 1 - y if found[1] == "tms" else y), content_type="image/png"
    )


def _draw_wms(query) -> bytes:
    crs, edges = (
        query.get("crs") or query["srs"],
        [float(edge) for edge in query["bbox"].split(",")],
    )
    if query["version"] == "1.3.0" and crs == "EPSG:4326":  # latitude first, as the standard has it
        edges = [edges[1], edges[0], edges[3], edges[2]]
    return as_picture(paint(*edges, int(query["width"]), int(query["height"]), crs=crs))


def _draw_static(query) -> bytes:
    """Centre, zoom, size, scale; the lowest 20 lines (times scale) are the service's magenta
    bar.
    """
    (lat, lon), (width, height) = (
        map(float, query["center"].split(",")),
        map(int, query["size"].split("x")),
    )
    scale, unit = int(query.get("scale", 1)), SIDE / 256 / 2 ** int(query["zoom"])
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(lon, lat)
    half_x, half_y = width * unit / 2, height * unit / 2
    pixels = paint(x - half_x, y - half_y, x + half_x, y + half_y, width * scale, height * scale)
    pixels[-20 * scale :] = (255, 0, 255)
    return as_picture(pixels)

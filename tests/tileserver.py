"""A map service over one GeoTIFF, on loopback: XYZ, TMS, quadkey, WMS and static maps, drawn by
rio-tiler.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rasterio.crs import CRS

from tests.servers import Asked, Server

HALF_EARTH = 20037508.342789244


def _draw_bar(content: bytes, bar_px: int) -> bytes:
    """What the services write over the lower edge of their pictures: here a magenta bar."""
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGBA")).copy()
    pixels[pixels.shape[0] - bar_px :] = (255, 0, 255, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_app(path: Path, asked: list[Asked]):
    """The service as an ASGI application."""
    from rio_tiler.errors import TileOutsideBounds
    from rio_tiler.io import Reader
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    def note(request: Request) -> None:
        asked.append(
            Asked(
                request.method, str(request.url.path), dict(request.headers), b"", time.monotonic()
            )
        )

    def draw_tile(request: Request, z: int, x: int, y: int) -> Response:
        note(request)
        try:
            with Reader(str(path)) as reader:
                image = reader.tile(
                    x, y, z, tilesize=256, resampling_method="bilinear", reproject_method="bilinear"
                )
        except TileOutsideBounds:
            return Response(status_code=404)
        return Response(image.render(img_format="PNG"), media_type="image/png")

    def draw_part(bounds, crs: CRS, width: int, height: int) -> bytes:
        with Reader(str(path)) as reader:
            image = reader.part(
                bounds,
                bounds_crs=crs,
                dst_crs=crs,
                width=width,
                height=height,
                resampling_method="bilinear",
                reproject_method="bilinear",
            )
        return image.render(img_format="PNG")

    def xyz(request: Request) -> Response:
        z, x, y = (int(request.path_params[name]) for name in "zxy")
        return draw_tile(request, z, x, y)

    def tms(request: Request) -> Response:
        z, x, y = (int(request.path_params[name]) for name in "zxy")
        return draw_tile(request, z, x, 2**z - 1 - y)

    def quadkey(request: Request) -> Response:
        key = request.path_params["q"]
        x = int("".join(str(int(digit) & 1) for digit in key), 2)
        y = int("".join(str(int(digit) >> 1) for digit in key), 2)
        return draw_tile(request, len(key), x, y)

    def wms(request: Request) -> Response:
        note(request)
        query = {name.upper(): value for name, value in request.query_params.items()}
        crs = CRS.from_string(query["CRS"])
        edges = [float(edge) for edge in query["BBOX"].split(",")]
        if query.get("VERSION") == "1.3.0" and crs.to_epsg() == 4326:
            edges = [edges[1], edges[0], edges[3], edges[2]]
        return Response(
            draw_part(edges, crs, int(query["WIDTH"]), int(query["HEIGHT"])), media_type="image/png"
        )

    def static(request: Request) -> Response:
        note(request)
        query = request.query_params
        lat, lon = (float(part) for part in query["center"].split(","))
        width, height = (int(part) for part in query["size"].split("x"))
        scale, unit = int(query.get("scale", 1)), 2 * HALF_EARTH / 256 / 2 ** int(query["zoom"])
        x = lon / 180 * HALF_EARTH
        y = np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) / np.pi * HALF_EARTH
        half = width * unit / 2, height * unit / 2
        bounds = (x - half[0], y - half[1], x + half[0], y + half[1])
        content = draw_part(bounds, CRS.from_epsg(3857), width * scale, height * scale)
        return Response(_draw_bar(content, 20 * scale), media_type="image/png")

    return Starlette(
        routes=[
            Route("/{z:int}/{x:int}/{y:int}.png", xyz),
            Route("/tms/{z:int}/{x:int}/{y:int}.png", tms),
            Route("/q/{q}.png", quadkey),
            Route("/wms", wms),
            Route("/static", static),
        ]
    )


@contextmanager
def serve_map(path: Path) -> Iterator[Server]:
    """Run the service behind uvicorn in a thread."""
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("rio_tiler")
    asked: list[Asked] = []
    config = uvicorn.Config(
        make_app(path, asked), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline and thread.is_alive(), (
            "the test's own server does not start"
        )
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(f"http://127.0.0.1:{port}", asked)
    finally:
        server.should_exit = True
        thread.join(timeout=10)

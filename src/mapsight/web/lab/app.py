"""The lab's page: its file, and what its scripts ask for. Images that a user opens never leave the
browser.
"""

from __future__ import annotations

import base64
import io
from typing import Annotated, Any

import numpy as np
from fastapi import Path as PathPart
from fastapi import Query, Response
from fastapi.responses import FileResponse
from PIL import Image

from mapsight.errors import InputError
from mapsight.web.base import STATIC, GuardedApp, make_app
from mapsight.web.lab.cell import explain_cell
from mapsight.web.lab.desk import Desk
from mapsight.web.lab.digit import describe_digit_net
from mapsight.web.lab.score_steps import can_explain, explain_score
from mapsight.web.lab.tile import (
    Tile,
    describe_tile,
    draw_map,
    draw_sheet,
    follow_line,
    read_column,
)

_Key = Annotated[str, PathPart(max_length=40)]
_At = Annotated[int, Query(ge=0, le=100_000)]
_Name = Annotated[str, Query(max_length=40)]


def make_lab_app(desk: Desk, *, host: str = "127.0.0.1", token: str | None = None) -> GuardedApp:
    """The app of `mapsight lab`: /, /static, /api/digit and /api/tiles."""
    app = make_app("the lab", host=host, token=token, max_body_bytes=1 << 12)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "lab" / "index.html")

    @app.get("/api/digit")
    def digit() -> dict[str, Any]:
        return describe_digit_net()

    _add_tile_routes(app, desk)
    return app


def _add_tile_routes(app: GuardedApp, desk: Desk) -> None:
    @app.get("/api/tiles")
    def tiles() -> dict[str, Any]:
        return desk.list_tiles()

    @app.get("/api/tiles/{key}")
    def tile(key: _Key) -> dict[str, Any]:
        return describe_tile(desk.get_tile(key))

    @app.get("/api/tiles/{key}/image.png")
    def image(key: _Key) -> Response:
        return _send_png(desk.get_tile(key).scene.image.array.transpose(1, 2, 0))

    @app.get("/api/tiles/{key}/probability")
    def probability(key: _Key) -> Response:
        """(H, W) float32, little endian."""
        values = desk.get_tile(key).probability.astype("<f4")
        return Response(values.tobytes(), media_type="application/octet-stream")

    @app.get("/api/tiles/{key}/column")
    def column(key: _Key, row: _At, col: _At) -> dict[str, Any]:
        return read_column(*_find_pixel(desk, key, row, col))

    @app.get("/api/tiles/{key}/line")
    def line(key: _Key, row: _At, col: _At) -> dict[str, Any] | None:
        return follow_line(*_find_pixel(desk, key, row, col))

    @app.get("/api/tiles/{key}/sheet")
    def sheet(key: _Key, step: _Name) -> dict[str, Any]:
        drawn = draw_sheet(desk.get_tile(key), step)
        return drawn | {"pixels": base64.b64encode(drawn["pixels"].tobytes()).decode("ascii")}

    @app.get("/api/tiles/{key}/map")
    def whole_map(key: _Key, step: _Name, channel: _At) -> Response:
        """(H, W) uint8."""
        return Response(
            draw_map(desk.get_tile(key), step, channel).tobytes(),
            media_type="application/octet-stream",
        )

    @app.get("/api/tiles/{key}/cell")
    def cell(key: _Key, step: _Name, channel: _At, row: _At, col: _At) -> dict[str, Any]:
        found = desk.get_tile(key)
        return explain_cell(found.steps, found.values, step, (channel, row, col))

    @app.get("/api/tiles/{key}/score")
    def score(key: _Key, finding: _Name) -> dict[str, Any]:
        scene = desk.get_tile(key).scene
        kinds = scene.findings.loc[scene.findings["finding_id"] == finding, "kind"]
        kind, features = "" if kinds.empty else str(kinds.iloc[0]), scene.features.get(finding, {})
        if not can_explain(kind, features):
            raise InputError(
                f"finding '{finding}'",
                "has no features here",
                "choose one of the tile's, or audit again",
            )
        return explain_score(kind, features, scene.offsets.get(kind, 0.0))


def _find_pixel(desk: Desk, key: str, row: int, col: int) -> tuple[Tile, int, int]:
    tile = desk.get_tile(key)
    if row >= tile.box.height or col >= tile.box.width:
        raise InputError(
            f"pixel {row}, {col}", f"lies outside {tile.box.shape}", "ask for one inside"
        )
    return tile, row, col


def _send_png(image: np.ndarray) -> Response:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG", compress_level=3)
    return Response(buffer.getvalue(), media_type="image/png")

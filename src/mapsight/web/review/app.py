"""`mapsight review`: the page on which a person judges findings, and what it asks of the server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
from fastapi import HTTPException, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.middleware.gzip import GZipMiddleware

from mapsight.roads.verdicts.store import MOST_NAME, MOST_NOTE, StaleVerdictError
from mapsight.web.base import STATIC, GuardedApp, make_app
from mapsight.web.review.evidence import CROP_PX, crop_bounds, describe_finding
from mapsight.web.review.place import JOSM
from mapsight.web.review.session import Session, tell_verdict
from mapsight.web.review.tiles import MOST_ZOOM, WORKERS, Picture, cut_tile

_MOST_WAITING = 64
_ONE_DAY = {
    "cache-control": "private, max-age=86400"
}  # addresses of pictures change when their files do


class Judgement(BaseModel):
    """What the page sends: a verdict on top of the last `revision` it has seen; `line` where it was
    edited.
    """

    verdict: Literal["accept", "reject", "unsure", "none"]
    revision: Annotated[int, Field(ge=0, lt=2**31)]
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""
    reviewer: Annotated[str, Field(max_length=MOST_NAME)] = ""
    line: Annotated[list[tuple[float, float]], Field(min_length=2, max_length=5000)] | None = None


def make_review(
    session: Session, *, host: str = "127.0.0.1", token: str | None = None
) -> GuardedApp:
    """The app of one opened audit; it closes the store of verdicts when it ends."""

    @contextlib.asynccontextmanager
    async def live(_: Any) -> AsyncIterator[None]:
        yield
        session.store.close()

    app = make_app("mapsight review", host=host, token=token, connect=(JOSM,), lifespan=live)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)
    _add_reading(app, session)
    _add_judging(app, session)
    _add_pictures(app, session)
    return app


def _add_reading(app: GuardedApp, session: Session) -> None:
    facts = describe_session(session)

    @cache
    def list_findings() -> bytes:
        return session.list_findings()

    @cache
    def write_layer(name: str) -> bytes | None:
        return session.write_layer(name)

    @app.get("/", include_in_schema=False)
    def get_page() -> FileResponse:
        return FileResponse(STATIC / "review" / "review.html")

    @app.get("/api/review")
    def get_review() -> dict[str, Any]:
        """What is reviewed, where it lies, and which layers there are."""
        return facts

    @app.get("/api/findings")
    def get_findings() -> Response:
        """All findings, column by column, by falling score."""
        return Response(list_findings(), media_type="application/json")

    @app.get("/api/findings/{finding_id}", responses={404: {}})
    def get_finding(finding_id: str) -> dict[str, Any]:
        """One finding with its evidence and the history of its verdicts."""
        history = [
            tell_verdict(said, session.frame) for said in session.store.read_history(finding_id)
        ]
        return {**describe_finding(session, _find(session, finding_id)), "history": history}

    @app.get("/layers/{name}", responses={404: {}})
    def get_layer(name: str) -> Response:
        """A layer as GeoJSON: findings, seen, map, predicted, not_judged."""
        layer = write_layer(name)
        if layer is None:
            raise HTTPException(404, "there is no such layer")
        return Response(layer, media_type="application/geo+json")


def _add_judging(app: GuardedApp, session: Session) -> None:
    @app.get("/api/verdicts")
    def get_verdicts(after: Annotated[int, Field(ge=0, lt=2**62)] = 0) -> dict[str, Any]:
        """The last verdicts of all findings judged since an earlier `mark`."""
        mark, said = session.store.read_changes(after)
        return {"mark": mark, "verdicts": [tell_verdict(one, session.frame) for one in said]}

    @app.get("/api/undo")
    def get_undo(reviewer: Annotated[str, Query(max_length=MOST_NAME)] = "") -> dict[str, Any]:
        """What to post, on which finding, to take back the last judgement of a person; null where
        there is none.
        """
        found = session.store.find_undo(reviewer.strip())
        known = found is not None and found.finding_id in session.numbers
        return {"undo": tell_verdict(found, session.frame) if found is not None and known else None}

    @app.post("/api/findings/{finding_id}/verdict", responses={400: {}, 404: {}, 409: {}})
    def judge(finding_id: str, said: Judgement) -> JSONResponse:
        """Keep a verdict; 409 with the other one where somebody was quicker."""
        _find(session, finding_id)
        wkt = _find_line(session, finding_id, said.line) if said.line else ""
        try:
            kept = session.store.add(
                finding_id,
                said.verdict,
                revision=said.revision,
                note=said.note,
                geometry_wkt=wkt,
                reviewer=said.reviewer.strip(),
            )
        except StaleVerdictError as stale:
            told = {"detail": str(stale), "current": tell_verdict(stale.current, session.frame)}
            return JSONResponse(told, status_code=409)
        return JSONResponse(tell_verdict(kept, session.frame))


def _add_pictures(app: GuardedApp, session: Session) -> None:
    workers, drawing = anyio.CapacityLimiter(WORKERS), 0

    async def draw(function: Any, *arguments: Any) -> Response:
        nonlocal drawing
        if drawing >= _MOST_WAITING:
            raise HTTPException(503, "too many pictures at once; ask again", {"retry-after": "1"})
        drawing += 1
        try:
            picture: Picture | None = await anyio.to_thread.run_sync(
                function, *arguments, limiter=workers
            )
        finally:
            drawing -= 1
        if picture is None:
            raise HTTPException(404, "there is no such tile")
        return Response(picture.data, media_type=picture.media_type, headers=_ONE_DAY)

    @app.get("/tiles/{layer}/{z}/{x}/{y}", responses={404: {}, 503: {}})
    async def get_tile(layer: str, z: int, x: int, y: int) -> Response:
        """A tile of 256 px of the layers `image` and `probability` (web Mercator, XYZ)."""
        if layer not in session.rasters:
            raise HTTPException(404, "there is no such layer")
        return await draw(cut_tile, session.rasters[layer], z, x, y)

    @app.get("/crops/{finding_id}/{layer}", responses={404: {}, 503: {}})
    async def get_crop(finding_id: str, layer: str) -> Response:
        """A square picture around a finding."""
        if layer not in session.rasters:
            raise HTTPException(404, "there is no such layer")
        bounds = crop_bounds(session, _find(session, finding_id))
        return await draw(session.rasters[layer].cut, bounds, CROP_PX, CROP_PX)


def describe_session(session: Session) -> dict[str, Any]:
    """What the page needs to know before anything else."""
    image = session.rasters["image"]
    return {
        "image": image.path.name,
        "count": len(session.findings),
        "on_earth": session.frame.on_earth,
        "reviewer": session.settings.reviewer,
        "rasters": list(session.rasters),
        "notes": session.notes,
        "image_bounds": image.read_bounds(),
        "native_zoom": image.find_native_zoom(),
        "most_zoom": MOST_ZOOM,
        "shift_m": session.frame.shift_m,
        "stamp": _stamp([source.path for source in session.rasters.values()]),
        "kinds": sorted(set(session.findings["kind"])),
        "classes": sorted(set(session.findings["road_class"])),
    }


def _stamp(paths: list[Path]) -> str:
    """Changes when a picture does, so that browsers may keep what they have."""
    return "-".join(f"{path.stat().st_mtime_ns:x}" for path in paths)


def _find_line(session: Session, finding_id: str, line: list[tuple[float, float]]) -> str:
    """A drawn line as WKT; one that was told before is the same to the last digit, degrees being
    rounded.
    """
    for earlier in session.store.read_history(finding_id):
        told = tell_verdict(earlier, session.frame)["line"]
        if told == [list(point) for point in line]:
            return earlier.geometry_wkt
    return session.frame.from_degrees(line)


def _find(session: Session, finding_id: str) -> int:
    number = session.numbers.get(finding_id)
    if number is None:
        raise HTTPException(404, "there is no such finding")
    return number

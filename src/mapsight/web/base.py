"""What every page of mapsight stands on: an app with its door, its static files and its errors."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from mapsight import __version__
from mapsight.errors import InputError, MapsightError
from mapsight.faults import explain_fault
from mapsight.roads.kinds import write_script, write_style
from mapsight.web.guard import Guard, GuardSettings

STATIC = Path(str(files("mapsight.web"))) / "static"


class GuardedApp(FastAPI):
    """A FastAPI app that lets nothing in but through its guard, errors of the server included."""

    guard: GuardSettings = GuardSettings()

    def build_middleware_stack(self) -> Any:
        return Guard(super().build_middleware_stack(), self.guard)


def make_app(
    title: str,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    connect: tuple[str, ...] = (),
    max_body_bytes: int = 1 << 20,
    lifespan: Callable[..., Any] | None = None,
) -> GuardedApp:
    """An app for pages that are served at `host`; routes are added by its caller, static files are
    under /static, the table of kinds at /kinds.css and /kinds.js.

    Bound to anything but this machine's own address it demands a token, which is made where none is
    given and stands in `app.guard.token`. No route of FastAPI's own is there but /api/openapi.json
    (its pages load scripts from abroad).
    """
    local = is_local(host)
    if token is not None and (
        len(token) < 16 or not token.isascii() or not token.replace("-", "a").isalnum()
    ):
        raise InputError(
            "the token",
            "must be at least 16 letters, digits or hyphens",
            "omit it to have one made",
        )
    if token is None:
        token = "" if local else secrets.token_hex(16)
    app = GuardedApp(
        title=title,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    names = {"127.0.0.1", "localhost", "::1", host.lower()} | (
        set() if local else {socket.gethostname().lower()}
    )
    app.guard = GuardSettings(frozenset(names), not local, token, max_body_bytes, connect)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for name, text in (("kinds.css", write_style()), ("kinds.js", write_script())):
        app.add_api_route(f"/{name}", _make_teller(name, text), include_in_schema=False)
    app.add_exception_handler(MapsightError, _say_error)
    app.add_exception_handler(RequestValidationError, _say_invalid)
    app.add_exception_handler(Exception, _say_fault)
    return app


def is_local(host: str) -> bool:
    """Whether nobody but this machine can reach that address."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _make_teller(name: str, text: str) -> Callable[[], Response]:
    """A route that answers with a style sheet or a script."""
    media = {"css": "text/css", "js": "text/javascript"}[name.rpartition(".")[2]]
    return lambda: Response(text, media_type=media)


async def _say_error(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=400)


async def _say_fault(request: Request, error: Exception) -> JSONResponse:
    """What no reader has refused by name: a damaged file of the audit, or a fault of ours."""
    return JSONResponse({"detail": explain_fault(error)}, status_code=500)


async def _say_invalid(request: Request, error: Exception) -> JSONResponse:
    """One line, without the input (FastAPI's own answer repeats it); an address that means nothing
    is 404.
    """
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["loc"][0] == "path":
        return JSONResponse({"detail": "there is nothing at this address"}, status_code=404)
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, status_code=422)

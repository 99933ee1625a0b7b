"""Serving an app until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import socket
import webbrowser
from urllib.parse import quote

import uvicorn

from mapsight.errors import InputError
from mapsight.web.base import GuardedApp
from mapsight.web.patience import PatientProtocol

_log = logging.getLogger(__name__)

_GRACE_S = 3


def serve(
    app: GuardedApp, *, host: str = "127.0.0.1", port: int = 8000, open_browser: bool = True
) -> None:
    """Say where the page is, serve it until Ctrl-C; `port` 0 takes a free one.

    Raises InputError for an address that is taken or is not this machine's.
    """
    listener = bind(host, port)
    address = name_address(app, host, listener.getsockname()[1])
    _log.info(f"{app.title} is at {address} (Ctrl-C ends it)")
    if open_browser:
        webbrowser.open(address)
    try:
        make_server(app).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
    _log.info("ended")


def make_server(app: GuardedApp) -> uvicorn.Server:
    """The server with its limits, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            http=PatientProtocol,
            timeout_graceful_shutdown=_GRACE_S,
            proxy_headers=False,
            ws="none",
        )
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; InputError where it cannot be had."""
    if not 0 <= port <= 65535:
        raise InputError(
            f"port {port}", "is no port", "choose one from 1024 to 65535, or 0 for any free"
        )
    try:
        family, _, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InputError(f"{host}:{port}", "is no address of this machine", "omit --host") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _explain(host, port, error) from None
    return listener


def name_address(app: GuardedApp, host: str, port: int) -> str:
    """The address to type, with the token where one is demanded."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (
        f"?token={quote(app.guard.token)}" if app.guard.token else ""
    )


def _explain(host: str, port: int, error: Exception) -> InputError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return InputError(
            f"port {port}",
            "is taken by another program",
            "choose another with --port, or 0 for any free",
        )
    if number == errno.EACCES:
        return InputError(
            f"port {port}", "is reserved for the system", "choose one above 1023 with --port"
        )
    return InputError(
        f"{host}:{port}", f"cannot be served from ({error})", "omit --host and --port"
    )

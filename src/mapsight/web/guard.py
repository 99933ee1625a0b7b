"""The door of every page: who may ask, how much, and what a browser may do with the answer.

One ASGI middleware around the whole app, so that no route can forget it. Sources: OWASP's cheat
sheets on CSRF and DNS rebinding; the Fetch standard for when a browser sends `Origin`.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from mapsight.faults import explain_fault

_log = logging.getLogger(__name__)

Scope = dict[str, Any]
Headers = tuple[tuple[bytes, bytes], ...]
Refusal = tuple[int, str, Headers]  # status, one line, headers

COOKIE = "mapsight_token"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_MOST_RANGES = 8
_SLOW = "the body did not come in time"
_BUSY = 503, "too many requests at once; ask again", ((b"retry-after", b"1"),)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src"
    " 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


@dataclass(frozen=True)
class GuardSettings:
    """`hosts`: names that the page may be asked by, without port; `any_address`: numeric ones, too.

    `token`: demanded of everybody where it is not empty. `connect`: origins beside its own that a
    page's scripts may talk to.
    """

    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    any_address: bool = False
    token: str = ""
    max_body_bytes: int = 1 << 20
    connect: tuple[str, ...] = ()
    max_requests: int = 256  # at once; more get 503
    body_s: float = 20.0  # between two parts of a body; then 408


class Guard:
    """400 for a foreign Host, 401 without the token, 403 for a foreign Origin, 408 for a body that
    does not come, 413 and 416 for too much, 503 for too many. A fault of the app is a logged line.
    """

    def __init__(self, app: Any, settings: GuardSettings) -> None:
        self._app, self._settings, self._open = app, settings, 0
        policy = (
            f"{_POLICY}; connect-src {' '.join((chr(39) + 'self' + chr(39), *settings.connect))}"
        )
        self._headers = [
            (b"content-security-policy", policy.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (
                b"permissions-policy",
                b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
            (b"x-frame-options", b"DENY"),
        ]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        self._open += 1
        try:
            await self._let_in(scope, receive, send)
        finally:
            self._open -= 1

    async def _let_in(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = _read_headers(scope)
        refusal = self._refuse(scope, headers)
        meter = _Meter(receive, self._settings)
        started = False

        async def send_fenced(message: dict[str, Any]) -> None:
            nonlocal started
            if meter.over and not started:  # whatever the app makes of a body that was cut off
                return
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._complete(message.get("headers", []))}
            await send(message)

        if refusal is None:
            try:
                await self._app(scope, meter.receive, send_fenced)
            except _Over:
                pass
            except Exception as error:  # the app has answered 500
                _log.error(f"{scope['method']} {scope['path']!r}: {explain_fault(error)}")
                _log.debug("its traceback", exc_info=error)
            if not meter.over or started:
                return
            refusal = (meter.over, self._say_limit() if meter.over == 413 else _SLOW, ())
            meter.over = 0
        await _answer(send_fenced, *refusal)

    def _refuse(self, scope: Scope, headers: dict[str, list[str]]) -> Refusal | None:
        """What is answered where the request goes no further."""
        if self._open > self._settings.max_requests:
            return _BUSY
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._is_ours(_strip_port(hosts[0])):
            return 400, "this page is not served under that name", ()
        if (entry := self._check_token(scope, headers)) is not None:
            return entry
        if scope["method"] not in _SAFE_METHODS and not _is_same_origin(
            headers, scope["scheme"], hosts[0]
        ):
            return 403, "only this page itself may write here", ()
        length = headers.get("content-length", ["0"])[0]
        if not length.isdigit() or int(length) > self._settings.max_body_bytes:
            return 413, self._say_limit(), ()
        if any(value.count(",") >= _MOST_RANGES for value in headers.get("range", [])):
            return 416, "too many ranges", ()
        return None

    def _is_ours(self, name: str) -> bool:
        if name in self._settings.hosts:
            return True
        if not self._settings.any_address:
            return False
        try:  # a name can be made to point here by anybody (DNS rebinding), a number cannot
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _check_token(self, scope: Scope, headers: dict[str, list[str]]) -> Refusal | None:
        """A right `?token=` becomes a cookie and leaves the address; later the cookie or a bearer
        is enough.
        """
        token = self._settings.token
        if not token:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given and _is_equal(given[0], token) and scope["method"] in ("GET", "HEAD"):
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            target = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
            cookie = f"{_name_cookie(headers)}={token}; Path=/; HttpOnly; SameSite=Lax"
            return (
                303,
                "",
                (
                    (b"location", target.encode("latin-1", "ignore")),
                    (b"set-cookie", cookie.encode("ascii")),
                ),
            )
        bearer = [
            value[7:]
            for value in headers.get("authorization", [])
            if value.lower().startswith("bearer ")
        ]
        if any(_is_equal(value, token) for value in [*bearer, *_read_cookies(headers)]):
            return None
        return 401, "open the address with ?token=… that mapsight has printed", ()

    def _say_limit(self) -> str:
        return f"more than {self._settings.max_body_bytes} bytes are not taken"

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in headers}
        extra = [pair for pair in self._headers if pair[0] not in names]
        if b"cache-control" not in names:
            extra.append((b"cache-control", b"no-cache"))
        return [*headers, *extra]


class _Over(Exception):
    """A body has grown past the limit without having said its length, or does not come."""


class _Meter:
    """Counts and times what arrives; `over` is the status once it is too much or too late."""

    def __init__(self, receive: Any, settings: GuardSettings) -> None:
        self._receive, self._left, self.over = receive, settings.max_body_bytes, 0
        self._wait_s: float | None = settings.body_s

    async def receive(self) -> dict[str, Any]:
        try:
            message: dict[str, Any] = await asyncio.wait_for(self._receive(), self._wait_s)
        except TimeoutError:
            self.over = 408
            raise _Over from None
        if not message.get("more_body"):
            self._wait_s = None  # what comes now is the end of the connection, whenever that is
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.over = 413
            raise _Over
        return message


async def _answer(send: Any, status: int, line: str, headers: Headers = ()) -> None:
    body = line.encode("utf-8")
    lead = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*lead, *headers]})
    await send({"type": "http.response.body", "body": body})


def _read_headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    return found


def _strip_port(host: str) -> str:
    """'[::1]:8080' → '::1', 'LOCALHOST:8080' → 'localhost'."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_same_origin(headers: dict[str, list[str]], scheme: str, host: str) -> bool:
    """Browsers always name the origin of a write to elsewhere; programs that are none name
    nothing.
    """
    if (origins := headers.get("origin")) is not None:
        return origins == [f"{scheme}://{host}"]
    return headers.get("sec-fetch-site", ["none"]) in (["none"], ["same-origin"])


def _name_cookie(headers: dict[str, list[str]]) -> str:
    """Cookies know no ports, so the name says which of a host's pages it opens: by the port that
    the browser asked.
    """
    port = headers["host"][0].rpartition("]")[2].partition(":")[2]
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def _read_cookies(headers: dict[str, list[str]]) -> list[str]:
    found, ours = [], _name_cookie(headers)
    for line in headers.get("cookie", []):
        try:
            jar: SimpleCookie = SimpleCookie(line)
        except CookieError:
            continue
        found += [morsel.value for name, morsel in jar.items() if name == ours]
    return found


def _is_equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8"))

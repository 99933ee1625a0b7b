"""One polite way to the network: rate-limited, retried with back-off, bounded in bytes and time,
kept on disk.
"""

from __future__ import annotations

import email.utils
import json
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mapsight import __version__
from mapsight.errors import MapsightError
from mapsight.geo.sources.address import Address, check_url, follow
from mapsight.geo.sources.blank import says_no_tile
from mapsight.geo.sources.coding import CodingError, name_coding, undo_coding
from mapsight.geo.sources.extra import import_extra
from mapsight.geo.sources.inner import Guard, find_proxy, make_backend
from mapsight.geo.sources.store import Reply, Store

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_THERE = frozenset({200, 203})  # 203: the body, as a proxy has changed it (RFC 9110, 15.3.4)
_ABSENT = frozenset({204, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_FAULT_BYTES = 4096
_NO_KEYS_IN_LOGS = ("httpx2", "httpcore2")
Check = Callable[[Reply], None]


@dataclass(frozen=True)
class HttpSettings:
    """How a service is treated. Times in seconds, sizes in bytes; rate and pauses hold for each
    host.
    """

    rate_per_s: float = 10.0
    parallel: int = 4
    attempts: int = 4
    timeout_s: float = 20.0  # without a byte
    total_timeout_s: float = 120.0  # for one body, however slowly it drips
    max_bytes: int = 32 * 2**20
    longest_wait_s: float = 120.0  # who asks for a longer pause is not asked again
    backoff_s: float = 1.0
    inner_hosts: tuple[str, ...] = ()  # of the inner network, that the user named
    user_agent: str = f"mapsight/{__version__} (+https://github.com/mapsight/mapsight)"


class FetchError(MapsightError):
    """A reply that could not be had: `status` of the last answer (None: no answer), `kind` for
    counting.

    Kinds: absent (204, 404, 410), refused (401, 403), busy (429), server (5xx), unreachable, slow,
    too large, damaged (not what was asked for), placeholder (a picture that stands for none), not
    asked (stopped before), other.
    """

    def __init__(
        self,
        value: object,
        expectation: str,
        remedy: str,
        *,
        kind: str,
        status: int | None = None,
        again: bool | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(value, expectation, remedy)
        self.kind, self.status, self.wait_s = kind, status, wait_s
        self.again = kind in ("busy", "server", "unreachable", "slow") if again is None else again


class Http:
    """A client for many threads; a context manager. `get` and `post` return a whole body or raise
    FetchError.
    """

    def __init__(self, settings: HttpSettings | None = None, store: Store | None = None) -> None:
        self.settings, self.store = settings or HttpSettings(), store
        for name in _NO_KEYS_IN_LOGS:  # they log whole addresses
            logging.getLogger(name).setLevel(logging.WARNING)
        self._httpx = import_extra("httpx2")
        self._gates: dict[str, _Gate] = {}
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._guard = Guard(self.settings.inner_hosts)
        self._clients: dict[str | None, Any] = {}

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for client in self._clients.values():
            client.close()

    def stop(self) -> None:
        """Ask nobody anymore: threads that wait for their turn wake up and fail."""
        self._stopped.set()

    def get(
        self,
        address: Address | str,
        *,
        headers: Mapping[str, str] | None = None,
        check: Check | None = None,
        keep: bool = True,
    ) -> Reply:
        """The body behind an address, from the store if it is there.

        `check` looks at a fresh reply and raises FetchError (kind 'damaged') to have it counted and
        not kept.
        """
        return self._fetch("GET", _as_address(address), None, headers or {}, check, keep)

    def post(
        self,
        address: Address | str,
        *,
        data: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        check: Check | None = None,
        keep: bool = True,
    ) -> Reply:
        """The answer to a form (`data`) or to JSON (`body`)."""
        content = {"json": body} if data is None else {"data": dict(data)}
        return self._fetch("POST", _as_address(address), content, headers or {}, check, keep)

    def _fetch(
        self,
        method: str,
        address: Address,
        content: dict[str, Any] | None,
        headers: Mapping[str, str],
        check: Check | None,
        keep: bool,
    ) -> Reply:
        key = (
            f"{method} {address.shown} {json.dumps(content, sort_keys=True)}"
            f" {sorted(headers.items())}"
        )
        if keep and self.store is not None and (found := self.store.read(key)) is not None:
            return found
        reply = self._retry(lambda: self._ask(method, address, content, headers, check))
        if keep and self.store is not None:
            self.store.write(key, reply)
        return reply

    def _retry(self, ask: Callable[[], Reply]) -> Reply:
        tenacity = import_extra("tenacity")
        backoff = tenacity.wait_random_exponential(multiplier=self.settings.backoff_s, max=60)

        def choose_wait(state: Any) -> float:
            asked_s = state.outcome.exception().wait_s
            return float(backoff(state)) if asked_s is None else asked_s

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.settings.attempts),
            wait=choose_wait,
            reraise=True,
            sleep=self._stopped.wait,
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, FetchError) and error.again
            ),
        )
        reply: Reply = retrying(ask)
        return reply

    def _ask(
        self,
        method: str,
        address: Address,
        content: dict[str, Any] | None,
        headers: Mapping[str, str],
        check: Check | None,
    ) -> Reply:
        if self._stopped.is_set():
            raise FetchError(address, "was not asked for anymore", "start again", kind="not asked")
        url, sent = address.url, dict(headers)
        if address.typed:
            self._guard.trust(url)
        for _ in range(_MAX_REDIRECTS + 1):
            with self._answer(method, url, address, content, sent) as answer:
                if answer.status_code in _REDIRECTS and "location" in answer.headers:
                    target = follow(url, answer.headers["location"])
                    if urlsplit(target).netloc != urlsplit(url).netloc:
                        sent = _without_keys(sent)
                    if answer.status_code in (301, 302, 303):
                        method, content = "GET", None
                    url = target
                    continue
                self._check_status(answer, address, ranged="range" in sent)
                if says_no_tile(answer.headers):
                    raise FetchError(
                        address,
                        "says that it has no tile here",
                        "try a lower zoom, or another service",
                        kind="placeholder",
                    )
                reply = Reply(
                    self._read_body(answer, address),
                    answer.headers.get("content-type", "")[:200],
                    time.time(),
                    content_range=answer.headers.get("content-range", "")[:200],
                )
            if check is not None:
                check(reply)
            return reply
        raise FetchError(address, "redirects in circles", "use the final address", kind="other")

    @contextmanager
    def _answer(
        self,
        method: str,
        url: str,
        address: Address,
        content: dict[str, Any] | None,
        headers: Mapping[str, str],
    ) -> Iterator[Any]:
        gate = self._gate(url)
        if gate.closed:
            raise FetchError(
                address,
                "asks for a longer pause than --max-wait-s",
                "come back later",
                kind="busy",
                again=False,
            )
        client = self._client(url)
        self._stopped.wait(gate.take_turn_s())
        try:
            with client.stream(method, url, headers=dict(headers), **(content or {})) as answer:
                yield answer
        except self._httpx.TimeoutException:
            raise FetchError(
                address,
                f"no answer within {self.settings.timeout_s:g} s",
                "try again later",
                kind="slow",
            ) from None
        except (self._httpx.TransportError, self._httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise FetchError(
                address,
                f"cannot be reached ({kind})",
                "check the address and the network",
                kind="unreachable",
            ) from None

    def _client(self, url: str) -> Any:
        """The client for an address: ours connects to checked addresses only; a proxy of the user's
        resolves names itself.
        """
        proxy = find_proxy(url)
        if proxy is not None:
            self._guard.check_by_proxy(url)
        with self._lock:
            if proxy not in self._clients:
                self._clients[proxy] = self._make_client(proxy)
            return self._clients[proxy]

    def _make_client(self, proxy: str | None) -> Any:
        limits = self._httpx.Limits(max_connections=2 * self.settings.parallel)
        transport = self._httpx.HTTPTransport(limits=limits, proxy=proxy)
        if proxy is None:
            httpcore = import_extra("httpcore2")
            transport._pool = httpcore.ConnectionPool(
                ssl_context=self._httpx.create_ssl_context(),
                max_connections=limits.max_connections,
                network_backend=make_backend(self._guard, httpcore),
            )
        return self._httpx.Client(
            transport=transport,
            headers={"user-agent": self.settings.user_agent, "accept-encoding": "gzip"},
            timeout=self.settings.timeout_s,
        )

    def _check_status(self, answer: Any, address: Address, *, ranged: bool) -> None:
        status = int(answer.status_code)
        if status in _THERE or (ranged and status == 206):
            return
        kind, wait_s = _name_kind(status), None
        if status == 403 and _is_missing_object(answer):
            kind = "absent"
        if (
            status in _AGAIN
            and (wait_s := _read_retry_after(answer.headers.get("retry-after"))) is not None
        ):
            self._gate(str(answer.url)).pause(wait_s, self.settings.longest_wait_s)
        again = status in _AGAIN and (wait_s is None or wait_s <= self.settings.longest_wait_s)
        raise FetchError(
            address,
            f"answers with status {status}",
            _REMEDIES[kind],
            kind=kind,
            status=status,
            again=again,
            wait_s=wait_s,
        )

    def _read_body(self, answer: Any, address: Address) -> bytes:
        limit, deadline = self.settings.max_bytes, time.monotonic() + self.settings.total_timeout_s
        parts, size = [], 0
        for part in _unpack(answer, address):
            size += len(part)
            if size > limit:
                raise FetchError(
                    address,
                    f"sends more than {limit / 2**20:.3g} MB",
                    "ask for less at once",
                    kind="too large",
                )
            if time.monotonic() > deadline:
                raise FetchError(
                    address,
                    f"is not done after {self.settings.total_timeout_s:g} s",
                    "try again later",
                    kind="slow",
                )
            parts.append(part)
        return b"".join(parts)

    def _gate(self, url: str) -> _Gate:
        host = urlsplit(url).netloc
        with self._lock:
            return self._gates.setdefault(host, _Gate(self.settings.rate_per_s))


class _Gate:
    """Lets requests to one host through one after the other, at most so many a second."""

    def __init__(self, rate_per_s: float) -> None:
        self._interval_s = 1 / rate_per_s
        self._next, self.closed = 0.0, False
        self._lock = threading.Lock()

    def take_turn_s(self) -> float:
        """Seconds until this request's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval_s
        return turn - now

    def pause(self, wait_s: float, longest_s: float) -> None:
        """Let nobody through for a while; nobody ever again if that is too long."""
        with self._lock:
            self.closed |= wait_s > longest_s
            self._next = max(self._next, time.monotonic() + wait_s)


_REMEDIES = {
    "absent": "there may be nothing at this place, or the template is wrong",
    "refused": "check key and terms of the service",
    "busy": "lower the rate, or come back later",
    "server": "try again later",
    "other": "check the address",
}


def _without_keys(headers: Mapping[str, str]) -> dict[str, str]:
    """What may travel to another host: headers may hold keys."""
    return {name: value for name, value in headers.items() if name in ("range", "accept-encoding")}


def _unpack(answer: Any, address: Address) -> Iterator[bytes]:
    """The body in pieces, without its content coding."""
    try:
        yield from undo_coding(
            answer.iter_raw(), name_coding(answer.headers.get("content-encoding", ""))
        )
    except CodingError as error:
        raise FetchError(address, str(error), "use another service", kind="damaged") from None


def _name_kind(status: int) -> str:
    if status in _ABSENT:
        return "absent"
    if status in (401, 403):
        return "refused"
    if status == 429:
        return "busy"
    return "server" if status >= 500 or status in _AGAIN else "other"


def _is_missing_object(answer: Any) -> bool:
    """Whether a 403 is an object store's way to say 404: it does so where nobody may list it."""
    if "xml" not in answer.headers.get("content-type", ""):
        return False
    head = b""
    for part in answer.iter_raw():
        head += part
        if len(head) >= _FAULT_BYTES:
            break
    return re.search(rb"<Code>\s*(AccessDenied|NoSuchKey)\s*</Code>", head) is not None


def _read_retry_after(value: str | None) -> float | None:
    """Seconds to wait, from seconds or a date; None where nothing sensible is said."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _as_address(address: Address | str) -> Address:
    if isinstance(address, Address):
        return address
    check_url(address)
    return Address(address, address, typed=True)

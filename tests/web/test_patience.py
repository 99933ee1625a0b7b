"""Claims about a server among clients that waste its time: others are answered meanwhile."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

pytest.importorskip("fastapi", reason="needs mapsight[web]")

import pyproj
from starlette.testclient import TestClient

from mapsight.web import patience
from mapsight.web.base import make_app
from mapsight.web.guard import GuardSettings
from mapsight.web.serve import bind, make_server

HALVES = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
}


@contextmanager
def run_server(**settings: float) -> Iterator[int]:
    """The port of a page that greets, served from a thread."""
    app = make_app("a page")
    app.guard = GuardSettings(**settings)
    app.get("/")(lambda: {"hello": "you"})

    @app.post("/write")
    def write(body: dict) -> dict:
        return body

    server, listener = make_server(app), bind("127.0.0.1", 0)
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


def ask(port: int) -> int:
    """The status that somebody else gets."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("GET", "/")
    return client.getresponse().status


@pytest.mark.parametrize("half", HALVES)
def test_idle_connections_shut_nobody_out(half):
    """300 of them, more than may ask at once: the next one is answered."""
    with run_server() as port, ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(HALVES[half])
        assert ask(port) == 200


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
def test_what_sends_no_header_is_closed(monkeypatch, half, before):
    """From the first connection on, and after an answered request."""
    monkeypatch.setattr(patience, "HEADER_S", 0.3)
    with run_server() as port, socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(before)
        while before and b"you" not in client.recv(4096):
            pass
        client.sendall(HALVES[half])
        while client.recv(4096):
            pass


def test_the_longest_idle_goes_first(monkeypatch):
    """Beyond the most connections one is closed for each that comes, the oldest first."""
    monkeypatch.setattr(patience, "MOST_CONNECTIONS", 3)
    with run_server() as port, ExitStack() as stack:
        clients = []
        for _ in range(4):
            clients.append(
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            )
            time.sleep(0.05)
        assert clients[0].recv(1) == b""
        clients[1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            clients[1].recv(1)


def test_a_body_that_does_not_come_is_refused():
    """A client that says how long its body is and sends half of it gets 408 in the end."""
    head = b"POST /write HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with (
        run_server(body_s=0.3) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
    ):
        client.sendall(head + b'Content-Length: 20\r\n\r\n{"a":')
        assert client.recv(12) == b"HTTP/1.1 408"


def test_more_requests_than_may_are_sent_away():
    """It is requests that are counted."""
    app = make_app("a page")
    app.guard = GuardSettings(max_requests=0)
    assert TestClient(app, base_url="http://127.0.0.1").get("/").status_code == 503


def test_a_fault_of_a_library_is_one_line(caplog):
    """The page learns what could not be read, and the log keeps one line of it."""
    app = make_app("a page")
    app.get("/damaged")(lambda: str(pyproj.CRS("no such system")))
    answer = TestClient(app, base_url="http://127.0.0.1").get("/damaged")
    assert answer.status_code == 500
    assert "cannot be read" in answer.json()["detail"]
    assert len(caplog.text.strip().splitlines()) == 1

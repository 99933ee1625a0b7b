"""Small real servers on loopback, in threads, for tests; and what one in a process of its own
says.
"""

from __future__ import annotations

import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


@dataclass
class Answer:
    """What the server says; `drip_s` is the pause between single bytes of the body."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    drip_s: float = 0.0
    cut: int | None = None  # bytes after which the connection breaks


@dataclass
class Server:
    """A running server: its address, and all that it was asked."""

    url: str
    asked: list[Asked]


@contextmanager
def serve(respond: Callable[[Asked], Answer]) -> Iterator[Server]:
    """Answer every request with what `respond` makes of it, each in a thread of its own."""
    asked: list[Asked] = []
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            request = Asked(
                self.command,
                self.path,
                {k.lower(): v for k, v in self.headers.items()},
                self.rfile.read(length),
            )
            asked.append(request)
            self._send(respond(request))

        do_GET = do_POST = do_HEAD = _handle

        def _send(self, answer: Answer) -> None:
            stop.wait(answer.wait_s)
            try:
                self.send_response(answer.status)
                for name, value in {"content-type": answer.content_type, **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                if answer.drip_s:
                    for number in range(len(answer.body)):
                        self.wfile.write(answer.body[number : number + 1])
                        if stop.wait(answer.drip_s):
                            return
                elif self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.cut])
                if answer.cut is not None:
                    self.close_connection = True
            except OSError:
                pass  # the client has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def hear(process: subprocess.Popen, *, limit_s: float = 120.0) -> str:
    """The next line of its stderr; one that says nothing for so long is ended, and nothing is
    heard.
    """
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    try:
        return process.stderr.readline()
    finally:
        timer.cancel()


def png_header(width: int, height: int) -> bytes:
    """A PNG of any size that is hardly more than its header."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100_000))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", data) + chunk(b"IEND", b"")

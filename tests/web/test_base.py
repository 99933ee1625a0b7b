"""The door of the pages: who is let in, with what, and what the browser is told. Oracle: bad-input
rules 35, 37, 40.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("fastapi", reason="needs mapsight[web]")

from starlette.testclient import TestClient

from mapsight.errors import InputError
from mapsight.roads.kinds import KINDS
from mapsight.web.base import is_local, make_app
from mapsight.web.serve import bind, name_address
from tests.servers import hear

TOKEN = "abcdef0123456789"


def make_client(base="http://127.0.0.1:8000", **options) -> TestClient:
    """A page that greets, and takes what is posted."""
    app = make_app("test", **options)

    @app.get("/")
    def greet() -> dict:
        return {"hello": "you"}

    @app.post("/write")
    def write(body: dict) -> dict:
        return body

    return TestClient(app, base_url=base, follow_redirects=False)


@pytest.mark.parametrize("name", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_own_names_are_served(name):
    """This machine's names, with any port."""
    assert make_client().get("/", headers={"host": name}).status_code == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "192.168.0.1", "", "[::2]", "localhost.evil"]
)
def test_foreign_host_is_refused(name):
    """DNS rebinding: a foreign name that points here is not answered."""
    assert make_client().get("/", headers={"host": name}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_only_the_page_itself_writes(headers, status):
    """A write that a browser sends from another origin is refused before any route sees it."""
    assert make_client().post("/write", json={"a": 1}, headers=headers).status_code == status


def test_reading_needs_no_origin():
    """A link from elsewhere may lead here."""
    assert make_client().get("/", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/no-such-page", "/static/base.css", "/static/../pyproject.toml"]
)
def test_every_answer_is_fenced(path):
    """Errors and files carry the policy, too: no inline script, no foreign host."""
    headers = make_client(connect=("http://127.0.0.1:8111",)).get(path).headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
    assert policy["connect-src"] == "'self' http://127.0.0.1:8111"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_token_is_demanded_away_from_home():
    """Bound to another address: 401 without the token; with it a cookie, and the token leaves the
    address bar.
    """
    client = make_client("http://192.168.0.7:8000", host="0.0.0.0", token=TOKEN)
    assert client.get("/").status_code == 401
    assert client.get("/", params={"token": "x" * 16}).status_code == 401
    assert client.post("/write", params={"token": TOKEN}, json={}).status_code == 401
    entry = client.get("/", params={"token": TOKEN, "a": "1"})
    assert (entry.status_code, entry.headers["location"]) == (303, "/?a=1")
    assert "HttpOnly" in entry.headers["set-cookie"]
    assert client.get("/").status_code == 200  # the cookie was kept
    bare = make_client("http://192.168.0.7:8000", host="0.0.0.0", token=TOKEN)
    assert bare.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert (
        bare.get(
            "/", headers={"host": "evil.example", "authorization": f"Bearer {TOKEN}"}
        ).status_code
        == 400
    )


@pytest.mark.parametrize("ports", [(":8000", ":8001"), ("", ":8000")])
def test_two_pages_of_one_host_stay_open(ports):
    """A browser keeps one jar for all ports of a host (RFC 6265, 8.5): opening one page shuts no
    other.
    """
    tokens = (TOKEN, TOKEN[::-1])
    clients = [
        make_client(f"http://192.168.0.7{port}", host="0.0.0.0", token=token)
        for port, token in zip(ports, tokens, strict=True)
    ]
    jar = {}
    for client, token in zip(clients, tokens, strict=True):
        entry = client.get("/", params={"token": token})
        jar.update([entry.headers["set-cookie"].partition(";")[0].split("=")])
        client.cookies.clear()
    kept = {"cookie": "; ".join(map("=".join, jar.items()))}
    assert [client.get("/", headers=kept).status_code for client in clients] == [200, 200]


@pytest.mark.parametrize("port", ["8000;x", "²", "a b"])
def test_strange_ports_are_no_fault(port):
    """What stands behind the colon of a Host ends up in no cookie's name unless it is a number."""
    client = make_client(host="0.0.0.0", token=TOKEN)
    entry = client.get(
        "/", params={"token": TOKEN}, headers={b"host": f"127.0.0.1:{port}".encode("latin-1")}
    )
    assert (entry.status_code, entry.headers["set-cookie"].partition("=")[0]) == (
        303,
        "mapsight_token",
    )


def test_entry_leads_nowhere_else():
    """`//evil.example?token=…` is no redirect to another host."""
    client = make_client("http://192.168.0.7:8000", host="0.0.0.0", token=TOKEN)
    entry = client.get("http://192.168.0.7:8000//evil.example", params={"token": TOKEN})
    assert entry.headers["location"] == "/evil.example"


def test_tokens_are_made_where_needed():
    """At home none, elsewhere a long one, which the printed address holds."""
    assert make_app("x").guard.token == ""
    app = make_app("x", host="0.0.0.0")
    assert len(app.guard.token) == 32
    assert name_address(app, "192.168.0.7", 80) == f"http://192.168.0.7:80/?token={app.guard.token}"
    with pytest.raises(InputError, match="16 letters"):
        make_app("x", token="short")


def test_local_addresses():
    """Only loopback is home."""
    assert all(map(is_local, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_local, ("0.0.0.0", "::", "example.org")))


def test_bodies_are_capped():
    """Said length and real length: neither passes 1 KiB here."""
    client = make_client(max_body_bytes=1024)
    assert client.post("/write", json={"a": "b" * 2000}).status_code == 413
    chunks = (b"x" * 500 for _ in range(10))
    assert (
        client.post(
            "/write", content=chunks, headers={"content-type": "application/json"}
        ).status_code
        == 413
    )
    assert client.post("/write", json={"a": "b" * 100}).status_code == 200


def test_ranges_are_capped():
    """Ten thousand ranges of one file are not collected."""
    ranges = ",".join(f"{n}-{n}" for n in range(10_000))
    assert (
        make_client().get("/static/base.css", headers={"range": f"bytes={ranges}"}).status_code
        == 416
    )
    assert make_client().get("/static/base.css", headers={"range": "bytes=0-9"}).status_code == 206


@pytest.mark.parametrize(
    "path",
    [
        "../base.py",
        "%2e%2e/base.py",
        "..%2fbase.py",
        "%2e%2e%2f%2e%2e%2fcli/app.py",
        "/etc/passwd",
        "vendor/",
        "",
    ],
)
def test_files_stay_inside(path):
    """No spelling of a path leads out of the static files."""
    client = make_client()
    assert client.get("http://127.0.0.1:8000/static/" + path).status_code in (400, 404, 405)


def test_invalid_input_is_one_line():
    """What was sent is not repeated in the answer."""
    answer = make_client().post(
        "/write", content=b"[1]", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}


def test_a_taken_port_is_one_line():
    """The remedy names the option."""
    with (
        bind("127.0.0.1", 0) as first,
        pytest.raises(InputError, match=r"taken by another program; .*--port"),
    ):
        bind("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "port"), [("no address", 80), ("127.0.0.1", 99999), ("192.0.2.1", 80)]
)
def test_impossible_addresses_are_one_line(host, port):
    """No traceback for an address that is not ours."""
    with pytest.raises(InputError):
        bind(host, port)


@pytest.mark.parametrize(("name", "media"), [("css", "text/css"), ("js", "text/javascript")])
def test_pages_are_told_what_kinds_there_are(name, media):
    """Style sheet and script are made from the table of kinds; a browser takes them for such."""
    answer = make_client().get(f"/kinds.{name}")
    assert answer.headers["content-type"].startswith(media)
    assert all(kind.name in answer.text and kind.colour in answer.text for kind in KINDS.values())


def test_ctrl_c_ends_cleanly():
    """A server in a process of its own says where it is, answers, and ends with status 0 at
    SIGINT.
    """
    code = (
        "import logging; logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        "from mapsight.web.base import make_app; from mapsight.web.serve import serve\n"
        "serve(make_app('a page'), port=0, open_browser=False)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        line = hear(server)
        assert line.startswith("a page is at http://127.0.0.1:"), line
        port = int(line.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(
                b"GET /static/base.css HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            )
            assert client.recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(0.1)
        server.send_signal(2)
        _, rest = server.communicate(timeout=20)
        assert (server.returncode, rest) == (0, "ended\n")
    finally:
        server.kill()

"""The one way to the network, against real servers that misbehave."""

from __future__ import annotations

import email.utils
import gzip
import logging
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.servers import Answer, serve

from mapsight.errors import InputError
from mapsight.geo.sources.address import Address, check_url, fill_keys, follow
from mapsight.geo.sources.http import FetchError, Http, HttpSettings
from mapsight.geo.sources.store import Reply, Store

QUICK = HttpSettings(
    rate_per_s=1000,
    attempts=3,
    timeout_s=0.5,
    total_timeout_s=1.0,
    max_bytes=100_000,
    longest_wait_s=5.0,
    backoff_s=0.01,
)


def fetch(url, *, settings=QUICK, store=None, **options):
    with Http(settings, store) as http:
        return http.get(url, **options)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_faults_are_asked_again(status):
    """Two bad answers, then a good one: the good one is returned after three requests."""
    answers = [Answer(status=status), Answer(status=status), Answer(b"good")]
    with serve(lambda _: answers.pop(0)) as server:
        assert fetch(server.url).content == b"good"
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(204, "absent"), (404, "absent"), (403, "refused"), (400, "other"), (501, "server")],
)
def test_lasting_faults_are_not(status, kind):
    """What will not change is asked once, and named."""
    with serve(lambda _: Answer(status=status)) as server, pytest.raises(FetchError) as caught:
        fetch(server.url)
    assert (caught.value.kind, caught.value.status, len(server.asked)) == (kind, status, 1)


def test_gives_up_after_the_attempts():
    """A server that always fails is asked as often as allowed, no more."""
    with serve(lambda _: Answer(status=503)) as server, pytest.raises(FetchError, match="503"):
        fetch(server.url)
    assert len(server.asked) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(form):
    """The pause a service asks for is kept, by every thread, whichever way it is written."""
    refusals = [503]

    def respond(_):
        if not refusals:
            return Answer(b"good")
        until = datetime.now(UTC) + timedelta(seconds=2)
        wait = "1" if form == "seconds" else email.utils.format_datetime(until, usegmt=True)
        return Answer(status=refusals.pop(), headers={"retry-after": wait})

    with (
        serve(respond) as server,
        Http(QUICK) as http,
        ThreadPoolExecutor(3) as pool,
    ):
        first = pool.submit(http.get, f"{server.url}/0")
        gate, late = http._gate(server.url), time.monotonic() + 5
        while (refusals or gate._next < time.monotonic() + 0.3) and time.monotonic() < late:
            time.sleep(0.01)  # until the answer has been read, however busy the machine is
        assert pool.submit(http.get, f"{server.url}/1").result().content == b"good"
        assert first.result().content == b"good"
    refused, *others = server.asked
    assert len(others) == 2
    assert min(asked.at for asked in others) - refused.at >= 0.9


def test_long_pauses_are_not_waited_for():
    """Who asks for an hour gets no second request."""
    answer = Answer(status=429, headers={"retry-after": "3600"})
    with serve(lambda _: answer) as server, pytest.raises(FetchError) as caught:
        fetch(server.url)
    assert caught.value.kind == "busy"
    assert len(server.asked) == 1


def test_rate_holds_over_threads():
    """Ten requests from five threads at 20 a second take 9/20 s."""
    settings = HttpSettings(rate_per_s=20)
    with (
        serve(lambda _: Answer(b"x")) as server,
        Http(settings) as http,
        ThreadPoolExecutor(5) as pool,
    ):
        list(pool.map(lambda n: http.get(f"{server.url}/{n}"), range(10)))
    times = sorted(asked.at for asked in server.asked)
    assert times[-1] - times[0] >= 0.4


def test_stall_and_drip_end():
    """No byte for longer than the timeout, or bytes without end: both end as 'slow'."""
    for answer in (Answer(b"late", wait_s=5), Answer(b"x" * 10_000, drip_s=0.1)):
        start = time.monotonic()
        with serve(lambda _, answer=answer: answer) as server, pytest.raises(FetchError) as caught:
            fetch(server.url, settings=HttpSettings(attempts=1, timeout_s=0.5, total_timeout_s=0.8))
        assert caught.value.kind == "slow"
        assert time.monotonic() - start < 4


def test_bodies_have_a_limit():
    """Too many bytes are not taken, sent plain or packed, once or twice."""
    packed = gzip.compress(bytes(50_000_000))
    assert len(packed) < 100_000
    for body, encoding in (
        (b"x" * 200_000, "identity"),
        (packed, "gzip"),
        (gzip.compress(packed), "gzip, gzip"),
    ):
        answer = Answer(body, headers={"content-encoding": encoding})
        with serve(lambda _, answer=answer: answer) as server, pytest.raises(FetchError) as caught:
            fetch(server.url)
        assert caught.value.kind in ("too large", "damaged")


PLAIN = b"a picture, or what stands for one here" * 40


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("x-gzip", gzip.compress(PLAIN)),
        ("GZIP", gzip.compress(PLAIN)),
        ("X-GZip", gzip.compress(PLAIN)),
        ("gzip, identity", gzip.compress(PLAIN)),
        (" , gzip,", gzip.compress(PLAIN)),
        ("gzip", gzip.compress(PLAIN[:99]) + gzip.compress(PLAIN[99:])),
        ("gzip", PLAIN),  # said of what the store behind the server has unpacked
        ("deflate", zlib.compress(PLAIN)),
        ("Deflate", zlib.compress(PLAIN)[2:-4]),  # bare, as some servers send it
        ("none", PLAIN),
        ("", PLAIN),
        ("identity", PLAIN),
        ("Identity", PLAIN),
        ("utf-8", PLAIN),
        ("binary", PLAIN),
    ],
)
def test_content_codings(encoding, body):
    """Names are told apart without regard to case, x-gzip is gzip, and what is no coding is none
    (RFC 9110, 8.4.1).
    """
    answer = Answer(body, headers={"content-encoding": encoding})
    with serve(lambda _: answer) as server:
        assert fetch(server.url).content == PLAIN


@pytest.mark.parametrize(
    ("encoding", "body", "word"),
    [
        ("br", b"x", "encoding br"),
        ("ZSTD", b"x", "encoding zstd"),
        ("x-compress", b"\x1f\x9d", "x-compress"),
        ("gzip, deflate", gzip.compress(PLAIN), "inside an encoding"),
        ("x-gzip, GZIP", gzip.compress(PLAIN), "inside an encoding"),
        ("gzip", gzip.compress(PLAIN)[:-9], "breaks off"),
        ("gzip", b"\x1f\x8b" + bytes(50), "damaged"),
    ],
)
def test_codings_that_cannot_be_undone(encoding, body, word):
    """What was not asked for and what is damaged is named."""
    answer = Answer(body, headers={"content-encoding": encoding})
    with serve(lambda _: answer) as server, pytest.raises(FetchError, match=word) as caught:
        fetch(server.url)
    assert caught.value.kind == "damaged"


def test_203_is_an_answer():
    """A proxy that changed the body on its way says 203; the body is there all the same."""
    with serve(lambda _: Answer(b"there", status=203)) as server:
        assert fetch(server.url).content == b"there"


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("application/xml", b"<Error><Code>AccessDenied</Code></Error>", "absent"),
        ("text/xml", b"<Error><Code> NoSuchKey </Code></Error>", "absent"),
        ("application/xml", b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "refused"),
        ("text/plain", b"<Code>AccessDenied</Code>", "refused"),
    ],
)
def test_object_stores_say_403_for_missing(content_type, body, kind):
    """A store that nobody may list answers 403 where it has nothing."""
    answer = Answer(body, status=403, content_type=content_type)
    with serve(lambda _: answer) as server, pytest.raises(FetchError, match="403") as caught:
        fetch(server.url)
    assert caught.value.kind == kind


def test_broken_connection_and_closed_port():
    """A body that breaks off is no body; a port where nobody listens is said in one line."""
    with (
        serve(lambda _: Answer(b"x" * 1000, cut=500)) as server,
        pytest.raises(FetchError) as caught,
    ):
        fetch(server.url)
    assert caught.value.kind == "unreachable"
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(server.url)


def test_store_answers_second_time(tmp_path):
    """A kept reply needs no request; a damaged file, an old one and a refused body do."""
    store = Store(tmp_path)
    with serve(lambda _: Answer(b"body", content_type="image/png")) as server:
        assert not fetch(server.url, store=store).stored
        again = fetch(server.url, store=store)
        assert (again.content, again.content_type, again.stored) == (b"body", "image/png", True)
        assert len(server.asked) == 1
        [file] = tmp_path.glob("??/*")
        file.write_bytes(file.read_bytes()[:-1])
        fetch(server.url, store=store)
        assert len(server.asked) == 2
        fetch(server.url, store=Store(tmp_path, max_age_s=-120))
        assert len(server.asked) == 3

        def refuse(reply: Reply) -> None:
            raise FetchError("x", "is damaged", "none", kind="damaged")

        for _ in range(2):
            with pytest.raises(FetchError):
                fetch(f"{server.url}/bad", store=store, check=refuse)
        assert len(server.asked) == 5


def test_store_prunes_the_oldest(tmp_path):
    """Above the limit the newest stay."""
    store = Store(tmp_path)
    for number in range(5):
        store.write(str(number), Reply(b"x" * 1000, "", time.time()))
    assert Store(tmp_path, max_bytes=3500).prune() == 2
    assert sum(store.read(str(number)) is not None for number in range(5)) == 3


def test_posts_are_told_apart(tmp_path):
    """The answer kept for one question is not given to another."""
    with serve(lambda asked: Answer(asked.body)) as server, Http(QUICK, Store(tmp_path)) as http:
        assert http.post(server.url, data={"data": "a"}).content == b"data=a"
        assert http.post(server.url, data={"data": "b"}).content == b"data=b"
        assert http.post(server.url, body={"data": "b"}).content == b'{"data":"b"}'
        assert http.post(server.url, data={"data": "a"}).stored


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://a.example/", "file:///etc/passwd"),
        ("https://a.example/", "http://a.example/"),
        ("http://a.example/", "ftp://a.example/"),
        ("http://a.example/", "http://127.0.0.1/"),
        ("http://a.example/", "http://169.254.169.254/latest"),
        ("http://a.example/", "http://[::1]/"),
        ("http://a.example/", "//localhost/x"),
        ("http://a.example/", "gopher://x"),
    ],
)
def test_redirects_stay_outside_and_encrypted(url, location):
    """No other scheme, no way down to plain http, no way into the local network."""
    with pytest.raises(InputError):
        follow(url, location)


def test_redirects_are_followed_a_little():
    """One redirect is followed, circles end; keys in headers do not travel to another host."""
    with serve(lambda asked: Answer(asked.headers.get("x-key", "none").encode())) as other:

        def respond(asked):
            return Answer(
                status=302,
                headers={"location": f"{other.url}/there" if asked.path == "/a" else "/b"},
            )

        named = replace(QUICK, inner_hosts=("127.0.0.1",))
        with serve(respond) as server:
            headers = {"x-key": "geheim"}
            assert fetch(f"{server.url}/a", settings=named, headers=headers).content == b"none"
            with pytest.raises(FetchError, match="circles"):
                fetch(f"{server.url}/b")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/vsicurl/http://x",
        "ftp://x/y",
        "https://",
        "https://u:p@x.example/",
        "javascript:1",
        "https://x.example/\r\nHost: y",
        "https://x.example/ y",
        "http://x.example:99999/",
        "https://x.example\\@y/",
    ],
)
def test_only_web_addresses(url):
    """Files, other schemes, credentials and control characters are no service."""
    with pytest.raises(InputError):
        check_url(url)


def test_keys_come_from_the_environment_and_stay_there(tmp_path, monkeypatch, caplog):
    """The server gets the key; errors, logs, records and the store do not."""
    monkeypatch.setenv("MAP_KEY", "geheim123")
    caplog.set_level(logging.DEBUG)

    def respond(asked):
        return Answer(b"ok") if asked.path == "/tile?key=geheim123" else Answer(status=404)

    with serve(respond) as server:
        address = fill_keys(server.url + "/tile?key={env:MAP_KEY}")
        assert fetch(address, store=Store(tmp_path)).content == b"ok"
        with pytest.raises(FetchError) as caught:
            fetch(fill_keys(server.url + "/bad?key={env:MAP_KEY}"))
    seen = [
        str(caught.value),
        repr(address),
        caplog.text,
        *(f.read_bytes().decode() for f in tmp_path.glob("??/*")),
    ]
    assert not any("geheim123" in text for text in seen)
    assert "{env:MAP_KEY}" in str(caught.value)


@pytest.mark.parametrize("query", ["key=abc", "x=1&access_token=pk.123", "API_KEY=z"])
def test_literal_keys_are_refused(query):
    """A key typed into the command would stay in the shell's history and in records."""
    with pytest.raises(InputError, match="env:NAME"):
        fill_keys(f"https://x.example/?{query}")


def test_missing_variable(monkeypatch):
    """An unset variable is named."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        fill_keys("https://x.example/{env:NO_SUCH_KEY}")


def test_says_who_asks():
    """The user agent names the program, as tile services demand."""
    with serve(lambda _: Answer(b"x")) as server:
        fetch(server.url)
    assert server.asked[0].headers["user-agent"].startswith("mapsight/")


def test_threads_share_a_client():
    """Forty threads at once lose nothing."""
    barrier = threading.Barrier(40)
    with serve(lambda asked: Answer(asked.path.encode())) as server, Http(QUICK) as http:

        def ask(number: int) -> bytes:
            barrier.wait()
            return http.get(f"{server.url}/{number}").content

        with ThreadPoolExecutor(40) as pool:
            assert list(pool.map(ask, range(40))) == [f"/{number}".encode() for number in range(40)]


def test_address_hides():
    """Printing an address prints what may be shown."""
    assert str(Address("https://x/?key=1", "https://x/?key={env:K}")) == "https://x/?key={env:K}"

"""The inner network is reached where the user says so, and by nobody else's words: every spelling
of its addresses is tried against a server on loopback.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import contextmanager

import pytest
from tests.geo.sources.test_stac import AREA, WHOLE, cog
from tests.servers import Answer, serve
from tests.stacserver import Catalogue

from mapsight.errors import MapsightError
from mapsight.geo.sources.address import Address
from mapsight.geo.sources.catalogue import StacSettings
from mapsight.geo.sources.http import Http, HttpSettings
from mapsight.geo.sources.inner import Guard, is_inner, is_inward
from mapsight.geo.sources.stac import fetch_stac
from mapsight.geo.sources.tiles import fetch_tiles

QUICK = HttpSettings(rate_per_s=5000, attempts=1, timeout_s=5, backoff_s=0.01)

# each is 127.0.0.1 to some resolver or other, and no public service is called so
SPELLINGS = [
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "127.000.000.001",
    "0",
    "0.0.0.0",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::1%25lo]",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "%31%32%37.0.0.1",
]
NAMES = ["inner.example", "both.example", "db.internal", "printer.local", "foo.localhost"]


@pytest.fixture
def names(monkeypatch):
    """Public-looking names that resolve to loopback, one of them among public addresses, too."""
    real, asked = socket.getaddrinfo, []

    def resolve(host, *arguments, **options):
        asked.append(host)
        if host == "both.example":
            public = real("93.184.215.14", *arguments, **options)
            return public + real("127.0.0.1", *arguments, **options)
        return real("127.0.0.1" if host in NAMES else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@contextmanager
def secret():
    """A server of the inner network, which must not be asked."""
    with serve(lambda _: Answer(b"secret")) as server:
        yield server, server.url.rpartition(":")[2]


@pytest.mark.parametrize("host", [*SPELLINGS, *NAMES])
def test_no_spelling_that_hides_it_is_reached(host, names):
    """Typed or told, as a tile's address, none of them is asked."""
    with secret() as (server, port), Http(QUICK) as http:
        url = f"http://{host}:{port}/x"
        for address in (url, Address(url, "x")):
            with pytest.raises(MapsightError):
                http.get(address)
        assert server.asked == []


@pytest.mark.parametrize("host", [*SPELLINGS, *NAMES, "127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("status", [301, 307])
def test_no_redirect_leads_inside(host, status, names):
    """A service, even one of one's own, leads to no other port of this machine."""
    with secret() as (server, port), Http(QUICK) as http:
        answer = Answer(status=status, headers={"location": f"http://{host}:{port}/x"})
        with serve(lambda _: answer) as mine, pytest.raises((MapsightError, UnicodeError)):
            http.get(mine.url)
        assert server.asked == []


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "[::ffff:127.0.0.1]", "127.0.0.1", "localhost", *NAMES]
)
def test_no_asset_leads_inside(host, names, tmp_path):
    """A file of a catalogue's item is read by our own requests: none goes inside."""
    catalogue = Catalogue()
    content = cog(tmp_path, WHOLE)
    with serve(lambda _: Answer(content)) as inside, serve(catalogue.respond) as mine:
        port = inside.url.rpartition(":")[2]
        catalogue.url = mine.url
        href = f"http://{host}:{port}/a.tif"
        catalogue.add("a", content, WHOLE, date="2022-06-01T00:00:00Z", href=href)
        with Http(QUICK) as http, pytest.raises(MapsightError):
            fetch_stac(
                AREA,
                mine.url,
                out=tmp_path / "image.tif",
                m_per_px=1.0,
                http=http,
                settings=StacSettings("aerial"),
            )
        assert inside.asked == []


def test_no_redirect_of_an_asset_leads_inside(tmp_path):
    """Nor does GDAL follow one: it is handed bytes."""
    catalogue = Catalogue()
    content = cog(tmp_path, WHOLE)
    with secret() as (server, port), serve(catalogue.respond) as mine:
        catalogue.url = mine.url
        catalogue.add("a", content, WHOLE, date="2022-06-01T00:00:00Z")
        catalogue.spoil = lambda asked: (
            Answer(status=302, headers={"location": f"http://127.0.0.1:{port}/x"})
            if asked.path.startswith("/files/")
            else None
        )
        with Http(QUICK) as http, pytest.raises(MapsightError):
            fetch_stac(
                AREA,
                mine.url,
                out=tmp_path / "image.tif",
                m_per_px=1.0,
                http=http,
                settings=StacSettings("aerial"),
            )
        assert server.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_ones_own_server_is_asked_where_its_address_is_typed(host):
    """In numbers, or as localhost, an address says where it leads: typing it is saying yes."""
    with secret() as (_, port), Http(QUICK) as http:
        assert http.get(f"http://{host}:{port}/x").content == b"secret"
        with pytest.raises(MapsightError, match="did not name it"):
            http.get(Address(f"http://127.0.0.1:{int(port) - 1}/x", "x"))


@pytest.mark.parametrize("named", ["inner.example", "INNER.example.", "inner.example:PORT"])
def test_a_host_that_was_named_is_asked(named, names):
    """--inner-host opens one host, or one port of it, and the name is resolved only once."""
    with secret() as (_, port):
        settings = HttpSettings(attempts=1, inner_hosts=(named.replace("PORT", port),))
        with Http(settings) as http:
            url = f"http://inner.example:{port}/x"
            assert http.get(Address(url, url)).content == b"secret"
            assert names == ["inner.example", "127.0.0.1"]  # the second is no look-up
            with pytest.raises(MapsightError, match=r"--inner-host both\.example"):
                http.get(f"http://both.example:{port}/x")
        other = HttpSettings(attempts=1, inner_hosts=("inner.example:1",))
        with Http(other) as http, pytest.raises(MapsightError, match="inner network"):
            http.get(f"http://inner.example:{port}/x")


def test_tiles_of_a_hidden_address_are_refused(tmp_path, names):
    """One line for the whole area, with the remedy, and no request."""
    with secret() as (server, port), Http(QUICK) as http:
        for host, word in (("127.1", "127.0.0.1"), ("inner.example", "--inner-host")):
            with pytest.raises(MapsightError, match=word):
                fetch_tiles(
                    AREA,
                    f"http://{host}:{port}/{{z}}/{{x}}/{{y}}.png",
                    out=tmp_path / "image.tif",
                    m_per_px=1.0,
                    http=http,
                )
        assert server.asked == []


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("127.8.9.1", True),
        ("10.0.0.1", True),
        ("172.16.4.4", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("::1", True),
        ("fe80::1", True),
        ("fd00::1", True),
        ("ff02::1", True),
        ("::ffff:10.0.0.1", True),
        ("64:ff9b::a00:1", True),
        ("2002:a00:1::", True),
        ("93.184.215.14", False),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False),
        ("64:ff9b::5db8:d70e", False),
    ],
)
def test_which_addresses_are_inner(address, inner):
    """Private, local, shared and wrapped ones are; public ones are not."""
    assert is_inner(ipaddress.ip_address(address)) is inner
    assert is_inward(address) is inner


def test_every_address_of_a_name_is_checked(names):
    """One inner address among public ones is enough to refuse; none of them is connected to."""
    guard = Guard()
    with pytest.raises(MapsightError, match=r"127\.0\.0\.1"):
        guard.find_addresses("both.example", 80)


def test_a_proxy_of_the_users_does_not_open_the_inner_network(monkeypatch, names):
    """What the environment names as a proxy is used, but asked for nothing inside."""
    with secret() as (server, port), serve(lambda _: Answer(b"by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        with Http(QUICK) as http:
            assert http.get("http://93.184.215.14/x").content == b"by proxy"
            with pytest.raises(MapsightError, match="inner network"):
                http.get(Address(f"http://inner.example:{port}/x", "x"))
        assert [asked.path for asked in proxy.asked] == ["http://93.184.215.14/x"]
        assert server.asked == []

"""A catalogue on loopback: which items are taken, that they lie right, and what a bad catalogue
cannot do.
"""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from tests import earth
from tests.geo.sources.test_folder import halves, write_painted
from tests.servers import Answer, serve
from tests.stacserver import Catalogue

from mapsight.errors import InputError, MapsightError
from mapsight.geo.raster import open_image
from mapsight.geo.sources.address import Address
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.catalogue import StacSettings, check_inward
from mapsight.geo.sources.http import Http, HttpSettings
from mapsight.geo.sources.stac import fetch_stac

AREA = Area(11.570, 48.130, 11.5755, 48.1335)
QUICK = HttpSettings(rate_per_s=5000, attempts=2, timeout_s=30, backoff_s=0.01)
WHOLE = (11.568, 48.128, 11.578, 48.136)


def cog(folder, bounds, *, crs="EPSG:32632", unit=0.6, value=None) -> bytes:
    """A cloud-optimised GeoTIFF of the painted earth, or of one grey."""
    plain = write_painted(
        folder / "plain.tif", bounds, crs, unit, tiled=True, blockxsize=128, blockysize=128
    )
    if value is not None:
        with rasterio.open(plain, "r+") as source:
            source.write(np.full((3, source.height, source.width), value, np.uint8))
    rasterio.shutil.copy(plain, folder / "cog.tif", driver="COG", blocksize=128)
    return (folder / "cog.tif").read_bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of the catalogue: name → content."""
    folder = tmp_path_factory.mktemp("cogs")
    west, east = halves(AREA)
    return {
        "west": cog(folder, west),
        "east": cog(folder, east, crs="EPSG:3035"),
        "old": cog(folder, WHOLE, unit=3, value=77),
        "cloudy": cog(folder, WHOLE, unit=3, value=200),
    }


@pytest.fixture
def catalogue(files):
    """West and east of the area of 2022, one image of 2020, a cloudy one of 2023."""
    catalogue = Catalogue()
    west, east = halves(AREA)
    catalogue.add("west", files["west"], west, date="2022-06-01T00:00:00Z", cloud=1)
    catalogue.add("east", files["east"], east, date="2022-06-02T00:00:00Z", cloud=2)
    catalogue.add("old", files["old"], WHOLE, date="2020-06-01T00:00:00Z", cloud=0)
    catalogue.add("cloudy", files["cloudy"], WHOLE, date="2023-06-01T00:00:00Z", cloud=60)
    return catalogue


@pytest.fixture
def gather(catalogue, tmp_path):
    """Fetches from the catalogue into tmp_path/image.tif; gives the record and what the server was
    asked.
    """

    def gather(*, m_per_px=1.0, area=AREA, prefix="", **options):
        with serve(catalogue.respond) as server, Http(QUICK) as http:
            catalogue.url = server.url
            options = {"collection": "aerial"} | options
            if "sign" in options:
                options["sign"] = server.url + options["sign"]
            record = fetch_stac(
                area,
                server.url + prefix,
                out=tmp_path / "image.tif",
                m_per_px=m_per_px,
                http=http,
                settings=StacSettings(**options),
            )
            return record, server.asked

    gather.image = tmp_path / "image.tif"
    return gather


def read(path):
    with open_image(path) as reader:
        return reader.read_all()


def test_same_place_as_the_formula(gather):
    """Two files in two CRSs make one image that lies where the formula says; licence and dates are
    recorded.
    """
    record, _ = gather()
    image = read(gather.image)
    assert image.valid.all()
    error = np.abs(image.array - earth.expect(image.geobox)).max(axis=0)
    assert np.percentile(error, 99) < 1.5  # the waves rise by 9 levels a metre
    assert error.max() < 7  # where one file ends, its last half pixel is flat
    assert [item["id"] for item in record.details["items"]] == ["east", "west"]
    assert record.attribution == "Painters of Munich; licence CC-BY-4.0"
    assert "2022-06-01 to 2022-06-02" in record.notes[0]


def test_date_and_clouds(gather):
    """A span of dates chooses the old image; a clear sky is preferred unless only clouds are
    there.
    """
    record, _ = gather(date="2019-01-01/2021-01-01")
    assert [item["id"] for item in record.details["items"]] == ["old"]
    assert (read(gather.image).array == 77).all()
    record, _ = gather(date="2023-01-01/2024-01-01")
    assert [item["id"] for item in record.details["items"]] == ["cloudy"]
    with pytest.raises(InputError, match="none clear enough"):
        gather(date="2023-01-01/2024-01-01", max_cloud=20)
    with pytest.raises(InputError, match="none clear enough"):
        gather(date="2022-01-01/2022-12-31", max_cloud=0)


def test_pages_are_turned(gather, catalogue):
    """All pages are read."""
    catalogue.page = 1
    record, _ = gather()
    assert [item["id"] for item in record.details["items"]] == ["east", "west"]
    assert record.notes[0].startswith("4 items fit")


def test_coarse_images_read_overviews(gather, catalogue, tmp_path):
    """At 5 m a pixel a fraction of the bytes is asked for."""
    wide = (11.55, 48.12, 11.59, 48.145)
    catalogue.items.clear()
    catalogue.add("wide", cog(tmp_path, wide, unit=1.0), wide, date="2022-06-01T00:00:00Z")
    size = len(catalogue.files["wide"])
    _, asked = gather(m_per_px=8.0, area=Area(11.552, 48.122, 11.588, 48.143))
    sent = 0
    for request in asked:
        if spoken := request.headers.get("range"):
            first, _, last = spoken.removeprefix("bytes=").partition("-")
            sent += min(int(last or size), size - 1) - int(first) + 1
    assert 0 < sent < size / 4
    image = read(gather.image)
    assert np.abs(image.array - earth.expect(image.geobox)).mean() < 8


def test_one_broken_file(gather, catalogue):
    """A file that breaks off is no data and counted; the rest is there, and the answer says it can
    be tried again.
    """
    catalogue.files["west"] = catalogue.files["west"][: len(catalogue.files["west"]) // 3]
    record, _ = gather(date="2022-01-01/2022-12-31")
    image = read(gather.image)
    assert record.failed == {"unreadable": 1}
    assert not record.complete
    assert 0.4 < image.valid.mean() < 1
    assert np.percentile(np.abs(image.array - earth.expect(image.geobox))[:, image.valid], 99) < 1.5


def test_nothing_readable(gather, catalogue):
    """HTML in place of all files: no image, one line."""
    catalogue.files = dict.fromkeys(catalogue.files, b"<html>please log in</html>")
    with pytest.raises(MapsightError, match="could be read"):
        gather()


def test_signed_files(gather, catalogue, caplog):
    """Signatures are fetched and used, and neither recorded nor logged."""
    caplog.set_level(logging.DEBUG)
    catalogue.secret = "geheim123"
    with pytest.raises(MapsightError, match="could be read: its file answers with status 403"):
        gather()
    record, _ = gather(sign="/sign?href={href}")
    assert record.share_valid == 1.0
    assert "geheim123" not in json.dumps(record.details) + "".join(record.notes)
    assert "geheim123" not in caplog.text


def test_colours_by_name(gather, catalogue, tmp_path):
    """Four bands in odd order are found by their names (STAC 1.0 and 1.1)."""
    plain = write_painted(tmp_path / "p.tif", WHOLE, "EPSG:32632", 1.0)
    with rasterio.open(plain) as source:
        rgb, profile = source.read(), source.profile
    with rasterio.open(
        tmp_path / "four.tif",
        "w",
        **profile | {"count": 4, "tiled": False, "photometric": "minisblack"},
    ) as target:
        target.write(np.stack([np.full_like(rgb[0], 9), rgb[2], rgb[1], rgb[0]]))
    content = (tmp_path / "four.tif").read_bytes()
    for bands in (
        {"eo:bands": [{"common_name": name} for name in ("nir", "blue", "green", "red")]},
        {"bands": [{"eo:common_name": name} for name in ("nir", "blue", "green", "red")]},
    ):
        catalogue.items.clear()
        catalogue.add("four", content, WHOLE, date="2022-06-01T00:00:00Z", **bands)
        gather()
        image = read(gather.image)
        assert np.abs(image.array - earth.expect(image.geobox)).max() < 5


@pytest.mark.parametrize(
    "href", ["/etc/passwd", "file:///etc/passwd", "s3://naip/x.tif", "/vsizip/x.zip/y", "ftp://x/y"]
)
def test_files_must_be_on_the_web(gather, catalogue, href):
    """A catalogue cannot make us read local files or other schemes."""
    catalogue.items = [item | {"assets": {"image": {"href": href}}} for item in catalogue.items[:1]]
    with pytest.raises(MapsightError, match=r"not on the web|cannot be read"):
        gather()


def test_next_page_must_be_on_the_web(gather, catalogue, tmp_path):
    """pystac-client would open a next page that is a path as a local file."""
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"features": catalogue.items, "links": []}))
    page = {
        "type": "FeatureCollection",
        "features": catalogue.items[:1],
        "links": [{"rel": "next", "href": str(secret)}],
    }
    catalogue.spoil = lambda asked: (
        Answer(json.dumps(page).encode()) if asked.path.startswith("/search") else None
    )
    with pytest.raises(MapsightError, match="http or https"):
        gather()


def test_public_catalogues_stay_outside():
    """A catalogue of the open web cannot point at machines of the local network."""
    root = Address("https://stac.example/", "https://stac.example/")
    check_inward("https://files.example/x.tif", root)
    for href in (
        "http://127.0.0.1/x.tif",
        "http://10.1.2.3/x",
        "http://169.254.169.254/latest",
        "http://localhost/x",
    ):
        with pytest.raises(InputError, match="local network"):
            check_inward(href, root)


NONSENSE = [
    b"<html>",
    b"",
    b"[]",
    b'{"type": "Catalog"}',
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"features": 3}',
    b"null",
]


@pytest.mark.parametrize("path", ["/", "/search"])
def test_nonsense(gather, catalogue, path):
    """Whatever a catalogue sends: one line, no traceback."""
    for body in NONSENSE:
        catalogue.spoil = lambda asked, body=body: Answer(body) if asked.path == path else None
        with pytest.raises(MapsightError) as caught:
            gather()
        assert "\n" not in str(caught.value)


def test_odd_items_are_left_out(gather, catalogue):
    """Odd items do not spoil the others."""
    for change in (
        {"geometry": None},
        {"geometry": {"type": "Polygon", "coordinates": "x"}},
        {"assets": {}},
        {"assets": 3},
        {"properties": None},
        {"assets": {"image": {}}},
        {"id": None, "geometry": {}},
        {"bbox": WHOLE, "links": 3},
    ):
        catalogue.items.append(catalogue.items[0] | {"id": "odd"} | change)
    record, _ = gather()
    assert [item["id"] for item in record.details["items"]] == ["east", "west"]


def test_words_of_strangers_are_cleaned(gather, catalogue):
    """Escape sequences in ids do not reach the terminal."""
    catalogue.items[2]["id"] = "old\x1b[2J\nname"
    record, _ = gather(date="2019-01-01/2021-01-01")
    assert record.details["items"][0]["id"] == "old [2J name"


def test_dates_are_checked(gather):
    """Free text is no date."""
    with pytest.raises(InputError, match="expected a date"):
        gather(date="last summer")

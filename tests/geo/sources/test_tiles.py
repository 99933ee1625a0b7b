"""Images gathered from services on loopback, compared with the formula the services paint from."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rasterio
from PIL import Image, ImageDraw
from tests import earth
from tests.servers import Answer, png_header, serve

from mapsight.errors import InputError, MapsightError
from mapsight.geo.raster import open_image
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.cells import CellSettings
from mapsight.geo.sources.http import Http, HttpSettings
from mapsight.geo.sources.store import Store
from mapsight.geo.sources.tiles import TileSettings, fetch_drawn_map, fetch_tiles

AREA = Area(11.570, 48.130, 11.5755, 48.1335)  # 409 × 389 m
QUICK = HttpSettings(rate_per_s=5000, attempts=2, timeout_s=60, backoff_s=0.01)


@pytest.fixture
def gather(tmp_path):
    """Fetches into tmp_path/image.tif; what was fetched stays in tmp_path/store."""

    def gather(template, *, area=AREA, m_per_px=1.0, http=QUICK, **options):
        with Http(http, Store(tmp_path / "store")) as client:
            return fetch_tiles(
                area,
                template,
                out=tmp_path / "image.tif",
                m_per_px=m_per_px,
                http=client,
                settings=TileSettings(**options),
            )

    gather.image = tmp_path / "image.tif"
    return gather


def read(path):
    with open_image(path) as reader:
        return reader.read_all(), reader


def measure_offset_px(seen, expected, valid):
    """(right, down) by which the image lies off, from the slope of the waves: least squares over
    all pixels.
    """
    slope = [np.gradient(expected, axis=axis) for axis in (2, 1)]
    matrix = np.stack([-part[:, valid].ravel() for part in slope], axis=1)
    return np.linalg.lstsq(matrix, (seen.astype(float) - expected)[:, valid].ravel(), rcond=None)[0]


TEMPLATES = {
    "xyz": "/xyz/{z}/{x}/{y}.png",
    "tms": "/tms/{z}/{x}/{-y}.png",
    "quadkey": "/q/{q}.png",
    "wms 3857": "/wms?version=1.1.1&srs=EPSG:3857&bbox={bbox}&width={width}&height={height}",
    "wms lat first": "/wms?version=1.3.0&crs=EPSG:4326&bbox={bbox}&width={width}&height={height}",
    "wms utm": "/wms?version=1.3.0&crs=EPSG:32632&bbox={bbox}&width=400&height=300",
    "static": "/static?center={lat},{lon}&zoom={zoom}&size={width}x{height}",
    "static dense": "/static?center={lat},{lon}&zoom={zoom}&size={width}x{height}&scale=2",
}


@pytest.mark.parametrize(
    ("kind", "m_per_px"), [*((kind, 1.0) for kind in TEMPLATES), ("xyz", 2.3), ("static", 0.7)]
)
def test_same_place_as_the_formula(gather, kind, m_per_px):
    """Within a twentieth of a pixel, and pixel by pixel within the blur of resampling, for each
    kind of service.
    """
    options = {}
    if kind.startswith("static"):
        density = 2 if kind.endswith("dense") else 1
        options = {
            "accept_terms": True,
            "cells": CellSettings(bar_px=20, density=density, tile_px=300),
        }
    with serve(earth.respond) as server:
        record = gather(server.url + TEMPLATES[kind], m_per_px=m_per_px, **options)
    image, reader = read(gather.image)
    expected = earth.expect(image.geobox)
    assert image.geobox.m_per_px == m_per_px
    assert (record.failed, record.share_valid, image.valid.all()) == ({}, 1.0, True)
    assert np.abs(measure_offset_px(image.array, expected, image.valid)).max() < 0.05
    assert np.abs(image.array - expected).max() < 4  # the waves rise by 9 levels a metre
    assert not [note for note in reader.notes if "resampled" in note or "reprojected" in note]


def test_cog_with_mask(gather):
    """The file is a cloud-optimised GeoTIFF: tiled, overviews inside, laid out as GDAL demands."""
    with serve(earth.respond) as server:
        gather(server.url + TEMPLATES["xyz"], area=Area(11.57, 48.13, 11.585, 48.139))
    with rasterio.open(gather.image) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.overviews(1)
        assert source.mask_flag_enums[0] == [rasterio.enums.MaskFlags.per_dataset]
        assert source.dtypes == ("uint8",) * 3


def spoil(which, answer):
    """The painted earth, but for tiles whose path is chosen by `which`."""
    return lambda asked: answer if which(asked.path) else earth.respond(asked)


def odd(path: str) -> bool:
    """Every other column of tiles."""
    return int(path.split("/")[-2]) % 2 == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=404), "absent"),
        (Answer(status=204), "absent"),
        (Answer(status=403), "refused"),
        (Answer(status=500), "server"),
        (Answer(status=429, headers={"retry-after": "9999"}), "busy"),
        (Answer(b"<html>please log in</html>", content_type="image/png"), "damaged"),
        (Answer(earth.paint_tile(3, 1, 1)[:-900]), "damaged"),
        (Answer(earth.paint_tile(3, 1, 1, side_px=512)), "damaged"),
        (Answer(png_header(50_000, 50_000)), "damaged"),
        (Answer(earth.paint_tile(3, 1, 1), cut=500), "unreachable"),
        (Answer(earth.paint_tile(3, 1, 1)), "placeholder"),
        (Answer(earth.paint_tile(3, 1, 1), headers={"X-VE-Tile-Info": "no-tile"}), "placeholder"),
        (Answer(earth.paint_tile(3, 1, 1), headers={"ETag": '"10i954m13i2"'}), "placeholder"),
        (Answer(earth.paint_tile(3, 1, 1, side_px=1)), "placeholder"),
        (Answer(earth.as_picture(np.full((4, 2, 3), 255, np.uint8))), "placeholder"),
        (Answer(b""), "absent"),
        (Answer(bytes(40_000_000)), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failed_tiles_are_no_data(gather, answer, kind):
    """Whatever goes wrong with half the tiles: they are counted by reason and not valid, the others
    are right.
    """
    with serve(spoil(odd, answer)) as server:
        record = gather(server.url + TEMPLATES["xyz"])
        tiles = {asked.path for asked in server.asked}
    bad = sum(map(odd, tiles))
    assert bad > 0
    if (
        kind == "busy"
    ):  # a service that wants to be left alone for hours is: the other tiles are busy, too
        assert record.failed["busy"] + record.fetched == record.details["tiles"]
        return
    assert record.failed == {kind: bad}
    assert record.fetched == len(tiles) - bad
    image, _ = read(gather.image)
    assert 0.3 < image.valid.mean() < 0.7
    assert record.share_valid == pytest.approx(image.valid.mean(), abs=1e-6)
    assert (image.array[:, ~image.valid] == 0).all()
    assert np.abs(image.array - earth.expect(image.geobox))[:, image.valid].max() < 4
    assert any(f"{bad} of {len(tiles)} tiles are no data" in note for note in record.notes)


def test_drawn_maps_keep_their_pixels(tmp_path):
    """A drawn map comes on the grid of its service, colour by colour as painted there: nothing is
    resampled.
    """
    with serve(earth.respond) as server, Http(QUICK, Store(tmp_path)) as http:
        drawn, record = fetch_drawn_map(
            AREA, server.url + TEMPLATES["xyz"], m_per_px=1.0, http=http
        )
    inside = drawn.array[:, drawn.valid]
    assert (np.abs(inside - earth.expect(drawn.geobox)[:, drawn.valid]) <= 0.51).all()
    assert drawn.crs.to_epsg() == 3857
    assert (record.failed, record.details["zoom"]) == ({}, 17)


def write_text(ground, kind, *, words="", quality=80):
    """A plain tile with words on it, as services send where they have no imagery."""
    picture = Image.new("RGB", (256, 256), ground)
    drawn = ImageDraw.Draw(picture)
    drawn.text((60, 100), words, fill=(110, 110, 110))
    drawn.rectangle((20, 200, 90, 215), outline=(150, 150, 160))
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": quality} if kind != "PNG" else {}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("ground", "kind"),
    [
        ((204, 204, 204), "JPEG"),
        ((242, 239, 233), "PNG"),
        ((255, 255, 255), "WEBP"),
        ((20, 30, 60), "JPEG"),
    ],
)
def test_texts_on_plain_ground_are_no_imagery(gather, ground, kind):
    """A text that differs from tile to tile is told by its few colours; what is reported is the
    share of imagery.
    """

    def respond(asked):
        if odd(asked.path):
            return Answer(write_text(ground, kind, words=f"No imagery at {asked.path}"))
        return earth.respond(asked)

    with serve(respond) as server:
        record = gather(server.url + TEMPLATES["xyz"])
        bad = sum(odd(asked.path) for asked in server.asked)
    assert record.failed == {"placeholder": bad}
    assert record.complete
    assert record.share_valid == pytest.approx(read(gather.image)[0].valid.mean(), abs=1e-6)
    assert 0.3 < record.share_valid < 0.7
    assert not any("fault" in note for note in record.notes)


@pytest.mark.parametrize("ground", [(255, 255, 255), (204, 204, 204), None])
def test_tiles_at_the_edge_of_the_imagery_are_kept(gather, ground):
    """Of a tile that is plain, or clear, for nine tenths the last tenth is imagery all the same."""

    def respond(asked):
        answer = earth.respond(asked)
        if not odd(asked.path):
            return answer
        pixels = np.asarray(Image.open(io.BytesIO(answer.body)).convert("RGBA")).copy()
        pixels[:, 26:] = (0, 0, 0, 0) if ground is None else (*ground, 255)
        return Answer(earth.as_picture(pixels))

    with serve(respond) as server:
        record = gather(server.url + TEMPLATES["xyz"])
    assert record.failed == {}
    seen = read(gather.image)[0]
    assert np.abs(seen.array - earth.expect(seen.geobox))[:, seen.valid].max() < 40
    with serve(spoil(odd, Answer(status=404))) as server:
        without = gather(server.url.replace("127.0.0.1", "localhost") + TEMPLATES["xyz"])
    assert record.share_valid > without.share_valid + 0.02


def test_one_placeholder_of_many_tiles_is_told(gather):
    """One is enough: no other need be like it."""
    chosen = []

    def respond(asked):
        chosen.append(asked.path)
        if asked.path == chosen[0]:
            return Answer(write_text((204, 204, 204), "JPEG", words="Map data not available"))
        return earth.respond(asked)

    with serve(respond) as server:
        record = gather(server.url + TEMPLATES["xyz"])
    assert record.failed == {"placeholder": 1}
    assert record.share_valid < 1


@pytest.mark.parametrize("value", [0, 255, (204, 204, 204), (242, 239, 233), (128, 128, 128)])
def test_uniform_tiles_are_no_imagery(gather, value):
    """Plain colour where the service has nothing is no data, also in a tile half delivered."""

    def respond(asked):
        _, _, z, x, y = asked.path.removesuffix(".png").split("/")
        size = earth.SIDE / 2 ** int(z)
        left, top = int(x) * size - earth.SIDE / 2, earth.SIDE / 2 - int(y) * size
        pixels = earth.paint(left, top - size, left + size, top, 256, 256)
        pixels[100:180, 60:200] = value
        return Answer(earth.as_picture(pixels))

    with serve(respond) as server:
        gather(server.url + TEMPLATES["xyz"])
        image, _ = read(gather.image)
        assert 1 - image.valid.mean() == pytest.approx(80 * 140 / 256**2, abs=0.04)
        assert np.abs(image.array - earth.expect(image.geobox))[:, image.valid].max() < 40
        gather(server.url + TEMPLATES["xyz"], photo=False)
        assert read(gather.image)[0].valid.all()


def test_nothing_at_all(gather):
    """No tile: no image, the reason and the service's own words."""
    answer = Answer(b"<html>key expired</html>")
    with (
        serve(lambda _: answer) as server,
        pytest.raises(MapsightError, match=r"no tile could.*damaged.*key expired"),
    ):
        gather(server.url + TEMPLATES["xyz"])
    assert not gather.image.exists()


def test_hopeless_services_are_left_alone(gather):
    """When a dozen tiles in a row fail, the others are not asked for."""
    with (
        serve(lambda _: Answer(status=500)) as server,
        pytest.raises(MapsightError, match="not asked"),
    ):
        gather(server.url + TEMPLATES["xyz"], m_per_px=0.1, max_tiles=5000)
    assert len(server.asked) < 60


def test_too_many_tiles(gather):
    """A slip of the bounding box does not become a million requests."""
    with serve(earth.respond) as server, pytest.raises(InputError, match="above the limit of 20"):
        gather(server.url + TEMPLATES["xyz"], m_per_px=0.2, max_tiles=20)
    assert not server.asked


def test_static_maps_need_consent(gather):
    """Nobody is asked before the terms are accepted."""
    with serve(earth.respond) as server, pytest.raises(MapsightError, match="--accept-terms"):
        gather(server.url + TEMPLATES["static"])
    assert not server.asked


def test_politeness(gather):
    """Never more at a time than allowed, never more a second, each picture once, with a name."""
    running, most, lock = 0, 0, threading.Lock()

    def respond(asked):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return earth.respond(asked)

    with serve(respond) as server:
        gather(server.url + TEMPLATES["xyz"], http=HttpSettings(rate_per_s=25, parallel=3))
    times = sorted(asked.at for asked in server.asked)
    assert most <= 3
    assert times[-1] - times[0] >= 0.9 * (len(times) - 1) / 25
    assert len({asked.path for asked in server.asked}) == len(times)


def test_second_run_asks_only_for_what_failed(gather):
    """Passing failures are asked for again, and only they; then the image is whole."""
    broken = True
    with serve(
        lambda asked: Answer(status=502) if broken and odd(asked.path) else earth.respond(asked)
    ) as server:
        first = gather(server.url + TEMPLATES["xyz"])
        assert not first.complete
        before, broken = len(server.asked), False
        second = gather(server.url + TEMPLATES["xyz"])
        again = [asked.path for asked in server.asked[before:]]
    assert len(again) == first.failed["server"]
    assert all(map(odd, again))
    assert (second.failed, second.complete, second.share_valid) == ({}, True, 1.0)
    image, _ = read(gather.image)
    assert np.abs(image.array - earth.expect(image.geobox)).max() < 4


KILLED = """
import sys
from pathlib import Path
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.http import Http, HttpSettings
from mapsight.geo.sources.store import Store
from mapsight.geo.sources.tiles import fetch_tiles
folder = Path(sys.argv[1])
with Http(HttpSettings(rate_per_s=1000), Store(folder / "store")) as http:
    area = Area(*map(float, sys.argv[3:]))
    fetch_tiles(area, sys.argv[2], out=folder / "image.tif", m_per_px=0.5, http=http)
"""


def test_killed_in_the_middle(gather, tmp_path):
    """kill -9 while tiles come in: no half image; the rerun asks for the rest, and the image is the
    same.
    """
    gate = threading.Event()

    def respond(asked):
        if len(server.asked) > 15:
            gate.wait(20)
        return earth.respond(asked)

    with serve(respond) as server:
        template = server.url + TEMPLATES["xyz"]
        command = [sys.executable, "-c", KILLED, str(tmp_path), template, *map(str, AREA.bbox)]
        victim = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(server.asked) < 17:
            assert time.monotonic() < deadline and victim.poll() is None
            time.sleep(0.02)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        gate.set()
        assert not gather.image.exists()
        before = len(server.asked)
        record = gather(template, m_per_px=0.5)
        asked_again = len(server.asked) - before
    tiles = record.details["tiles"]
    assert asked_again <= tiles - 11  # of sixteen, up to four were on their way
    assert (record.failed, record.share_valid) == ({}, 1.0)
    image, _ = read(gather.image)
    assert np.abs(image.array - earth.expect(image.geobox)).max() < 4

"""What the server of a review answers; oracles: the files of the audit, and bad-input rules 35 to
40.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import resource
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import geopandas as gpd
import numpy as np
import pytest

pytest.importorskip("rio_tiler", reason="needs mapsight[web]")

import anyio
import shapely
from PIL import Image
from starlette.testclient import TestClient

from mapsight.errors import InputError
from mapsight.geo.geopackage import replace_layers
from mapsight.geo.network import write_lines
from mapsight.roads.scoring.rerank import Lessons, learn_verdicts
from mapsight.roads.scoring.table import FEATURES, score_evidence
from mapsight.roads.verdicts.store import read_verdicts
from mapsight.web.review.app import make_review
from mapsight.web.review.place import Frame, read_links
from mapsight.web.review.session import ReviewSettings, open_session
from mapsight.web.review.tiles import WORLD_M, tile_bounds

from .conftest import HOSTILE, make_findings, serving, write_audit


@pytest.fixture
def client(audit):
    """The page's server, asked without a network."""
    with TestClient(make_review(open_session(audit)), base_url="http://127.0.0.1:8000") as client:
        yield client


def judge(client, finding="0000000001", **body):
    """One verdict, posted."""
    return client.post(
        f"/api/findings/{finding}/verdict", json={"verdict": "accept", "revision": 0, **body}
    )


def picture(answer) -> np.ndarray:
    """The pixels of an answer, as RGBA."""
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_the_list_is_the_table(client, audit):
    """Every finding of the file is listed, by falling score, in degrees."""
    listed = client.get("/api/findings").json()
    table = gpd.read_file(audit / "findings.gpkg", layer="findings").sort_values(
        "score", ascending=False
    )
    assert listed["id"] == table["finding_id"].tolist()
    assert np.allclose(listed["bounds"], table.to_crs(4326).bounds, atol=2e-7)
    assert np.allclose(listed["length_m"], table["length_m"], atol=0.06)


def test_a_finding_tells_its_evidence(client):
    """The parts of the score are those of the ranking for the same features; the rest is there."""
    told = client.get("/api/findings/0000000000").json()
    assert HOSTILE in told["evidence"]  # text, which the page must keep inert
    logit = sum(part["adds"] for part in told["parts"] if part["name"] != "rest")
    score = score_evidence("missing", dict.fromkeys(FEATURES["missing"], 0.5))
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(score, abs=2e-3)
    assert all(0 <= p <= 0.9 for p in told["profile"]["line"]["p"])
    assert told["links"][0][1].startswith("https://www.openstreetmap.org/edit?editor=id#map=19/")
    assert told["josm"].startswith("http://127.0.0.1:8111/load_and_zoom?left=")
    assert told["history"] == []


@pytest.mark.parametrize(
    ("verdicts", "words"), [(7, "what 7 verdicts here add"), (0, "another version's table")]
)
def test_the_parts_sum_to_the_score(tmp_path, verdicts, words):
    """Also where verdicts have bent the ranking: what they add has a row, and the sum is the
    score's logit.

    A score that is the table's own has no such row.
    """
    folder = write_audit(tmp_path / "a", verdicts=verdicts)
    table = gpd.read_file(folder / "findings.gpkg", layer="findings")
    features = [json.loads(text) for text in table["features"]]
    bend = learn_verdicts(
        Lessons(["missing"] * 4, features[::3], [False] * 4), dict.fromkeys(FEATURES, 0.0)
    )
    score = [bend.score(kind, each) for kind, each in zip(table["kind"], features, strict=True)]
    write_lines(folder / "findings.gpkg", table.assign(score=score), layer="findings")
    with TestClient(make_review(open_session(folder)), base_url="http://127.0.0.1") as client:
        for each in client.get("/api/findings").json()["id"]:
            told = client.get(f"/api/findings/{each}").json()
            logit = math.log(told["score"] / (1 - told["score"]))
            assert sum(part["adds"] for part in told["parts"]) == pytest.approx(logit, abs=0.02)
            rest = [part["meaning"] for part in told["parts"] if part["name"] == "rest"]
            assert bool(rest) == (told["kind"] == "missing")
            assert all(words in said for said in rest)


@pytest.mark.parametrize(
    ("offset", "adds"), [(-1.5, [-1.5]), (math.nan, []), (10**400, []), ("much", []), (None, [])]
)
def test_the_offset_of_the_map_is_told(tmp_path, offset, adds):
    """What was added because of how many errors the map seems to hold has its row; nonsense in the
    file has none.
    """
    folder = write_audit(tmp_path / "a", count=3, offset={"missing": offset})
    with TestClient(make_review(open_session(folder)), base_url="http://127.0.0.1") as client:
        told = client.get("/api/findings/0000000000").json()
    assert told["kind"] == "missing"
    assert [part["adds"] for part in told["parts"] if part["name"] == "here"] == adds


def test_profiles_follow_the_shift(tmp_path):
    """A line of the map 2 m west and 1 m north of where the imagery has its street is sampled on
    the street.
    """
    folder = write_audit(tmp_path / "a", count=3)
    line = shapely.LineString(
        [(500_062, 5_000_400), (500_062, 5_000_300)]
    )  # the street's middle is at column 64
    table = gpd.GeoDataFrame(
        {"finding_id": ["x"], "kind": ["phantom"], "score": [0.5]},
        geometry=[line],
        crs="EPSG:32632",
    )
    write_lines(folder / "findings.gpkg", table, layer="findings")
    with TestClient(make_review(open_session(folder)), base_url="http://127.0.0.1") as client:
        told = client.get("/api/findings/x").json()
    assert np.mean(told["profile"]["line"]["p"]) == pytest.approx(0.9, abs=0.01)
    assert told["parts"] == []  # a file without features explains nothing, and says nothing wrong


def test_verdicts_are_kept_in_the_file(client, audit):
    """What was answered with 200 is in findings.gpkg, with the drawn line in its CRS."""
    told = client.get("/api/findings/0000000001").json()
    line = [[lon + 1e-5, lat] for lon, lat in told["line"]]
    kept = judge(client, note=HOSTILE, reviewer=" ann ", line=line)
    assert kept.status_code == 200
    assert (kept.json()["revision"], kept.json()["reviewer"]) == (1, "ann")
    row = read_verdicts(audit / "findings.gpkg").iloc[0]
    assert (row["finding_id"], row["verdict"], row["note"]) == ("0000000001", "accept", HOSTILE)
    drawn = gpd.GeoSeries.from_wkt([row["geometry_wkt"]], crs=32632)
    original = gpd.GeoSeries([shapely.LineString(told["line"])], crs=4326).to_crs(32632)
    assert drawn.hausdorff_distance(original).iloc[0] == pytest.approx(
        0.79, abs=0.03
    )  # 1e-5° east at 45° north
    again = client.get("/api/findings/0000000001").json()["history"]
    assert np.allclose(again[0]["line"], line, atol=2e-7)


def test_changes_since_a_mark(client):
    """A page that asks again hears only what is new."""
    first = judge(client).json()
    heard = client.get("/api/verdicts").json()
    assert heard["verdicts"] == [first]
    assert client.get("/api/verdicts", params={"after": heard["mark"]}).json()["verdicts"] == []
    second = judge(client, verdict="none", revision=1).json()
    assert client.get("/api/verdicts", params={"after": heard["mark"]}).json()["verdicts"] == [
        second
    ]


@pytest.mark.parametrize(
    "wkt",
    [
        "LINESTRING (1 1",
        "POLYGON ((0 0, 1 0, 1 1, 0 0))",
        "LINESTRING EMPTY",
        "LINESTRING (nan 1, 1 1)",
        "LINESTRING (1e20 1e20, 2e20 1e20)",
    ],
)
def test_a_line_that_cannot_be_read_is_none(client, audit, wkt):
    """What a hand has left in the table (in QGIS, say) takes the line away, not the verdict, nor
    the page.
    """
    judge(client, note="a lane")
    with closing(sqlite3.connect(audit / "findings.gpkg")) as database, database:
        database.execute("UPDATE verdicts SET geometry_wkt = ?", (wkt,))
    (told,) = client.get("/api/verdicts").json()["verdicts"]
    assert (told["verdict"], told["note"], told["line"]) == ("accept", "a lane", None)
    assert client.get("/api/findings/0000000001").json()["history"] == [told]


def test_an_audit_meanwhile_asks_for_a_new_start(client, audit, tmp_path):
    """The list of a running review is that of its start, loaded again, too: only a new start knows
    the new findings.
    """
    fewer = make_findings(12).query("finding_id != '0000000001'")
    write_lines(tmp_path / "fresh.gpkg", fewer, layer="findings")
    replace_layers(audit / "findings.gpkg", tmp_path / "fresh.gpkg", ["findings"])
    assert "0000000001" in client.get("/api/findings").json()["id"]
    late = judge(client)
    assert late.status_code == 400 and late.json()["detail"].endswith(
        "is not in this audit; start the review again"
    )
    assert judge(client, "0000000002").status_code == 200


def test_two_people_on_one_finding(client):
    """The second gets 409 with what the first said, and nothing is overwritten."""
    judge(client, reviewer="ann", note="a street")
    late = judge(client, verdict="reject", reviewer="bob")
    assert late.status_code == 409
    current = late.json()["current"]
    assert (current["verdict"], current["reviewer"], current["note"], current["revision"]) == (
        "accept",
        "ann",
        "a street",
        1,
    )
    assert judge(client, verdict="reject", reviewer="bob", revision=1).status_code == 200
    assert len(client.get("/api/findings/0000000001").json()["history"]) == 2


def test_undo_goes_back_step_by_step(client):
    """Each answer is what was said before; an undo is no judgement, and a redrawn line comes back
    to the last digit.
    """

    def undo(reviewer="ann"):
        found = client.get("/api/undo", params={"reviewer": reviewer}).json()["undo"]
        if found is not None:
            wanted = {name: found[name] for name in ("verdict", "note", "line", "revision")}
            assert judge(client, found["id"], **wanted, reviewer=reviewer).status_code == 200
        return found and (found["id"][-1], found["verdict"], found["note"])

    line = [
        [lon + 1.23e-5, lat] for lon, lat in client.get("/api/findings/0000000001").json()["line"]
    ]
    first = judge(client, reviewer="ann", note="a lane", line=line).json()
    judge(client, reviewer="ann", verdict="reject", revision=1)
    judge(client, "0000000002", reviewer="ann")
    judge(
        client, "0000000002", reviewer="bob", verdict="reject", revision=1
    )  # ann's is judged over
    assert undo("carl") is None
    assert undo() == ("1", "accept", "a lane")
    history = client.get("/api/findings/0000000001").json()["history"]
    assert history[2]["line"] == first["line"] and len(history) == 3
    assert undo() == ("1", "none", "")
    assert undo() is None
    assert undo("bob") == ("2", "accept", "")
    assert undo("bob") is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"verdict": "maybe"}, 422),
        ({"revision": -1}, 422),
        ({"revision": 10**30}, 422),
        ({"note": "x" * 5000}, 422),
        ({"note": "\ud800"}, (400, 422)),
        ({"line": [[0, 0]]}, 422),
        ({"line": [[0, 0], [1, 95]]}, 400),
        ({"line": [[0, 0], [0, 0]]}, 400),
        ({"line": [[11, 45], [11, 45, 3]]}, 422),
    ],
)
def test_nonsense_is_refused(client, audit, body, status):
    """Nothing of it is kept."""
    text = json.dumps({"verdict": "accept", "revision": 0, **body}).encode()
    answer = client.post(
        "/api/findings/0000000001/verdict",
        content=text,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (status if isinstance(status, tuple) else (status,))
    assert client.get("/api/verdicts").json()["verdicts"] == []


def test_nan_is_refused(client):
    """JSON that is none, as Python would write it."""
    text = b'{"verdict": "accept", "revision": 0, "line": [[NaN, 1], [2, 3]]}'
    answer = client.post(
        "/api/findings/0000000001/verdict",
        content=text,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (400, 422)


def test_cross_origin_is_refused(client):
    """A page elsewhere cannot judge (bad-input rule 37)."""
    answer = client.post(
        "/api/findings/0000000001/verdict",
        json={"verdict": "accept", "revision": 0},
        headers={"origin": "http://evil.example"},
    )
    assert answer.status_code == 403
    assert client.get("/api/verdicts").json()["verdicts"] == []


def test_tiles_show_the_image_where_the_map_has_it(client):
    """The tile over the scene holds its green; the street at column 64 stands 2 m further west, as
    the shift says.
    """
    review = client.get("/api/review").json()
    left, bottom, right, top = review["image_bounds"]
    session_left = (
        gpd.GeoSeries([shapely.Point(500_000, 5_000_256)], crs=32632).to_crs(3857).iloc[0].x
    )
    stretch = math.cosh((bottom + top) / 2 / 6378137)
    assert (session_left - left) / stretch == pytest.approx(2, abs=0.5)
    z = 17
    x, y = (
        int((v) / (2 * WORLD_M) * 2**z)
        for v in ((left + right) / 2 + WORLD_M, WORLD_M - (bottom + top) / 2)
    )
    rgb = picture(client.get(f"/tiles/image/{z}/{x}/{y}"))
    assert rgb.shape == (256, 256, 4)
    inside = rgb[rgb[..., 3] > 0]
    assert len(inside) > 20_000
    assert abs(inside[:, :3].mean(axis=0) - (100, 115, 95)).max() < 25
    seen = picture(client.get(f"/tiles/probability/{z}/{x}/{y}"))
    assert 200 < seen[..., 3].max() <= 255
    assert seen[..., 3].min() == 0


def test_outside_the_image_there_is_nothing(client):
    """An empty picture for a tile elsewhere on earth."""
    assert picture(client.get("/tiles/image/12/0/0"))[..., 3].max() == 0


@pytest.mark.parametrize(
    "path",
    [
        "image/99/1/1",
        "image/3/-1/2",
        "image/3/1/-2",
        "image/3/8/1",
        "image/a/b/c",
        "nope/1/1/1",
        "image/1/1",
        "image/24/0/0",
        "../../pyproject.toml",
        "%2e%2e/%2e%2e/etc/passwd",
        "image/1e3/0/0",
        "image/3/1/1%00",
        "image/999999999999999999999999/0/0",
    ],
)
def test_no_such_tile(client, path):
    """Bad-input rule 35: never a file, never a 500."""
    assert client.get("http://127.0.0.1:8000/tiles/" + path).status_code in (400, 404)


def test_crops_show_the_finding(client):
    """The crop of the probability is as wide as it says."""
    told = client.get("/api/findings/0000000001").json()
    assert picture(client.get("/crops/0000000001/image")).shape == (360, 360, 4)
    assert picture(client.get("/crops/0000000001/probability")).shape == (360, 360, 4)
    (path,) = told["crop"]["paths"]
    assert (np.array(path) > 0).all()
    assert (np.array(path) < 1).all()
    assert told["crop"]["side_m"] == pytest.approx(120, abs=1)
    assert (
        client.get("/crops/nope/image").status_code
        == client.get("/crops/0000000001/nope").status_code
        == 404
    )


def test_layers(client):
    """Findings, seen lines and the audit's layers come as GeoJSON in degrees; others are not
    there.
    """
    for name, count in (
        ("findings", 12),
        ("seen", 4),
        ("map", 6),
        ("predicted", 6),
        ("not_judged", 6),
    ):
        layer = client.get(f"/layers/{name}").json()
        assert len(layer["features"]) == count
        assert 8.9 < layer["features"][0]["geometry"]["coordinates"][0][0] < 9.1
    assert client.get("/layers/secrets").status_code == 404


def test_a_thousand_tiles_at_once(audit):
    """Bad-input rule 40: some get their tile, the rest is told to come again; memory stays where it
    is.
    """
    import httpx2

    session = open_session(audit)
    app = make_review(session)

    left, _, _, top = session.rasters["image"].read_bounds()
    first = [int(v / (2 * WORLD_M) * 2**22) + 8 for v in (left + WORLD_M, WORLD_M - top)]

    async def ask() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            tiles = [
                f"/tiles/image/22/{first[0] + n % 32}/{first[1] + n // 32}" for n in range(1000)
            ]
            answers = await asyncio.gather(*map(client.get, tiles))
        return [answer.status_code for answer in answers]

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadPoolExecutor(1) as apart:  # the browser of other tests has this thread's loop
        statuses = apart.submit(anyio.run, ask).result()
    session.store.close()
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 64
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300  # MiB


def test_an_image_without_a_place(tmp_path):
    """Pixels: the page works, lines come back as pixels, and there are no links into the world."""
    folder = write_audit(tmp_path / "flat", crs=None, shift_m=None)
    with TestClient(make_review(open_session(folder)), base_url="http://127.0.0.1") as client:
        assert client.get("/api/review").json()["on_earth"] is False
        told = client.get("/api/findings/0000000001").json()
        assert (told["links"], told["josm"]) == ([], "")
        assert told["place"].endswith("the image's corner")
        line = judge(client, line=told["line"]).json()
        assert line["revision"] == 1
        assert picture(client.get("/crops/0000000001/image"))[..., 3].min() == 255
    table = gpd.read_file(folder / "findings.gpkg", layer="findings").set_index("finding_id")
    kept = shapely.from_wkt(read_verdicts(folder / "findings.gpkg").loc[0, "geometry_wkt"])
    assert kept.hausdorff_distance(table.geometry["0000000001"]) < 0.02


def test_frames_go_there_and_back():
    """A line in degrees comes back to the CRS of the findings within a centimetre."""
    cases = {
        "EPSG:32632": [(500_000, 5e6), (500_100, 5_000_050)],
        "EPSG:4326": [(11.5, 48.1), (11.6, 48.2)],
        "EPSG:2056": [(2_600_000, 1_200_000), (2_600_100, 1_200_000)],
        None: [(3, -4), (200, -300)],
    }
    for crs, line in cases.items():
        frame = Frame(gpd.GeoSeries([], crs=crs).crs)
        degrees = shapely.get_coordinates(
            frame.to_degrees(gpd.GeoSeries([shapely.LineString(line)], crs=crs)).iloc[0]
        )
        back = shapely.from_wkt(frame.from_degrees(degrees.tolist()))
        assert np.allclose(
            shapely.get_coordinates(back), line, rtol=0, atol=1e-2 if crs != "EPSG:4326" else 1e-7
        )


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda f: (f / "findings.gpkg").unlink(), "no findings.gpkg"),
        (lambda f: (f / "image.tif").unlink(), "--image FILE"),
        (lambda f: (f / "audit.json").write_text("{}"), "--image FILE"),
        (lambda f: (f / "audit.json").write_text("{"), "no JSON"),
        (lambda f: (f / "image.tif").write_bytes(b"II*\0junk"), "damaged"),
        (lambda f: (f / "probability.tif").write_bytes(b"<VRTDataset/>"), "not a GeoTIFF"),
        (lambda f: (f / "findings.gpkg").write_bytes(b"PK"), "no GeoPackage"),
        (lambda f: shutil.rmtree(f), "is no folder"),
    ],
)
def test_broken_folders_are_one_line(audit, spoil, match):
    """Each fault names the file and what to do."""
    spoil(audit)
    with pytest.raises(InputError, match=match):
        open_session(audit)


def test_given_image_and_map(audit, tmp_path):
    """--image and --map take the place of what the audit names."""
    moved = tmp_path / "elsewhere.tif"
    shutil.move(audit / "image.tif", moved)
    lines = gpd.read_file(audit / "layers.gpkg", layer="map")[:2].assign(highway="residential")
    write_lines(tmp_path / "other.gpkg", lines, layer="roads")
    session = open_session(audit, ReviewSettings(image=moved, map_file=tmp_path / "other.gpkg"))
    assert len(json.loads(session.write_layer("map"))["features"]) == 2
    session.store.close()


def test_links_by_template():
    """Own links are added; what is no web address is refused."""
    links = read_links(["Photos=https://photos.example/?at={lat},{lon}"])
    frame = Frame("EPSG:32632")
    assert ("Photos", "https://photos.example/?at=48.000000,11.000000") in frame.list_links(
        11, 48, links
    )
    for bad in ("Photos", "=https://x", "x=javascript:alert(1)", "x=ftp://y"):
        with pytest.raises(InputError):
            read_links([bad])


def test_tiles_cover_the_world():
    """At zoom 2 sixteen squares of equal size, no more."""
    sides = [tile_bounds(2, x, y) for x in range(4) for y in range(4)]
    assert sum((r - left) * (t - b) for left, b, r, t in sides) == pytest.approx((2 * WORLD_M) ** 2)
    assert tile_bounds(2, 4, 0) is tile_bounds(2, 0, -1) is tile_bounds(30, 0, 0) is None


def test_the_api_keeps_to_its_schema(audit):
    """Schemathesis makes up requests from the app's own description: no 500, no undocumented
    answer.
    """
    schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        response_schema_conformance,
        status_code_conformance,
    )

    with serving(audit) as address:
        schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
        operations = [result.ok() for result in schema.get_all_operations()]
        assert len(operations) >= 7

        @given(data=st.data())
        @settings(
            max_examples=60,
            database=None,
            phases=[Phase.generate],
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def ask(data) -> None:
            case = data.draw(data.draw(st.sampled_from(operations)).as_strategy())
            case.call_and_validate(
                checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
            )

        ask()

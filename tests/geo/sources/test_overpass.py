"""Overpass, played by a server on loopback: recorded answers, and all that a busy service does
instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import osmium
import pytest
import shapely
from tests.servers import Answer, serve

from mapsight.errors import InputError
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.http import FetchError, Http, HttpSettings
from mapsight.geo.sources.overpass import fetch_overpass, write_query
from mapsight.geo.sources.roads import pad_area, read_roads
from mapsight.geo.sources.store import Store

MONACO = Area(7.415, 43.728, 7.425, 43.736)
VILLAGE = Area(11.0, 48.0, 11.01, 48.01)
QUICK = HttpSettings(
    rate_per_s=1000, attempts=3, timeout_s=0.5, total_timeout_s=1.0, backoff_s=0.01
)
RECORDED = (Path(__file__).parent / "overpass_village.json").read_bytes()
TIMED_OUT = 'runtime error: Query timed out in "query" at line 1 after 91 seconds.'
OUT_OF_MEMORY = (
    'runtime error: Query run out of memory in "query" at line 1 using about 256 MB of RAM.'
)


def ask(server, area=VILLAGE, *, settings=QUICK, store=None, **options):
    with Http(settings, store) as http:
        return fetch_overpass(area, http, endpoint=server.url, **options)


def with_remark(remark: str) -> Answer:
    """The recorded answer as it looks when the service gave up half way: status 200, half of the
    ways.
    """
    answer = json.loads(RECORDED)
    return Answer(
        json.dumps({**answer, "elements": answer["elements"][:1], "remark": remark}).encode()
    )


def record_answer(extract: Path, area: Area) -> bytes:
    """What Overpass would answer about an extract: ways with a node in the area, tags and
    coordinates.
    """
    west, south, east, north = pad_area(area)
    elements = []
    keys = osmium.filter.KeyFilter("highway", "railway", "aeroway", "waterway")
    ways = osmium.FileProcessor(str(extract)).with_locations()
    for way in ways.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)).with_filter(keys):
        points = [
            {"lat": n.location.lat, "lon": n.location.lon} if n.location.valid() else None
            for n in way.nodes
        ]
        if any(p and west <= p["lon"] <= east and south <= p["lat"] <= north for p in points):
            tags = {tag.k: tag.v for tag in way.tags}
            elements.append({"type": "way", "id": way.id, "geometry": points, "tags": tags})
    return json.dumps(
        {
            "version": 0.6,
            "osm3s": {"timestamp_osm_base": "2026-01-02T03:04:05Z"},
            "elements": elements,
        }
    ).encode()


def test_recorded_answer():
    """The hand-made village: two roads, a tunnel, a railway; a footway that is an area is no
    line.
    """
    with serve(lambda _: Answer(RECORDED, content_type="application/json")) as server:
        roads = ask(server)
    assert roads["road_id"].tolist() == ["1", "2", "3", "4", "4"]
    assert roads["road_class"].tolist() == [
        "residential",
        "secondary",
        "secondary",
        "railway",
        "railway",
    ]
    assert roads["visible"].tolist() == [True, True, False, True, True]
    assert roads["name"][0] == "Lindenstraße <b>"
    assert json.loads(roads["tags"][1]) == {
        "highway": "secondary",
        "surface": "asphalt",
        "ref": "St 2054",
    }
    assert roads.attrs == {
        "attribution": roads.attrs["attribution"],
        "data_of": "2026-01-02T03:04:05Z",
        "notes": ["1 × not a road"],
    }
    assert "ODbL" in roads.attrs["attribution"]


@pytest.mark.parametrize(
    ("name", "area"),
    [("monaco.osm.pbf", MONACO), ("liechtenstein.osm.pbf", Area(9.51, 47.13, 9.53, 47.15))],
)
def test_overpass_equals_the_extract(osm_extract, name, area):
    """Oracle: the same extract through `read_roads`. Line for line the same, tags included."""
    extract = osm_extract(name)
    recorded = record_answer(extract, area)
    with serve(lambda _: Answer(recorded)) as server:
        fetched = ask(server, area)
    read = read_roads(area, extract)
    assert len(read) > 100
    columns = ["road_id", "road_class", "width_m", "visible", "name", "tags"]
    key = ["road_id", "length"]
    tables = [
        f.assign(length=shapely.length(f.geometry.to_numpy()).round(9))
        .sort_values(key)
        .reset_index(drop=True)
        for f in (read, fetched)
    ]
    passing = set(read["road_id"]) - set(
        fetched["road_id"]
    )  # ways that cross the area without a node in it
    assert len(passing) <= 0.02 * len(read)
    kept = tables[0][~tables[0]["road_id"].isin(passing)].reset_index(drop=True)
    assert kept[columns].equals(tables[1][columns])
    assert kept.geometry.geom_equals_exact(tables[1].geometry, 1e-7).all()


def test_the_question():
    """One POST with the area and its margin in S, W, N, E, a time limit, a memory limit, a user
    agent.
    """
    with serve(lambda _: Answer(RECORDED)) as server:
        ask(server)
        asked = server.asked
    assert [request.method for request in asked] == ["POST"]
    assert parse_qs(asked[0].body.decode())["data"] == [write_query(VILLAGE)]
    assert asked[0].headers["user-agent"].startswith("mapsight/")
    west, south, east, north = pad_area(VILLAGE)
    query = write_query(VILLAGE)
    assert f'way["highway"]({south:.7f},{west:.7f},{north:.7f},{east:.7f});' in query
    assert "[timeout:90]" in query and "[maxsize:" in query and query.endswith("out body geom;")


@pytest.mark.parametrize(
    "first",
    [
        Answer(status=429),
        Answer(status=504),
        with_remark(TIMED_OUT),
        Answer(RECORDED, cut=200),
        Answer(
            b"<html><body><strong>Error</strong>: runtime error: dispatcher too busy</body></html>"
        ),
        Answer(RECORDED[:300]),
    ],
    ids=["429", "504", "timed out", "connection cut", "busy page", "cut off inside"],
)
def test_a_busy_service_is_asked_again(first):
    """What may pass is asked again, and only the whole answer counts."""
    answers = [first, Answer(RECORDED)]
    with serve(lambda _: answers.pop(0)) as server:
        assert len(ask(server)) == 5
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [
        (with_remark(TIMED_OUT), "timed out", 3),
        (with_remark(OUT_OF_MEMORY), "out of memory", 1),
        (Answer(b"<html><p>Error: line 1: parse error</p></html>"), "parse error", 1),
        (Answer(b"[]"), "no list", 1),
        (Answer(b'{"elements": 7}'), "no list", 1),
        (Answer(b"[" * 100_000), "cut off", 1),
        (Answer(status=400), "status 400", 1),
        (Answer(status=503), "status 503", 3),
        (Answer(RECORDED, wait_s=5), "no answer", 3),
        (Answer(RECORDED, drip_s=0.01), "not done", 3),
    ],
)
def test_what_is_not_whole_is_refused(answer, words, times):
    """One line with the reason; the service is asked as often as it makes sense."""
    with serve(lambda _: answer) as server, pytest.raises(FetchError, match=words) as caught:
        ask(server)
    assert len(server.asked) == times
    assert "\n" not in str(caught.value) and "<" not in str(caught.value)


def test_too_much_is_refused():
    """An endless answer ends at the limit on bytes; too large an area is not asked for at all."""
    big = HttpSettings(rate_per_s=1000, attempts=1, max_bytes=500)
    with serve(lambda _: Answer(RECORDED)) as server:
        with pytest.raises(FetchError, match="more than"):
            ask(server, settings=big)
        with pytest.raises(InputError, match="extract"):
            ask(server, Area(11.0, 48.0, 11.5, 48.5))
        assert len(server.asked) == 1
        assert len(ask(server, max_km2=1e4)) == 5


@pytest.mark.parametrize(
    "element",
    [
        None,
        7,
        {"type": "way"},
        {"type": "way", "tags": {"highway": "service"}, "geometry": "x"},
        {"type": "way", "tags": [], "geometry": []},
        {"type": "node", "lat": 1, "lon": 1},
        {
            "type": "way",
            "id": 9,
            "tags": {"highway": "service"},
            "geometry": [{"lat": 95, "lon": 11}, {"lat": 1}],
        },
        {
            "type": "way",
            "id": 9,
            "tags": {"highway": "service"},
            "geometry": [{"lat": 10**400, "lon": 1}, None],
        },
        {
            "type": "way",
            "id": 9,
            "tags": {"highway": {"a": 1}},
            "geometry": [{"lat": 48, "lon": 11}] * 2,
        },
    ],
)
def test_malformed_elements_do_no_harm(element):
    """They are left out; the rest of the answer stands."""
    answer = json.loads(RECORDED)
    answer["elements"].insert(0, element)
    with serve(lambda _: Answer(json.dumps(answer).encode())) as server:
        assert len(ask(server)) == 5


def test_no_road_here_is_said():
    """An empty answer is an answer, and told as one."""
    with (
        serve(lambda _: Answer(b'{"elements": []}')) as server,
        pytest.raises(InputError, match="no road here"),
    ):
        ask(server)


def test_a_kept_answer_is_not_asked_for_again(tmp_path):
    """With a store the service is asked once; what was incomplete is never kept."""
    answers = [with_remark(OUT_OF_MEMORY), Answer(RECORDED)]
    with serve(lambda _: answers.pop(0)) as server:
        store = Store(tmp_path)
        with pytest.raises(FetchError):
            ask(server, store=store)
        assert len(ask(server, store=store)) == len(ask(server, store=store)) == 5
        assert len(server.asked) == 2

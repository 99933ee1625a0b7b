"""Claims about the GeoJSON stream: what it reads, what it refuses, and that it never fetches."""

from __future__ import annotations

import json
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsight.errors import InputError
from mapsight.geo.maps import jsontext
from mapsight.geo.maps.geojson import iterate_geojson_ways, read_geojson_crs
from mapsight.geo.maps.ways import Tally, Way


def feature(coordinates: Any, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature with one line."""
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": coordinates},
    }


def write(path: Path, value: Any) -> Path:
    """Text as it is, anything else as JSON."""
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def read(path: Path) -> list[Way]:
    """All ways of a file."""
    return list(iterate_geojson_ways(path, None, [], Tally()))


def test_ways_come_with_identity_and_tags(tmp_path: Path) -> None:
    """Keys in lower case, values as text, empty ones left out, numbers for features without
    identity.
    """
    features = [
        feature([[0, 0], [1, 1]], ID="a7", Street="Main", lanes=2, note=None),
        feature([[5, 5], [6, 6]]),
    ]
    ways = read(write(tmp_path / "m.geojson", {"type": "FeatureCollection", "features": features}))
    assert [way.way_id for way in ways] == ["a7", "2"]
    assert ways[0].tags == {"id": "a7", "street": "Main", "lanes": "2"}
    assert [line.tolist() for line in ways[1].lines] == [[[5, 5], [6, 6]]]


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    """Tools that know gaps only in floats write an identity as 123456789012.0."""
    ways = read(
        write(tmp_path / "m.geojson", feature([[0, 0], [1, 1]], osm_id=123456789012.0, width_m=4.5))
    )
    assert ways[0].way_id == "123456789012"
    assert ways[0].tags["width_m"] == "4.5"


def test_other_shapes_of_file_are_read(tmp_path: Path) -> None:
    """One feature, one geometry, a byte order mark, members before and after, empty collections."""
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    collection = {"features": [{"geometry": line}], "name": "x", "type": "FeatureCollection"}
    for value in (
        feature([[0, 0], [1, 1]]),
        line,
        collection,
        "\ufeff" + json.dumps(collection, indent=2),
    ):
        ways = read(write(tmp_path / "m.geojson", value))
        assert len(ways) == 1
    empty = {"type": "FeatureCollection", "features": []}
    assert read(write(tmp_path / "m.geojson", empty)) == []


def test_null_and_foreign_geometries_are_counted(tmp_path: Path) -> None:
    """Features without lines are skipped by reason, not fatal."""
    features = [
        {"geometry": None},
        None,
        7,
        {"geometry": {"type": "Point", "coordinates": [0, 0]}},
        feature([[1]]),
    ]
    ways = read(write(tmp_path / "m.geojson", {"features": features}))
    assert all(not way.lines for way in ways)
    assert [way.fault for way in ways] == [
        "no geometry",
        "no geometry",
        "no geometry",
        "not a line",
        "malformed geometry",
    ]


@settings(max_examples=40)
@given(
    count=st.integers(0, 30),
    chunk=st.integers(1, 300),
    indent=st.sampled_from([None, 0, 3]),
    number=st.floats(allow_nan=False, allow_infinity=False),
)
def test_the_stream_equals_the_parsed_whole(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    chunk: int,
    indent: int | None,
    number: float,
) -> None:
    """Whatever the size of the pieces read, the ways are those of json.loads (oracle)."""
    document = {
        "before": number,
        "crs": None,
        "features": [feature([[i, number], [i + 1, 2]], name="ü}]" * i) for i in range(count)],
        "after": {"x": [1, 2, {"features": []}]},
    }
    path = write(
        tmp_path_factory.mktemp("stream") / "m.geojson", json.dumps(document, indent=indent)
    )
    usual, jsontext._CHUNK = jsontext._CHUNK, chunk
    try:
        ways = read(path)
    finally:
        jsontext._CHUNK = usual
    expected = json.loads(path.read_text())["features"]
    assert [way.lines[0].tolist() for way in ways] == [
        item["geometry"]["coordinates"] for item in expected
    ]
    assert [way.tags.get("name", "") for way in ways] == [
        item["properties"]["name"] for item in expected
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "FeatureCollection", "features": [{"properties": {"a": '
        + "[" * 5000
        + "]" * 5000
        + "}}]}",
        "[" * 5000,
        '{"features": [{"type": "Feature", ',
        '{"features": [{"a": 1} {"b": 2',
        "<html><body>404</body></html>",
        '{"features": [' + "9" * 5000 + "]}",
        "{",
        "not json",
        '{"a": 1',
    ],
)
def test_unsound_text_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """5,000 levels, truncated, HTML, absurd numbers."""
    with pytest.raises(InputError, match="not sound GeoJSON") as caught:
        read(write(tmp_path / "m.geojson", text))
    assert "\n" not in str(caught.value)


def test_binary_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 text."""
    (tmp_path / "m.geojson").write_bytes(b'{"features": [\xff\xfe\x00\x81')
    with pytest.raises(InputError, match="UTF-8"):
        read(tmp_path / "m.geojson")


@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("EPSG:26986", 26986),
        ("urn:ogc:def:crs:EPSG::26986", 26986),
        ("urn:ogc:def:crs:EPSG:9.6:25832", 25832),
    ],
)
def test_old_crs_members_are_read_before_and_after(tmp_path: Path, name: str, epsg: int) -> None:
    """GeoPandas writes the member last, GDAL first."""
    member = {"type": "name", "properties": {"name": name}}
    for document in (
        {"crs": member, "features": []},
        {"features": [feature([[0, 0], [1, 1]])], "crs": member},
    ):
        crs = read_geojson_crs(write(tmp_path / "m.geojson", document))
        assert crs is not None
        assert crs.to_epsg() == epsg


def test_crs84_and_no_crs(tmp_path: Path) -> None:
    """CRS84 is longitude, latitude; without the member, or with null, nothing is said."""
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    crs = read_geojson_crs(write(tmp_path / "m.geojson", {"crs": member}))
    assert crs is not None
    assert crs.is_geographic
    assert read_geojson_crs(write(tmp_path / "m.geojson", {"features": []})) is None
    assert read_geojson_crs(write(tmp_path / "m.geojson", {"crs": None})) is None


@pytest.mark.parametrize("kind", ["link", "url", "name", "\\u006cink"])
def test_crs_that_is_a_url_is_refused_without_a_connection(tmp_path: Path, kind: str) -> None:
    """Linked and named URLs, escapes in the text too (GDAL 3.12 fetches some of them)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/crs"
        member = (
            f'{{"type": "{kind}", "properties": {{"href": "{url}", "url": "{url}", "name":'
            f' "{url}"}}}}'
        )
        with pytest.raises(InputError, match=r"not fetched|not the name of a CRS"):
            read_geojson_crs(write(tmp_path / "m.geojson", '{"\\u0063rs": ' + member + "}"))
        with pytest.raises(TimeoutError):
            server.accept()


def test_memory_is_that_of_a_feature_not_of_the_file(tmp_path: Path) -> None:
    """A 20 MB file is streamed in under 5 MB."""
    one = json.dumps(
        feature([[0, 0], [1, 1]], name="x" * 10_000)
    )  # text, as tracing each number is slow
    (tmp_path / "m.geojson").write_text('{"features": [' + ",".join([one] * 2000) + "]}")
    assert (tmp_path / "m.geojson").stat().st_size > 20_000_000
    tracemalloc.start()
    count = sum(1 for _ in iterate_geojson_ways(tmp_path / "m.geojson", None, [], Tally()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2000
    assert peak < 5_000_000

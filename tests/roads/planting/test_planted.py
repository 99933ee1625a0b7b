"""planted.geojson: what is written comes back, and what is none is refused in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from shapely import LineString

from mapsight.errors import InputError
from mapsight.roads.planting.planted import read_planted, write_planted

CAMBRIDGE = (232000.0, 903000.0)


def _planted(
    crs: str | None = "EPSG:26986", origin: tuple[float, float] = CAMBRIDGE
) -> gpd.GeoDataFrame:
    x, y = origin
    lines = [
        LineString([(x, y), (x + 80, y + 10), (x + 120, y)]),
        LineString([(x, y + 100), (x + 90, y + 100)]),
    ]
    columns = {
        "planted_id": ["missing-01", "misaligned-01"],
        "kind": ["missing", "misaligned"],
        "length_m": [line.length for line in lines],
        "offset_m": [math.nan, 8.25],
        "road_class": ["residential", "service"],
        "true_wkt": ["", LineString([(x, y + 108.25), (x + 90, y + 108.25)]).wkt],
    }
    return gpd.GeoDataFrame(columns, geometry=lines, crs=crs)


def _assert_equal(read: gpd.GeoDataFrame, written: gpd.GeoDataFrame, tolerance_m: float) -> None:
    for name in ("planted_id", "kind", "road_class"):
        assert list(read[name]) == list(written[name])
    assert read["length_m"].to_numpy() == pytest.approx(written["length_m"].to_numpy(), abs=0.01)
    assert read["offset_m"].to_numpy() == pytest.approx(written["offset_m"].to_numpy(), nan_ok=True)
    for name in ("geometry", "true_wkt"):
        for one, two in zip(read[name], written[name], strict=True):
            one, two = (
                shapely.from_wkt(text) if isinstance(text, str) and text else text
                for text in (one, two)
            )
            assert one == two == "" or shapely.hausdorff_distance(one, two) < tolerance_m


def test_round_trip_within_two_centimetres(tmp_path: Path) -> None:
    """Lines, true places and properties come back in the metric CRS to within 2 cm."""
    write_planted(tmp_path / "planted.geojson", _planted())
    _assert_equal(read_planted(tmp_path / "planted.geojson", crs="EPSG:26986"), _planted(), 0.02)


def test_file_is_rfc_7946(tmp_path: Path) -> None:
    """Degrees in longitude-latitude order, no crs member, null for no offset; GDAL reads it as
    EPSG:4326.
    """
    path = tmp_path / "planted.geojson"
    write_planted(path, _planted())
    body = json.loads(path.read_text())
    assert body["type"] == "FeatureCollection"
    assert "crs" not in body
    longitude, latitude = body["features"][0]["geometry"]["coordinates"][0]
    assert (longitude, latitude) == (
        pytest.approx(-71.11, abs=0.02),
        pytest.approx(42.37, abs=0.02),
    )
    assert body["features"][0]["properties"]["offset_m"] is None
    true_line = shapely.from_wkt(body["features"][1]["properties"]["true_wkt"])
    assert true_line.bounds[:2] == (pytest.approx(-71.11, abs=0.02), pytest.approx(42.37, abs=0.02))
    assert gpd.read_file(path).crs == "EPSG:4326"
    assert [p.name for p in tmp_path.iterdir()] == ["planted.geojson"]


def test_pixel_coordinates_stay_pixels(tmp_path: Path) -> None:
    """Without a CRS coordinates stay as they are, are marked so, and are never taken for
    degrees.
    """
    path, planted = tmp_path / "planted.geojson", _planted(None, (3.0, -400.0))
    write_planted(path, planted)
    read = read_planted(path)
    assert read.crs is None
    _assert_equal(read, planted, 0.002)
    with pytest.raises(InputError, match="pixel"):
        read_planted(path, crs="EPSG:26986")


def test_nothing_planted_is_a_file_too(tmp_path: Path) -> None:
    """A map without room gives an empty collection, which reads back empty with its columns."""
    write_planted(tmp_path / "none.geojson", _planted().iloc[:0])
    read = read_planted(tmp_path / "none.geojson", crs="EPSG:26986")
    assert len(read) == 0
    assert {"planted_id", "kind", "length_m", "true_wkt"} <= set(read.columns)


GOOD = {
    "type": "Feature",
    "properties": {
        "planted_id": "a",
        "kind": "missing",
        "length_m": 1,
        "offset_m": None,
        "road_class": "x",
    },
    "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "3",
        "[" * 100_000,
        '{"type": "FeatureCollection"}',
        *(
            json.dumps({"features": [GOOD | bad]})
            for bad in (
                {"geometry": None},
                {"geometry": {"type": "Point", "coordinates": [0, 0]}},
                {"geometry": {"type": "LineString", "coordinates": [[0, 0], [0, 0]]}},
                {"geometry": {"type": "LineString", "coordinates": [[0, 0], [1, math.inf]]}},
                {"properties": None},
                {"properties": GOOD["properties"] | {"kind": "ghost"}},
                {"properties": GOOD["properties"] | {"length_m": "long"}},
                {"properties": GOOD["properties"] | {"true_wkt": "LINESTRING (oops"}},
            )
        ),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path: Path, text: str) -> None:
    """What is not a file of planted mistakes raises InputError, whose message is one line."""
    path = tmp_path / "planted.geojson"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_planted(path)
    assert "\n" not in str(error.value)


def test_the_good_feature_is_good(tmp_path: Path) -> None:
    """The feature that the refusals spoil is accepted unspoilt (so that they test what they
    say).
    """
    path = tmp_path / "planted.geojson"
    path.write_text(json.dumps({"features": [GOOD]}))
    assert list(read_planted(path)["planted_id"]) == ["a"]

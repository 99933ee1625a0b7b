"""Claims about coordinates that cannot be right, and lines over the antimeridian."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsight.geo.maps.ways import clean_coordinates, parse_lines, reaches, split_antimeridian

places = st.tuples(st.floats(-180, 180), st.floats(-85, 85))


@pytest.mark.parametrize(
    ("points", "fault"),
    [
        ([(0, 0), (1, float("nan"))], "not finite"),
        ([(0, 0), (float("inf"), 1)], "not finite"),
        ([(0, 0), (1e308, 1)], "not on earth"),
        ([(0, 0), (1, 90.5)], "not on earth"),
        ([(3, 4)], "no length"),
        ([(3, 4), (3, 4), (3, 4)], "no length"),
        ([], "no length"),
    ],
)
def test_impossible_lines_are_dropped_with_a_reason(
    points: list[tuple[float, float]], fault: str
) -> None:
    """Not finite, beyond the poles, and without length."""
    pieces, reason = clean_coordinates(np.array(points, float).reshape(-1, 2), geographic=True)
    assert pieces == []
    assert fault in reason


def test_metres_beyond_any_projection_are_dropped() -> None:
    """Projected coordinates have a limit too."""
    line = np.array([[0, 0], [1e12, 0]])
    assert clean_coordinates(line, geographic=False) == ([], "coordinates not on earth")


def test_repeated_points_go() -> None:
    """A line with doubled points is the line without them."""
    (piece,), reason = clean_coordinates(
        np.array([[0, 0], [0, 0], [1, 1], [1, 1]], float), geographic=True
    )
    assert piece.tolist() == [[0, 0], [1, 1]]
    assert reason == ""


def test_line_over_the_antimeridian_is_split_at_its_latitude() -> None:
    """From 179° E to 179° W: two pieces that meet at ±180° half-way."""
    pieces = split_antimeridian(np.array([[179.0, 10.0], [-179.0, 20.0]]))
    assert [piece.tolist() for piece in pieces] == [
        [[179, 10], [180, 15]],
        [[-180, 15], [-179, 20]],
    ]


def test_longitudes_beyond_180_are_wrapped() -> None:
    """181° is 179° W."""
    pieces, _ = clean_coordinates(np.array([[181.0, 1.0], [182.0, 2.0]]), geographic=True)
    assert [piece.tolist() for piece in pieces] == [[[-179, 1], [-178, 2]]]


@given(st.lists(places, min_size=2, max_size=12))
def test_split_pieces_stay_on_the_globe_and_keep_every_point(
    points: list[tuple[float, float]],
) -> None:
    """No step of a piece exceeds 180°, all lie in ±180°, no point of the line is lost or moved."""
    line = np.array(points)
    pieces = split_antimeridian(line)
    for piece in pieces:
        assert np.abs(np.diff(piece[:, 0])).max(initial=0) <= 180 + 1e-9
        assert np.abs(piece[:, 0]).max() <= 180 + 1e-9
    kept = np.vstack(pieces)
    for lon, lat in points:
        away = np.abs(np.remainder(kept[:, 0] - lon + 180, 360) - 180) + np.abs(kept[:, 1] - lat)
        assert away.min() < 1e-9


@given(st.lists(st.tuples(st.floats(170, 190), st.floats(-60, 60)), min_size=2, max_size=8))
def test_split_keeps_the_length(points: list[tuple[float, float]]) -> None:
    """In UTM zone 60 the pieces together are as long as the line drawn without a seam."""
    utm = pyproj.Transformer.from_crs(4326, 32660, always_xy=True)

    def measure(line: np.ndarray) -> float:
        steps = [np.linspace(a, b, 30) for a, b in pairwise(line)]
        x, y = utm.transform(*np.vstack(steps).T)
        return float(np.hypot(np.diff(x), np.diff(y)).sum())

    line = np.array(points)
    wrapped = line.copy()
    wrapped[:, 0] = np.remainder(line[:, 0] + 180, 360) - 180
    together = sum(measure(piece) for piece in split_antimeridian(wrapped))
    assert together == pytest.approx(measure(line), rel=1e-3, abs=1.0)


def test_reaching_is_touching_the_bounds() -> None:
    """Bounds that touch count, bounds beside do not."""
    line = np.array([[0.0, 0.0], [2.0, 2.0]])
    assert reaches(line, [(2, 2, 3, 3)])
    assert not reaches(line, [(2.1, 0, 3, 3), (0, -2, 3, -0.1)])


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (None, "no geometry"),
        ([], "no geometry"),
        ({"type": "Point", "coordinates": [1, 2]}, "not a line"),
        ({"type": "Polygon", "coordinates": []}, "not a line"),
        ({"type": "GeometryCollection", "geometries": []}, "not a line"),
        ({"type": "LineString", "coordinates": 5}, "malformed geometry"),
        ({"type": "LineString", "coordinates": [[1], [2]]}, "malformed geometry"),
        ({"type": "LineString", "coordinates": [["a", "b"]]}, "malformed geometry"),
        ({"type": "LineString", "coordinates": [[10**400, 1], [1, 1]]}, "malformed geometry"),
        ({"type": "MultiLineString", "coordinates": [[[1, 2], None]]}, "malformed geometry"),
    ],
)
def test_geometries_that_are_no_lines_get_a_reason(geometry: object, expected: str) -> None:
    """Whatever stands in a GeoJSON geometry, the answer is words."""
    assert parse_lines(geometry) == ([], expected)


def test_lines_lose_their_heights() -> None:
    """Points of two and three numbers mix."""
    (line,), fault = parse_lines({"type": "LineString", "coordinates": [[1, 2, 99], [3, 4]]})
    assert fault == ""
    assert line.tolist() == [[1, 2], [3, 4]]

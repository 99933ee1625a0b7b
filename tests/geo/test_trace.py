from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy import ndimage
from shapely import LineString, Point

from mapsight.geo.burn import burn_lines
from mapsight.geo.geobox import GeoBox, pixel_box
from mapsight.geo.trace import trace_mask

CAMBRIDGE = Path(__file__).parents[3] / "shared/data/georef/cambridge/mass_23279035_osm_mask.tif"
widths = st.floats(3, 10)
angles = st.floats(0, 2 * np.pi)


def _rays(at: tuple[float, float], directions: list[float], length: float) -> list[LineString]:
    """Lines of one length from one place."""
    return [
        LineString([at, (at[0] + length * np.cos(a), at[1] + length * np.sin(a))])
        for a in directions
    ]


def _retrace(lines: list[LineString], width_m: float) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """The lines burnt at 1 m a pixel, with 25 m of room around, and traced; and the lines in the
    box's coordinates.
    """
    left, bottom, right, top = shapely.total_bounds(lines)
    box = pixel_box(int(top - bottom) + 50, int(right - left) + 50)
    truth = gpd.GeoSeries(lines).translate(25 - left, -25 - top)
    return trace_mask(burn_lines(truth, box, width_m=width_m) > 0, box), truth


def _dead_ends(lines: gpd.GeoSeries) -> list[Point]:
    ends, counts = np.unique(_ends(lines), axis=0, return_counts=True)
    return [Point(end) for end in ends[counts == 1]]


def _ends(lines: gpd.GeoSeries) -> np.ndarray:
    return np.array([end for line in lines for end in (line.coords[0], line.coords[-1])]).reshape(
        -1, 2
    )


def _furthest(lines: gpd.GeoSeries, others: gpd.GeoSeries, apart_from: shapely.Geometry) -> float:
    """How far the lines get from the others, outside a region."""
    part = lines.union_all().difference(apart_from)
    places = shapely.points(shapely.get_coordinates(shapely.segmentize(part, 0.5)))
    return float(shapely.distance(places, others.union_all()).max(initial=0))


def _assert_back(
    lines: list[LineString], width_m: float, tolerance_m: float = 1.5
) -> gpd.GeoDataFrame:
    """The traced lines lie on the true ones and the other way round; at dead ends half a width may
    be off.
    """
    traced, truth = _retrace(lines, width_m)
    caps = shapely.union_all([end.buffer(width_m / 2 + 1) for end in _dead_ends(truth)])
    assert _furthest(truth, traced.geometry, caps) <= tolerance_m
    assert _furthest(traced.geometry, truth, caps) <= tolerance_m
    assert all(traced.distance(end).min() <= width_m / 2 + 1 for end in _dead_ends(truth))
    return traced


@settings(max_examples=40)
@given(
    widths,
    angles,
    st.lists(st.tuples(st.floats(25, 60), st.floats(-0.7, 0.7)), min_size=1, max_size=5),
)
def test_a_winding_road_comes_back(width_m, heading, legs):
    """trace(burn(line)) is one line within 1.5 pixels of a polyline that turns by up to 40°."""
    places = [np.zeros(2)]
    bend = 0.0
    for length, turn in legs:
        bend = float(np.clip(bend + turn, -1.2, 1.2))
        places.append(
            places[-1] + length * np.array([np.cos(heading + bend), np.sin(heading + bend)])
        )
    assert len(_assert_back([LineString(places)], width_m)) == 1


@settings(max_examples=40)
@given(widths, angles, st.floats(np.radians(35), np.radians(90)))
def test_a_crossing_is_one_junction(width_m, heading, angle):
    """Two straight roads that cross at 35° to 90° come back as four lines that share one exact
    endpoint.
    """
    traced = _assert_back(
        _rays((0, 0), [heading + a for a in (0, angle, np.pi, np.pi + angle)], 80), width_m
    )
    assert len(traced) == 4
    assert sorted(np.unique(_ends(traced.geometry), axis=0, return_counts=True)[1]) == [
        1,
        1,
        1,
        1,
        4,
    ]


@settings(max_examples=40)
@given(widths, angles, st.floats(np.radians(40), np.radians(90)))
def test_a_side_road_leaves_the_main_road_straight(width_m, heading, angle):
    """A T or Y comes back as three lines without a kink in the main road."""
    traced = _assert_back(_rays((0, 0), [heading, heading + np.pi, heading + angle], 80), width_m)
    assert len(traced) == 3
    assert sorted(np.unique(_ends(traced.geometry), axis=0, return_counts=True)[1]) == [1, 1, 1, 3]


@settings(max_examples=20)
@given(st.floats(3, 8), angles, st.integers(3, 5))
def test_a_roundabout_keeps_its_ring(width_m, heading, arms):
    """A ring of 20 m radius with three to five roads comes back as so many arcs and so many
    arms.
    """
    directions = [heading + 2 * np.pi * k / arms for k in range(arms)]
    on_ring = [(20 * np.cos(a), 20 * np.sin(a)) for a in directions]
    around = np.linspace(0, 2 * np.pi / arms, 17)
    lines = [line for at, a in zip(on_ring, directions, strict=True) for line in _rays(at, [a], 60)]
    lines += [
        LineString(20 * np.stack([np.cos(a + around), np.sin(a + around)], axis=1))
        for a in directions
    ]
    traced, truth = _retrace(lines, width_m)
    assert len(traced) == 2 * arms
    caps = shapely.union_all([end.buffer(width_m) for end in truth.union_all().boundary.geoms])
    assert _furthest(truth, traced.geometry, caps) <= 2
    assert _furthest(traced.geometry, truth, caps) <= 2


@given(widths, st.floats(20, 40))
@settings(max_examples=15)
def test_a_ring_without_junction_is_one_closed_line(width_m, radius_m):
    """A ring road comes back closed, with its length, centred on itself."""
    traced, truth = _retrace(
        [LineString(Point(0, 0).buffer(radius_m, quad_segs=32).exterior.coords)], width_m
    )
    (ring,) = traced.geometry
    assert ring.is_ring
    assert ring.length == pytest.approx(truth.length.iloc[0], rel=0.02)
    assert ring.hausdorff_distance(truth.iloc[0]) <= 1


@given(st.floats(2, 15), angles)
@settings(max_examples=30)
def test_width_is_measured_across(width_m, heading):
    """The width of a straight road is right to a pixel at any heading (pixels are whole), its
    length to a width.
    """
    traced, _ = _retrace(_rays((0, 0), [heading], 90), width_m)
    assert traced.width_m.item() == pytest.approx(width_m, abs=1.01)
    assert traced.length_m.item() == pytest.approx(90, abs=width_m + 1)
    assert traced.length_m.item() == pytest.approx(traced.length.item())


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.8, 1.5, 3.0]),
    st.sampled_from([0.3, 0.5, 0.7]),
    st.booleans(),
)
@settings(max_examples=30)
def test_whatever_the_mask_the_lines_are_sound(seed, grain_px, share, bridged):
    """Masks of noise give valid, simple lines inside the image with finite widths; ends coincide or
    lie apart.
    """
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(70, 90)), grain_px)
    mask = noise > np.quantile(noise, share)
    traced = trace_mask(mask, pixel_box(70, 90), prune_m=4, bridge_m=10 if bridged else 0)
    lines = traced.geometry
    assert lines.is_valid.all()
    assert lines.is_simple.all()
    assert (lines.geom_type == "LineString").all()
    assert lines.length.gt(0).all()
    assert np.isfinite(traced.width_m).all()
    assert traced.width_m.gt(0).all()
    assert lines.within(shapely.box(0, -70, 90, 0).buffer(1e-6)).all()


def test_specks_holes_and_stubs_are_left_out():
    """A stub shorter than prune_m, a speck and a hole leave no trace; a stub that is longer
    does.
    """
    road = LineString([(20, -60), (180, -60)])
    stub, branch = LineString([(60, -60), (60, -52)]), LineString([(120, -60), (120, -85)])
    box = pixel_box(120, 200)
    mask = burn_lines(gpd.GeoSeries([road, stub, branch]), box, width_m=7) > 0
    mask[10:14, 10:14] = True
    mask[58:61, 90:94] = False
    traced = trace_mask(mask, box, prune_m=10)
    assert len(traced) == 3
    assert traced.union_all().distance(Point(60, -52)) > 6
    assert traced.union_all().distance(Point(120, -85)) < 2
    assert len(trace_mask(mask, box, prune_m=60)) == 1


def test_ragged_edges_of_a_wide_road_give_no_spurs():
    """A road 24 pixels wide with bites and bumps at its edges is one smooth line."""
    rng = np.random.default_rng(3)
    mask = np.zeros((80, 220), bool)
    for col in range(10, 210):
        mask[28 + rng.integers(-2, 3) : 52 + rng.integers(-2, 3), col] = True
    (line,) = trace_mask(mask, pixel_box(80, 220)).geometry
    assert line.hausdorff_distance(LineString([(10, -40), (210, -40)])) < 3
    assert line.length < 1.01 * 200


def test_a_slit_along_a_road_does_not_double_it():
    """A gap of one pixel between two lanes leaves one centre line."""
    mask = np.zeros((60, 200), bool)
    mask[24:37, 10:190] = True
    mask[30, 20:180] = False
    assert len(trace_mask(mask, pixel_box(60, 200))) == 1


def test_lines_have_no_staircase():
    """A slanting road is straight: hardly longer than its chord, and two or three points are enough
    for it.
    """
    traced, _ = _retrace(_rays((0, 0), [0.3], 150), 6)
    (line,) = traced.geometry
    assert line.length < 1.002 * Point(line.coords[0]).distance(Point(line.coords[-1]))
    assert len(line.coords) <= 4


def test_facing_side_roads_apart_stay_two_junctions():
    """Side roads 12 m apart on either side of a road are not drawn together to a crossing."""
    main = [
        LineString([(0, 0), (70, 0)]),
        LineString([(70, 0), (82, 0)]),
        LineString([(82, 0), (150, 0)]),
    ]
    sides = _rays((70, 0), [np.pi / 2], 60) + _rays((82, 0), [-np.pi / 2], 60)
    assert len(_assert_back(main + sides, 6, 1.0)) == 5


@pytest.mark.parametrize(
    ("turn_deg", "bridge_m", "count"), [(0, 0, 2), (0, 20, 1), (20, 20, 1), (60, 20, 2), (0, 8, 2)]
)
def test_gaps_between_facing_ends_are_bridged(turn_deg, bridge_m, count):
    """Dead ends are joined over a gap of 14 m if that is allowed and they face each other within
    30°.
    """
    box = pixel_box(200, 250)
    lines = [*_rays((100, -100), [np.pi], 80), *_rays((120, -100), [np.radians(turn_deg)], 80)]
    mask = burn_lines(gpd.GeoSeries(lines), box, width_m=6) > 0
    assert len(trace_mask(mask, box, bridge_m=bridge_m)) == count


def test_roads_run_up_to_the_edge_of_the_image():
    """A wide road that leaves the image is traced straight out, not into the corner between road
    and edge.
    """
    box = pixel_box(150, 200)
    road = LineString([(-50, -40), (250, -130)])
    (line,) = trace_mask(burn_lines(gpd.GeoSeries([road]), box, width_m=30) > 0, box).geometry
    assert line.hausdorff_distance(road.intersection(shapely.box(*box.bounds))) < 3


def test_lines_lie_on_the_ground():
    """Coordinates, lengths and widths are in the box's CRS and metres, whatever the pixel size."""
    box = GeoBox(300, 400, Affine(0.5, 0, 233_000, 0, -0.5, 901_000), CRS.from_epsg(26986))
    road = gpd.GeoSeries([LineString([(233_020, 900_880), (233_180, 900_960)])], crs=26986)
    traced = trace_mask(burn_lines(road, box, width_m=8) > 0, box)
    assert traced.crs == road.crs
    assert traced.geometry.item().hausdorff_distance(road.item()) < 2
    assert traced.width_m.item() == pytest.approx(8, abs=0.25)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (30, 40)])
@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks_are_no_trouble(shape, value):
    """A mask without any road, without any background, or a pixel thin gives a table with the
    columns, and no fault.
    """
    traced = trace_mask(np.full(shape, value), pixel_box(*shape))
    assert list(traced.columns) == ["length_m", "width_m", "geometry"]
    assert value or traced.empty


def test_a_real_mask_comes_back():
    """Tracing the Cambridge mask and burning the lines at their widths gives the mask again (IoU >
    0.95).
    """
    if not CAMBRIDGE.exists():
        pytest.skip(f"needs {CAMBRIDGE.name}, which is not part of the repository")
    with rasterio.open(CAMBRIDGE) as source:
        mask, box = (
            source.read(1) > 127,
            GeoBox(source.height, source.width, source.transform, source.crs),
        )
    lines = trace_mask(mask, box)
    again = burn_lines(lines, box) > 0
    assert (again & mask).sum() / (again | mask).sum() > 0.95
    assert lines.is_simple.all()

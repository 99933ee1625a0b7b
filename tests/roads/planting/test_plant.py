"""Planting mistakes: what was planted is exactly what differs, at places where an audit could find
it.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from affine import Affine
from rasterio.crs import CRS
from shapely import LineString
from shapely.geometry import box as rectangle

from mapsight.errors import InputError
from mapsight.geo.raster import GeoBox
from mapsight.roads.planting.plant import PlantSettings, count_planted, name_shortfall, plant_errors

CAMBRIDGE = Path(__file__).parents[3] / "../shared/data/georef/cambridge"
LEFT, TOP, SIDE = 230000.0, 904000.0, 1200
BOX = GeoBox(SIDE, SIDE, Affine(1, 0, LEFT, 0, -1, TOP), CRS.from_epsg(26986))
SEEDS = [0, 1, 2]


def _make_grid(step: float = 150.0) -> gpd.GeoDataFrame:
    """A town of square blocks, its streets slightly bent, running over the image's edge."""
    ticks, at = np.arange(-50, SIDE + 51, step), np.linspace(-50, SIDE + 50, 60)
    lines = [LineString(np.column_stack([LEFT + at, TOP - t + 3 * np.sin(at / 60)])) for t in ticks]
    lines += [
        LineString(np.column_stack([LEFT + t + 3 * np.sin(at / 70), TOP - at])) for t in ticks
    ]
    return _make_roads(lines)


def _make_roads(lines: list[LineString], **columns: object) -> gpd.GeoDataFrame:
    n = len(lines)
    table = {
        "road_id": [f"r{k}" for k in range(n)],
        "road_class": "residential",
        "width_m": 7.0,
        "visible": True,
        "name": "",
    }
    return gpd.GeoDataFrame(table | columns, geometry=lines, crs="EPSG:26986")


def _true_lines(planted: gpd.GeoDataFrame) -> gpd.GeoSeries:
    lines = [
        shapely.from_wkt(w) if w else g
        for g, w in zip(planted.geometry, planted["true_wkt"], strict=True)
    ]
    return gpd.GeoSeries(lines, index=planted.index, crs=planted.crs)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_planted_is_what_differs(seed: int) -> None:
    """Map − phantoms − shifted lines + left-out pieces + true places = the roads before, to within
    10 cm.
    """
    roads = _make_grid()
    mapped, planted = plant_errors(roads, BOX, settings=PlantSettings(6, 6, 6, seed=seed))
    assert count_planted(planted) == {"missing": 6, "phantom": 6, "misaligned": 6}
    kinds = planted["kind"]
    wrong = planted.geometry[kinds != "missing"].buffer(0.1).union_all()
    right = _true_lines(planted)[kinds != "phantom"].union_all()
    before, after = roads.geometry.union_all(), mapped.geometry.union_all()
    mended = after.difference(wrong).union(right)
    assert mended.difference(before.buffer(0.1)).length < 1.0
    # where a phantom or a shifted end meets a road the 10 cm buffer takes a crumb of it
    assert before.difference(mended.buffer(0.1)).length < 5.0


@pytest.mark.parametrize("seed", SEEDS)
def test_left_out_is_gone_and_invented_is_there(seed: int) -> None:
    """Nothing of the map lies along a left-out piece; phantoms and shifted lines are in it
    whole.
    """
    mapped, planted = plant_errors(_make_grid(), BOX, settings=PlantSettings(6, 6, 6, seed=seed))
    network = mapped.geometry.union_all()
    for line, kind in zip(planted.geometry, planted["kind"], strict=True):
        along = shapely.line_interpolate_point(line, np.arange(1.0, line.length - 1, 1.0))
        away = shapely.distance(along, network)
        assert away.min() > 0.1 if kind == "missing" else away.max() < 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_places_do_not_touch_and_lie_in_view(seed: int) -> None:
    """All lines of different mistakes keep their gap, have asked-for lengths, and lie on valid
    pixels.
    """
    valid = np.ones(BOX.shape, bool)
    valid[300:600, 200:700] = False
    hole = rectangle(LEFT + 200, TOP - 600, LEFT + 700, TOP - 300)
    options = PlantSettings(6, 6, 6, seed=seed, min_length_m=50, max_length_m=140, min_gap_m=40)
    _, planted = plant_errors(_make_grid(), BOX, settings=options, valid=valid)
    both = planted.geometry.union(_true_lines(planted))
    apart = np.array([[one.distance(two) for two in both] for one in both])
    assert (apart + np.eye(len(apart)) * 1e9).min() >= 40
    assert planted["length_m"].to_numpy() == pytest.approx(planted.length.to_numpy())
    true_m = _true_lines(planted).length
    assert true_m.between(50 - 0.01, 140 + 0.01).all()
    assert both.within(rectangle(LEFT, TOP - SIDE, LEFT + SIDE, TOP)).all()
    assert not both.intersects(hole.buffer(-2.5)).any()  # seen every two metres


@pytest.mark.parametrize("seed", SEEDS)
def test_phantoms_leave_the_network_and_keep_clear(seed: int) -> None:
    """A phantom starts on a road, touches no more than two, and else keeps two widths and 8 m from
    all of them.
    """
    roads = _make_grid()
    _, planted = plant_errors(roads, BOX, settings=PlantSettings(0, 12, 0, seed=seed))
    assert len(planted) == 12
    for line in planted.geometry:
        assert roads.distance(shapely.get_point(line, 0)).min() < 0.01
        assert (roads.distance(line) < 1).sum() <= 2
        middle = [line.interpolate(at, normalized=True) for at in (0.48, 0.52)]
        assert min(roads.distance(point).min() for point in middle) >= min(22.0, 0.3 * line.length)


@pytest.mark.parametrize("seed", SEEDS)
def test_shifted_roads_are_shifted_by_what_is_said(seed: int) -> None:
    """A shifted line is as far from its true place as its offset says, in the asked range; ends
    stay joined.
    """
    roads = _make_grid()
    _, planted = plant_errors(
        roads, BOX, settings=PlantSettings(0, 0, 8, seed=seed, shift_m=(7, 12))
    )
    assert len(planted) == 8
    for line, true_line, offset in zip(
        planted.geometry, _true_lines(planted), planted["offset_m"], strict=True
    ):
        assert 7 <= offset <= 12
        assert shapely.hausdorff_distance(line, true_line) == pytest.approx(offset, rel=0.25)
        for end in (0, -1):
            assert shapely.get_point(line, end).distance(shapely.get_point(true_line, end)) < 0.01


def test_a_dead_end_may_move_with_its_road() -> None:
    """The free end of a road moves with it, the end that meets another road does not."""
    lines = [LineString([(LEFT + 100, TOP - 600), (LEFT + 1100, TOP - 600)])]
    lines += [LineString([(LEFT + x, TOP - 600), (LEFT + x, TOP - 450)]) for x in (300, 600, 900)]
    lines[1] = lines[1].reverse()
    _, planted = plant_errors(
        _make_roads(lines),
        BOX,
        settings=PlantSettings(0, 0, 9, seed=4, min_length_m=149, max_length_m=151),
    )
    moved = planted[np.isclose(_true_lines(planted).length, 150)]
    assert len(moved) == 3
    for line, offset in zip(moved.geometry, moved["offset_m"], strict=True):
        near, far = sorted(
            (shapely.get_point(line, end) for end in (0, -1)), key=lambda p: abs(p.y - (TOP - 600))
        )
        assert near.y == pytest.approx(TOP - 600)
        assert min(abs(far.x - LEFT - x) for x in (300, 600, 900)) == pytest.approx(offset, abs=0.5)


def test_equal_seeds_plant_equal_mistakes() -> None:
    """The same settings give the same map and mistakes, another seed others."""
    first, again = (
        plant_errors(_make_grid(), BOX, settings=PlantSettings(4, 4, 4, seed=9)) for _ in range(2)
    )
    for one, two in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, two)
    other = plant_errors(_make_grid(), BOX, settings=PlantSettings(4, 4, 4, seed=10))[1]
    assert not first[1].geometry.geom_equals(other.geometry).all()


def test_hidden_and_doubled_roads_are_left_alone() -> None:
    """Tunnels are not touched, nor roads that a second line maps, too: their loss would be no
    mistake.
    """
    grid = _make_grid()
    beside = grid.set_geometry(grid.geometry.translate(5, 5)).assign(road_id=grid["road_id"] + "b")
    twice = pd.concat([grid, beside], ignore_index=True)
    for roads in (grid.assign(visible=False), twice):
        _, planted = plant_errors(roads, BOX, settings=PlantSettings(3, 0, 3))
        assert len(planted) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_phantoms_stay_among_mapped_roads(seed: int) -> None:
    """Where only the lower half is mapped, phantoms stay in it: beyond its outermost street roads
    may be real.
    """
    street = TOP - 700
    lower = rectangle(LEFT - 60, TOP - SIDE - 60, LEFT + SIDE + 60, street + 4)
    half = _make_grid().clip(lower).explode(ignore_index=True)
    _, planted = plant_errors(half, BOX, settings=PlantSettings(0, 8, 0, seed=seed))
    assert len(planted) == 8
    assert planted.total_bounds[3] <= street + 4


def test_phantoms_do_not_follow_what_is_to_be_avoided() -> None:
    """With half of the town to be avoided, no phantom lies in it, though some did before."""
    west = gpd.GeoDataFrame(
        geometry=[rectangle(LEFT, TOP - SIDE, LEFT + 600, TOP)], crs="EPSG:26986"
    )
    free, bound = (
        plant_errors(_make_grid(), BOX, settings=PlantSettings(0, 8, 0), avoid=avoid)[1].geometry
        for avoid in (None, west)
    )
    area = west.geometry.iloc[0]
    assert (free.intersection(area).length > 0.5 * free.length).any()
    assert (bound.intersection(area).length <= 0.3 * bound.length).all()
    assert len(bound) == 8


def test_a_full_map_is_short_of_all_kinds_and_says_so() -> None:
    """Two crossing streets hold a few mistakes: fewer than asked, and one sentence names what is
    missing.
    """
    lines = [
        LineString([(LEFT + 300, TOP - 600), (LEFT + 900, TOP - 600)]),
        LineString([(LEFT + 600, TOP - 300), (LEFT + 600, TOP - 900)]),
    ]
    options = PlantSettings(9, 9, 9)
    _, planted = plant_errors(_make_roads(lines), BOX, settings=options)
    counts = count_planted(planted)
    assert sum(counts.values()) < 27
    assert min(counts.values()) >= 1
    short = {
        kind: f"{n} of 9 {kind}" in name_shortfall(planted, options) for kind, n in counts.items()
    }
    assert short == {kind: n < 9 for kind, n in counts.items()}
    assert name_shortfall(planted, PlantSettings(0, 0, 0)) == ""


def test_nowhere_to_plant_leaves_the_map_alone() -> None:
    """An empty map and one without valid pixels come back unchanged, with an empty table of
    mistakes.
    """
    grid = _make_grid()
    for roads, valid in ((grid.iloc[:0], None), (grid, np.zeros(BOX.shape, bool))):
        mapped, planted = plant_errors(roads, BOX, valid=valid)
        assert len(planted) == 0
        assert mapped.geometry.geom_equals(roads.geometry).all()
        assert set(count_planted(planted)) == {"missing", "phantom", "misaligned"}


def test_the_map_keeps_its_form() -> None:
    """Columns, types and CRS are the input's; road ids stay unique; nothing names a phantom."""
    roads = _make_grid().assign(surface="asphalt")
    mapped, planted = plant_errors(roads, BOX, settings=PlantSettings(5, 5, 5))
    assert list(mapped.columns) == list(roads.columns)
    assert mapped.crs == roads.crs == planted.crs
    assert mapped["road_id"].is_unique
    assert (mapped.geom_type == "LineString").all()
    assert mapped.is_valid.all()
    assert mapped["visible"].dtype == bool
    assert (
        not mapped.drop(columns="geometry")
        .astype(str)
        .apply(lambda c: c.str.contains("phantom|planted"))
        .any(axis=None)
    )


def test_pixel_maps_are_planted_too() -> None:
    """Without a CRS (pixel coordinates, y up) planting works the same."""
    grid = _make_grid()
    moved = [shapely.affinity.translate(line, -LEFT, -TOP) for line in grid.geometry]
    pixels = gpd.GeoDataFrame(grid.drop(columns="geometry"), geometry=moved)
    box = GeoBox(SIDE, SIDE, Affine(1, 0, 0, 0, -1, 0), None)
    mapped, planted = plant_errors(pixels, box, settings=PlantSettings(3, 3, 3))
    assert count_planted(planted) == {"missing": 3, "phantom": 3, "misaligned": 3}
    assert mapped.crs is None
    assert planted.crs is None


@pytest.mark.parametrize(
    "options",
    [
        {"deleted": -1},
        {"min_length_m": 0},
        {"max_length_m": 10},
        {"shift_m": (9, 3)},
        {"shift_m": (0, 3)},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    """Negative counts and empty ranges are refused in one line."""
    with pytest.raises(InputError):
        PlantSettings(**options)  # type: ignore[arg-type]


@pytest.mark.skipif(
    not CAMBRIDGE.is_dir(), reason="needs ../shared/data/georef/cambridge, which is not distributed"
)
def test_a_real_map_has_room_for_thirty() -> None:
    """The Cambridge centrelines of the scene take ten mistakes of each kind, all beside or on real
    streets.
    """
    import rasterio

    with rasterio.open(CAMBRIDGE / "mass_23279035_rgb_1m.tif") as scene:
        box = GeoBox(scene.height, scene.width, scene.transform, scene.crs)
    lines = (
        gpd.read_file(CAMBRIDGE / "cambridge_centerlines_clip.geojson")
        .to_crs("EPSG:26986")
        .geometry
    )
    roads = _make_roads(list(lines.explode()))
    _, planted = plant_errors(roads, box, settings=PlantSettings(seed=1))
    assert count_planted(planted) == {"missing": 10, "phantom": 10, "misaligned": 10}
    assert planted.distance(roads.union_all()).max() < 20

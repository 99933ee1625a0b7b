"""Drawn towns: the same every time, and true in all that they say about themselves."""

from __future__ import annotations

from functools import cache

import networkx as nx
import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from rasterio.transform import rowcol, xy

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.network import read_map
from mapsight.geo.raster import open_image
from mapsight.town import Town, TownSettings, draw_town, write_town
from mapsight.town.paint.brush import Sheet, fill_convex, resolve
from mapsight.town.paint.strokes import stroke_roads
from mapsight.town.plan.boxes import Boxes, keep_apart
from mapsight.town.plan.junctions import count_ends, find_spare

SEEDS = (1, 2, 3, 12, 23)  # among them a motorway, railways, a river, lakes, a desert
CLASSES = {"motorway", "primary", "secondary", "residential", "service", "track"}


@cache
def town(
    seed: int, size_px: int | tuple[int, int] = 400, m_per_px: float = 1.0, **more: object
) -> Town:
    """Towns are drawn once for all tests."""
    return draw_town(TownSettings(size_px=size_px, m_per_px=m_per_px, seed=seed, **more))


def test_same_settings_same_town():
    """Image, roads, truth and layers are equal to the bit when drawn again; another seed gives
    another town.
    """
    first, again = town(7, 160), draw_town(TownSettings(size_px=160, m_per_px=1.0, seed=7))
    assert np.array_equal(first.image.array, again.image.array)
    assert first.roads.equals(again.roads)
    assert first.other_ways.equals(again.other_ways)
    assert all(np.array_equal(first.layers[name], again.layers[name]) for name in first.layers)
    assert not np.array_equal(first.image.array, town(8, 160).image.array)


@pytest.mark.parametrize(
    ("size_px", "m_per_px"), [(32, 0.3), (33, 5.0), (257, 0.6), ((97, 311), 1.0), ((200, 64), 2.0)]
)
def test_any_size(size_px, m_per_px):
    """Odd, oblong, tiny: image, truth and layers have the size asked for, and there is a road."""
    drawn = town(4, size_px, m_per_px)
    shape = (size_px, size_px) if isinstance(size_px, int) else size_px
    assert drawn.image.array.shape == (3, *shape)
    assert drawn.image.array.dtype == np.uint8
    assert drawn.image.valid.all()
    assert drawn.image.geobox == TownSettings(size_px=size_px, m_per_px=m_per_px).geobox
    assert drawn.truth.shape == shape
    assert all(mask.shape == shape and mask.dtype == np.uint8 for mask in drawn.layers.values())
    assert drawn.truth.any()


@pytest.mark.parametrize("seed", SEEDS)
def test_truth_is_the_visible_roads(seed):
    """Truth is what burning the visible roads gives, and a pixel is in it when a road's surface
    covers its centre.
    """
    drawn = town(seed)
    visible = drawn.roads[drawn.roads.visible]
    assert np.array_equal(drawn.truth, burn_lines(visible, drawn.image.geobox))
    rows, cols = np.random.default_rng(seed).integers(0, 400, (2, 400))
    x, y = xy(drawn.image.transform, rows, cols)  # of pixel centres
    surface = shapely.union_all(visible.buffer(visible.width_m / 2).to_numpy())
    covered = shapely.contains_xy(surface, x, y)
    rim = shapely.distance(surface.boundary, shapely.points(x, y)) < 0.1
    assert np.array_equal(covered[~rim], drawn.truth[rows, cols][~rim] == 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_roads_are_sound(seed):
    """Roads lie within the image; lines are valid and simple; ids are unique; classes and widths
    are the known ones.
    """
    drawn = town(seed)
    roads, box = drawn.roads, drawn.image.geobox
    assert list(roads.columns) == [
        "road_id",
        "road_class",
        "width_m",
        "name",
        "visible",
        "geometry",
    ]
    assert (roads.geom_type == "LineString").all()
    assert roads.is_valid.all()
    assert roads.is_simple.all()
    assert roads.within(shapely.box(*box.bounds).buffer(1e-3)).all()
    assert roads.road_id.is_unique
    assert set(roads.road_class) <= CLASSES
    assert roads.width_m.between(2, 16).all()
    assert (roads.length > 0.9).all()
    assert roads.crs == drawn.other_ways.crs == box.crs
    assert set(drawn.other_ways.road_class) <= {"railway", "path"}


@pytest.mark.parametrize("seed", SEEDS)
def test_roads_hang_together(seed):
    """In a town of a square kilometre most of the net, motorways aside, is one piece."""
    roads = town(seed, 500, 2.0).roads
    roads = roads[roads.road_class != "motorway"]
    ends, _, _ = count_ends(roads.geometry.to_numpy())
    graph = nx.MultiGraph(
        (a, b, {"m": m}) for (a, b), m in zip(ends.tolist(), roads.length, strict=True)
    )
    pieces = [
        sum(m for *_, m in graph.subgraph(part).edges(data="m"))
        for part in nx.connected_components(graph)
    ]
    assert max(pieces) > 0.75 * sum(pieces)


def test_tunnels_cannot_be_seen():
    """A tunnel's road is in the map and not in the truth."""
    found = 0
    for seed in SEEDS:
        drawn = town(seed)
        hidden = drawn.roads[~drawn.roads.visible]
        for line, width_m in zip(hidden.geometry, hidden.width_m, strict=True):
            found += 1
            middle = line.interpolate(0.5, normalized=True)
            assert drawn.truth[rowcol(drawn.image.transform, middle.x, middle.y)] == 0
            assert 14 < line.length < 65
            assert width_m > 5
    assert found >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_layers_agree(seed):
    """Masks are 0 or 1; canopy over road is trees and road; houses stand on dry land, off roads and
    car parks.
    """
    drawn = town(seed)
    layers, road = drawn.layers, drawn.truth.astype(bool)
    assert {
        "water",
        "buildings",
        "trees",
        "canopy_over_road",
        "car_park",
        "shadow",
        "railway",
    } <= set(layers)
    assert all(set(np.unique(mask)) <= {0, 1} for mask in layers.values())
    assert np.array_equal(layers["canopy_over_road"], layers["trees"] & drawn.truth)
    assert not (layers["shadow"] & layers["trees"]).any()
    houses = layers["buildings"].astype(bool)
    assert houses.sum() > 0
    for other in (road, layers["water"] > 0, layers["car_park"] > 0, layers["railway"] > 0):
        assert (houses & other).sum() <= 0.004 * houses.sum()
    assert (layers["track"] <= drawn.truth).all()


def test_every_trap_is_laid():
    """Over a few seeds all layers occur: a net that is tested on towns meets every trap."""
    seen = {
        name for seed in SEEDS for name, mask in town(seed, 500, 2.0).layers.items() if mask.any()
    }
    assert seen == set(town(1).layers)
    classes = {c for seed in SEEDS for c in town(seed, 500, 2.0).roads.road_class}
    assert classes == CLASSES


def test_picture_and_truth_lie_on_each_other():
    """Roads are greyest where truth has them: every shift of the truth by some pixels meets more
    colour.
    """
    shifts = ((0, 0), (0, 6), (0, -6), (6, 0), (-6, 0), (5, 5), (-5, 5), (5, -5), (-5, -5))
    met = np.zeros(len(shifts))
    for seed in (3, 5, 6, 8):
        drawn = town(seed, 400, 0.5, biome="green", density=0.2)
        image, road = drawn.image.array.astype(float), drawn.truth[20:-20, 20:-20] == 1
        colour = image.max(0) - image.min(0)
        met += [
            colour[20 + row : 380 + row, 20 + col : 380 + col][road].mean() for row, col in shifts
        ]
    assert met[0] < 0.97 * met[1:].min()


def test_plan_does_not_depend_on_resolution():
    """The same ground at half the resolution has the same roads."""
    fine, coarse = town(5, 240, 1.0), town(5, 120, 2.0)
    assert fine.roads.geometry.geom_equals_exact(coarse.roads.geometry, 1e-6).all()


def test_biomes_look_different():
    """A desert is not green."""
    green, desert = (
        town(9, 160, biome=name, density=0.3).image.array.mean((1, 2))
        for name in ("green", "desert")
    )
    assert green[1] - green[0] > desert[1] - desert[0]
    assert desert.sum() > green.sum()


def test_written_town_reads_back(tmp_path):
    """What write_town writes, our own readers read: the same pixels at the same place, the same
    roads.
    """
    drawn = town(6, 200)
    write_town(drawn, tmp_path / "new")
    with open_image(tmp_path / "new" / "image.tif") as image:
        assert image.geobox == drawn.image.geobox
        assert np.array_equal(image.read_all().array, drawn.image.array)
    read = read_map(tmp_path / "new" / "true_roads.gpkg", box=drawn.image.geobox)
    expected = drawn.roads[drawn.roads.road_class != "track"]
    assert read.lines.length.sum() == pytest.approx(expected.length.sum(), rel=1e-6)
    assert sorted(read.lines.visible) == sorted(expected.visible)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_px": 8},
        {"size_px": (64, 99_999)},
        {"m_per_px": 0.0},
        {"seed": -1},
        {"biome": "moon"},
        {"density": 2.0},
        {"crs": "EPSG:4326"},
        {"crs": "EPSG:2249"},
    ],
)
def test_wrong_settings_are_refused(wrong):
    """Sizes, climates and systems that cannot be drawn are refused in one line with a remedy."""
    with pytest.raises(InputError, match=r"^[^\n]+: [^\n]+; [^\n]+$"):
        TownSettings(**wrong)


def test_fill_convex_is_a_scan_converter():
    """Random convex shapes, some over the edge, fill the pixels that GDAL fills; the last one
    wins.
    """
    rng = np.random.default_rng(0)
    sheet = Sheet(70, 90, 0.5)
    boxes = Boxes(rng.uniform(-3, 48, (60, 2)), rng.uniform(0.1, 6, (60, 2)), rng.uniform(0, 7, 60))
    expected = rasterize(
        [(polygon, i + 1) for i, polygon in enumerate(boxes.polygons())],
        out_shape=sheet.shape,
        transform=sheet.transform,
        dtype="int32",
    )
    assert np.array_equal(fill_convex(sheet, boxes.corners()), expected)


def test_coverage_is_area():
    """The coverage of a rectangle sums to its area within a few per cent."""
    sheet = Sheet(60, 60, 1.0)
    box = Boxes(np.array([[30.2, 29.7]]), np.array([[14.0, 6.5]]), np.array([0.4]))
    stain = resolve(fill_convex(sheet.fine, box.corners()), np.ones((1, 1)))
    assert stain.cover.sum() == pytest.approx(4 * 14.0 * 6.5, rel=0.02)


def test_painted_carriageways_are_the_true_ones():
    """Strokes, which paint the roads, cover what burning gives, but for cut corners and the ends of
    dead ends.
    """
    drawn = town(3)
    visible = drawn.roads[drawn.roads.visible].copy()
    left, bottom, _, _ = drawn.image.geobox.bounds
    visible["geometry"] = visible.geometry.translate(-left, -bottom)
    painted = fill_convex(Sheet(400, 400, 1.0), stroke_roads(visible).rings, alike=True)
    both, either = (painted & drawn.truth).sum(), (painted | drawn.truth).sum()
    assert both > 0.93 * either


def test_spare_edges_can_go():
    """Without the edges that find_spare names the net still hangs together, and nothing else is
    spare.
    """
    rng = np.random.default_rng(2)
    nodes = rng.uniform(0, 100, (25, 2))
    pairs = [(i, j) for i in range(25) for j in range(i) if np.hypot(*(nodes[i] - nodes[j])) < 40]
    edges = np.array([shapely.LineString(nodes[list(pair)]) for pair in pairs], dtype=object)
    spare = find_spare(edges, np.zeros(len(edges), dtype=bool), rng)
    whole = nx.Graph(pairs)
    left = nx.Graph([pair for pair, out in zip(pairs, spare, strict=True) if not out])
    assert nx.number_connected_components(left) == nx.number_connected_components(whole)
    assert set(left) == set(whole)
    assert nx.is_forest(left)


def test_nothing_is_built_over_another():
    """keep_apart lets no two kept polygons overlap, and keeps the first of each clash."""
    rng = np.random.default_rng(1)
    boxes = Boxes(rng.uniform(0, 40, (80, 2)), rng.uniform(1, 4, (80, 2)), rng.uniform(0, 3, 80))
    polygons = boxes.polygons()
    kept = keep_apart(polygons)
    chosen = polygons[kept]
    assert kept[0]
    assert all(not a.intersects(b) for i, a in enumerate(chosen) for b in chosen[:i])
    assert all(any(polygon.intersects(other) for other in chosen) for polygon in polygons[~kept])

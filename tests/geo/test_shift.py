"""A shift that was put in comes out, to a fraction of a pixel; what cannot be known is said."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from shapely.geometry import LineString

from mapsight.geo.burn import burn_lines
from mapsight.geo.raster import GeoBox, Raster
from mapsight.geo.shift import ShiftField, estimate_shift, move_lines

BOX = GeoBox(700, 700, Affine(1, 0, 500_000, 0, -1, 5_000_700), CRS.from_epsg(32632))


def grid(angle=0.3):
    """A grid of streets, turned a little, well inside the box."""
    lines = []
    for at in range(-300, 301, 100):
        for a, b in (((-300, at), (300, at)), ((at, -300), (at, 300))):
            lines.append(LineString([a, b]))
    turned = [shapely.affinity.rotate(line, np.degrees(angle), origin=(0, 0)) for line in lines]
    placed = [shapely.affinity.translate(line, 500_350, 5_000_350) for line in turned]
    return gpd.GeoDataFrame({"width_m": [7.0] * len(placed)}, geometry=placed, crs=BOX.crs.to_wkt())


def see(lines, noise=0.1, seed=0):
    """A probability as a net would give it: the lines blurred, with noise."""
    rng = np.random.default_rng(seed)
    array = ndimage.gaussian_filter(burn_lines(lines, BOX).astype(float), 1.5) * 0.9
    array = np.clip(
        array + noise * np.abs(ndimage.gaussian_filter(rng.normal(size=BOX.shape), 2)) * 4, 0, 1
    )
    return Raster(array[None].astype(np.float32), BOX.transform, BOX.crs)


@pytest.mark.parametrize(
    "shift", [(0, 0), (2, 0), (0, -5), (3.5, 4.25), (-9, 6), (12, 0), (0.4, -0.6)]
)
def test_planted_shift_is_found(shift):
    """The displacement back is found within 0.3 px for shifts of 0 to 12 m."""
    lines = grid()
    moved = lines.set_geometry(lines.geometry.translate(*shift))
    found = estimate_shift(see(lines), moved)
    assert found.reason == ""
    assert np.hypot(found.dx_m + shift[0], found.dy_m + shift[1]) < 0.3
    back = move_lines(moved, found)
    assert shapely.hausdorff_distance(back.geometry.union_all(), lines.geometry.union_all()) < 0.8


def test_smooth_field_is_found():
    """A map stretched by 1 % is brought back to within a metre nearly everywhere."""
    lines = grid().geometry.segmentize(20)
    centre = np.array([500_350, 5_000_350])
    table = gpd.GeoDataFrame(
        {"width_m": [7.0] * len(lines)}, geometry=list(lines), crs=BOX.crs.to_wkt()
    )
    stretched = table.set_geometry(
        shapely.transform(table.geometry.array, lambda xy: centre + (xy - centre) * 1.01)
    )
    before = np.abs(
        shapely.get_coordinates(stretched.geometry.array)
        - shapely.get_coordinates(table.geometry.array)
    )
    after = np.abs(
        shapely.get_coordinates(
            move_lines(stretched, estimate_shift(see(table), stretched)).geometry.array
        )
        - shapely.get_coordinates(table.geometry.array)
    )
    assert np.quantile(after, 0.9) < 0.6 * np.quantile(before, 0.9)


def test_parallel_streets_are_not_over_read():
    """Where all streets run east, only the northward part can be known; the other is not
    invented.
    """
    lines = grid(0.0).iloc[::2]
    moved = lines.set_geometry(lines.geometry.translate(0, 4))
    found = estimate_shift(see(lines), moved)
    assert abs(found.dy_m + 4) < 0.3
    assert found.dy_error_m < 0.5
    assert found.dx_m == pytest.approx(0, abs=0.1)
    assert found.dx_error_m == 20


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_along_a_single_street_nothing_is_known(noise):
    """A street at 45°, moved across: what comes back is across it, and each coordinate is as good
    as unknown.
    """
    street = gpd.GeoSeries(
        [LineString([(500_150, 5_000_150), (500_550, 5_000_550)])], crs=BOX.crs.to_wkt()
    )
    lines = gpd.GeoDataFrame({"width_m": [7.0]}, geometry=street)
    found = estimate_shift(see(lines, noise=noise), lines.set_geometry(street.translate(3, -3)))
    assert (found.dx_m, found.dy_m) == pytest.approx((-3, 3), abs=0.4)
    assert min(found.dx_error_m, found.dy_error_m) > 10


def test_nothing_seen_is_said():
    """Without roads in the image or in the map there is no estimate, but a reason."""
    blank = Raster(np.zeros((1, *BOX.shape), np.float32), BOX.transform, BOX.crs)
    found = estimate_shift(blank, grid())
    assert found.reason
    assert (found.dx_m, found.dy_m) == (0.0, 0.0)
    assert "no road" in estimate_shift(see(grid()), grid().iloc[:0]).reason


def test_wrong_roads_do_not_pull():
    """A tenth of the map drawn elsewhere does not move the estimate (Huber)."""
    lines = grid()
    wrong = lines.copy()
    wrong.loc[:1, "geometry"] = wrong.loc[:1].geometry.translate(25, 13)
    found = estimate_shift(see(lines), wrong)
    assert found.length_m < 0.3


def test_no_nodes_means_one_offset():
    """A field without nodes is its one offset everywhere."""
    field = ShiftField(dx_m=2.0, dy_m=-1.0)
    assert np.allclose(field.at(np.zeros((3, 2))), [[2, -1]] * 3)


def test_streets_that_err_alike_from_end_to_end_widen_the_interval():
    """Each street drawn beside its middle by about 1 m: the interval holds the truth in most of 20
    directions.
    """
    lines, rng, held = grid(), np.random.default_rng(3), []
    seen = see(lines)
    for _ in range(10):
        ends = np.array([np.array(line.coords) for line in lines.geometry])
        along = ends[:, 1] - ends[:, 0]
        beside = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
        drawn = [
            LineString(line) for line in ends + (beside * rng.normal(size=(len(ends), 1)))[:, None]
        ]
        found = estimate_shift(seen, lines.set_geometry(drawn))
        held += [abs(found.dx_m) <= found.dx_error_m, abs(found.dy_m) <= found.dy_error_m]
    assert np.mean(held) >= 0.8


def test_blocks_make_no_difference(monkeypatch):
    """A scene that is correlated block by block has the shift of one that is correlated at once."""
    lines = grid()
    moved = lines.set_geometry(lines.geometry.translate(7, -5))
    whole = estimate_shift(see(lines), moved)
    monkeypatch.setattr("mapsight.geo.shift._BLOCK_PX", 150)
    parts = estimate_shift(see(lines), moved)
    assert (parts.dx_m, parts.dy_m) == pytest.approx((whole.dx_m, whole.dy_m), abs=1e-9)


def test_far_nodes_are_not_missed():
    """Of a large field the nodes nearby are enough: the mean over all of them is the same to a
    centimetre.
    """
    rng = np.random.default_rng(0)
    nodes = np.stack(np.meshgrid(np.arange(20), np.arange(20)), -1).reshape(-1, 2) * 150.0
    found = ShiftField(nodes_xy=nodes, nodes_m=rng.normal(size=(400, 2)), scale_m=150)
    xy = rng.uniform(-200, 3200, (500, 2))
    weights = np.exp(-((xy[:, None] - nodes) ** 2).sum(-1) / (2 * 75**2))
    assert np.allclose(
        found.at(xy), weights @ found.nodes_m / weights.sum(1, keepdims=True), atol=0.01
    )

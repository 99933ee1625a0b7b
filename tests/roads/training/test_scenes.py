"""Training and held_out are kept apart on the ground, however images lie over each other."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from mapsight.errors import InputError
from mapsight.geo.raster import GeoBox, Raster, write_raster
from mapsight.roads.training.scenes import find_held_out, read_map_scenes

from ..conftest import BOX, GRID, make_lines


def write_image(path, *, east_m=0, south_m=0, size_px=(600, 600), m_per_px=1.0, data=np.s_[:, :]):
    """A grey image whose corner lies so far from BOX's, without data (0) but in a part."""
    transform = Affine(m_per_px, 0, 500_000 + east_m, 0, -m_per_px, 5_000_600 - south_m)
    array = np.zeros((3, *size_px), np.uint8)
    array[:, *data] = 90
    write_raster(path, Raster(array, transform, BOX.crs), nodata=0)
    return path


@pytest.fixture
def map_file(tmp_path):
    """The streets of BOX."""
    make_lines(*GRID).to_file(tmp_path / "map.gpkg")
    return tmp_path / "map.gpkg"


def test_no_place_teaches_and_judges(tmp_path, map_file):
    """Of two images that overlap none teaches where the other judges; in both about one place in
    six judges.
    """
    places = {"a.tif": (0, 0, (600, 600)), "b.tif": (150, 70, (500, 640))}
    images = [
        write_image(tmp_path / n, east_m=e, south_m=s, size_px=size)
        for n, (e, s, size) in places.items()
    ]
    train, judge, m_per_px = read_map_scenes(images, map_file)
    assert m_per_px == 1.0
    taught, judged = np.zeros((2, 800, 800), bool)
    for scenes, ground in ((train, taught), (judge, judged)):
        for scene, (east, south, (height, width)) in zip(scenes, places.values(), strict=True):
            ground[south : south + height, east : east + width] |= scene.valid
            assert (0.1 < scene.valid.mean() < 0.25) == (ground is judged)
    assert not (taught & judged).any()
    assert (taught | judged)[:600, :600].all()


def test_no_data_to_judge_by_is_refused(tmp_path, map_file):
    """Said before the training, not after it."""
    held_out = find_held_out(GeoBox(600, 600, BOX.transform, BOX.crs), 200.0)
    row, col = np.argwhere(~held_out)[0]
    image = write_image(tmp_path / "a.tif", data=np.s_[row : row + 5, col : col + 5])
    with pytest.raises(InputError, match="blocks that are held out"):
        read_map_scenes([image], map_file)


@given(st.floats(-1e6, 1e6), st.floats(-1e7, 1e7), st.integers(90, 200), st.integers(90, 200))
def test_every_image_has_its_judges(x, y, height, width):
    """Three blocks a side are enough: about a tenth judges at least, at most a quarter."""
    share = find_held_out(GeoBox(height, width, Affine(1, 0, x, 0, -1, y)), 30.0).mean()
    assert 0.09 <= share <= 0.25

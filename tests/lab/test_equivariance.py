"""Where a shift of the image is a shift of the map, and where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from mapsight.lab.equivariance import LAYERS, measure_equivariance, measure_rotation
from mapsight.lab.filters import LAPLACIAN_4, SOBEL_X
from mapsight.lab.scenes import draw_scene, to_grey


@pytest.fixture(scope="module")
def scene():
    return to_grey(draw_scene())


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shift", [1, 2, 3, 4])
def test_equivariant_exactly_where_the_stride_divides(scene, name, shift):
    """Away from the border: 0 where the shift is a multiple of the total stride, clearly not 0
    elsewhere.
    """
    error = measure_equivariance(LAYERS[name], scene, shift)
    assert error == 0 if shift % LAYERS[name].stride == 0 else error > 0.1


def test_zero_padding_breaks_it_at_the_border(scene):
    """'same' padding lets the border be seen: not equivariant there; 'valid' is everywhere."""
    assert measure_equivariance(LAYERS["convolution, same"], scene, 1, inside=False) > 0.1
    assert measure_equivariance(LAYERS["convolution, valid"], scene, 1, inside=False) == 0


def test_borders_are_as_wide_as_said(scene):
    """One cell less of border, and the border shows: the widths in the table are the smallest right
    ones.
    """
    for name in ("convolution, same", "convolution, stride 2", "(conv, ReLU, pool) twice"):
        layer = LAYERS[name]
        narrower = type(layer)(layer.run, layer.stride, layer.border - 1)
        assert measure_equivariance(narrower, scene, layer.stride) > 0, name


def test_a_quarter_turn(scene):
    """G_x does not turn with the image, a filter that looks the same from all sides does."""
    assert measure_rotation(LAPLACIAN_4, scene) == 0
    assert measure_rotation(SOBEL_X, scene) > 0.5
    assert np.array_equal(np.rot90(LAPLACIAN_4), LAPLACIAN_4)

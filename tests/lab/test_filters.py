"""Filters against the lecture's tables, scikit-image, scipy, and the edges they are said to
find.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.signal import windows
from skimage import filters as skimage_filters
from skimage.filters import gabor_kernel

from mapsight.errors import InputError
from mapsight.lab import lecture
from mapsight.lab.convolution import correlate_grid
from mapsight.lab.filters import (
    FILTERS,
    LAPLACIAN_4,
    PREWITT_X,
    SCHARR_X,
    SOBEL_X,
    answer_edge,
    find_response_range,
    make_gabor,
    make_gaussian,
    normalise_map,
    parse_filter,
)


def test_lecture_feature_map():
    """The lecture's 12×12 feature map, all 144 entries, is G_x with full zero padding over its
    first table.
    """
    assert np.array_equal(correlate_grid(lecture.IMAGE, SOBEL_X, "full"), lecture.FEATURE_MAP)


def test_lecture_normalised_map():
    """The lecture's normalised map, all 144 entries."""
    assert np.array_equal(normalise_map(lecture.FEATURE_MAP, SOBEL_X), lecture.NORMALISED_MAP)
    assert find_response_range(SOBEL_X) == (-1020, 1020)


def test_the_later_copies_do_not_give_the_map():
    """Only the lecture's first table of pixels belongs to its feature map."""
    for copy in (lecture.IMAGE_COPY_2, lecture.IMAGE_COPY_3):
        assert not np.array_equal(correlate_grid(copy, SOBEL_X, "full"), lecture.FEATURE_MAP)


def test_gx_answers_vertical_edges():
    """G_x says 4 to a unit edge that stands upright and nothing to one that lies: not what the
    lecture says.
    """
    assert answer_edge(SOBEL_X, 0) == 4
    assert answer_edge(SOBEL_X, 90) == 0
    assert answer_edge(SOBEL_X, 180) == -4
    assert answer_edge(SOBEL_X.T, 0) == 0 and answer_edge(SOBEL_X.T, 90) == 4


@pytest.mark.parametrize(
    ("weights", "oracle"),
    [
        (SOBEL_X, skimage_filters.sobel_v),
        (PREWITT_X, skimage_filters.prewitt_v),
        (SCHARR_X, skimage_filters.scharr_v),
    ],
)
def test_against_scikit_image(weights, oracle):
    """The same as scikit-image's *vertical* filters up to their scaling by the positive weights."""
    image = np.random.default_rng(0).random((9, 11))
    ours = correlate_grid(image, weights) / np.maximum(weights, 0).sum()
    assert np.allclose(ours, oracle(image)[1:-1, 1:-1])


def test_against_scipy():
    """Sobel and Laplacian equal scipy.ndimage's on whole numbers."""
    image = np.random.default_rng(1).integers(0, 256, (8, 9))
    assert np.array_equal(correlate_grid(image, SOBEL_X), ndimage.sobel(image, axis=1)[1:-1, 1:-1])
    assert np.array_equal(correlate_grid(image, LAPLACIAN_4), ndimage.laplace(image)[1:-1, 1:-1])


def test_gaussian_and_gabor_against_libraries():
    """The bell is scipy's, the wave under it is scikit-image's (less its mean)."""
    bell = windows.gaussian(5, 1.0)
    assert np.allclose(make_gaussian(5, 1.0), np.outer(bell, bell) / bell.sum() ** 2)
    theirs = gabor_kernel(1 / 6, theta=np.pi / 4, sigma_x=2, sigma_y=2).real
    middle = len(theirs) // 2
    theirs = theirs[middle - 4 : middle + 5, middle - 4 : middle + 5]
    theirs = theirs / theirs[4, 4]
    ours = make_gabor(9, wavelength_px=6, angle_deg=45, sigma_px=2)
    bell = make_gaussian(9, 2)
    difference = ours - theirs
    assert np.allclose(difference / (bell / bell[4, 4]), difference[4, 4], atol=1e-12)


def test_what_answers_to_flat_patches():
    """Every filter but the Gaussian answers a flat patch with 0; the Gaussian keeps its grey
    value.
    """
    for name, weights in FILTERS.items():
        assert weights.sum() == pytest.approx(1 if name == "gaussian" else 0, abs=1e-12), name


def test_normalised_map_of_any_filter_uses_the_whole_range():
    """The darkest and the brightest answers that a filter can give become 0 and 255."""
    for weights in FILTERS.values():
        extremes = np.array([find_response_range(weights)])
        assert normalise_map(extremes, weights).tolist() == [[0, 255]]
    assert normalise_map(np.zeros((1, 2)), np.zeros((3, 3))).tolist() == [[128, 128]]


def test_own_filter():
    """Typed rows become the filter; what is none is refused in one line."""
    assert np.array_equal(parse_filter("-1 0 1; -2,0,2; -1 0 1"), SOBEL_X)
    assert parse_filter("sobel-y") is FILTERS["sobel-y"]
    for wrong in ("sobl", "1 2; 3", "", ";", "1 nan", "1 " * 99, "__import__('os')"):
        with pytest.raises(InputError):
            parse_filter(wrong)

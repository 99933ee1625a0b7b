"""The page's convolution and filters. Oracles: torch, and the lecture's own tables."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
# the feature map that the lecture prints, and its normalised version, row by row
LECTURE_MAP = """
0 0 0 0 255 255 -255 -255 0 0 0 0
0 0 0 255 765 510 -510 -765 -255 0 0 0
0 0 0 510 1020 510 -510 -1020 -510 0 0 0
255 0 -255 510 1020 510 -510 -1020 -510 0 0 0
510 0 -255 765 765 255 -255 -765 -765 -255 0 0
255 255 255 765 510 0 0 -510 -765 -510 -255 0
0 510 255 510 765 0 0 -765 -510 -255 -510 0
0 255 0 765 1020 0 0 -1020 -765 0 -255 0
0 0 0 1020 765 -255 255 -765 -1020 255 0 -255
0 0 255 1020 0 -765 765 0 -1020 255 0 -510
0 0 510 765 -510 -765 765 510 -765 -255 0 -255
0 0 255 255 -255 -255 255 255 -255 -255 0 0
"""
LECTURE_NORMALISED = """
128 128 128 128 159 159 96 96 128 128 128 128
128 128 128 159 223 191 64 32 96 128 128 128
128 128 128 191 255 191 64 0 64 128 128 128
159 128 96 191 255 191 64 0 64 128 128 128
191 128 96 223 223 159 96 32 32 96 128 128
159 159 159 223 191 128 128 64 32 64 96 128
128 191 159 191 223 128 128 32 64 96 64 128
128 159 128 223 255 128 128 0 32 128 96 128
128 128 128 255 223 96 159 32 0 159 128 96
128 128 159 255 128 32 223 128 0 159 128 64
128 128 191 223 64 32 223 191 32 96 128 96
128 128 159 159 96 96 159 159 96 96 128 128
"""


def read_table(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float).reshape(12, 12)


def test_lecture_tables(javascript):
    """The lecture's 10 × 10 table under G_x with full padding gives both of its 12 × 12 tables, all
    288 entries.
    """
    table = javascript("inputs.js", "return m.LECTURE;", None)
    body = """
        const filter = m.fromRows(data.filter);
        const how = { padding: "full", stride: 1, dilation: 1 };
        const { map } = m.correlate(m.fromRows(data.input), filter, how);
        const reach = m.reach(filter);
        return { map: map.data, normalised: map.data.map((sum) => m.normalise(sum, reach)) };
    """
    found = javascript("convolve.js", body, {"input": table, "filter": SOBEL_X})
    np.testing.assert_array_equal(np.reshape(found["map"], (12, 12)), read_table(LECTURE_MAP))
    np.testing.assert_array_equal(
        np.reshape(found["normalised"], (12, 12)), read_table(LECTURE_NORMALISED)
    )


def correlate_by_torch(image, kernel, padding, stride, dilation) -> np.ndarray:
    reach = [dilation * (k - 1) for k in kernel.shape]
    before = {"valid": [0, 0], "full": reach, "same": [r // 2 for r in reach]}[padding]
    after = {"valid": [0, 0], "full": reach, "same": [r - r // 2 for r in reach]}[padding]
    padded = F.pad(torch.from_numpy(image)[None, None], (before[1], after[1], before[0], after[0]))
    return F.conv2d(padded, torch.from_numpy(kernel)[None, None], stride=stride, dilation=dilation)[
        0, 0
    ].numpy()


def test_convolution_equals_torch(javascript):
    """Every padding, three strides and dilations, odd and even filters; and each cell's products
    add up to it.
    """
    rng = np.random.default_rng(0)
    cases = [
        {
            "input": rng.normal(size=(9, 11)).tolist(),
            "filter": rng.normal(size=shape).tolist(),
            "padding": padding,
            "stride": stride,
            "dilation": dilation,
        }
        for padding, stride, dilation, shape in itertools.product(
            ("valid", "same", "full"), (1, 2, 3), (1, 2, 3), ((1, 1), (2, 2), (3, 3), (3, 2))
        )
    ]
    body = """
        return data.map((given) => {
            const [input, filter] = [m.fromRows(given.input), m.fromRows(given.filter)];
            const { map, planned } = m.correlate(input, filter, given);
            const sums = Array.from(map.data, (_, at) =>
                m.windowOf(input, filter, planned, Math.floor(at / map.cols), at % map.cols)
                    .reduce((sum, cell) => sum + cell.product, 0));
            return { ...map, sums };
        });
    """
    for case, found in zip(cases, javascript("convolve.js", body, cases), strict=True):
        image, kernel = np.array(case["input"]), np.array(case["filter"])
        expected = correlate_by_torch(
            image, kernel, case["padding"], case["stride"], case["dilation"]
        )
        assert (found["rows"], found["cols"]) == expected.shape
        np.testing.assert_allclose(found["data"], expected.ravel(), atol=1e-12)
        np.testing.assert_allclose(found["sums"], expected.ravel(), atol=1e-12)


def test_a_filter_too_large_gives_nothing(javascript):
    """A dilated filter that is larger than the image has no place to be."""
    body = """const how = { padding: "valid", stride: 1, dilation: 2 };
              const { map } = m.correlate(m.matrix(4, 4), m.matrix(3, 3), how);
              return [map.rows, map.cols];"""
    assert javascript("convolve.js", body, None) == [0, 0]


def test_convolution_proper_is_turned(javascript):
    """Flipping twice changes nothing; once turns by 180°."""
    kernel = [[1, 2], [3, 4]]
    assert javascript("convolve.js", "return m.flip(m.fromRows(data)).data;", kernel) == [
        4,
        3,
        2,
        1,
    ]


def test_edges_and_g_x(javascript):
    """G_x answers four steps to a vertical edge and nothing to a horizontal one, whatever its name
    suggests.
    """
    edges = javascript(
        "inputs.js", "return ['vertical', 'horizontal'].map((key) => m.INPUTS[key].make());", None
    )
    body = """return data.edges.map((edge) => m.correlate(edge, m.fromRows(data.filter),
                  { padding: "valid", stride: 1, dilation: 1 }).map.data);"""
    vertical, horizontal = javascript("convolve.js", body, {"edges": edges, "filter": SOBEL_X})
    assert max(vertical) == 4 * 255 and set(horizontal) == {0}


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.8), (5, 1.0), (7, 2.5)])
def test_gaussian(javascript, size, sigma):
    """The sampled normal distribution, normed to a sum of 1."""
    offsets = np.arange(size) - (size - 1) / 2
    line = np.exp(-(offsets**2) / (2 * sigma**2))
    expected = np.outer(line, line) / line.sum() ** 2
    found = javascript(
        "kernels.js",
        "return m.gaussian(data.size, data.sigma).data;",
        {"size": size, "sigma": sigma},
    )
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-12)


def test_gabor_prefers_its_own_stripes(javascript):
    """A Gabor filter answers most to stripes of its own direction and wavelength."""
    body = "return [0, 90].map((degrees) => m.gabor(7, { sigma: 2, wavelength: 4, degrees }).data);"
    across, down = (np.reshape(kernel, (7, 7)) for kernel in javascript("kernels.js", body, None))
    stripes = np.cos(2 * np.pi * (np.arange(7) - 3) / 4)[None, :].repeat(7, 0)
    assert (across * stripes).sum() > 10 * abs((down * stripes).sum())
    np.testing.assert_allclose(across, down.T, atol=1e-12)

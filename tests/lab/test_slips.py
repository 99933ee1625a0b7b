"""The slips: each experiment's numbers against an oracle of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, signal
from sklearn.metrics import f1_score, precision_score, recall_score

from mapsight.lab import lecture
from mapsight.lab.slips import SLIPS, run_slips


@pytest.fixture(scope="module")
def numbers():
    return {slip.name: slip.numbers for slip in run_slips()}


def test_every_slip_speaks(numbers):
    """No two have one name; each says what the lecture says and what is shown."""
    assert len(numbers) == len(SLIPS) >= 20
    assert all(slip.said and len(slip.shows) > 40 for slip in run_slips())


def test_edges(numbers):
    """scipy's Sobel along a row answers the step between columns, and not the one between rows."""
    step = np.repeat([[0.0, 0, 1, 1]], 4, axis=0)
    assert numbers["edges of G_x"] == {"vertical": 4, "horizontal": 0}
    assert ndimage.sobel(step, axis=1).max() == 4 and ndimage.sobel(step.T, axis=1).max() == 0


def test_convolution(numbers):
    """scipy's true convolution is the negated feature map."""
    assert np.array_equal(signal.convolve2d(lecture.IMAGE, lecture.SOBEL_X), -lecture.FEATURE_MAP)
    assert numbers["convolution"] == {"equal": 0, "negated": True}


def test_copies(numbers):
    """Both copies differ, and so do their maps."""
    assert (
        min(numbers["copies of the table"]["pixels"] + numbers["copies of the table"]["entries"])
        > 0
    )


def test_sizes(numbers):
    """torch's sizes for the Sobel map, the first feature map, odd pooling and strided 'same'."""
    assert numbers["padding of the Sobel map"] == {"valid": 8, "same": 10, "full": 12}
    for stride, side in ((1, 9), (2, 5)):
        assert torch.nn.Conv2d(3, 1, 2, stride)(torch.ones(1, 3, 10, 10)).shape[2] == side
        assert numbers["the first feature map"][f"stride {stride}"] == side
    assert (
        torch.nn.MaxPool2d(2)(torch.ones(1, 1, 5, 5)).shape[2:]
        == numbers["halving"]["shape"]
        == (2, 2)
    )
    assert numbers["halving"]["largest"] == 0
    assert numbers["same padding"] == {"even": (0, 1), "strided": 3}


def test_depth(numbers):
    """torch's grouped convolution has the same sums; without groups that depth does not go."""
    out = torch.nn.functional.conv2d(
        torch.arange(6.0).reshape(1, 6, 1, 1), torch.ones(4, 3, 1, 1), groups=2
    )
    assert numbers["depth of a filter"] == {
        "maps": out.ravel().tolist(),
        "refused without groups": True,
    }


def test_connections_and_memory(numbers):
    """75 weights, 750,000 or 732,108 connections, 1.2 GB."""
    assert numbers["k × n parameters"] == {"k": 75, "k times n": 750_000, "connections": 732_108}
    assert numbers["physical limitations"]["gigabytes"] == 1.2


def test_equivariance(numbers):
    """Flat white answers at the border only, as scipy says."""
    flat = ndimage.correlate(np.full((6, 6), 255), lecture.SOBEL_X, mode="constant")
    assert numbers["found anywhere"]["border"] == flat[2, 0] == 1020
    assert numbers["found anywhere"]["inside"] == 0


def test_activations(numbers):
    """tanh lies flat where its slope 1 − tanh² is under .05; the share of N(0, 3²) there is
    known.
    """
    edge = math.atanh(math.sqrt(0.95))
    assert numbers["tanh"]["tanh"] == pytest.approx(math.erfc(edge / 3 / math.sqrt(2)), abs=0.01)
    assert numbers["tanh"]["sigmoid"] < numbers["tanh"]["tanh"]
    assert numbers["zero-centring"]["relu"] == numbers["zero-centring"]["sigmoid"] == 1
    assert numbers["zero-centring"]["tanh"] < 0.02


def test_pooling(numbers):
    """Twins counted by enumeration for one window; rotation and blur as they are."""
    for value in (3, 6):
        windows = np.stack(np.meshgrid(*[np.arange(10)] * 4), axis=-1).reshape(-1, 4)
        assert (windows.max(axis=1) == value).sum() == (value + 1) ** 4 - value**4
    assert numbers["information"]["twins"] == math.prod((v + 1) ** 4 - v**4 for v in (8, 6, 9, 3))
    assert numbers["rotation"] == {"same numbers": True, "said": [8 - 3, 9 - 6], "turns": False}
    blurred = ndimage.uniform_filter(lecture.POOLED_INPUT.astype(float), 3, mode="nearest")
    pooled = torch.nn.functional.max_pool2d(torch.tensor(blurred)[None, None], 2)[0, 0].numpy()
    assert numbers["blurring"]["by blur"] == pytest.approx(np.abs(pooled - [[8, 6], [9, 3]]).max())
    assert numbers["blurring"]["largest change"] == 2


def test_digit_net(numbers):
    """The listing's slips and the parameter counts."""
    assert numbers["dropout"] == {"listed": 0.4, "dropped": 410}
    assert numbers["the listing"]["missing"] == ["fc3"]
    assert (
        numbers["one dense layer"]["dense"] == 2
        and numbers["one dense layer"]["parameters"] == 2_315_018
    )
    assert numbers["one dense layer"]["share"] == pytest.approx(
        (2048 * 1024 + 1024 + 10_250) / 2_315_018
    )
    dense = {w: 785 * w + 2 * (w * w + w) + 10 * w + 10 for w in (512, 1024)}
    assert numbers["fewer parameters"] == {
        "cnn": 2_315_018,
        "dense 512": dense[512],
        "dense 1024": dense[1024],
    }
    assert dense[1024] == 2_913_290 and numbers["ResNet"]["convolutions"] == 151


def test_measures(numbers):
    """scikit-learn's precision, recall and F1."""
    truth, predicted = [1] * 10 + [0] * 90, [0] * 6 + [1] * 8 + [0] * 86
    assert numbers["precision and recall"]["precision"] == precision_score(truth, predicted)
    assert numbers["precision and recall"]["recall"] == recall_score(truth, predicted)
    assert numbers["F1"]["pooled"] == pytest.approx(0.7489, abs=5e-5)
    assert numbers["F1"]["mean"] == pytest.approx(1 / 3)
    one = f1_score([1] * 5 + [0] * 4, [1] + [0] * 8)  # precision 1, recall .2
    assert one == pytest.approx(numbers["F1"]["mean"])

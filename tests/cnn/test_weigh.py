"""Weights of pixels against sums by hand and a search over all things."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mapsight.cnn.losses import class_pixel_loss, soft_pixel_loss
from mapsight.cnn.weigh import find_class_weights, weigh_borders


def test_median_frequency_by_hand():
    """Class 1 occurs in one of two images only: its frequency is its share of that image; void
    counts nowhere.
    """
    labels = np.array([[[0, 0, 0, 1]], [[0, 0, 9, 9]]])
    assert find_class_weights(labels, 3).tolist() == pytest.approx(
        [(5 / 6 + 1 / 4) / 2 / (5 / 6), 13 / 6, 0]
    )


def test_borders_by_search():
    """The map equals formula 2 of the paper, with distances searched over all pixels of all
    things.
    """
    cells = np.zeros((14, 17), int)
    cells[2:6, 2:6], cells[3:9, 8:12], cells[11:13, 3:14] = 1, 2, 7
    weights = weigh_borders(cells, strength=10, sigma_px=3, balance=False)
    things = [np.argwhere(cells == n) for n in (1, 2, 7)]
    for place in np.ndindex(cells.shape):
        d1, d2 = sorted(np.hypot(*(thing - place).T).min() for thing in things)[:2]
        wanted = 1 + (10 * np.exp(-((d1 + d2) ** 2) / 18) if cells[place] == 0 else 0)
        assert weights[place] == pytest.approx(wanted, rel=1e-5)


def test_balance_and_single_things():
    """One thing has no gap: the weights are those of the classes, thing and ground alike in sum,
    mean 1.
    """
    cells = np.zeros((10, 10), int)
    cells[:2, :5] = 4
    weights = weigh_borders(cells)
    assert weights[cells > 0].sum() == pytest.approx(weights[cells == 0].sum()) == pytest.approx(50)
    assert (weigh_borders(np.zeros((4, 4), int)) == 1).all()


def test_class_pixel_loss_is_torchs():
    """With equal weights and void at 0 it is torch's cross-entropy that ignores void; of nothing
    but void it is 0.
    """
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 6, 7, requires_grad=True), torch.randint(0, 6, (2, 6, 7))
    weight = (labels < 5).float()
    expected = F.cross_entropy(logits, labels, ignore_index=5)
    assert torch.isclose(class_pixel_loss(logits, labels.float(), weight), expected)
    assert class_pixel_loss(logits, labels, torch.zeros_like(weight)).item() == 0


def test_soft_pixel_loss_is_torchs():
    """With the shares of all classes it is torch's cross-entropy against probabilities; weights
    multiply pixels.
    """
    torch.manual_seed(0)
    logits, shares = torch.randn(2, 4, 3, 5), torch.rand(2, 4, 3, 5).softmax(dim=1)
    classes = torch.arange(4).view(1, 4, 1, 1).expand_as(shares)
    expected = F.cross_entropy(logits, shares, reduction="none")
    weight = torch.rand(2, 3, 5)
    assert torch.isclose(
        soft_pixel_loss(logits, classes, shares, torch.ones(2, 3, 5)), expected.mean()
    )
    assert torch.isclose(
        soft_pixel_loss(logits, classes, shares, weight), (expected * weight).mean()
    )
    some = soft_pixel_loss(logits, classes[:, 2:3], torch.ones(2, 1, 3, 5), weight)
    assert torch.isclose(
        some, (F.cross_entropy(logits, torch.full((2, 3, 5), 2), reduction="none") * weight).mean()
    )

"""Losses against torch's own and against sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mapsight.cnn.losses import LOSSES, bce_loss, dice_loss, find_loss, focal_loss
from mapsight.errors import InputError


def batch():
    torch.manual_seed(0)
    return torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.7).float(), (torch.rand(2, 1, 8, 8) > 0.3).float()


def test_bce_is_torchs_where_weighed():
    """Cross-entropy equals torch's mean over the pixels that weigh something."""
    logits, target, weight = batch()
    kept = weight > 0
    expected = F.binary_cross_entropy_with_logits(logits[kept], target[kept])
    assert torch.isclose(bce_loss(logits, target, weight), expected)


def test_focal_without_gamma_is_bce():
    """At gamma 0 nothing fades."""
    assert torch.isclose(focal_loss(*batch(), gamma=0.0), bce_loss(*batch()))


def test_dice_by_hand():
    """Two pixels, one right and one half: 1 − (2·1 + 1)/(1.5 + 1 + 1)."""
    logits = torch.tensor([[[[40.0, 0.0]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    assert math.isclose(dice_loss(logits, target, torch.ones(1, 1, 1, 2)).item(), 1 - 3 / 3.5, abs_tol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_no_data_never_teaches(name):
    """What weighs nothing has no gradient, and a batch of nothing but that is 0, not NaN."""
    logits, target, weight = batch()
    logits.requires_grad_()
    LOSSES[name](logits, target, weight).backward()
    assert (logits.grad[weight == 0] == 0).all()
    assert (logits.grad[weight > 0] != 0).any()
    assert LOSSES[name](logits, target, torch.zeros_like(weight)).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_right_is_better_than_wrong(name):
    """Every loss prefers the truth to its opposite."""
    _, target, weight = batch()
    sure = (target * 2 - 1) * 6
    assert LOSSES[name](sure, target, weight) < LOSSES[name](-sure, target, weight)


def test_unknown_loss():
    """A wrong name is answered with the right ones."""
    with pytest.raises(InputError, match="dice"):
        find_loss("mse")

"""Losses against torch's own and against sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mapsight.cnn.losses import (
    LOSSES,
    bce_loss,
    centreline_loss,
    dice_loss,
    find_loss,
    focal_loss,
    lovasz_loss,
    omission_loss,
    register_target,
)
from mapsight.errors import InputError


def batch():
    torch.manual_seed(0)
    return (
        torch.randn(2, 1, 8, 8),
        (torch.rand(2, 1, 8, 8) > 0.7).float(),
        (torch.rand(2, 1, 8, 8) > 0.3).float(),
    )


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
    assert math.isclose(
        dice_loss(logits, target, torch.ones(1, 1, 1, 2)).item(), 1 - 3 / 3.5, abs_tol=1e-6
    )


def test_lovasz_at_corners_is_jaccard():
    """At scores of ±1 the Lovász hinge is twice the Jaccard loss of the wrong set (Berman et al.
    2018, def. 1).
    """
    target = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 2, 2)
    wrong = torch.tensor([1.0, -1.0, 1.0, -1.0]).view(1, 1, 2, 2)  # one miss, one false: 1 − 1/3
    assert lovasz_loss(wrong, target, torch.ones_like(target)).item() == pytest.approx(
        2 * (1 - 1 / 3)
    )


def test_centreline_minds_the_gap():
    """A break in a road costs more than as many pixels missing from its edge."""
    target = torch.zeros(1, 1, 48, 48)
    target[..., 20:27, :] = 1
    broken, thin = target.clone(), target.clone()
    broken[..., :, 20:27] = 0
    thin[..., 26, :] = 0
    weight = torch.ones_like(target)
    gap, edge = (centreline_loss((x * 2 - 1) * 9, target, weight) for x in (broken, thin))
    assert gap > edge + 0.02


def test_omission_forgives_roads_that_the_map_lacks():
    """A sure road where the map has none costs −log(omitted), not without bound; a sure none on the
    map stays dear.
    """
    sure = torch.full((1, 1, 1, 1), 12.0)
    none, one = torch.zeros_like(sure), torch.ones_like(sure)
    assert omission_loss(sure, none, one, omitted=0.2).item() == pytest.approx(
        -math.log(0.2), abs=0.01
    )
    assert omission_loss(-sure, one, one).item() > 5 > bce_loss(-sure, one, one).item() / 4


@pytest.mark.parametrize("shift", [0, 2, 4, 6])
def test_register_moves_the_map_back(shift):
    """A map that lies `shift` pixels beside what the net sees is moved onto it, block by block."""
    seen, target = torch.full((1, 1, 64, 64), -4.0), torch.zeros(1, 1, 64, 64)
    seen[..., 28:35, :] = 4
    target[..., 28 + shift : 35 + shift, :] = 1
    moved = register_target(seen, target, torch.ones_like(target))
    assert torch.allclose(
        moved[..., 8:-8], (seen > 0).float()[..., 8:-8], atol=0.02
    )  # ends come from outside


@pytest.mark.parametrize("name", LOSSES)
def test_no_data_never_teaches(name):
    """What weighs nothing has no gradient, and a batch of nothing but that is 0, not NaN."""
    logits, target, weight = batch()
    logits.requires_grad_()
    LOSSES[name](logits, target, weight).backward()
    assert (logits.grad[weight == 0] == 0).all()
    assert (logits.grad[weight > 0] != 0).any()
    assert LOSSES[name](logits, target, torch.zeros_like(weight)).item() == pytest.approx(
        0.0, abs=1e-6
    )


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

"""Losses of a binary segmentation, all of one shape so that they are rows of one table.

Each takes logits, target and weight, (B, 1, H, W) float32, target in [0, 1] and weight ≥ 0 (0 = no
data: never trained on), and gives a scalar. A batch without any weight gives 0, not NaN.
`class_pixel_loss` and `soft_pixel_loss` stand apart: they are those of many classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mapsight.errors import InputError

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def bce_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over the weights."""
    return _weighted_mean(
        F.binary_cross_entropy_with_logits(logits, target, reduction="none"), weight
    )


def focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float = 2.0) -> Tensor:
    """Focal loss without class balance (Lin et al. 2017, eq. 4).

    Parameters
    ----------
    logits, target, weight
        (B, 1, H, W) each; the mean is taken over the weights.
    gamma
        How fast easy pixels fade: by (1 − p_t)^gamma.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _weighted_mean((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy, weight)


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Soft Dice over the whole batch (Milletari et al. 2016), smoothed by one pixel: 0 where
    nothing is weighed.
    """
    probability = torch.sigmoid(logits.float())
    overlap = (weight * probability * target).sum()
    total = (weight * (probability + target)).sum()
    return 1 - (2 * overlap + 1) / (total + 1)


def lovasz_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Lovász hinge: the convex extension of 1 − IoU of the road class (Berman et al. 2018, alg. 1),
    over the batch.
    """
    kept = weight > 0
    scores, truth = logits[kept].float(), target[kept]
    if not truth.numel():
        return logits.sum() * 0
    errors, order = torch.sort(1 - scores * (2 * truth - 1), descending=True)
    truth = truth[order]
    overlap, union = truth.sum() - truth.cumsum(0), truth.sum() + (1 - truth).cumsum(0)
    jaccard = 1 - overlap / union.clamp_min(1e-6)
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return F.relu(errors) @ steps


def centreline_loss(logits: Tensor, target: Tensor, weight: Tensor, steps: int = 3) -> Tensor:
    """Soft clDice: does the skeleton of each lie within the other (Shit et al. 2021, eq. 1–3)?

    Computed on 2×2 means, for speed.

    Parameters
    ----------
    logits, target, weight
        (B, 1, H, W) each.
    steps
        Erosions: roads up to 4·steps + 2 px wide are thinned to their middle.
    """
    probability, truth = (
        F.avg_pool2d(x * weight, 2) for x in (torch.sigmoid(logits.float()), target)
    )
    with torch.no_grad():
        truth_line = _thin_softly(truth, steps)
    line = _thin_softly(probability, steps)
    precision = ((line * truth).sum() + 1) / (line.sum() + 1)
    recall = ((truth_line * probability).sum() + 1) / (truth_line.sum() + 1)
    return 1 - 2 * precision * recall / (precision + recall)


def _thin_softly(x: Tensor, steps: int) -> Tensor:
    """Soft skeleton of (B, 1, H, W) in [0, 1]: what each erosion loses that an opening would not
    bring back.
    """
    line = torch.zeros_like(x)
    for _ in range(steps + 1):
        smaller = -F.max_pool2d(-x, 3, 1, 1)
        lost = F.relu(x - F.max_pool2d(smaller, 3, 1, 1))
        line = line + F.relu(lost - line * lost)
        x = smaller
    return line


def omission_loss(
    logits: Tensor, target: Tensor, weight: Tensor, omitted: float = 0.15, added: float = 0.005
) -> Tensor:
    """Asymmetric label noise (Mnih & Hinton 2012, section 4.1).

    The net gives p(road). What is compared with the map is p(mapped) = p·(1 − omitted) + (1 −
    p)·added.

    Parameters
    ----------
    logits, target, weight
        (B, 1, H, W) each; the mean is taken over the weights.
    omitted
        Probability that the map lacks a pixel of a road.
    added
        Probability that the map has a road where none is.
    """
    road, none = F.logsigmoid(logits), F.logsigmoid(-logits)
    mapped = torch.logaddexp(road + math.log(1 - omitted), none + math.log(added))
    blank = torch.logaddexp(road + math.log(omitted), none + math.log(1 - added))
    return _weighted_mean(-(target * mapped + (1 - target) * blank), weight)


def registration_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy against the map moved, block by block, to where the net expects it (see
    `register_target`).
    """
    return bce_loss(logits, register_target(logits.detach(), target, weight), weight)


def register_target(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    *,
    radius_px: int = 6,
    step_px: int = 2,
    block_px: int = 64,
    spread_px: float = 4.0,
) -> Tensor:
    """The expected target under an unknown shift of each block (Mnih & Hinton 2012, section 4.2).

    One EM step: the posterior of a block's shift, given the net's logits, weighs the shifted maps.
    Only Σ target·logit depends on the shift, so that is all it costs.

    Parameters
    ----------
    logits, target, weight
        (B, 1, H, W) each.
    radius_px
        The largest shift.
    step_px
        Between the shifts that are tried.
    block_px
        Side of the blocks.
    spread_px
        Standard deviation of the Gaussian prior of shifts.

    Returns
    -------
    Tensor
        (B, 1, H, W) of 0 … 1.
    """
    height, width = target.shape[-2:]
    block = min(block_px, height, width)
    padded = F.pad(target, (radius_px,) * 4)
    offsets = range(-radius_px, radius_px + 1, step_px)
    shifts = [(dy, dx) for dy in offsets for dx in offsets if dy * dy + dx * dx <= radius_px**2]
    moved = torch.stack(
        [
            padded[
                ...,
                radius_px + dy : radius_px + dy + height,
                radius_px + dx : radius_px + dx + width,
            ]
            for dy, dx in shifts
        ]
    )  # (S, B, 1, H, W)
    prior = torch.tensor(
        [-(dy * dy + dx * dx) / (2 * spread_px**2) for dy, dx in shifts], device=logits.device
    )
    fits = F.avg_pool2d((moved * (logits * weight)).flatten(0, 1), block, ceil_mode=True) * block**2
    # neighbouring pixels tell the same story: the evidence of a block is tempered to about one
    # witness a road width
    fits = fits.unflatten(0, moved.shape[:2]) / 16 + prior.view(-1, 1, 1, 1, 1)
    posterior: Tensor = F.interpolate(
        fits.softmax(0).flatten(0, 1), scale_factor=float(block), mode="nearest"
    )
    expected: Tensor = posterior[..., :height, :width].unflatten(0, moved.shape[:2]) * moved
    return expected.sum(0)


def bce_dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy and soft Dice in equal parts."""
    return bce_loss(logits, target, weight) + dice_loss(logits, target, weight)


def class_pixel_loss(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of many classes, averaged over the weights: logits (B, classes, H, W), labels
    and weight (B, H, W).

    Labels that are no class (void) must weigh 0.
    """
    known = labels.long().clamp(0, logits.shape[1] - 1)
    return _weighted_mean(F.cross_entropy(logits, known, reduction="none"), weight)


def soft_pixel_loss(logits: Tensor, classes: Tensor, shares: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy against several classes a pixel.

    Parameters
    ----------
    logits
        (B, Q, H, W).
    classes
        (B, K, H, W): numbers of a pixel's classes, 0 … Q − 1.
    shares
        (B, K, H, W): their shares, which sum to 1.
    weight
        (B, H, W). It multiplies what a pixel adds to the mean over all pixels. So weights of mean 1
        keep the size of the loss, and a batch of rare things counts more than one of common things.
    """
    known = F.log_softmax(logits.float(), dim=1).gather(1, classes)
    return -((shares * known).sum(dim=1) * weight).mean()


def token_loss(
    logits: Tensor, tokens: Tensor, *, padding: int = 0, smoothing: float = 0.1
) -> Tensor:
    """Cross-entropy of the next token, averaged over those that are no padding.

    For teacher forcing: the net was shown the true tokens before each.

    Parameters
    ----------
    logits
        (B, T', words); T' < T will do where the rest of all rows is padding.
    tokens
        (B, T).
    padding
        The number of the token that counts for nothing.
    smoothing
        The share of the target that lies on all words alike (Szegedy et al. 2016, section 7).
    """
    tokens = tokens[:, : logits.shape[1]]
    known = F.cross_entropy(
        logits.flatten(0, 1),
        tokens.flatten(),
        ignore_index=padding,
        label_smoothing=smoothing,
        reduction="sum",
    )
    return known / (tokens != padding).sum().clamp_min(1)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1.0)


def _add(first: Loss, second: Loss, share: float = 1.0) -> Loss:
    return lambda logits, target, weight: (
        first(logits, target, weight) + share * second(logits, target, weight)
    )


LOSSES: dict[str, Loss] = {
    "bce": bce_loss,
    "focal": focal_loss,
    "dice": dice_loss,
    "lovasz": lovasz_loss,
    "bce+dice": bce_dice_loss,
    "bce+lovasz": _add(bce_loss, lovasz_loss, 0.5),
    "bce+dice+cldice": _add(bce_dice_loss, centreline_loss, 0.5),
    "omission": omission_loss,
    "registration": registration_loss,
    "omission+registration": lambda logits, target, weight: omission_loss(
        logits, register_target(logits.detach(), target, weight), weight
    ),
}


def find_loss(name: str) -> Loss:
    """The loss of that name; raises InputError with the names there are."""
    if name not in LOSSES:
        raise InputError(f"loss '{name}'", "unknown", f"choose one of {', '.join(LOSSES)}")
    return LOSSES[name]

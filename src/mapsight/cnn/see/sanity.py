"""How far a projection can be believed: does it change when the net forgets what it has learnt?

Adebayo et al. 2018, 'Sanity checks for saliency maps': a picture that stays the same when layers
are redrawn at random cannot tell what those layers have learnt.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, fx

from mapsight.cnn.see.back import project
from mapsight.cnn.see.record import list_layers, record


def redraw_layers(steps: fx.GraphModule, count: int, *, seed: int = 0) -> fx.GraphModule:
    """A copy whose last `count` weighted layers have their weights shuffled: as strong as before,
    and as random.
    """
    generator = torch.Generator().manual_seed(seed)
    redrawn = copy.deepcopy(steps)
    layers = list_layers(redrawn)
    for layer in layers[len(layers) - count :]:
        weight = redrawn.get_parameter(f"{layer.name}.weight")
        order = torch.randperm(weight.numel(), generator=generator)
        weight.data.copy_(weight.data.flatten()[order].reshape(weight.shape))
    return redrawn


def compare_redrawn(
    steps: fx.GraphModule, x: Tensor, mask: Tensor, rule: str, *, count: int
) -> float:
    """Rank correlation of the projection's strength, pixel by pixel, with that of a net whose last
    layers were redrawn.

    Near 1: the picture shows the image's edges and would show them for any net. NaN where either
    has nothing to show.
    """
    strengths = []
    for net in (steps, redraw_layers(steps, count)):
        seen = record(net, x)
        strengths.append(project(seen, seen.answer, mask, rule=rule)[0].abs().amax(0).numpy())
    reached = strengths[0] > 0
    if reached.sum() < 3 or not np.ptp(strengths[1][reached]):
        return float("nan")
    return float(spearmanr(strengths[0][reached], strengths[1][reached]).statistic)

"""What PilotNet looks at: VisualBackProp (Bojarski et al. 2016, arXiv 1611.05418)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F


@torch.inference_mode()
def find_salience(net: Any, image: np.ndarray) -> np.ndarray:
    """Image (3, H, W) uint8 → (H, W) in [0, 1]: where all layers of a net with `see()` answer.

    The mean map of the last convolution is enlarged to the size of the one before and multiplied
    with its mean map, and so on down to the image.
    """
    x = torch.from_numpy(image.copy())[None].float() / 255
    means = [maps.mean(dim=1, keepdim=True) for maps in net.see(x)]
    salience = means.pop()
    for mean in reversed(means):
        salience = (
            F.interpolate(salience, size=mean.shape[-2:], mode="bilinear", align_corners=False)
            * mean
        )
    salience = F.interpolate(salience, size=x.shape[-2:], mode="bilinear", align_corners=False)[
        0, 0
    ]
    spread = salience.max() - salience.min()
    return ((salience - salience.min()) / spread.clamp_min(1e-12)).numpy()

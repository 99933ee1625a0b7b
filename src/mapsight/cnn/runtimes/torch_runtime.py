"""torch itself: batch norms folded, channels last, no gradients, bf16 where it is native."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mapsight.cnn.checkpoint import Model, ModelCard
from mapsight.cnn.compute import Compute
from mapsight.cnn.runtimes.runner import Runner


def open_torch(model: Model, compute: Compute) -> Runner:
    """A runner on the device and in the precision of `compute`."""
    net, card = model
    fast = fold_batch_norms(net).to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def predict(images: np.ndarray) -> np.ndarray:
        x = scale_images(torch.from_numpy(images).to(compute.device), card)
        with compute.autocast():
            logits = fast(x.contiguous(memory_format=torch.channels_last))
        return torch.sigmoid(logits.float())[:, 0].cpu().numpy()

    return Runner(predict, find_stride(net), card)


def find_stride(net: nn.Module) -> int:
    """What a net says its images must divide by, in pixels; 1 where it says nothing."""
    return int(getattr(net, "stride_px", 1))


def scale_images(images: Tensor, card: ModelCard) -> Tensor:
    """(B, 3, H, W) uint8 → float32 as the net was trained on."""
    return (images.float() / 255 - card.scale_mean) / card.scale_std


def fold_batch_norms(net: nn.Module) -> nn.Module:
    """An equal net in eval mode with every (convolution, batch norm) pair of a Sequential merged
    into one.
    """
    folded = copy.deepcopy(net).eval()
    for module in folded.modules():
        if isinstance(module, nn.Sequential):
            for at in range(len(module) - 1):
                first, second = module[at], module[at + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[at], module[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return folded

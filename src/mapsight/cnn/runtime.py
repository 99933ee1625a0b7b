"""Where and how a net runs: device, precision, and a trained net made fast for prediction."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mapsight.cnn.checkpoint import ModelCard
from mapsight.errors import InputError

Runner = Callable[[np.ndarray], np.ndarray]  # (B, 3, H, W) uint8 → (B, H, W) float32 probability

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Place:
    """A device and the precision that pays on it."""

    device: torch.device
    dtype: torch.dtype

    def __str__(self) -> str:
        name = (
            torch.cuda.get_device_name(self.device)
            if self.device.type == "cuda"
            else self.device.type
        )
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{name}{threads}, {'bf16' if self.dtype is torch.bfloat16 else 'fp32'}"

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


def find_place(device: str = "auto", precision: str = "auto") -> Place:
    """The device asked for, or the best there is; bf16 only where the hardware multiplies it
    natively.

    A processor that emulates bf16 convolves several times slower than in fp32, so 'auto' asks it
    first.
    """
    if device == "auto":
        device = (
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda'", "no CUDA device is there", "use --device cpu")
    if precision not in (*_PRECISIONS, "auto"):
        raise InputError(f"precision '{precision}'", "unknown", "choose auto, fp32 or bf16")
    if precision == "auto":
        precision = "bf16" if is_bf16_native(device) else "fp32"
    try:
        return Place(torch.device(device), _PRECISIONS[precision])
    except RuntimeError:
        raise InputError(f"device '{device}'", "unknown", "choose auto, cpu, cuda or mps") from None


def is_bf16_native(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def scale_images(images: Tensor, card: ModelCard) -> Tensor:
    """(B, 3, H, W) uint8 → float32 as the net was trained on."""
    return (images.float() / 255 - card.scale_mean) / card.scale_std


def make_runner(net: nn.Module, card: ModelCard, place: Place) -> Runner:
    """A function from uint8 images to probabilities: batch norm folded, channels last, no
    gradients.
    """
    fast = fold_batch_norms(net).to(place.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(images: np.ndarray) -> np.ndarray:
        x = scale_images(torch.from_numpy(images).to(place.device), card)
        with place.autocast():
            logits = fast(x.contiguous(memory_format=torch.channels_last))
        return torch.sigmoid(logits.float())[:, 0].cpu().numpy()

    return run


def average_flips(run: Runner) -> Runner:
    """The mean over four mirrored views: four times the work, a little better
    (docs/experiments.md).
    """
    views: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))

    def averaged(images: np.ndarray) -> np.ndarray:
        seen = [
            np.flip(run(np.flip(images, axes).copy()), tuple(a - 1 for a in axes)) for axes in views
        ]
        return np.mean(seen, axis=0)

    return averaged


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

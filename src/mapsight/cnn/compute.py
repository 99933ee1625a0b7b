"""Where and how nets compute: device, precision and runtime."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsight.cnn.processes import Processes
from mapsight.errors import InputError

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Compute:
    """A device, the precision that pays on it, the runtime that predicts (see `RUNTIMES`), and the
    processes that train together.
    """

    device: torch.device
    dtype: torch.dtype
    runtime: str = "torch"
    processes: Processes = Processes()

    def __str__(self) -> str:
        name = (
            torch.cuda.get_device_name(self.device)
            if self.device.type == "cuda"
            else self.device.type
        )
        threads = f", {_count_threads()}" if self.device.type == "cpu" else ""
        runtime = "" if self.runtime == "torch" else f", {self.runtime}"
        return f"{name}{threads}, {'bf16' if self.dtype is torch.bfloat16 else 'fp32'}{runtime}"

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


def _count_threads() -> str:
    count = torch.get_num_threads()
    return "1 thread" if count == 1 else f"{count} threads"


def find_compute(device: str = "auto", precision: str = "auto", runtime: str = "torch") -> Compute:
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
        return Compute(torch.device(device), _PRECISIONS[precision], runtime)
    except RuntimeError:
        raise InputError(f"device '{device}'", "unknown", "choose auto, cpu, cuda or mps") from None


def is_bf16_native(device: str) -> bool:
    if device == "cuda":
        native: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return native
    if device != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))

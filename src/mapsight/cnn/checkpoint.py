"""Model files: one `.safetensors` whose metadata explains it. Pickle is never read.

A *model file* holds weights and a card (net, bands, scaling, resolution, threshold, how it came
about). A *training state* holds all that an interrupted `fit()` needs to go on bit-equal: weights,
optimiser, averages, progress.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mapsight.atomic import write_atomically
from mapsight.cnn.nets import NETS, ZOO_NETS, make_zoo_net
from mapsight.errors import ModelError

FORMAT = "mapsight-model/1"
_HEADER_LIMIT_BYTES = 4 << 20
_TUPLES = ("bands", "classes")
_PREFIXES = ("net", "optimiser", "average", "best")


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself."""

    net: str
    m_per_px: float  # 0 where pixels have no size on the ground
    threshold: float = 0.5
    threshold_low: float = 0.5  # 95 % bootstrap interval of the threshold
    threshold_high: float = 0.5
    bands: tuple[str, ...] = ("red", "green", "blue")
    scale_mean: float = 0.0  # input = (uint8 / 255 − mean) / std
    scale_std: float = 1.0
    label: str = "road"
    classes: tuple[str, ...] = ()  # names of the outputs of a classifier; none: one logit a pixel
    trained_on: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)


class Model(NamedTuple):
    """A net in eval mode, and what its file says of it."""

    net: nn.Module
    card: ModelCard


def write_model(path: Path, net: nn.Module, card: ModelCard, *, half: bool = False) -> None:
    """Writes weights and card as one file, atomically; `half` stores float16 (half the size, read
    back as float32).
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    if half:
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    write_tensors(path, tensors, {"format": FORMAT, "card": json.dumps(asdict(card))})


def read_model(path: str | Path) -> Model:
    """The net, in eval mode, and its card; raises ModelError for anything that is not a sound model
    file of ours.
    """
    tensors, metadata = read_tensors(Path(path))
    if metadata.get("format") != FORMAT:
        raise ModelError(path, f"is not a {FORMAT} file", "make one with `mapsight train`")
    card = _parse_card(path, metadata.get("card", ""))
    with torch.device(
        "meta"
    ):  # a card that names a giant is found out before anything is allocated
        wanted = make_zoo_net(card.net).state_dict()
    check_tensors(path, wanted, tensors)
    net = make_zoo_net(card.net)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    return Model(net.eval(), card)


def write_state(path: Path, parts: dict[str, dict[str, Tensor]], progress: dict[str, Any]) -> None:
    """Writes a training state: named groups of tensors and a JSON-able record, atomically."""
    tensors = {
        f"{part}/{k}": v.detach().cpu().contiguous()
        for part, group in parts.items()
        for k, v in group.items()
    }
    write_tensors(
        path, tensors, {"format": "mapsight-training/1", "progress": json.dumps(progress)}
    )


def read_state(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The inverse of `write_state`."""
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != "mapsight-training/1":
        raise ModelError(path, "is not a training state", "delete it to start afresh")
    parts: dict[str, dict[str, Tensor]] = {prefix: {} for prefix in _PREFIXES}
    for name, tensor in tensors.items():
        part, _, key = name.partition("/")
        parts.setdefault(part, {})[key] = tensor
    try:
        progress = json.loads(metadata["progress"])
    except (KeyError, ValueError, RecursionError):
        progress = None
    if not isinstance(progress, dict):
        raise ModelError(path, "is a damaged training state", "delete it to start afresh")
    return parts, progress


def fingerprint(*parts: object) -> str:
    """32 hex digits that tell these parts from others: arrays and nets by all that they hold, the
    rest by its repr.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        arrays: dict[str, np.ndarray] = {}
        if isinstance(part, nn.Module):
            arrays = {
                name: tensor.detach().cpu().numpy() for name, tensor in part.state_dict().items()
            }
        elif isinstance(part, np.ndarray):
            arrays = {"": part}
        else:
            digest.update(f"{part!r}\0".encode())
        for name, array in arrays.items():
            digest.update(f"{name} {array.dtype} {array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Writes named tensors and metadata as one safetensors file, atomically."""
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, metadata)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; raises ModelError for anything else, a pickle
    above all.
    """
    if not path.is_file():
        raise ModelError(
            path, "no such model file", "check the path, or make one with `mapsight train`"
        )
    with open(path, "rb") as file:
        head = file.read(8)
    if len(head) < 8 or not 0 < int.from_bytes(head, "little") <= _HEADER_LIMIT_BYTES:
        raise ModelError(
            path,
            "is not a safetensors file (pickled models are never read)",
            "use a mapsight model file",
        )
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:  # torch: shapes that nothing can hold
        raise ModelError(
            path, f"cannot be read as safetensors ({error})", "copy or train it again"
        ) from None


def _parse_card(path: str | Path, text: str) -> ModelCard:
    try:
        data = json.loads(text)
        known = {f.name for f in fields(ModelCard)}
        values: dict[str, Any] = {
            k: tuple(v) if k in _TUPLES else v for k, v in data.items() if k in known
        }
        card = ModelCard(**values)
        sized = 0.01 <= card.m_per_px <= 100 or (card.m_per_px == 0 and bool(card.classes))
        known_net = card.net in (ZOO_NETS if card.classes else NETS)
        sound = known_net and sized and 0 <= card.threshold <= 1 and card.scale_std > 0
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(path, f"its card does not parse ({error})", "train it again") from None
    if not sound:
        raise ModelError(
            path, "its card has an unknown net or values out of range", "train it again"
        )
    return card


def check_tensors(path: str | Path, wanted: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    """Raises ModelError, naming the tensor, where names or shapes differ or a value is not
    finite.
    """
    for name in sorted(wanted.keys() ^ found.keys()):
        raise ModelError(
            path,
            f"tensor '{name}' is {'missing' if name in wanted else 'unexpected'}",
            "train it again",
        )
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(wanted[name].shape)}"
            raise ModelError(
                path, f"tensor '{name}' has shape {shapes}", "use the file of the right net"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelError(path, f"tensor '{name}' holds NaN or infinity", "train it again")

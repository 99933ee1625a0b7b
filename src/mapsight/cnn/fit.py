"""fit(): the one training loop, from top to bottom.

What is trained, on what and towards what comes in as values: a net, a data set, a function that
gives a batch's loss, a function that gives a net's score. `Compute` says on which device, in which
precision and beside which other processes: autocast, channels-last memory and
DistributedDataParallel are torch's own.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from mapsight.cnn.checkpoint import read_state, write_state
from mapsight.cnn.compute import Compute
from mapsight.cnn.muon import Muon
from mapsight.cnn.processes import Processes
from mapsight.errors import InputError
from mapsight.progress import open_progress

_log = logging.getLogger(__name__)

Batch = Sequence[Tensor]
BatchLoss = Callable[[nn.Module, Batch], Tensor]
Score = Callable[[nn.Module], dict[str, float]]  # its "score" is what is maximised

_OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
}


class IndexedData(Protocol):
    """len() items an epoch; item i of epoch e is `self[e * len(self) + i]`, a function of that
    number alone.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


@dataclass(frozen=True)
class FitSettings:
    """Everything that decides how a training goes, apart from data, net and loss."""

    epochs: int = 40
    batch_size: int = 8
    learning_rate: float = 3e-3
    optimiser: str = "adamw"
    weight_decay: float = 1e-3
    schedule: str = "cosine"  # with a warm-up over the first twentieth; or "constant"
    ema_decay: float = 0.99  # 0: no averaging of weights
    clip_norm: float = 5.0
    patience: int = 10  # epochs without a better score before it stops; 0: never
    seed: int = 0
    workers: int = 0  # processes that prepare batches
    encoder_rate: float = 1.0  # what `encoder.*` learns at, as a share: slower where pretrained


@dataclass
class FitResult:
    """How it went: `history` has one row an epoch; `stopped` says why it ended."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best_score: float = -math.inf
    stopped: str = ""


def fit(
    net: nn.Module,
    data: IndexedData,
    loss: BatchLoss,
    score: Score | None,
    *,
    compute: Compute,
    settings: FitSettings,
    state_path: Path | None = None,
    identity: str = "",
    title: str = "train",
) -> FitResult:
    """Train a net in place and leave the weights of its best epoch in it.

    Without a score, the weights are those of the last epoch. A loss that is not finite ends the
    training with the best weights so far. On a CPU, a training that went on where it had stopped is
    bit-equal to an uninterrupted one.

    Parameters
    ----------
    net
        What is trained.
    data
        Items by number; batches of them are what `loss` takes.
    loss
        From the net and a batch to a number.
    score
        From the net to figures of an epoch; the one named "score" is maximised.
    compute
        Device, precision, and the processes that train together.
    settings
        Epochs, batch size, optimiser and learning rate.
    state_path
        Where every epoch is saved, and whence a training goes on.
    identity
        What else decides the training: data, loss, judges, start.
    title
        Of the progress that is shown.

    Raises
    ------
    InputError
        Where the state is of another net, another identity or other settings, or where the data
        fill no batch.
    """
    processes = compute.processes
    net.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = _OPTIMISERS[settings.optimiser](
        _group_parameters(net, settings),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    average = AveragedModel(
        net, multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay), use_buffers=True
    )
    judged = average.module if settings.ema_decay else net
    best = copy.deepcopy(judged.state_dict())
    result = FitResult()
    if state_path is not None and state_path.exists():
        result = _load(state_path, net, optimiser, average, best, settings, identity)
        _log.info(f"{title}: going on after epoch {len(result.history)} of {settings.epochs}")
    replica = DistributedDataParallel(net) if processes.count > 1 else net
    steps = len(data) // (settings.batch_size * processes.count)
    if steps < 1:
        raise InputError(
            f"{len(data)} items an epoch",
            f"fill no batch of {settings.batch_size}",
            "lower --batch",
        )

    with open_progress(
        title, total=settings.epochs * steps, done=len(result.history) * steps
    ) as advance:
        for epoch in range(len(result.history), settings.epochs):
            if result.stopped:
                break
            torch.manual_seed(
                settings.seed * 1_000_003 + epoch * 1_009 + processes.rank
            )  # dropout, for exact resume
            replica.train()
            total = 0.0
            for step, batch in enumerate(_load_batches(data, epoch, steps, processes, settings)):
                for group in optimiser.param_groups:
                    group["lr"] = group.get("share", 1.0) * _learning_rate(
                        epoch * steps + step, settings.epochs * steps, settings
                    )
                batch = [t.to(compute.device, non_blocking=True) for t in batch]
                with compute.autocast():
                    value = loss(replica, batch)
                if not torch.isfinite(value):
                    result.stopped = (
                        f"the loss became {value.item()} in epoch {epoch + 1}; kept the best"
                        " weights"
                    )
                    break
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                nn.utils.clip_grad_norm_(net.parameters(), settings.clip_norm)
                optimiser.step()
                average.update_parameters(net)
                total += value.item()
                best_so_far = f" best {result.best_score:.3f}" if score and result.history else ""
                advance(1, f"loss {total / (step + 1):.3f}{best_so_far}")
            if result.stopped:
                break
            judged.eval()
            row = {"epoch": epoch + 1, "loss": total / steps, "score": float(epoch)}
            if score and processes.leads:
                row |= score(judged)
            if processes.count > 1:
                row = _hear_leader(row)
            result.history.append(row)
            if row["score"] > result.best_score:
                result.best_epoch, result.best_score = epoch, row["score"]
                best = copy.deepcopy(judged.state_dict())
            if settings.patience and epoch - result.best_epoch >= settings.patience:
                result.stopped = f"no better score in {settings.patience} epochs"
            if state_path is not None and processes.leads:
                _save(state_path, net, optimiser, average, best, settings, identity, result)
    net.load_state_dict(best)
    net.eval()
    result.stopped = result.stopped or "all epochs done"
    return result


def _hear_leader(row: dict[str, float]) -> dict[str, float]:
    """The leader's row, in every process: each has batch norms of its own, and all must stop in the
    same epoch.
    """
    rows = [row]
    distributed.broadcast_object_list(rows, src=0)
    return rows[0]


def _load_batches(
    data: IndexedData, epoch: int, steps: int, processes: Processes, settings: FitSettings
) -> Iterator[Batch]:
    """So many batches of one epoch for this process; which chips they hold depends on the epoch
    alone.
    """
    first = epoch * len(data)
    last = first + steps * settings.batch_size * processes.count
    mine = range(first + processes.rank, last, processes.count)
    return iter(DataLoader(data, settings.batch_size, sampler=mine, num_workers=settings.workers))  # type: ignore[arg-type]


def _group_parameters(net: nn.Module, settings: FitSettings) -> list[dict[str, Any]]:
    """One group, or that of the encoder apart, with its `share` of the learning rate; Muon leaves
    it to Adam.
    """
    if settings.encoder_rate == 1:
        return [{"params": list(net.parameters())}]
    named = list(net.named_parameters())
    slow = [p for name, p in named if name.startswith("encoder.")]
    rest = [p for name, p in named if not name.startswith("encoder.")]
    slower = {"params": slow, "share": settings.encoder_rate, "adam": True}
    return [{"params": rest, "share": 1.0, "adam": False}, slower]


def _learning_rate(step: int, steps: int, settings: FitSettings) -> float:
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = max(steps // 20, 1)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return (
        settings.learning_rate
        * 0.5
        * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
    )


def _save(
    path: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: AveragedModel,
    best: dict[str, Tensor],
    settings: FitSettings,
    identity: str,
    result: FitResult,
) -> None:
    slots = {
        f"{i}.{k}": v
        for i, slot in optimiser.state_dict()["state"].items()
        for k, v in slot.items()
    }
    parts = {
        "net": net.state_dict(),
        "optimiser": slots,
        "average": average.state_dict(),
        "best": best,
    }
    write_state(
        path, parts, {"settings": asdict(settings), "identity": identity, "result": asdict(result)}
    )


def _load(
    path: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: AveragedModel,
    best: dict[str, Tensor],
    settings: FitSettings,
    identity: str,
) -> FitResult:
    parts, progress = read_state(path)
    shapes, found = (
        {k: t.shape for k, t in some.items()} for some in (net.state_dict(), parts["net"])
    )
    if (
        found != shapes
        or progress.get("identity") != identity
        or progress["settings"] != asdict(settings)
    ):
        raise InputError(
            path,
            "belongs to a training of another net, on other data or with other settings",
            "delete it to start afresh",
        )
    net.load_state_dict(parts["net"])
    average.load_state_dict(parts["average"])
    best.update(parts["best"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimiser"].items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(
        {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
    )
    return FitResult(**progress["result"])

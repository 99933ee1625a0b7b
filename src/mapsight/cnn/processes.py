"""Several processes that train one net, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many; alone where nothing else is said."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that measures and writes."""
        return self.rank == 0


@contextmanager
def join_processes() -> Iterator[Processes]:
    """The group that torchrun opened, left at the end; one process where it did not.

    Nobody waits for the others: who leaves first would abort a barrier that another is still in.
    """
    if not distributed.is_torchelastic_launched():
        yield Processes()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()

"""What a recipe is: data, nets, loss, metric, settings. A recipe is a value; `zoo.run` is the only
thing that runs one.

The items of a data set are tuples of arrays, inputs first, truth last. uint8 inputs are scaled as
the recipe says (value / 255 − scale_mean) / scale_std; inputs of other types go to the net as they
are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.figure import Figure
from PIL.Image import Image
from torch import Tensor, nn

from mapsight.cnn.compute import Compute
from mapsight.cnn.fit import FitSettings
from mapsight.zoo.fetch import Remote
from mapsight.zoo.model import ZooModel

Item = tuple[np.ndarray, ...]


class Items(Protocol):
    """A data set: item i is (input, …, truth), the same each time; it may have `names`, one an
    item.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Item: ...


class Arrays(NamedTuple):
    """Items that lie in memory: arrays (N, …), inputs first, truth last."""

    columns: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: int) -> Item:  # type: ignore[override]
        return tuple(column[index] for column in self.columns)


class Fold(NamedTuple):
    """One split: `judge` decides which epoch is kept (None: the last one), `test` is looked at
    once, at the end.
    """

    name: str
    train: Items
    judge: Items | None
    test: Items


class Data(NamedTuple):
    """What a recipe reads: one fold or several, the names of the classes, a sentence on what it is.

    `everything` trains the net that is kept where there are several folds; `facts` are what a
    metric has to know of the training items; `options` what the data decide of every net, as the
    number of classes; `settings` what they decide of the training (fields of FitSettings), as the
    number of epochs. Where a recipe's nets do different things, `parts` holds what the others learn
    from, by the `part` of their contenders, and what is needed to judge them together.
    """

    folds: tuple[Fold, ...]
    labels: tuple[str, ...]
    about: str
    everything: Items | None = None
    facts: Mapping[str, float] = MappingProxyType({})
    options: Mapping[str, Any] = MappingProxyType({})
    settings: Mapping[str, Any] = MappingProxyType({})
    parts: Mapping[str, Data] = MappingProxyType({})


class Judged(NamedTuple):
    """Outputs of a net (N, …) float32 beside the truth (N, …); `fold` (N,) says by which fold's
    net.

    `names` (N,) say to what each item belongs, as a window to its image, where the data set has
    `names`.
    """

    outputs: np.ndarray
    truth: np.ndarray
    fold: np.ndarray
    names: np.ndarray = np.empty(0, str)


@dataclass(frozen=True)
class Contender:
    """A net that takes part, a row of the tables of nets and its options.

    `own` are fields of the recipe, `settings` fields of FitSettings, that are otherwise for this
    net. `part` is what it does where the recipe's nets do different things: a key of `Data.parts`;
    nothing: the recipe's data themselves.
    """

    net: str
    options: dict[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """How one net did: measures on the test items, one row an epoch (of the first fold).

    `seconds` are those of training; of folds without a judge, those of this run alone.
    """

    contender: Contender
    parameters: int
    seconds: float
    history: list[dict[str, float]]
    measures: dict[str, Any]
    judged: Judged

    @property
    def net(self) -> str:
        """The net's name."""
        return self.contender.net


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gives: results, the test items in the order of the first one's `judged`.

    `models` are the nets that are kept, the first of each part; `whole` is what they measure
    together.
    """

    data: Data
    results: tuple[Result, ...]
    tests: tuple[Items, ...]
    look: Callable[[Item], np.ndarray]  # the first net's output for one item
    models: Mapping[str, ZooModel]
    whole: Mapping[str, Any] = field(default_factory=dict)

    @property
    def net(self) -> nn.Module:
        """The first net that is kept."""
        return next(iter(self.models.values())).net


@dataclass(frozen=True)
class Recipe:
    """A task of the zoo, whole."""

    name: str
    title: str
    source: str  # whose task, whose data, on which terms
    folder: str  # where its data lie below --data
    read: Callable[[Path], Data]
    contenders: tuple[Contender, ...]  # the first (of each part) is kept and written
    loss: Callable[[Any, Tensor], Tensor]  # (what the net gives in training, truth) → scalar
    metric: Callable[[Judged, Data], dict[str, Any]]  # its "score" is what is maximised
    draw: Callable[[Outcome], Figure]
    read_input: Callable[[Path], tuple[np.ndarray, ...]]  # a user's file → the inputs of one item
    tell: Callable[
        [np.ndarray, tuple[str, ...]], dict[str, Any]
    ]  # (output, labels) → an answer in words
    headline: str  # which measure stands for the recipe in a list
    render: Callable[[Path, np.ndarray], Image] | None = (
        None  # (a user's file, output) → the answer as a picture
    )
    # what nets of several parts make of a user's file together, instead of `read_input`; goes to
    # `tell` and `render`
    consult: Callable[[Path, Mapping[str, ZooModel], Compute], Any] | None = None
    # what they measure together; nothing where the net of a part is not there
    conclude: Callable[[Data, Mapping[str, ZooModel], Compute], dict[str, Any]] | None = None
    settings: FitSettings = FitSettings()
    vary: Callable[[Item, np.random.Generator], Item] | None = (
        None  # augmentation of a training item
    )
    answer: Callable[[Tensor], Tensor] | None = (
        None  # what is kept of an output where it is large, as a class a pixel
    )
    views: tuple[
        Callable[[Tensor], Tensor], ...
    ] = ()  # further views of scaled inputs: judged by the mean over all
    apply: Callable[[Any, Sequence[Tensor]], Any] | None = (
        None  # (net, scaled inputs) → output; None: net(*inputs)
    )
    settle: Callable[[Judged, Data], Mapping[str, float]] | None = (
        None  # facts chosen on the judging items, see run
    )
    judge_batch: int = 64
    items_per_epoch: int = 0  # 0: each item once
    scale_mean: float = 0.0
    scale_std: float = 1.0
    files: tuple[Remote, ...] = ()  # what --download fetches

"""Runs a recipe: reads its data, trains each of its nets by `cnn.fit`, judges them once, keeps the
first.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mapsight.cnn.compute import Compute
from mapsight.cnn.fit import Batch, BatchLoss, FitResult, FitSettings, Score, fit
from mapsight.cnn.nets import count_parameters, make_zoo_net
from mapsight.errors import InputError
from mapsight.zoo.model import ZooCard, ZooModel
from mapsight.zoo.recipe import Contender, Data, Item, Items, Judged, Outcome, Recipe, Result

_log = logging.getLogger(__name__)


class Epochs:
    """Training items without end, shuffled anew each time all were seen: item i is a function of
    (seed, i) alone.
    """

    def __init__(self, items: Items, recipe: Recipe, seed: int) -> None:
        self.items, self.vary, self.seed = items, recipe.vary, seed
        self.per_epoch = recipe.items_per_epoch or len(items)
        self._round, self._order = -1, np.empty(0, int)

    def __len__(self) -> int:
        return self.per_epoch

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        which, at = divmod(index, len(self.items))
        if which != self._round:
            self._round = which
            self._order = np.random.default_rng((self.seed, which)).permutation(len(self.items))
        item = self.items[int(self._order[at])]
        if self.vary is not None:
            item = self.vary(item, np.random.default_rng((self.seed, 1, index)))
        return tuple(torch.from_numpy(np.array(part)) for part in item)


def run_recipe(
    recipe: Recipe,
    data: Data,
    compute: Compute,
    *,
    settings: FitSettings,
    state_dir: Path | None = None,
) -> Outcome:
    """Trains and judges every contender; an interrupted run with the same settings goes on from
    `state_dir`.
    """
    results: list[Result] = []
    models: dict[str, ZooModel] = {}
    for contender in recipe.contenders:
        parts, judgings, histories, seconds = [], [], [], 0.0
        own, mine = (
            adapt_recipe(recipe, contender),
            data.parts[contender.part] if contender.part else data,
        )
        for at, fold in enumerate(mine.folds):
            net, result, took = train_net(
                own,
                contender,
                fold.train,
                fold.judge,
                mine,
                compute,
                settings,
                state_dir,
                fold.name,
            )
            if own.settle and fold.judge is not None:
                judgings.append(judge(own, net, fold.judge, compute, at))
            parts.append(judge(own, net, fold.test, compute, at))
            histories.append(result.history)
            seconds += took
        judged = _join(parts)
        settled = own.settle(_join(judgings), mine) if own.settle and judgings else {}
        measures = own.metric(judged, mine._replace(facts={**mine.facts, **settled}))
        if contender.part not in models:
            if len(mine.folds) > 1 and mine.everything is not None:
                net, _, _ = train_net(
                    own, contender, mine.everything, None, mine, compute, settings, state_dir, "all"
                )
            models[contender.part] = ZooModel(
                net, make_card(recipe, contender, mine, settings, measures)
            )
        _log.info(
            f"{recipe.name}: {contender.net}: {own.headline} {measures[own.headline]:.4g} in"
            f" {seconds:.0f} s"
        )
        results.append(
            Result(contender, count_parameters(net), seconds, histories[0], measures, judged)
        )
    first = adapt_recipe(recipe, recipe.contenders[0])

    def look(item: Item) -> np.ndarray:
        output: np.ndarray = apply_net(first, next(iter(models.values())).net, [item], compute)[0]
        return output

    whole = recipe.conclude(data, models, compute) if recipe.conclude else {}
    tests = (data.parts[recipe.contenders[0].part] if recipe.contenders[0].part else data).folds
    return Outcome(data, tuple(results), tuple(fold.test for fold in tests), look, models, whole)


def make_card(
    recipe: Recipe,
    contender: Contender,
    data: Data,
    settings: FitSettings,
    measures: dict[str, Any],
) -> ZooCard:
    """What the model file of a contender says of it."""
    options = {**contender.options, **data.options}
    return ZooCard(
        recipe.name, contender.net, options, data.labels, data.about, asdict(settings), measures
    )


def choose_settings(
    recipe: Recipe, data: Data, *, seed: int = 0, epochs: int | None = None
) -> FitSettings:
    """The recipe's settings, what the data decide of them, and last what the user does."""
    settings = dataclasses.replace(recipe.settings, **{**data.settings, "seed": seed})
    return dataclasses.replace(settings, epochs=epochs or settings.epochs)


def adapt_recipe(recipe: Recipe, contender: Contender) -> Recipe:
    """The recipe as it is for one of its nets."""
    return dataclasses.replace(recipe, **contender.own)


def _join(parts: Sequence[Judged]) -> Judged:
    return Judged(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def train_net(
    recipe: Recipe,
    contender: Contender,
    items: Items,
    judges: Items | None,
    data: Data,
    compute: Compute,
    settings: FitSettings,
    state_dir: Path | None = None,
    fold: str = "",
) -> tuple[nn.Module, FitResult, float]:
    """(the trained net in eval mode, how it went, seconds of training, judging included)."""
    torch.manual_seed(settings.seed)
    net = make_zoo_net(contender.net, **contender.options, **data.options)
    title = " ".join(filter(None, [recipe.name, contender.net, fold]))
    per_epoch = recipe.items_per_epoch or len(items)
    fitted = dataclasses.replace(settings, **contender.settings)
    fitted = dataclasses.replace(fitted, batch_size=min(fitted.batch_size, per_epoch))
    state = (
        None
        if state_dir is None
        else state_dir / f".{title.replace(' ', '-')}.training.safetensors"
    )
    score = make_score(recipe, judges, data, compute) if judges is not None else None
    begun = time.monotonic()
    result = fit(
        net,
        Epochs(items, recipe, settings.seed),
        make_batch_loss(recipe),
        score,
        compute=compute,
        settings=fitted,
        state_path=state,
        title=title,
    )
    # a training that went on from its state has the seconds of its earlier epochs in its history
    took = sum(row["seconds"] for row in result.history) if score else time.monotonic() - begun
    return net.cpu().eval(), result, took


def make_batch_loss(recipe: Recipe) -> BatchLoss:
    """The recipe's loss as `fit` wants it."""

    def batch_loss(net: nn.Module, batch: Batch) -> Tensor:
        return recipe.loss(ask_net(recipe, net, scale_inputs(recipe, batch[:-1])), batch[-1])

    return batch_loss


def ask_net(recipe: Recipe, net: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """What a net gives for scaled inputs, in the recipe's way."""
    return net(*inputs) if recipe.apply is None else recipe.apply(net, inputs)


def make_score(recipe: Recipe, judges: Items, data: Data, compute: Compute) -> Score:
    """The recipe's metric on the judging items, and the seconds since it was last asked: those of
    the epoch.
    """
    last = time.monotonic()

    def score(net: nn.Module) -> dict[str, float]:
        nonlocal last
        measures = recipe.metric(judge(recipe, net, judges, compute), data)
        last, before = time.monotonic(), last
        return {k: float(v) for k, v in measures.items() if isinstance(v, int | float)} | {
            "seconds": last - before
        }

    return score


def judge(recipe: Recipe, net: nn.Module, items: Items, compute: Compute, fold: int = 0) -> Judged:
    """The net's outputs for all items, beside their truth; raises InputError where there are
    none.
    """
    if not len(items):
        raise InputError(recipe.name, "there are no items to judge the net by", "give more data")
    outputs, truth = _ask_all(recipe, net, items, compute)
    names = np.array(getattr(items, "names", [""] * len(truth)))
    return Judged(outputs, truth, np.full(len(truth), fold), names)


def apply_net(
    recipe: Recipe, net: nn.Module, items: Items | Sequence[Item], compute: Compute
) -> np.ndarray:
    """Outputs (N, …) float32 of a net in eval mode for N items."""
    return _ask_all(recipe, net, items, compute)[0]


@torch.inference_mode()
def _ask_all(
    recipe: Recipe, net: nn.Module, items: Items | Sequence[Item], compute: Compute
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (N, …) float32 of a net in eval mode and truth (N, …); each item is read once: that
    may mean decoding.
    """
    home = next(net.parameters()).device
    net = net.to(compute.device).eval()
    outputs: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    for start in range(0, len(items), recipe.judge_batch):
        batch = [items[i] for i in range(start, min(start + recipe.judge_batch, len(items)))]
        *inputs, known = zip(*batch, strict=True)
        columns = [torch.as_tensor(np.stack(column)).to(compute.device) for column in inputs]
        truth += known
        outputs.append(_look(recipe, net, scale_inputs(recipe, columns), compute).cpu().numpy())
    net.to(home)
    return np.concatenate(outputs), np.stack(truth)


def _look(recipe: Recipe, net: nn.Module, inputs: list[Tensor], compute: Compute) -> Tensor:
    """The mean output (B, …) float32 over the inputs and the recipe's views of them, as the recipe
    keeps it.
    """
    with compute.autocast():
        seen = [ask_net(recipe, net, inputs).float()]
        seen += [ask_net(recipe, net, [view(x) for x in inputs]).float() for view in recipe.views]
    mean = torch.stack(seen).mean(dim=0) if recipe.views else seen[0]
    return mean if recipe.answer is None else recipe.answer(mean).float()


def scale_inputs(recipe: Recipe, inputs: Sequence[Tensor]) -> list[Tensor]:
    """uint8 → float32 as the recipe says; other types as they are."""
    return [
        (x.float() / 255 - recipe.scale_mean) / recipe.scale_std if x.dtype == torch.uint8 else x
        for x in inputs
    ]


def describe(
    recipe: Recipe, outcome: Outcome, settings: FitSettings, compute: Compute
) -> dict[str, Any]:
    """What a run leaves as JSON."""
    return {
        "recipe": recipe.name,
        "date": datetime.now(UTC).date().isoformat(),
        "data": outcome.data.about,
        "place": str(compute),
        "headline": recipe.headline,
        "settings": dataclasses.asdict(settings),
        "nets": [
            {
                "net": r.net,
                "headline": adapt_recipe(recipe, r.contender).headline,
                "parameters": r.parameters,
                "seconds": round(r.seconds, 1),
                "measures": r.measures,
                "history": r.history,
            }
            for r in outcome.results
        ],
        **({"whole": dict(outcome.whole)} if outcome.whole else {}),
    }

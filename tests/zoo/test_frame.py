"""The frame that runs recipes, shown on a task small enough to be learnt in a second."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from mapsight.cnn.compute import find_compute
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.nets import make_zoo_net
from mapsight.errors import InputError, ModelError
from mapsight.zoo.figure import make_figure
from mapsight.zoo.model import FORMAT, ZooCard, read_zoo_model, write_zoo_model
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Recipe
from mapsight.zoo.run import Epochs, describe, run_recipe
from mapsight.zoo.scores import (
    confuse,
    find_recalls,
    find_wilson_interval,
    measure_classes,
    tell_class,
)

COMPUTE = find_compute("cpu", "fp32")
SETTINGS = FitSettings(epochs=4, batch_size=16, learning_rate=1e-3, ema_decay=0.0, patience=0)


def draw_bars(count: int, seed: int) -> Arrays:
    """Bars: upright is 1, level is 0; 28 × 28 px."""
    rng = np.random.default_rng(seed)
    images, truth = (
        rng.integers(0, 60, (count, 1, 28, 28)).astype(np.uint8),
        rng.integers(0, 2, count),
    )
    for image, upright, at in zip(images, truth, rng.integers(4, 22, count), strict=True):
        image[(0, slice(None), slice(at, at + 3)) if upright else (0, slice(at, at + 3))] = 230
    return Arrays((images, truth))


def read_bars(folder) -> Data:
    folds = tuple(
        Fold(str(n), draw_bars(96, n), draw_bars(32, 10 + n), draw_bars(64, 20 + n))
        for n in range(2)
    )
    return Data(folds, ("level", "upright"), "drawn bars", everything=draw_bars(96, 5))


BARS = Recipe(
    name="bars",
    title="bars",
    source="drawn here",
    folder="bars",
    read=read_bars,
    contenders=(
        Contender("reader", {"classes": 2, "maps": 4}),
        Contender("digit-dense", {"classes": 2}),
    ),
    loss=F.cross_entropy,
    metric=lambda judged, data: measure_classes(judged.truth, judged.outputs),
    draw=lambda outcome: make_figure(2, 2),
    read_input=lambda path: (np.zeros((1, 28, 28), np.uint8),),
    tell=tell_class,
    headline="accuracy",
    settings=SETTINGS,
)


@pytest.fixture(scope="module")
def outcome():
    return run_recipe(BARS, read_bars(None), COMPUTE, settings=SETTINGS)


def test_learns_and_reports(outcome):
    """Every net is judged on the test items of all folds; the result is plain JSON."""
    first, second = outcome.results
    assert (first.net, second.net) == ("reader", "digit-dense")
    assert first.measures["items"] == second.measures["items"] == 128
    assert second.measures["accuracy"] > 0.9
    assert list(first.judged.fold) == [0] * 64 + [1] * 64
    assert len(first.history) == SETTINGS.epochs
    text = json.dumps(describe(BARS, outcome, SETTINGS, COMPUTE), allow_nan=False)
    assert json.loads(text)["nets"][1]["measures"]["accuracy"] == second.measures["accuracy"]


def test_truth_and_items_belong_together(outcome):
    """`judged` is in the order of the test items, and `look` gives the kept net's answer to one of
    them.
    """
    truth = np.concatenate([items.columns[-1] for items in outcome.tests])
    assert np.array_equal(outcome.results[0].judged.truth, truth)
    item = outcome.tests[0][3]
    image = torch.from_numpy(item[0].copy())[None].float() / 255
    with torch.inference_mode():
        assert np.allclose(outcome.look(item), outcome.net(image)[0].numpy(), atol=1e-5)


def test_epochs_show_each_item_once():
    """One round of the training items is a permutation, whatever an epoch's length; the seed
    decides which.
    """
    items = Arrays((np.arange(10), np.arange(10)))
    recipe = dataclasses.replace(BARS, items_per_epoch=4)
    seen = [int(Epochs(items, recipe, 1)[i][0]) for i in range(20)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert seen != [int(Epochs(items, recipe, 2)[i][0]) for i in range(20)]
    assert len(Epochs(items, recipe, 1)) == 4


def test_variation_is_a_function_of_the_index():
    """Augmentation is random from item to item and round to round, and equal when asked again."""
    items = Arrays((np.zeros((5, 2)), np.arange(5)))
    recipe = dataclasses.replace(BARS, vary=lambda item, rng: (item[0] + rng.random(2), item[1]))
    first, again = Epochs(items, recipe, 0), Epochs(items, recipe, 0)
    assert torch.equal(first[3][0], again[3][0])
    assert not torch.equal(first[3][0], first[8][0])


def test_interrupted_run_ends_equal(tmp_path):
    """A run stopped in its second epoch and given again ends with the weights of an uninterrupted
    one.
    """
    data = read_bars(None)
    data = data._replace(folds=data.folds[:1], everything=None)
    recipe = dataclasses.replace(BARS, contenders=BARS.contenders[1:])
    settings = dataclasses.replace(SETTINGS, epochs=3, optimiser="sgd")
    whole = run_recipe(recipe, data, COMPUTE, settings=settings)
    calls = []

    def stop_once(judged, data):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return BARS.metric(judged, data)

    broken = dataclasses.replace(recipe, metric=stop_once)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(broken, data, COMPUTE, settings=settings, state_dir=tmp_path)
    assert len(list(tmp_path.glob(".*.training.safetensors"))) == 1
    again = run_recipe(broken, data, COMPUTE, settings=settings, state_dir=tmp_path)
    for a, b in zip(whole.net.state_dict().values(), again.net.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_what_is_settled_on_the_judging_items():
    """The facts chosen on the judging items reach the metric of the test items, and no other; `own`
    is one net's.
    """
    asked = []

    def settle(judged, data):
        return {"judges": float(len(judged.truth)), "mean": float(judged.truth.mean())}

    def metric(judged, data):
        asked.append((len(judged.truth), dict(data.facts)))
        return measure_classes(judged.truth, judged.outputs)

    contenders = (
        Contender("reader", {"classes": 2, "maps": 4}, own={"settle": settle}),
        BARS.contenders[1],
    )
    recipe = dataclasses.replace(BARS, contenders=contenders, metric=metric)
    run_recipe(recipe, read_bars(None), COMPUTE, settings=dataclasses.replace(SETTINGS, epochs=1))
    mean = np.concatenate([draw_bars(32, 10 + n).columns[-1] for n in range(2)]).mean()
    tests = [facts for count, facts in asked if count == 128]
    assert tests == [{"judges": 64.0, "mean": pytest.approx(mean)}, {}]
    assert all(not facts for count, facts in asked if count == 32)


def test_a_net_may_be_trained_its_own_way():
    """Batch, items an epoch, variation and the way a net is applied may be one net's own."""
    seen = []

    def apply(net, inputs):
        seen.append((net.training, len(inputs[0])))
        return net(1 - inputs[0])

    own = {"apply": apply, "items_per_epoch": 12, "judge_batch": 5}
    contenders = (
        Contender("reader", {"classes": 2, "maps": 4}, own=own, settings={"batch_size": 6}),
    )
    data = read_bars(None)._replace(folds=read_bars(None).folds[:1], everything=None)
    recipe = dataclasses.replace(BARS, contenders=(*contenders, BARS.contenders[1]))
    outcome = run_recipe(recipe, data, COMPUTE, settings=dataclasses.replace(SETTINGS, epochs=1))
    assert [size for training, size in seen if training] == [6, 6]
    assert [size for training, size in seen if not training] == [5] * 6 + [2] + [5] * 12 + [4]
    judged = outcome.results[0].judged
    assert np.allclose(outcome.look(outcome.tests[0][3]), judged.outputs[3], atol=1e-5)


def test_model_file_round_trip(tmp_path):
    """Weights, options and card come back."""
    net = make_zoo_net("reader", classes=3, maps=4)
    card = ZooCard(
        "bars",
        "reader",
        {"classes": 3, "maps": 4},
        ("a", "b", "c"),
        "bars",
        {"epochs": 3},
        {"accuracy": 1},
    )
    write_zoo_model(tmp_path / "m.safetensors", net, card)
    back = read_zoo_model(tmp_path / "m.safetensors")
    assert back.card == card
    assert all(
        torch.equal(a, b)
        for a, b in zip(net.state_dict().values(), back.net.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    "card",
    [
        "",
        "[]",
        '{"recipe": "bars", "net": "nobody"}',
        '{"recipe": "bars", "net": "reader", "options": {"maps": "x"}}',
        '{"recipe": "bars", "net": "reader", "options": {"maps": 10000000}}',
        '{"net": "reader", "options": []}',
        '{"recipe": "bars", "net": "reader", "options": {"maps": -3}}',
        '{"net": "reader"}',
    ],
)
def test_hostile_cards_are_refused(tmp_path, card):
    """Cards that lie, ask for giants or are none are answered in one line."""
    save_file(make_zoo_net("reader").state_dict(), tmp_path / "m", {"format": FORMAT, "card": card})
    with pytest.raises(ModelError):
        read_zoo_model(tmp_path / "m")


def test_scores_are_scikit_learns():
    """Confusion and recalls equal scikit-learn's; the interval equals published ones."""
    from sklearn.metrics import confusion_matrix, recall_score

    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    assert np.array_equal(confuse(truth, said, 4), confusion_matrix(truth, said))
    assert np.allclose(
        find_recalls(confuse(truth, said, 4)), recall_score(truth, said, average=None)
    )
    low, high = find_wilson_interval(0, 10)
    assert low == 0 and high == pytest.approx(1.96**2 / (10 + 1.96**2))
    assert np.isnan(find_recalls(np.array([[0, 0], [1, 3]]))[0])
    low, high = find_wilson_interval(93, 100)
    assert (low, high) == pytest.approx(
        (0.8625, 0.9657), abs=2e-4
    )  # Newcombe 1998, method 3, of 93 in 100


def test_nothing_to_judge():
    """An empty test set is refused in one line."""
    data = read_bars(None)
    empty = Arrays((np.zeros((0, 1, 28, 28), np.uint8), np.zeros(0, int)))
    bad = data._replace(folds=(data.folds[0]._replace(judge=None, test=empty),))
    with pytest.raises(InputError, match="no items"):
        run_recipe(BARS, bad, COMPUTE, settings=dataclasses.replace(SETTINGS, epochs=1))

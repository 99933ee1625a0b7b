"""The training loop: interrupted or not it ends equal; it stops when it should."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from mapsight.cnn.checkpoint import read_state
from mapsight.cnn.compute import find_compute
from mapsight.cnn.fit import FitSettings, fit
from mapsight.errors import InputError

COMPUTE = find_compute("cpu", "fp32")


class Lines:
    """Images with a bright bar; item i depends on i alone."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        g = torch.Generator().manual_seed(index)
        image = torch.rand(3, 16, 16, generator=g) * 0.2
        at = int(torch.randint(0, 14, (1,), generator=g))
        image[:, at : at + 2] += 0.8
        truth = torch.zeros(1, 16, 16)
        truth[:, at : at + 2] = 1
        return image, truth


def make_net():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv2d(8, 1, 3, padding=1),
    )


def loss(net, batch):
    return nn.functional.binary_cross_entropy_with_logits(net(batch[0]), batch[1])


def score(net):
    batch = [torch.stack(t) for t in zip(*(Lines()[1000 + i] for i in range(4)), strict=True)]
    with torch.inference_mode():
        return {"score": -loss(net, batch).item()}


SETTINGS = FitSettings(epochs=6, batch_size=4, learning_rate=1e-2, ema_decay=0.8, patience=0)


def weights(net):
    return [t.clone() for t in net.state_dict().values()]


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3, 5])
def test_resumed_is_bit_equal(tmp_path, after):
    """Interrupted after any epoch and started anew, the weights end equal to the last bit."""
    whole = make_net()
    result = fit(whole, Lines(), loss, score, compute=COMPUTE, settings=SETTINGS)

    def interrupt(net):
        interrupt.epochs += 1
        if interrupt.epochs > after:
            raise Stopped
        return score(net)

    interrupt.epochs = 0
    state = tmp_path / "state.safetensors"
    with pytest.raises(Stopped):
        fit(
            make_net(),
            Lines(),
            loss,
            interrupt,
            compute=COMPUTE,
            settings=SETTINGS,
            state_path=state,
        )
    again = make_net()
    resumed = fit(again, Lines(), loss, score, compute=COMPUTE, settings=SETTINGS, state_path=state)
    assert equal(weights(whole), weights(again))
    assert resumed.history == result.history


_CHILD = """
import sys; sys.path.insert(0, {tests!r})
from pathlib import Path
import time, test_fit as t
torch_loss = t.loss
def slow(net, batch):
    time.sleep(0.05); return torch_loss(net, batch)
state = Path({state!r})
how = dict(compute=t.COMPUTE, settings=t.SETTINGS, state_path=state)
t.fit(t.make_net(), t.Lines(), slow, t.score, **how)
"""


def test_killed_is_bit_equal(tmp_path):
    """kill −9 at a moment nobody chose: the state on disk is whole, and the training ends
    bit-equal.
    """
    whole = make_net()
    fit(whole, Lines(), loss, score, compute=COMPUTE, settings=SETTINGS)
    state = tmp_path / "state.safetensors"
    code = _CHILD.format(tests=os.path.dirname(__file__), state=str(state))
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    epochs_done = len(read_state(state)[1]["result"]["history"])
    assert 1 <= epochs_done < SETTINGS.epochs
    again = make_net()
    fit(again, Lines(), loss, score, compute=COMPUTE, settings=SETTINGS, state_path=state)
    assert equal(weights(whole), weights(again))


def test_state_of_other_settings_is_refused(tmp_path):
    """A state is not silently continued under other settings."""
    state = tmp_path / "state.safetensors"
    fit(make_net(), Lines(), loss, score, compute=COMPUTE, settings=SETTINGS, state_path=state)
    other = dataclasses.replace(SETTINGS, learning_rate=1e-3)
    with pytest.raises(InputError, match="other settings"):
        fit(make_net(), Lines(), loss, score, compute=COMPUTE, settings=other, state_path=state)


@pytest.mark.parametrize("of", ["the same", "other data", "another net"])
def test_state_of_another_training_is_refused(tmp_path, of):
    """Nor on other data or with another net, equal settings or not; the sentence says how to begin
    anew.
    """

    def train(net, identity):
        state = tmp_path / "state.safetensors"
        return fit(
            net,
            Lines(),
            loss,
            score,
            compute=COMPUTE,
            settings=SETTINGS,
            state_path=state,
            identity=identity,
        )

    train(make_net(), "town")
    if of == "the same":
        assert train(make_net(), "town").stopped == "all epochs done"
        return
    net = nn.Conv2d(3, 1, 1) if of == "another net" else make_net()
    with pytest.raises(InputError, match=r"another net, on other data.*delete it"):
        train(net, "village" if of == "other data" else "town")


def test_nan_keeps_the_last_good():
    """A loss that explodes ends the training; the weights are finite and of the best epoch."""
    calls = []

    def exploding(net, batch):
        calls.append(1)
        return loss(net, batch) * (float("nan") if len(calls) > 5 else 1.0)

    net = make_net()
    result = fit(net, Lines(), exploding, score, compute=COMPUTE, settings=SETTINGS)
    assert "nan" in result.stopped
    assert len(result.history) == 2  # two steps an epoch, the sixth call explodes
    assert all(torch.isfinite(t.float()).all() for t in weights(net))


def test_early_stopping_returns_the_best():
    """With falling scores it stops after `patience` epochs and returns the first epoch's
    weights.
    """
    kept = []

    def falling(net):
        kept.append(weights(net))
        return {"score": -float(len(kept))}

    net = make_net()
    result = fit(
        net,
        Lines(),
        loss,
        falling,
        compute=COMPUTE,
        settings=dataclasses.replace(SETTINGS, epochs=50, patience=3),
    )
    assert len(result.history) == 4
    assert result.best_epoch == 0
    assert equal(weights(net), kept[0])


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_a_pretrained_encoder_learns_slower(optimiser):
    """`encoder.*` moves by its share of the learning rate, not at all at 0; the rest as always."""

    def move(rate):
        torch.manual_seed(5)
        net = nn.Sequential()
        net.add_module("encoder", nn.Conv2d(3, 16, 3, padding=1, bias=False))
        net.add_module("head", nn.Conv2d(16, 1, 3, padding=1, bias=False))
        before = weights(net)
        settings = dataclasses.replace(
            SETTINGS, epochs=1, ema_decay=0.0, optimiser=optimiser, encoder_rate=rate
        )
        settings = dataclasses.replace(settings, weight_decay=0.0, schedule="constant")
        fit(net, Lines(), loss, None, compute=COMPUTE, settings=settings)
        return [float((a - b).norm()) for a, b in zip(weights(net), before, strict=True)]

    frozen, slow, whole = move(0.0), move(0.1), move(1.0)
    assert frozen[0] == 0 and frozen[1] > 0
    assert 0 < slow[0] < 0.3 * whole[0]


def test_learns():
    """The loop lowers the loss of unseen items."""
    net = make_net()
    before = score(net.eval())["score"]
    result = fit(
        net,
        Lines(),
        loss,
        score,
        compute=COMPUTE,
        settings=dataclasses.replace(SETTINGS, epochs=20),
    )
    assert result.best_score > before + 0.3


def test_two_processes_learn_as_one(tmp_path):
    """Under torchrun two processes train one net: both end with equal weights (gloo on loopback).

    They make equally many steps of items that they cannot share evenly, and heed the leader's
    score: the other's falls.
    """
    script = tmp_path / "run.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "import os, torch, test_fit as t\n"
        "net, calls, sign = t.make_net(), [], 1 - 2 * int(os.environ['RANK'])\n"
        "s = t.dataclasses.replace(t.SETTINGS, epochs=4, batch_size=2, patience=1)\n"
        "t.Lines.__len__ = lambda self: 11\n"
        "score = lambda net: calls.append(1) or {'score': sign * len(calls)}\n"
        "from mapsight.cnn.processes import join_processes\n"
        "with join_processes() as processes:\n"
        "    here = t.dataclasses.replace(t.COMPUTE, processes=processes)\n"
        "    done = t.fit(net, t.Lines(), t.loss, score, compute=here, settings=s)\n"
        "kept = [torch.tensor([row['score'] for row in done.history]), *net.parameters()]\n"
        f"torch.save(kept, {str(tmp_path)!r} + '/' + os.environ['RANK'])\n"
    )
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (torch.load(tmp_path / str(rank), weights_only=True) for rank in (0, 1))
    assert equal(first, second)
    assert first[0].tolist() == [1, 2, 3, 4]

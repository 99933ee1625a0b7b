"""Model files: they come back as they were, and hostile ones are refused in one line."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mapsight.cnn.checkpoint import FORMAT, ModelCard, fingerprint, read_model, write_model
from mapsight.cnn.nets import make_net
from mapsight.errors import ModelError

CARD = ModelCard("roadnet-tiny", 1.0, threshold=0.4, trained_on="nothing", settings={"a": [1, 2]})


@pytest.fixture
def model_file(tmp_path):
    write_model(tmp_path / "m.safetensors", make_net("roadnet-tiny"), CARD)
    return tmp_path / "m.safetensors"


def test_round_trip(tmp_path):
    """Weights and card come back equal; nothing else is left in the folder."""
    net = make_net("roadnet-tiny")
    write_model(tmp_path / "m.safetensors", net, CARD)
    back, card = read_model(tmp_path / "m.safetensors")
    assert card == CARD
    assert all(
        torch.equal(a, b)
        for a, b in zip(net.state_dict().values(), back.state_dict().values(), strict=True)
    )
    assert not back.training
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_half_size(tmp_path):
    """float16 files are about half as large and within half precision of the weights."""
    net = make_net("roadnet-tiny")
    write_model(tmp_path / "full.safetensors", net, CARD)
    write_model(tmp_path / "half.safetensors", net, CARD, half=True)
    back, _ = read_model(tmp_path / "half.safetensors")
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (
        tmp_path / "full.safetensors"
    ).stat().st_size
    for a, b in zip(net.parameters(), back.parameters(), strict=True):
        assert b.dtype == torch.float32
        assert torch.allclose(a, b, atol=1e-3, rtol=1e-3)


class Bomb:
    """Unpickling it would leave a trace."""

    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_pickle_is_never_read(tmp_path, monkeypatch):
    """A pickled model is refused, and not executed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.safetensors").write_bytes(pickle.dumps(Bomb()))
    torch.save({"a": 1}, tmp_path / "m.pt")
    for name in ("m.safetensors", "m.pt"):
        with pytest.raises(ModelError, match="safetensors"):
            read_model(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


def change(path, **tensors):
    save_file({**load_file(path), **tensors}, path, {"format": FORMAT, "card": _card(path)})


def _card(path):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.metadata()["card"]


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [(torch.full((4,), float("nan")), "NaN"), (torch.zeros(5), "shape")],
)
def test_unsound_tensor_is_named(model_file, tensor, complaint):
    """NaN and wrong shapes are refused, with the tensor's name."""
    change(model_file, **{"head.bias": tensor})
    with pytest.raises(ModelError, match=f"head.bias.*{complaint}"):
        read_model(model_file)


def test_foreign_and_broken_files(tmp_path, model_file):
    """Truncated, empty, foreign and missing files are refused."""
    (tmp_path / "cut").write_bytes(model_file.read_bytes()[:5000])
    (tmp_path / "empty").write_bytes(b"")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
    save_file(
        load_file(model_file),
        tmp_path / "cardless",
        {"format": FORMAT, "card": '{"net": "x", "m_per_px": 1}'},
    )
    for name in ("cut", "empty", "foreign", "cardless", "absent"):
        with pytest.raises(ModelError):
            read_model(tmp_path / name)


def test_failed_write_keeps_the_old(model_file, monkeypatch):
    """A write that fails half-way leaves the file that was there, and no rubbish."""
    before = model_file.read_bytes()

    def fail(tensors, name, metadata):
        Path(name).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("mapsight.cnn.checkpoint.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        write_model(model_file, make_net("roadnet-tiny"), CARD)
    assert model_file.read_bytes() == before
    assert len(list(model_file.parent.iterdir())) == 1


def test_fingerprint_tells_parts_apart():
    """Values, shapes, types, weights and order count; where an array lies in memory does not."""
    zeros, net = np.zeros((4, 6)), torch.nn.Conv2d(3, 1, 1)
    one = zeros.copy()
    one[3, 5] = 1
    parts = [
        (zeros,),
        (one,),
        (zeros.T,),
        (zeros.astype(int),),
        (zeros, one),
        (one, zeros),
        (net,),
        (torch.nn.Conv2d(3, 1, 1),),
        ("ab",),
        ("a", "b"),
        (),
    ]
    assert len({fingerprint(*some) for some in parts}) == len(parts)
    assert fingerprint(one[:, ::2], net) == fingerprint(one[:, ::2].copy(), net)

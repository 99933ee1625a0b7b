"""The digit net: its card and weights ship, are small, and read real digits as well as the card
says.
"""

from __future__ import annotations

import dataclasses
import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mapsight.cnn.checkpoint import read_model, write_model
from mapsight.cnn.nets import make_zoo_net
from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.cnn.shipped import DIGITS, ROADS, read_shipped
from mapsight.errors import ModelError

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def test_shipped_digit_net_explains_itself():
    """Under 300 kB; the card names net, classes, data and an accuracy of at least 98.5 % inside its
    interval.
    """
    net, card = read_shipped(DIGITS)
    assert files("mapsight").joinpath("weights", DIGITS).stat().st_size < 300_000
    assert (card.net, card.classes, card.bands, card.m_per_px) == (
        "digits-small",
        tuple("0123456789"),
        ("grey",),
        0,
    )
    assert "MNIST" in card.trained_on and "CC BY-SA 3.0" in card.trained_on
    assert (
        0.985
        < card.measures["low_95"]
        < card.measures["accuracy_test"]
        < card.measures["high_95"]
        < 1
    )
    assert not net.training


def test_shapes_by_hand():
    """Every layer as the file's comments say, written out with functions alone, gives the net's own
    logits.
    """
    net, _ = read_shipped(DIGITS)
    x = torch.rand(2, 1, 28, 28)
    p = dict(net.named_parameters())
    a = F.max_pool2d(F.conv2d(x, p["conv1.weight"], p["conv1.bias"]).clamp_min(0), 2)
    b = F.max_pool2d(F.conv2d(a, p["conv2.weight"], p["conv2.bias"]).clamp_min(0), 2)
    c = (b.reshape(2, 384) @ p["dense1.weight"].T + p["dense1.bias"]).clamp_min(0)
    assert (a.shape, b.shape, c.shape) == ((2, 8, 12, 12), (2, 24, 4, 4), (2, 64))
    assert torch.allclose(net(x), c @ p["dense2.weight"].T + p["dense2.bias"], atol=1e-4)


@pytest.mark.skipif(
    not MNIST.is_dir(), reason="MNIST is not beside the checkout (../shared/data/mnist)"
)
def test_reads_real_digits():
    """On the 10,000 test digits it has exactly the accuracy that its card claims (two digits of
    slack for rounding).
    """
    net, card = read_shipped(DIGITS)
    raw = [
        gzip.decompress((MNIST / f"t10k-{kind}.gz").read_bytes())
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    images = torch.from_numpy(np.frombuffer(raw[0], np.uint8)[16:].reshape(-1, 1, 28, 28).copy())
    labels = torch.from_numpy(np.frombuffer(raw[1], np.uint8)[8:].copy())
    with torch.inference_mode():
        right = int((net(scale_images(images, card)).argmax(1) == labels).sum())
    assert abs(right - round(card.measures["accuracy_test"] * 10_000)) <= 2


def test_only_classifiers_may_have_no_ground(tmp_path):
    """0 m a pixel is sound in the card of a classifier, and refused in that of a net that marks
    pixels.
    """
    _, card = read_shipped(DIGITS)
    write_model(tmp_path / "digits", make_zoo_net("digits-small"), card)
    assert read_model(tmp_path / "digits")[1] == card
    _, roads = read_shipped(ROADS)
    write_model(
        tmp_path / "roads", make_zoo_net(roads.net), dataclasses.replace(roads, m_per_px=0.0)
    )
    with pytest.raises(ModelError, match="out of range"):
        read_model(tmp_path / "roads")
    with pytest.raises(ModelError, match="does not ship"):
        read_shipped("absent.safetensors")

"""Prediction paths agree with the plain net."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.nets import make_net
from mapsight.cnn.runtime import find_place, fold_batch_norms, make_runner, scale_images
from mapsight.errors import InputError


def trained_like(name="roadnet-tiny"):
    """A net whose batch norms have seen data."""
    torch.manual_seed(0)
    net = make_net(name).train()
    for _ in range(3):
        net(torch.randn(2, 3, 64, 64) * 2 + 1)
    return net.eval()


def test_folded_equals_unfolded():
    """Merging batch norms into convolutions changes nothing but the last digits."""
    net = trained_like()
    x = torch.randn(1, 3, 64, 64)
    folded = fold_batch_norms(net)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        assert torch.allclose(net(x), folded(x), atol=1e-4)


def test_runner_equals_the_net():
    """uint8 in, probability out: sigmoid of the net on the scaled image."""
    net, card = trained_like(), ModelCard("roadnet-tiny", 1.0, scale_mean=0.5, scale_std=0.25)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 48), dtype=np.uint8)
    got = make_runner(net, card, find_place("cpu", "fp32"))(images)
    with torch.inference_mode():
        expected = torch.sigmoid(net((torch.from_numpy(images).float() / 255 - 0.5) / 0.25))[
            :, 0
        ].numpy()
    assert got.shape == (2, 32, 48)
    assert np.allclose(got, expected, atol=1e-4)


def test_scaling_is_the_cards():
    """(x / 255 − mean) / std."""
    x = torch.tensor([0, 255], dtype=torch.uint8)
    assert scale_images(x, ModelCard("roadnet", 1.0, scale_mean=0.5, scale_std=0.25)).tolist() == [
        -2.0,
        2.0,
    ]


def test_absent_device_is_refused():
    """A device that is not there is named, with the remedy."""
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu"):
            find_place("cuda")
    with pytest.raises(InputError, match="auto"):
        find_place("abacus")
    with pytest.raises(InputError, match="bf16"):
        find_place("cpu", "int3")

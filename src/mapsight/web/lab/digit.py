"""The trained digit net as the browser computes it: its steps in order, with their weights."""

from __future__ import annotations

import base64
from typing import Any

import torch
from torch import Tensor, nn

from mapsight.cnn.nets.digits_small import DigitsSmall
from mapsight.cnn.shipped import DIGITS, read_shipped
from mapsight.errors import ModelError


def describe_digit_net() -> dict[str, Any]:
    """The shipped net as steps (conv, relu, pool, dense, softmax); weights are base64 of
    float32.
    """
    net, card = read_shipped(DIGITS)
    if not isinstance(net, DigitsSmall):
        raise ModelError(DIGITS, "is another net than the page draws", "install mapsight again")
    return {
        "net": card.net,
        "size": net.input_px,
        "mean": card.scale_mean,
        "std": card.scale_std,
        "classes": list(card.classes),
        "trained_on": card.trained_on,
        "parameters": sum(part.numel() for part in net.parameters()),
        "steps": list_digit_steps(net),
    }


def list_digit_steps(net: DigitsSmall) -> list[dict[str, Any]]:
    """The net's forward pass as data; dropout does nothing once it is trained."""
    return [
        _describe("Convolution 1", net.conv1),
        _rectify("ReLU 1"),
        _pool("Max pool 1"),
        _describe("Convolution 2", net.conv2),
        _rectify("ReLU 2"),
        _pool("Max pool 2"),
        _describe("Dense 1", net.dense1),
        _rectify("ReLU 3"),
        _describe("Dense 2", net.dense2),
        {"kind": "softmax", "title": "Softmax"},
    ]


def _rectify(title: str) -> dict[str, Any]:
    return {"kind": "relu", "title": title}


def _pool(title: str) -> dict[str, Any]:
    return {"kind": "pool", "title": title}


def _describe(title: str, layer: nn.Conv2d | nn.Linear) -> dict[str, Any]:
    assert layer.bias is not None
    told: dict[str, Any] = {
        "title": title,
        "weight": _pack(layer.weight),
        "bias": _pack(layer.bias),
    }
    if isinstance(layer, nn.Linear):
        return told | {"kind": "dense", "inputs": layer.in_features, "outputs": layer.out_features}
    return told | {
        "kind": "conv",
        "inputs": layer.in_channels,
        "outputs": layer.out_channels,
        "kernel": layer.kernel_size[0],
    }


def _pack(tensor: Tensor) -> str:
    values = tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4")
    return base64.b64encode(values.tobytes()).decode("ascii")

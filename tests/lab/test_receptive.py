"""Receptive fields, computed, against gradients: over random stacks of layers and over our nets."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.lab.nets import list_nets, open_net
from mapsight.lab.receptive import (
    confirm_by_gradient,
    find_extent,
    find_fields,
    find_output_sight,
    trace_unclipped,
)
from mapsight.lab.trace import build_on_meta, trace_net


def trace(make, *shape):
    return trace_net(build_on_meta(make), [torch.empty(1, *shape, device="meta")])


def agree(make, *shape):
    """The computed first and last pixels, and those that the gradient finds."""
    computed = find_output_sight(trace(make, *shape))
    return computed, find_extent(confirm_by_gradient(make, shape))


small = st.integers(1, 3)
layers = st.one_of(
    st.builds(lambda k, s, d, p: ("conv", k, s, d, p), small, small, small, st.integers(0, 2)),
    st.builds(lambda k, s: ("pool", k, s), small, small),
    st.builds(lambda k, s: ("transposed", k, s), small, small),
    st.sampled_from(
        [
            ("nearest",),
            ("bilinear",),
            ("reflect",),
            ("shuffle",),
            ("unshuffle",),
            ("relu",),
            ("norm",),
        ]
    ),
)


def build(spec):
    kind, *numbers = spec
    return {
        "conv": lambda k=1, s=1, d=1, p=0: nn.Conv2d(4, 4, k, s, p, d),
        "pool": lambda k=1, s=1: nn.MaxPool2d(k, s),
        "transposed": lambda k=1, s=1: nn.ConvTranspose2d(4, 4, k, s),
        "nearest": lambda: nn.Upsample(scale_factor=2, mode="nearest"),
        "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
        "reflect": lambda: nn.ReflectionPad2d((1, 2, 2, 1)),
        "shuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(1, 4, 1)),
        "unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 1)),
        "relu": lambda: nn.ReLU(),
        "norm": lambda: nn.BatchNorm2d(4),
    }[kind](*numbers)


@given(st.lists(layers, min_size=1, max_size=4))
@settings(max_examples=60)
def test_stacks_agree_with_gradients(specs):
    """The first and last row and column that the middle output sees, over strides, dilations,
    paddings, upsampling.
    """

    def make():
        return nn.Sequential(*map(build, specs))

    try:
        computed = find_output_sight(trace(make, 4, 36, 36))
    except RuntimeError:  # nothing is left of so small an image
        reject()
    gradient = confirm_by_gradient(make, (4, 36, 36))
    if all(lo <= hi for lo, hi in computed):
        assert computed == find_extent(gradient)
    else:  # a stride beyond its filter, with padding, can leave nothing to see
        assert not gradient.any()


class Skipping(nn.Module):
    """Branches that meet: the field is the larger one."""

    def __init__(self):
        super().__init__()
        self.near, self.far = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 5, padding=2)

    def forward(self, x):
        down = F.max_pool2d(F.relu(self.far(x)), 2)
        return torch.cat([F.interpolate(down, scale_factor=2.0), self.near(x)], dim=1)


def test_branches():
    """5×5 behind a 2×2 pool sees 6 pixels, whatever the other branch."""
    computed, measured = agree(Skipping, 1, 32, 32)
    assert computed == measured
    assert computed[0][1] - computed[0][0] + 1 == 6


def test_lecture_fields():
    """A 2×2 convolution sees 4 pixels; the deepest layer of the lecture's U-Net sees 140×140."""
    field = find_fields(trace(lambda: nn.Conv2d(1, 1, 2), 1, 9, 9))[-1]
    assert field.size_px == (2, 2)
    fields = find_fields(trace(UNetLecture, 3, 512, 512))
    bottom = [f for f in fields if f.layer.startswith("encoder.4")][-1]
    assert bottom.size_px == (140, 140) and bottom.jump_px == 16 and not bottom.whole


@pytest.mark.parametrize(
    "make",
    [lambda: UNetLecture(widths=(2, 2, 2, 2, 2)), lambda: list_nets()["roadnet-tiny"].make()],
    ids=["unet-lecture, narrow", "roadnet-tiny"],
)
def test_road_nets_agree_with_gradients(make):
    """What the net's middle pixel of logits can see, skips, dilations and upsampling and all."""
    net = build_on_meta(make)
    shape = tuple(trace_unclipped(net).inputs[0].shape[1:])
    computed, measured = agree(make, *shape)
    assert computed == measured
    assert all(0 < lo < hi < n - 1 for (lo, hi), n in zip(computed, shape[1:], strict=True))


@pytest.mark.parametrize("name", list_nets())
def test_every_net_has_fields(name):
    """Fields grow along every net and never exceed its image."""
    net, inputs = open_net(name)
    if len(inputs) > 1 or inputs[0].dim() != 4:
        pytest.skip("no single image goes in")
    fields = find_fields(trace_net(net, inputs))
    assert fields[-1].size_px[0] >= fields[0].size_px[0] >= 1
    assert all(
        f.size_px[0] <= inputs[0].shape[2] and f.size_px[1] <= inputs[0].shape[3] for f in fields
    )


def test_dense_layers_see_everything():
    """Behind a flatten there is no place any more."""
    fields = find_fields(trace_net(*open_net("lecture-cnn")))
    assert fields[-1].whole and fields[-1].size_px == (28, 28)
    assert [f.size_px[0] for f in fields[:4]] == [5, 6, 14, 16]

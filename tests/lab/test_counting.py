"""Counts against the lecture's figures, torch's own flop counter, and sums by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mapsight.errors import InputError
from mapsight.lab.connections import count_taps
from mapsight.lab.counting import count_layers, group_rows, sum_rows
from mapsight.lab.nets import find_net, list_nets, open_net
from mapsight.lab.trace import build_on_meta, make_input, trace_net


def count(make, *shape):
    net = build_on_meta(make)
    return count_layers(trace_net(net, [torch.empty(1, *shape, device="meta")]))


def test_lecture_digit_net():
    """2,315,018 parameters, layer by layer; its dense peer has 2,913,290."""
    rows = count_layers(trace_net(*open_net("lecture-cnn")))
    parameters = [row.parameters for row in rows if row.parameters]
    assert parameters == [
        5 * 5 * 64 + 64,
        5 * 5 * 64 * 128 + 128,
        2048 * 1024 + 1024,
        1024 * 10 + 10,
    ]
    assert sum(parameters) == 2_315_018
    multiplies = [row.multiplies for row in rows if row.multiplies]
    assert multiplies == [24 * 24 * 64 * 25, 8 * 8 * 128 * 25 * 64, 2048 * 1024, 1024 * 10]
    assert sum_rows(count_layers(trace_net(*open_net("lecture-dense")))).parameters == 2_913_290


def test_lecture_75_against_300_000_000():
    """One 'same' 5×5 map of 100×100×3 has 75 weights; the dense layer between as many values has
    300,000,000.
    """
    conv = sum_rows(count(lambda: nn.Conv2d(3, 1, 5, padding=2, bias=False), 3, 100, 100))
    dense = sum_rows(
        count(
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(30_000, 10_000, bias=False)), 3, 100, 100
        )
    )
    assert (conv.parameters, dense.parameters, dense.connections) == (75, 300_000_000, 300_000_000)
    assert conv.connections == 3 * count_taps(100, 5, padding=(2, 2)) ** 2
    assert conv.multiplies == 75 * 100 * 100


@pytest.mark.parametrize("name", list_nets())
def test_every_net_against_torch(name):
    """Parameters are all of the net's; multiply-adds are half of torch's flops; grouping loses
    nothing.
    """
    net, inputs = open_net(name)
    rows = count_layers(trace_net(net, inputs))
    total = sum_rows(rows)
    assert total.parameters == sum(p.numel() for p in net.parameters())
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        net(*inputs)
    assert total.multiplies * 2 == counter.get_total_flops()
    assert 0 < total.connections <= total.multiplies
    grouped = sum_rows(group_rows(rows, 12))
    assert (grouped.parameters, grouped.multiplies) == (total.parameters, total.multiplies)


def test_activations_by_hand():
    """In-place ReLUs and views make no new values; dropout is nothing in evaluation; pooling
    does.
    """
    rows = count(
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(18, 4),
            nn.ReLU(),
        ),
        1,
        8,
        8,
    )
    assert [row.activations for row in rows] == [72, 18, 4, 4]


def test_groups_transposes_and_shared_weights():
    """A grouped filter has a share of the depth; a transposed layer counts as its mirror; shared
    weights count once.
    """
    grouped = sum_rows(count(lambda: nn.Conv2d(8, 12, 3, groups=4), 8, 6, 6))
    assert (grouped.parameters, grouped.multiplies) == (12 * 2 * 9 + 12, 12 * 2 * 9 * 16)
    up = sum_rows(
        count(lambda: nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1, bias=False), 3, 6, 6)
    )
    down = sum_rows(count(lambda: nn.Conv2d(5, 3, 4, stride=2, padding=1, bias=False), 5, 12, 12))
    assert (up.parameters, up.multiplies, up.connections) == (
        down.parameters,
        down.multiplies,
        down.connections,
    )

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.idle = nn.Linear(4, 4), nn.Linear(2, 2)

        def forward(self, x):
            return self.layer(self.layer(x))

    rows = count(Twice, 4)
    assert sum_rows(rows).parameters == 26 and sum_rows(rows).multiplies == 32
    assert rows[-1].parameters == 6  # the idle layer


def test_inputs():
    """A net that says nothing of its input gets one that it runs on; a wrong one is refused."""
    net = build_on_meta(find_net("lecture-cnn").make)
    assert make_input(net).shape == (1, 1, 28, 28)
    with pytest.raises(InputError, match="does not run"):
        make_input(net, (3, 5, 5))
    with pytest.raises(InputError, match="lecture-cnn"):
        find_net("resnet-9000")

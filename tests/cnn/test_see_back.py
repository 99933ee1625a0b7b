"""Projections: our walk back equals autograd with the ReLU's backward replaced, on nets of every
shape.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mapsight.cnn.nets import NETS, make_zoo_net
from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.cnn.see.back import RELU_RULES, find_switches, keep_one, project, unpool
from mapsight.cnn.see.reach import find_reach
from mapsight.cnn.see.record import find_layer, list_layers, record, trace_net
from mapsight.errors import InputError


class DeconvReLU(torch.autograd.Function):
    """The oracle of Zeiler & Fergus' rule: max(x, 0), whose backward is max(gradient, 0)."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp_min(0)


class GuidedReLU(DeconvReLU):
    """The oracle of guided backpropagation: max(gradient, 0) where x was positive."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp_min(0) * (ctx.saved_tensors[0] > 0)


class ReplaceReLU(TorchFunctionMode):
    """Whatever way a net calls its ReLU, this one is run."""

    def __init__(self, replacement):
        super().__init__()
        self.replacement = replacement

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (F.relu, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_):
            return self.replacement(args[0])
        return function(*args, **(kwargs or {}))


def autograd(net, x, mask, rule):
    """d(mask · logits)/dx with the rule's ReLU."""
    x = x.clone().requires_grad_()
    replacement = {
        "deconvnet": DeconvReLU.apply,
        "guided": GuidedReLU.apply,
        "gradient": lambda x: x.clamp_min(0),
    }[rule]
    with ReplaceReLU(replacement):
        answer = net(x)
    return torch.autograd.grad(answer, x, mask)[0]


class Everything(nn.Module):
    """Strides, dilation, groups, batch norm, overlapping pools, a residual, switches used again, a
    dense end.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.up = nn.ConvTranspose2d(8, 4, 4, stride=3)
        self.dense = nn.Linear(4, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)), inplace=True)  # (B, 8, 17, 21) of (B, 3, 33, 41)
        x = F.max_pool2d(x, 3, 2, padding=1)  # (B, 8, 9, 11)
        x = x + torch.relu(self.second(x))
        small, where = self.pool(x)
        x = self.unpool(small.relu(), where, output_size=x.shape[-2:])
        return self.dense(F.leaky_relu(self.up(x), 0.1).mean((2, 3)))


def stir(net, seed=0):
    """A net with statistics that are not those of a fresh one: batch norms that scale and shift,
    biases.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, -1, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.3, generator=generator)
    return net.eval()


def small_net(name):
    """A net of the table and an input for it; the lecture's with an eighth of its width."""
    torch.manual_seed(1)
    net = UNetLecture(widths=(8, 16, 32, 64, 128)) if name == "unet-lecture" else make_zoo_net(name)
    side = getattr(net, "input_px", 48)
    bands = (
        next(p for p in net.parameters() if p.ndim == 4).shape[1] if hasattr(net, "input_px") else 3
    )
    return stir(net), torch.rand(1, bands, side, side)


CASES = ["everything", "roadnet-tiny", "unet-lecture", "digits-small"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rule", RELU_RULES)
def test_projection_is_autograd_with_another_relu(name, rule):
    """From the logits to the pixels: equal to autograd whose ReLU goes back as the rule says."""
    if name == "everything":
        torch.manual_seed(2)
        net, x = stir(Everything()), torch.rand(1, 3, 33, 41)
    else:
        net, x = small_net(name)
    seen = record(trace_net(net), x)
    torch.manual_seed(3)
    mask = torch.rand_like(seen.values[seen.answer])
    ours = project(seen, seen.answer, mask, rule=rule)
    assert torch.allclose(seen.values[seen.answer], net(x), atol=1e-5)
    oracle = autograd(net, x, mask, rule)
    assert oracle.abs().max() > 0
    assert torch.allclose(ours, oracle, rtol=1e-3, atol=1e-5 * float(oracle.abs().max()))


@pytest.mark.parametrize("name", [*NETS, "digits-small"])
def test_every_net_can_be_seen_into(name):
    """All nets of the table are taken apart, and a signal finds its way from every layer to the
    pixels.
    """
    net, x = small_net(name)
    steps = trace_net(net)
    seen = record(steps, x)
    layers = list_layers(steps)
    weighted = [
        n
        for n, m in net.named_modules()
        if isinstance(m, nn.Conv2d | nn.Linear | nn.ConvTranspose2d)
    ]
    assert sorted(layer.name for layer in layers) == sorted(weighted)
    for layer in (layers[0], layers[len(layers) // 2], layers[-1]):
        back = project(seen, layer.last, torch.ones_like(seen.values[layer.last]), rule="gradient")
        assert back.shape == x.shape and torch.isfinite(back).all()


def test_switches_put_values_back_where_they_were():
    """The lecture's pooling [[8, 6], [9, 3]]: each maximum returns to its own place, all else is
    zero.
    """
    x = torch.tensor([[1.0, 3, 6, 2], [3, 8, 1, 1], [2, 9, 2, 1], [5, 1, 3, 1]])[None, None]
    pooled = F.max_pool2d(x, 2)
    assert pooled.tolist() == [[[[8, 6], [9, 3]]]]
    back = unpool(pooled, find_switches(x, {"kernel_size": 2}), x.shape)
    assert back.tolist() == [[[[0, 0, 6, 0], [0, 8, 0, 0], [0, 9, 0, 0], [0, 0, 3, 0]]]]


def test_overlapping_pools_add_up():
    """A maximum that several windows share gets back the sum of what they hold."""
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 4
    pooling = {"kernel_size": 3, "stride": 1}
    assert unpool(torch.ones(1, 1, 3, 3), find_switches(x, pooling), x.shape)[0, 0, 2, 2] == 9


def test_planted_pattern_lights_up_where_it_is():
    """A net that answers to one cross: its strongest answer goes back to the cross, in its shape,
    and nowhere else.
    """
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2))
    net[0].weight.data, net[0].bias.data = cross[None, None].clone(), torch.tensor([-4.5])
    x = torch.zeros(1, 1, 22, 22)
    x[0, 0, 11:14, 5:8] = cross
    seen = record(trace_net(net), x)
    answer = seen.values[seen.answer]
    assert answer.flatten().nonzero().numel() == 1 and answer.max() == 0.5
    row, col = divmod(int(answer.flatten().argmax()), answer.shape[3])
    back = project(seen, seen.answer, keep_one(answer, 0, row, col))
    expected = torch.zeros_like(x)
    expected[0, 0, 11:14, 5:8] = 0.5 * cross
    assert torch.equal(back, expected)


def reach_of(net, x, layer):
    seen = record(trace_net(net), x)
    found = find_layer(list_layers(seen.steps), layer)
    return find_reach(seen, found.last, *(n // 2 for n in seen.values[found.last].shape[2:]))


def test_receptive_fields_by_hand():
    """5 and 14 px in the digit net, 6 to 28 behind a space-to-depth, the lecture U-Net's 140 at its
    bottom.
    """
    net, x = small_net("digits-small")
    assert [reach_of(net, x, name).size for name in ("conv1", "conv2", "dense1")] == [
        (5, 5),
        (14, 14),
        (28, 28),
    ]
    net = make_zoo_net("roadnet-tiny")
    sizes = [reach_of(net, torch.rand(1, 3, 64, 64), str(k)).size for k in (1, 2, 3, 4)]
    assert sizes == [(6, 6), (10, 10), (20, 20), (28, 28)]
    lecture = UNetLecture(widths=(2, 2, 2, 2, 2))
    assert reach_of(lecture, torch.rand(1, 3, 256, 256), "encoder.4.2").size == (140, 140)


def test_road_pixel_is_caused_within_its_receptive_field():
    """The lecture's U-Net: nothing outside the field moves the pixel, and every rule stays
    inside.
    """
    torch.manual_seed(4)
    net = UNetLecture(widths=(4, 4, 4, 4, 4)).eval()
    for layer in (net.head, net.last):
        nn.init.constant_(layer.weight, 0.2)  # its two-channel ReLU must not be dead here
    x = torch.rand(1, 3, 256, 256)
    seen = record(trace_net(net), x)
    box = find_reach(seen, seen.answer, 120, 131)
    assert max(box.size) < 230 and box.top <= 120 < box.bottom and box.left <= 131 < box.right
    outside = torch.ones(256, 256, dtype=torch.bool)
    outside[box.top : box.bottom, box.left : box.right] = False
    moved = torch.where(outside, torch.rand_like(x), x)
    assert not torch.equal(moved, x)
    with torch.no_grad():
        assert net(moved)[0, 0, 120, 131] == pytest.approx(float(net(x)[0, 0, 120, 131]), abs=1e-5)
    mask = torch.zeros_like(seen.values[seen.answer])
    mask[0, 0, 120, 131] = 1
    for rule in RELU_RULES:
        back = project(seen, seen.answer, mask, rule=rule)[0].abs().amax(0)
        assert back.max() > 0 and not back[outside].any()


def test_unknown_names_are_answered_with_the_known():
    """A rule or a layer that is not there is refused in one line."""
    net, x = small_net("digits-small")
    seen = record(trace_net(net), x)
    with pytest.raises(InputError, match="guided"):
        project(seen, seen.answer, torch.ones_like(seen.values[seen.answer]), rule="magic")
    with pytest.raises(InputError, match="conv1, conv2"):
        find_layer(list_layers(seen.steps), "conv9")


class Moody(nn.Module):
    """Its steps depend on what it sees."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_net_without_fixed_steps_is_refused():
    """A net that decides by its values cannot be taken apart, and says so."""
    with pytest.raises(InputError, match="Moody"):
        trace_net(Moody())

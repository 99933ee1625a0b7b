"""Every net in the table: its size, its shapes, and that it can learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mapsight.cnn.nets import NETS, count_parameters, make_net
from mapsight.cnn.nets.litenet import make_lite0
from mapsight.cnn.nets.roadnet import VARIANTS, can_widen, widen
from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.cnn.shipped import ROADS, read_shipped
from mapsight.errors import InputError

PARAMETERS = {
    "roadnet": 1_189_124,
    "roadnet-wide": 2_506_244,
    "roadnet-tiny": 299_140,
    "roadnet-light": 2_153_296,
    "litenet": 3_171_460,
    "unet-lecture": 31_032_837,  # the lecture's own figure
    "unet-small": 1_941_381,
}


@pytest.mark.parametrize("name", NETS)
def test_parameters_exact(name):
    """Each net has exactly the parameters that its description says; the lecture's has
    31,032,837.
    """
    assert count_parameters(make_net(name)) == PARAMETERS[name]


def small(name):
    """The net itself, or the lecture's with an eighth of the width: it is too slow at full size."""
    return UNetLecture(widths=(8, 16, 32, 64, 128)) if name == "unet-lecture" else make_net(name)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", [(32, 96), (64, 32)])
def test_logits_cover_the_image(name, size):
    """(B, 3, H, W) gives (B, 1, H, W) for every multiple of the stride, square or not."""
    net = small(name).eval()
    assert size[0] % net.stride_px == size[1] % net.stride_px == 0
    with torch.inference_mode():
        assert net(torch.rand(2, 3, *size)).shape == (2, 1, *size)


@pytest.mark.parametrize("name", NETS)
def test_gradient_reaches_every_parameter(name):
    """No weight is idle: a loss on the output moves each of them."""
    torch.manual_seed(0)
    net = small(name).train()
    net(torch.rand(2, 3, 64, 64)).square().mean().backward()
    idle = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # the lecture's two-channel ReLU may cut one channel off at initialisation: its own weakness,
    # see the net's file
    assert not [n for n in idle if not name.startswith("unet")]
    assert not idle or all(n.startswith(("head", "last")) for n in idle)


@pytest.mark.parametrize(
    "name", ["roadnet", "roadnet-wide", "roadnet-tiny", "roadnet-light", "litenet"]
)
def test_overfits_one_batch(name):
    """A net that cannot learn two images by heart would learn nothing."""
    torch.manual_seed(0)
    net = make_net(name).train()
    image = torch.rand(2, 3, 64, 64)
    truth = torch.zeros(2, 1, 64, 64)
    truth[0, :, 20:28], truth[1, :, :, 40:50] = 1, 1
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(image), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((net(image) > 0) == truth.bool()).float().mean() > 0.995


def test_lecture_net_overfits_one_batch():
    """The lecture's net learns a batch by heart, too (an eighth of its width, dropout off)."""
    torch.manual_seed(1)
    net = UNetLecture(widths=(8, 16, 32, 64, 128), dropout=0.0).train()
    image = torch.rand(1, 3, 64, 64)
    truth = torch.zeros(1, 1, 64, 64)
    truth[:, :, 20:28] = 1
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(150):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(image), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((net(image) > 0) == truth.bool()).float().mean() > 0.97


def test_a_wider_net_begins_as_the_narrow_one():
    """Widened, a shipped net says the same of an image; one step later its new channels have begun
    to learn.
    """
    narrow, _ = read_shipped(ROADS)
    torch.manual_seed(0)
    wide = make_net("roadnet-wide").eval()
    widen(narrow, wide)
    image = torch.randn(1, 3, 64, 64)
    assert not wide.training and count_parameters(wide) == PARAMETERS["roadnet-wide"]
    with torch.no_grad():
        assert torch.allclose(wide(image), narrow(image), atol=1e-4)
    wide.train()
    optimiser = torch.optim.SGD(wide.parameters(), lr=0.1)
    for _ in range(2):  # what nobody listens to has no gradient before the first step
        optimiser.zero_grad()
        wide(image).mean().backward()
        optimiser.step()
    kernels = [p for p in wide.parameters() if p.ndim == 4]
    assert all(p.grad.flatten(1).norm(dim=1).min() > 0 for p in kernels[:-1])


@pytest.mark.parametrize(
    "change",
    [
        {"widths": (32, 64, 96, 96)},
        {"widths": (32, 64, 96)},
        {"stem_px": 4},
        {"norm": "group"},
        {"dilations": (1, 2)},
    ],
)
def test_only_more_channels_are_widening(change):
    """Narrower, shallower, with another stem, norm or context: not the same net any more."""
    shape = VARIANTS["roadnet"]
    assert can_widen(shape, shape) and can_widen(shape, VARIANTS["roadnet-wide"])
    assert not can_widen(shape, replace(shape, **change))


def test_unknown_net_names_the_known():
    """A wrong name is answered with the right ones."""
    with pytest.raises(InputError, match="roadnet"):
        make_net("resnet-9000")


def test_lite0_sees_where_tensorflow_does():
    """At a stride of 2 the spare row of padding is below and right: a point at an even place is the
    middle of a window, as in the pretrained weights.
    """
    stem = make_lite0()[0][0][:-2]  # padding and convolution
    with torch.no_grad():
        stem[1].weight.zero_()
        stem[1].weight[:, :, 1, 1] = 1
    image = torch.zeros(1, 3, 8, 8)
    image[..., 3, 5] = 1
    assert stem(image).nonzero()[0].tolist()[2:] == [1, 2]
    assert stem(image).shape[2:] == (4, 4)


def test_channel_convolutions_learn_in_fp32():
    """Under autocast wide windows of single channels are not bf16 while they learn; for prediction
    they are as all others.
    """
    torch.manual_seed(0)
    (wide,) = [m for m in make_lite0()[2][0].modules() if getattr(m, "groups", 1) > 1]
    assert wide.kernel_size == (5, 5)
    x = torch.rand(1, wide.in_channels, 16, 16)
    exact = torch.nn.functional.conv2d(x, wide.weight, None, wide.stride, 0, 1, wide.groups)
    for learns, kind in ((True, torch.float32), (False, torch.bfloat16)):
        with torch.autocast("cpu", torch.bfloat16):
            seen = wide.train(learns)(x)
        assert seen.dtype is kind
        torch.testing.assert_close(seen.float(), exact, rtol=0.02, atol=0.02)

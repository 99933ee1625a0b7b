"""The road net taken apart. Oracles: torch's hooks on the net itself, and the page's own
arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mapsight.cnn.nets import make_net
from mapsight.errors import InputError, ModelError
from mapsight.web.lab.cell import explain_cell
from mapsight.web.lab.steps import list_steps, run_steps


@pytest.fixture(scope="module")
def net() -> nn.Module:
    """The smallest RoadNet with batch norms that have seen something."""
    torch.manual_seed(0)
    net = make_net("roadnet-tiny")
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0.2, 0.2)
    return net.eval()


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_steps_equal_the_net(net, image):
    """The steps end in the net's logits, and their sums and norms are those that hooks see, bit by
    bit.
    """
    seen: list[torch.Tensor] = []
    handles = [
        module.register_forward_hook(lambda _, __, out: seen.append(out.clone()))
        for module in net.modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
    ]
    with torch.inference_mode():
        logits = net(image[None])
    for handle in handles:
        handle.remove()
    steps = list_steps(net)
    values = run_steps(steps, image)
    assert torch.equal(values["logit"].out, logits[0])
    ours = [
        part
        for step in steps
        if step.kind == "conv"
        for part in (values[step.name].sums, values[step.name].normed)
    ]
    ours.append(values["head"].out)
    assert len(ours) == len(seen)
    for mine, theirs in zip(ours, seen, strict=True):
        assert torch.equal(mine, theirs[0])


def test_every_cell_can_be_computed_again(net, image, javascript):
    """The browser's arithmetic, given a cell's operands, comes to the value that torch has: every
    step, edges too.
    """
    steps = list_steps(net)
    values = run_steps(steps, image)
    rng = np.random.default_rng(2)
    cells = []
    for step in steps:
        channels, height, width = values[step.name].out.shape
        places = [(0, 0, 0), (channels - 1, height - 1, width - 1), (0, height - 1, 0)]
        places += [tuple(int(rng.integers(n)) for n in (channels, height, width)) for _ in range(6)]
        cells += [explain_cell(steps, values, step.name, place) for place in places]
    body = "return data.map((cell) => ({ ...m.recompute(cell), scale: m.scaleOf(cell) }));"
    for cell, found in zip(cells, javascript("cellmath.js", body, cells), strict=True):
        close = {"abs": 1e-5 * max(found["scale"], 1)}
        assert found["value"] == pytest.approx(cell["value"], **close), cell["step"]
        if cell["kind"] == "conv":
            assert found["sum"] == pytest.approx(cell["sum"], **close)
            assert found["normed"] == pytest.approx(cell["normed"], **close)


def test_sources_hold_the_value(net, image):
    """What is only taken over (space to depth, joined maps, the logit) names the place it comes
    from.
    """
    steps = list_steps(net)
    values = run_steps(steps, image)
    for name in ("s2d", "joined1", "joined3", "logit"):
        channels, height, width = values[name].out.shape
        for place in ((channels - 1, 3, 5), (channels // 3, height - 1, width - 2)):
            told = explain_cell(steps, values, name, place)
            at = told["source"]
            assert (
                float(values[at["step"]].out[at["channel"], at["row"], at["col"]]) == told["value"]
            )


def test_a_colours_window(net, image, javascript):
    """The first layer's maps × 3 × 3, laid out as one colour's pixels, are the image's own
    pixels.
    """
    steps = list_steps(net)
    stem = steps[0].stride_px
    cell = explain_cell(steps, run_steps(steps, image), "down1a", (4, 7, 9))
    body = f"return [0, 1, 2].map((colour) => m.unfoldColour(data.window, colour, 3, {stem}));"
    rows, cols = slice(6 * stem, 9 * stem), slice(8 * stem, 11 * stem)
    for colour, pixels in enumerate(javascript("cellmath.js", body, cell)):
        np.testing.assert_array_equal(
            np.reshape(pixels, (3 * stem, 3 * stem)), image[colour, rows, cols].numpy()
        )


def test_only_roadnets(net):
    """Another architecture is refused in one line."""
    with pytest.raises(ModelError, match="only a roadnet"):
        list_steps(nn.Conv2d(1, 1, 1))
    with pytest.raises(InputError, match="not one of this net"):
        explain_cell(list_steps(net), {}, "down9z", (0, 0, 0))

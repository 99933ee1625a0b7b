"""Occlusion, Grad-CAM, peaks and the sanity check, against captum, autograd and planted images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mapsight.cnn.nets import make_net
from mapsight.cnn.nets.unet_lecture import UNetLecture
from mapsight.cnn.see.back import keep_one, project
from mapsight.cnn.see.maps import compute_gradcam, keep_from, occlude, paint_drop
from mapsight.cnn.see.peaks import choose_channels, explain_peak, find_peaks
from mapsight.cnn.see.pictures import (
    find_nearest,
    find_radius,
    find_strongest,
    make_mosaic,
    paint_filters,
)
from mapsight.cnn.see.reach import find_reach
from mapsight.cnn.see.record import find_layer, list_layers, record, trace_net
from mapsight.cnn.see.sanity import compare_redrawn, redraw_layers
from mapsight.cnn.see.target import aim_at_class, aim_at_mask, aim_at_pixel


def make_classifier():
    """Modules only, as captum wants them."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12 * 12 * 12, 5),
    ).eval()


@pytest.fixture
def image():
    torch.manual_seed(1)
    return torch.rand(1, 3, 24, 24)


def test_gradcam_is_captums(image):
    """Our Grad-CAM equals captum's LayerGradCam, enlarged."""
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    net = make_classifier()
    seen = record(trace_net(net), image)
    ours = compute_gradcam(
        seen, find_layer(list_layers(seen.steps), "3"), aim_at_class(seen, 2, "two")
    )
    theirs = attr.LayerGradCam(net, net[4]).attribute(image, target=2, relu_attributions=True)
    assert theirs.max() > 0
    assert torch.allclose(ours, F.interpolate(theirs, (24, 24), mode="bilinear")[0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "name"), [("deconvnet", "Deconvolution"), ("guided", "GuidedBackprop")]
)
def test_projection_is_captums(image, rule, name):
    """On a net of modules, captum's hooks give the same projection of a class as our walk."""
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    net = make_classifier()
    seen = record(trace_net(net), image)
    ours = project(seen, seen.answer, aim_at_class(seen, 2, "two").mask, rule=rule)
    with pytest.warns(UserWarning, match="hooks"):
        theirs = getattr(attr, name)(net).attribute(image, target=2)
    assert theirs.abs().max() > 0
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_occlusion_is_captums(image):
    """Away from the borders, where captum lays no square, the mean drop equals captum's
    Occlusion.
    """
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    net = make_classifier()
    steps = trace_net(net)
    target = aim_at_class(record(steps, image), 2, "two")
    ours = paint_drop(occlude(steps, image, target, step_px=3, fill=torch.zeros(3)), 24, 24)
    theirs = attr.Occlusion(lambda x: target.measure_odds(net(x))).attribute(
        image, (3, 6, 6), (3, 3, 3), baselines=0
    )
    assert np.ptp(ours) > 0
    assert np.allclose(ours[3:-3, 3:-3], theirs[0, 0, 3:-3, 3:-3].numpy(), atol=1e-4)


def make_blob_finder():
    """(B, 1, H, W) → logit a pixel: high where a bright square of 5 px is."""
    net = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2))
    net[0].weight.data, net[0].bias.data = torch.full((1, 1, 5, 5), 0.4), torch.tensor([-5.0])
    return net


def test_occlusion_falls_where_the_object_is():
    """Only squares that touch the object take anything away; the most is lost where it is covered
    whole.
    """
    x = torch.zeros(1, 1, 40, 40)
    x[0, 0, 8:13, 26:31] = 1
    steps = trace_net(make_blob_finder())
    target = aim_at_pixel(record(steps, x), 10, 28)
    found = occlude(steps, x, target, step_px=5, fill=torch.zeros(1))
    drop = paint_drop(found, 40, 40)
    assert found.before == pytest.approx(5.0, abs=1e-4)
    assert drop[10, 28] == drop.max() > 5
    far = np.ones((40, 40), bool)
    far[:23, 16:] = False
    assert np.abs(drop[far]).max() < 1e-5
    hidden = torch.zeros(40, 40, dtype=torch.bool)
    hidden[8:13, 26:31] = True
    assert (
        keep_from(steps, x, target, hidden)
        < 0.01
        < 0.99
        < keep_from(steps, x, target, hidden & False)
    )


@pytest.mark.parametrize("name", ["roadnet-tiny", "unet-lecture"])
def test_gradcam_of_a_segmentation_is_autograds(name):
    """Mean gradients times maps, with autograd's own gradients of the summed logits of a mask."""
    torch.manual_seed(2)
    net = (UNetLecture(widths=(4, 8, 8, 8, 8)) if name == "unet-lecture" else make_net(name)).eval()
    x, caught = torch.rand(1, 3, 48, 64), {}
    seen = record(trace_net(net), x)
    layer = next(one for one in list_layers(seen.steps) if one.name.startswith("encoder.2"))
    chosen = torch.zeros(48, 64, dtype=torch.bool)
    chosen[10:20, 30:50] = True
    ours = compute_gradcam(seen, layer, aim_at_mask(seen, chosen, "road"))

    def catch(module, inputs, output):
        caught["maps"] = output.clone()
        return caught["maps"]

    net.get_submodule(str(layer.last.target)).register_forward_hook(catch)
    gradient = torch.autograd.grad(net(x)[0, 0][chosen].sum(), caught["maps"])[0]
    cam = (gradient.mean((2, 3), keepdim=True) * caught["maps"]).sum(1, keepdim=True).relu()
    oracle = F.interpolate(cam, (48, 64), mode="bilinear")[0, 0].detach()
    assert torch.allclose(ours, oracle, atol=1e-5 * float(oracle.max().clamp_min(1e-3)), rtol=1e-3)


def test_peaks_come_in_the_order_of_the_planted():
    """Images with squares of growing brightness: the nine brightest, falling, each at its place."""
    images = []
    for k in range(20):
        x = torch.zeros(1, 1, 32, 32)
        x[0, 0, 10:15, 6 + k % 7 : 11 + k % 7] = 0.3 + 0.05 * ((k * 7) % 20)
        images.append(x)
    net = nn.Sequential(make_blob_finder()[0], nn.ReLU())
    net[0].bias.data.zero_()
    steps = trace_net(net)
    layer = list_layers(steps)[0]
    peaks = find_peaks(steps, layer, images)
    brightness = [(k * 7) % 20 for k in range(20)]
    assert list(peaks.images[0]) == sorted(range(20), key=lambda k: -brightness[k])[:9]
    assert all(peaks.rows[0] == 12) and list(peaks.cols[0]) == [8 + k % 7 for k in peaks.images[0]]
    assert np.allclose(
        peaks.values[0],
        [25 * 0.4 * (0.3 + 0.05 * brightness[k]) for k in peaks.images[0]],
        rtol=1e-5,
    )
    assert choose_channels(peaks, 6) == [0]


@pytest.mark.parametrize("layer_name", ["encoder.1.1.0", "decoder.1.0", "context.steps.0.0"])
def test_peak_run_again_in_its_field_alone_is_the_same(layer_name):
    """Value and projection from the cut-out equal those from the whole image, across poolings and
    skips.
    """
    torch.manual_seed(5)
    net = make_net("roadnet-tiny").eval()
    x = torch.rand(1, 3, 240, 224)
    steps = trace_net(net)
    layer = find_layer(list_layers(steps), layer_name)
    seen = record(steps, x, layer.last)
    answer = seen.values[layer.last]
    row, col = answer.shape[2] // 2, answer.shape[3] // 3
    channel = int(answer[0, :, row, col].argmax())
    cause = explain_peak(seen, layer, x, channel, (row, col), align_px=16)
    assert cause.value == pytest.approx(float(answer[0, channel, row, col]), rel=1e-4)
    box = find_reach(seen, layer.last, row, col)
    whole = project(seen, layer.last, keep_one(answer, channel, row, col))[0]
    inside = np.s_[:, box.top : box.bottom, box.left : box.right]
    assert cause.box == box and np.array_equal(cause.patch, x[0][inside].numpy())
    assert np.allclose(
        cause.projection, whole[inside].numpy(), atol=1e-5 * float(whole.abs().max())
    )
    assert whole.abs().sum() == pytest.approx(float(whole[inside].abs().sum()), rel=1e-5)


def test_filters_through_a_space_to_depth():
    """The road net's first filters in pixels: 6 × 6, each weight at the pixel that it meets, scaled
    by the norm.
    """
    net = make_net("roadnet-tiny").eval()
    seen = record(trace_net(net), torch.rand(1, 3, 32, 32))
    pictures = paint_filters(seen, list_layers(seen.steps)[0])
    expected = F.pixel_shuffle(
        net.encoder[0][0][0].weight.detach(), 2
    )  # (16, 12, 3, 3) → (16, 3, 6, 6)
    assert np.allclose(np.stack(pictures), expected.numpy(), atol=1e-6)


def test_redrawn_layers_are_the_last_ones():
    """Exactly the last layers change, by a shuffle; with none redrawn the projection correlates
    perfectly.
    """
    steps = trace_net(make_classifier())
    redrawn = redraw_layers(steps, 1)
    before, after = dict(steps.named_parameters()), dict(redrawn.named_parameters())
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["6.weight"]
    assert torch.equal(
        before["6.weight"].flatten().sort().values, after["6.weight"].flatten().sort().values
    )
    torch.manual_seed(1)
    x, mask = torch.rand(1, 3, 24, 24), F.one_hot(torch.tensor([2]), 5).float()
    assert compare_redrawn(steps, x, mask, "gradient", count=0) == pytest.approx(1)
    assert compare_redrawn(steps, x, mask, "gradient", count=3) < 0.9


def test_picture_arithmetic():
    """Strongest and nearest pixels, the radius that holds a share, and a mosaic, by hand."""
    projection = np.zeros((1, 9, 9))
    projection[0, 4, 4], projection[0, 4, 7] = 9, -1
    assert np.argwhere(find_strongest(projection, 2)).tolist() == [[4, 4], [4, 7]]
    assert np.argwhere(find_nearest(9, 9, (0, 0), 3)).tolist() == [[0, 0], [0, 1], [1, 0]]
    assert find_radius(projection, (4, 4), 0.9) == 0 and find_radius(projection, (4, 4), 0.95) == 3
    assert (
        np.isnan(find_radius(0 * projection, (4, 4), 0.9))
        and not find_strongest(0 * projection, 5).any()
    )
    assert make_mosaic(
        [np.zeros((2, 2)), np.ones((2, 2)), np.zeros((2, 1))], 2, paper=7
    ).tolist() == [[0, 0, 7, 1, 1], [0, 0, 7, 1, 1], [7] * 5, [0, 7, 7, 7, 7], [0, 7, 7, 7, 7]]

"""Every net of the zoo: size to the parameter, shapes, that it learns, leaves as ONNX and comes
back from a file.

Counts and output shapes are those of the full-size nets, built on torch's `meta` device, where
nothing is computed. What computes (gradient, learning by heart, ONNX, files) runs on the same
classes at full depth, but narrow and on small inputs: `SMALL` says how. At full width only the nets
with an empty row compute here.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torch.nn import functional as F

from mapsight.cnn.nets import NETS, ZOO_NETS, ZooNet, count_parameters, make_zoo_net
from mapsight.cnn.nets.deconvnet import unpool
from mapsight.cnn.nets.fcn import FCN, start_from_vgg16
from mapsight.cnn.nets.translator import END, PAD, Translator
from mapsight.cnn.nets.unet2015 import UNet2015, segment_tiles
from mapsight.errors import InputError

# shared/reference: counted by hand from the papers' tables; VGG, ResNet and AlexNet as torchvision
# states them, too
PARAMETERS = {
    "digit-cnn": 2_315_018,
    "digits-small": 30_322,
    "digit-dense": 2_913_290,  # 784·1024 + 2·1024² + 1024·10, and biases
    "alexnet-2012": 60_965_224,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11-bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13-bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16-bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19-bn": 143_678_248,
    "googlenet-2014": 13_378_280,
    "googlenet": 13_004_888,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    # 6,563,520 of convolutions, 4,480 of batch norms, 5,120 of the last layer
    "resnet9": 6_573_120,
    "fcn32s": 134_346_581,
    "fcn16s": 134_346_581
    + (512 * 21 + 21)
    + 21 * 21 * 16,  # scores of pool 4, an enlargement that learns
    "fcn8s": 134_346_581 + (512 * 21 + 21) + (256 * 21 + 21) + 2 * 21 * 21 * 16,
    "deconvnet": 251_772_245 + 33_408,  # convolutions, batch norms
    "unet-2015": 31_030_658,
    "mnih-patch": 17_353_984,  # 49,216 + 114,800 + 80,720 + 16,060,416 + 1,048,832
    "pilotnet": 252_219,
    "colorizer": 32_230_393,
    "colorizer-ab": 32_230_393 - 311 * 257,
    "emotion-cnn": 4_804,
    "emotion-lstm": 70_340,
    "reader": 147_166,
    "translator": 7_105_856,
}

_NARROW = {"width": 1 / 8, "classes": 5}
_PHOTO = ((3, 64, 64),)
SMALL: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    **{
        name: (_NARROW, _PHOTO)
        for name in ZOO_NETS
        if name.startswith(("vgg", "googlenet", "resnet"))
    },
    **{
        name: ({"width": 1 / 32, "classes": 5}, ((3, 32, 48),))
        for name in ("fcn32s", "fcn16s", "fcn8s")
    },
    "resnet9": (_NARROW, ()),
    "digit-cnn": ({}, ()),
    "digit-dense": ({}, ()),
    "digits-small": ({}, ()),
    "alexnet-2012": (_NARROW, ()),
    "alexnet": (_NARROW, ()),
    "deconvnet": ({"width": 1 / 8, "classes": 3}, ()),
    "unet-2015": (_NARROW | {"bands": 3}, ((3, 188, 204),)),
    "mnih-patch": ({"width": 1 / 8}, ()),
    "pilotnet": ({}, ()),
    "colorizer": ({"width": 1 / 8, "outputs": 5}, ((1, 32, 40),)),
    "colorizer-ab": ({"width": 1 / 8, "outputs": 5}, ((1, 32, 40),)),
    "emotion-cnn": ({}, ()),
    "emotion-lstm": ({}, ()),
    "reader": ({}, ()),
    "translator": ({"source_words": 40, "target_words": 40, "hidden": 32}, ()),
}


def make_small(name: str) -> tuple[nn.Module, ZooNet]:
    """The net as `SMALL` wants it, and a row whose inputs fit it."""
    torch.manual_seed(0)
    options, shapes = SMALL[name]
    row = ZOO_NETS[name]
    return make_zoo_net(name, **options), ZooNet(
        row.make, shapes or row.takes, (), "", 40 if row.words else 0
    )


@pytest.mark.parametrize("name", ZOO_NETS)
def test_full_size_counts_and_shapes(name):
    """At full size, on the meta device: exactly the published number of parameters, and the shape
    the table says.
    """
    row = ZOO_NETS[name]
    with torch.device("meta"), torch.no_grad():
        net = make_zoo_net(name).eval()
        assert net(*row.make_inputs(2)).shape == (2, *row.gives)
    assert count_parameters(net) == PARAMETERS[name]


def test_googlenet_without_auxiliaries():
    """The auxiliaries are for training: without them the paper's net has 6,998,552, torchvision's
    6,624,904.
    """
    with torch.device("meta"):
        assert count_parameters(make_zoo_net("googlenet-2014", auxiliaries=False)) == 6_998_552
        assert count_parameters(make_zoo_net("googlenet", auxiliaries=False)) == 6_624_904


def answer(net: nn.Module, inputs) -> torch.Tensor:
    """The main output; GoogLeNet's auxiliaries are added to it, so that a loss on it reaches
    them.
    """
    output = net(*inputs)
    return output if isinstance(output, torch.Tensor) else sum(output)  # type: ignore[return-value]


def make_task(name: str, output: torch.Tensor):
    """(loss of an output, whether an output is right) for two items that want different answers."""
    if name == "pilotnet":
        wanted = torch.tensor([[-0.5], [0.5]])
        return lambda y: F.mse_loss(y, wanted), lambda y: bool(((y - wanted).abs() < 0.2).all())
    if name == "mnih-patch":
        wanted = torch.zeros_like(output)
        wanted[0, :, 4:8], wanted[1, :, :, 9:12] = 1, 1
        return (
            lambda y: F.binary_cross_entropy_with_logits(y, wanted),
            lambda y: bool(((y > 0) == (wanted > 0)).all()),
        )
    logits = (
        output.transpose(1, 2) if name == "translator" else output
    )  # classes belong to dimension 1
    truth = torch.zeros(logits.shape[0], *logits.shape[2:], dtype=torch.long)
    truth[1] = 1
    if truth.ndim == 3 and name not in (
        "fcn32s",
        "fcn16s",
    ):  # which have a score every 32 or 16 px only
        truth[0, :, : truth.shape[2] // 2] = 2

    def first(y):
        return y.transpose(1, 2) if name == "translator" else y

    return (
        lambda y: F.cross_entropy(first(y), truth),
        lambda y: (first(y).argmax(1) == truth).float().mean() > 0.9,
    )


@pytest.mark.parametrize("name", ZOO_NETS)
def test_learns_a_batch_by_heart(name):
    """The gradient reaches every parameter, and two items with different answers are soon told
    apart.
    """
    net, row = make_small(name)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    inputs = row.make_inputs(2)
    if not row.words:  # something to tell them and their halves apart by
        inputs[0][0, ..., : inputs[0].shape[-1] // 2] += 1
        inputs[0][1] -= 0.5
    net.train()
    loss, is_right = make_task(name, answer(net, inputs).detach())
    optimiser = torch.optim.Adam(
        net.parameters(), lr=1e-2 if name.startswith(("fcn", "deconv")) else 1e-3
    )
    for step in range(150):
        output = answer(net, inputs)
        if step > 2 and is_right(output):
            break
        optimiser.zero_grad()
        loss(output).backward()
        if (
            step == 1
        ):  # FCN's scores start at zero and let a gradient pass after their first step only
            idle = [
                n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
            ]
            assert not idle
        optimiser.step()
    assert is_right(output), f"after {step + 1} steps the loss is {loss(output).item():.3f}"


@pytest.mark.parametrize("name", ZOO_NETS)
def test_onnx_gives_the_same_answer(name):
    """ONNX Runtime, an engine of its own, answers as torch does (by the older exporter: the newer
    takes 5 s a net).
    """
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    net, row = make_small(name)
    inputs = row.make_inputs(1)
    for module in net.modules():  # else FCN's scores are nothing but zeros
        if isinstance(module, nn.Conv2d) and not module.weight.any():
            nn.init.normal_(module.weight)
    net.eval()
    if name == "alexnet" or name.startswith("vgg"):
        inputs = ZOO_NETS[name].make_inputs(1)  # the exporter wants pools that divide their input
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, inputs, file, dynamo=False)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    feed = {
        slot.name: tensor.numpy() for slot, tensor in zip(session.get_inputs(), inputs, strict=True)
    }
    with torch.inference_mode():
        expected = net(*inputs)
    assert expected.any()
    torch.testing.assert_close(
        torch.from_numpy(session.run(None, feed)[0]), expected, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("name", ZOO_NETS)
def test_saved_and_loaded_is_equal(name):
    """Weights written as safetensors and read into a net with another start give the same answer to
    the last bit.
    """
    net, row = make_small(name)
    torch.manual_seed(1)
    other = make_zoo_net(name, **SMALL[name][0])
    other.load_state_dict(load(save({k: v.contiguous() for k, v in net.state_dict().items()})))
    inputs = row.make_inputs(1)
    with torch.inference_mode():
        assert torch.equal(net.eval()(*inputs), other.eval()(*inputs))


def test_tables_are_complete():
    """Every net of the zoo has its row in the tables of this test; road nets and zoo nets do not
    share a name.
    """
    assert PARAMETERS.keys() == SMALL.keys() == ZOO_NETS.keys()
    assert not NETS.keys() & ZOO_NETS.keys()


def test_unknown_names_and_options():
    """A wrong name is answered with the right ones, a wrong option with the file to look into."""
    with pytest.raises(InputError, match="resnet152"):
        make_zoo_net("resnet-9000")
    with pytest.raises(InputError, match="options"):
        make_zoo_net("pilotnet", wheels=4)


def test_unpool_is_torchs():
    """Unpooling by switches equals torch's max_unpool2d."""
    x = torch.rand(2, 3, 6, 8)
    pooled, switches = F.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(unpool(pooled, switches, x.shape), F.max_unpool2d(pooled, switches, 2))


def test_fcn_starts_from_vgg16():
    """With VGG-16's weights, FCN's hidden layers answer as VGG's dense ones where fc6 lies over the
    whole image.
    """
    vgg, fcn = make_zoo_net("vgg16", width=1 / 16).eval(), FCN("fcn32s", width=1 / 16).eval()
    start_from_vgg16(fcn, vgg.state_dict())
    image = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        fcn.features[0].padding = (1, 1)
        seen = F.relu(fcn.fc7(F.relu(fcn.fc6(fcn.features(image)))))
        dense = vgg.classifier[:5](torch.flatten(vgg.features(image), 1))
    torch.testing.assert_close(seen.flatten(1), dense, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("variant", ["fcn32s", "fcn16s", "fcn8s"])
def test_fcn_lies_over_its_image(variant):
    """An even score stays what it is inside, and fades alike to all sides: the crops lie where the
    image is.

    58 and 122 px, with the border of 198 they get, are pooled without a remainder.
    """
    net = FCN(variant, classes=3, width=1 / 16).eval()
    nn.init.constant_(net.score.bias, 2.0)  # type: ignore[arg-type]
    with torch.inference_mode():
        scores = net(torch.rand(1, 3, 58, 122))
    assert torch.allclose(scores, scores.flip(-1), atol=1e-4)
    assert torch.allclose(scores, scores.flip(-2), atol=1e-4)
    assert scores[0, :, 29, 61].allclose(torch.tensor(2.0), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fcn32s", {"border": False}),
        ("fcn16s", {"border": False, "norm": True}),
        ("fcn8s", {"border": False}),
        ("unet-2015", {"padded": True, "norm": True, "bands": 3}),
        ("deconvnet", {}),
    ],
)
def test_scores_for_images_of_any_size(name, options):
    """With their options for street scenes the pixel nets give scores of the image's own size."""
    net = make_zoo_net(name, width=1 / 32, classes=4, **options).eval()
    with torch.inference_mode():
        assert net(torch.rand(1, 3, 45, 61)).shape == (1, 4, 45, 61)


@pytest.mark.parametrize("variant", ["fcn32s", "fcn16s", "fcn8s"])
def test_fcn_without_border_lies_over_its_image(variant):
    """A spot in the scores is enlarged evenly about its middle: on 64 × 96 px, mirrored scores
    mirror the result.
    """
    net = FCN(variant, classes=2, width=1 / 16, border=False).eval()
    for layer in (net.fc6, net.fc7, *net.side):
        nn.init.zeros_(layer.weight)
    nn.init.constant_(net.score.bias, 2.0)  # type: ignore[arg-type]
    with torch.inference_mode():
        scores = net(torch.rand(1, 3, 64, 96))
    assert torch.allclose(scores, scores.flip(-1), atol=1e-5) and torch.allclose(
        scores, scores.flip(-2), atol=1e-5
    )
    assert scores[0, :, 32, 48].allclose(torch.tensor(2.0), atol=1e-5)


@pytest.mark.parametrize("size", [(100, 150), (37, 300)])
def test_tiles_equal_the_whole(size):
    """U-Net's overlap tiles give what one pass over the whole mirrored image gives, to rounding."""
    torch.manual_seed(0)
    net = UNet2015(width=1 / 16).eval()
    image = torch.rand(1, *size)
    tiled = segment_tiles(net, image, tile_px=68)
    whole = segment_tiles(net, image, tile_px=16 * 19 + 4)
    assert tiled.shape == (2, *size)
    torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-5)


def test_translator_stops():
    """After END only PAD follows, and padding of the source changes nothing."""
    torch.manual_seed(0)
    net = Translator(source_words=20, target_words=8, hidden=16).eval()
    nn.init.constant_(net.speak.bias, 0.0)
    net.speak.bias.data[END] = 50.0
    source = torch.randint(4, 20, (3, 5))
    assert net.translate(source).tolist() == [[END]] * 3
    net.speak.bias.data[END] = 0.0
    said = net.translate(source, longest=6)
    assert said.shape[0] == 3 and said.shape[1] <= 6
    assert not (said[:, :-1].eq(END) & said[:, 1:].ne(PAD)).any()

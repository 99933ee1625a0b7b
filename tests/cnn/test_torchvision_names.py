"""Weights saved under torchvision's names load: names and shapes are written down here from its
published files.

torchvision itself is not installed beside this build of torch; the lists below follow the keys of
its files alexnet-owt-7be5be79, vgg16-397923af, vgg16_bn-6c64b313, googlenet-1378be20,
resnet18-f37072fd, resnet50-0676ba61 and resnet152-394f9c45.
"""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from mapsight.cnn.nets import make_zoo_net

Shapes = dict[str, tuple[int, ...]]


def dense(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def conv(name: str, outputs: int, inputs: int, kernel: int, *, bias: bool = True) -> Shapes:
    weight: Shapes = {f"{name}.weight": (outputs, inputs, kernel, kernel)}
    return weight | ({f"{name}.bias": (outputs,)} if bias else {})


def norm(name: str, maps: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (maps,) for part in parts} | {f"{name}.num_batches_tracked": ()}


ALEXNET = (
    conv("features.0", 64, 3, 11)
    | conv("features.3", 192, 64, 5)
    | conv("features.6", 384, 192, 3)
    | conv("features.8", 256, 384, 3)
    | conv("features.10", 256, 256, 3)
    | dense("classifier.1", 4096, 9216)
    | dense("classifier.4", 4096, 4096)
    | dense("classifier.6", 1000, 4096)
)

_VGG_HEAD = (
    dense("classifier.0", 4096, 25088)
    | dense("classifier.3", 4096, 4096)
    | dense("classifier.6", 1000, 4096)
)
_VGG16 = (
    (64, 3),
    (64, 64),
    (128, 64),
    (128, 128),
    (256, 128),
    (256, 256),
    (256, 256),
    (512, 256),
    (512, 512),
    (512, 512),
    (512, 512),
    (512, 512),
    (512, 512),
)
_VGG16_AT = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_VGG16_BN_AT = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)


def vgg16() -> Shapes:
    shapes = dict(_VGG_HEAD)
    for at, (outputs, inputs) in zip(_VGG16_AT, _VGG16, strict=True):
        shapes |= conv(f"features.{at}", outputs, inputs, 3)
    return shapes


def vgg16_bn() -> Shapes:
    shapes = dict(_VGG_HEAD)
    for at, (outputs, inputs) in zip(_VGG16_BN_AT, _VGG16, strict=True):
        shapes |= conv(f"features.{at}", outputs, inputs, 3) | norm(f"features.{at + 1}", outputs)
    return shapes


def googlenet() -> Shapes:
    def step(name: str, outputs: int, inputs: int, kernel: int) -> Shapes:
        return conv(f"{name}.conv", outputs, inputs, kernel, bias=False) | norm(
            f"{name}.bn", outputs
        )

    shapes = step("conv1", 64, 3, 7) | step("conv2", 64, 64, 1) | step("conv3", 192, 64, 3)
    for name, i, a, rb, b, rc, c, d in (
        ("3a", 192, 64, 96, 128, 16, 32, 32),
        ("3b", 256, 128, 128, 192, 32, 96, 64),
        ("4a", 480, 192, 96, 208, 16, 48, 64),
        ("4b", 512, 160, 112, 224, 24, 64, 64),
        ("4c", 512, 128, 128, 256, 24, 64, 64),
        ("4d", 512, 112, 144, 288, 32, 64, 64),
        ("4e", 528, 256, 160, 320, 32, 128, 128),
        ("5a", 832, 256, 160, 320, 32, 128, 128),
        ("5b", 832, 384, 192, 384, 48, 128, 128),
    ):
        at = f"inception{name}"
        shapes |= (
            step(f"{at}.branch1", a, i, 1)
            | step(f"{at}.branch2.0", rb, i, 1)
            | step(f"{at}.branch2.1", b, rb, 3)
        )
        shapes |= (
            step(f"{at}.branch3.0", rc, i, 1)
            | step(f"{at}.branch3.1", c, rc, 3)
            | step(f"{at}.branch4.1", d, i, 1)
        )
    for aside, inputs in (("aux1", 512), ("aux2", 528)):
        shapes |= (
            step(f"{aside}.conv", 128, inputs, 1)
            | dense(f"{aside}.fc1", 1024, 2048)
            | dense(f"{aside}.fc2", 1000, 1024)
        )
    return shapes | dense("fc", 1000, 1024)


def resnet(blocks: tuple[int, ...], *, bottleneck: bool) -> Shapes:
    shapes = conv("conv1", 64, 3, 7, bias=False) | norm("bn1", 64)
    inputs = 64
    for stage, number in enumerate(blocks, start=1):
        inner = 32 * 2**stage
        outer = 4 * inner if bottleneck else inner
        for block in range(number):
            at = f"layer{stage}.{block}"
            chain = (
                ((inner, inputs, 1), (inner, inner, 3), (outer, inner, 1))
                if bottleneck
                else ((inner, inputs, 3), (inner, inner, 3))
            )
            for step, (o, i, kernel) in enumerate(chain, start=1):
                shapes |= conv(f"{at}.conv{step}", o, i, kernel, bias=False) | norm(
                    f"{at}.bn{step}", o
                )
            if block == 0 and inputs != outer:
                shapes |= conv(f"{at}.downsample.0", outer, inputs, 1, bias=False) | norm(
                    f"{at}.downsample.1", outer
                )
            inputs = outer
    return shapes | dense("fc", 1000, inputs)


EXPECTED = {
    "alexnet": ALEXNET,
    "vgg16": vgg16(),
    "vgg16-bn": vgg16_bn(),
    "googlenet": googlenet(),
    "resnet18": resnet((2, 2, 2, 2), bottleneck=False),
    "resnet50": resnet((3, 4, 6, 3), bottleneck=True),
    "resnet152": resnet((3, 8, 36, 3), bottleneck=True),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_names_and_shapes(name):
    """Every tensor of the published file has its place, and no place stays empty (shapes alone: on
    the meta device).
    """
    with torch.device("meta"):
        net = make_zoo_net(name)
        made = {key: torch.empty(shape) for key, shape in EXPECTED[name].items()}
    assert {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()} == EXPECTED[name]
    net.load_state_dict(made, strict=True, assign=True)


def test_published_sizes():
    """The written lists are themselves right: they add up to the numbers of tensors in the
    published files.
    """
    assert len(EXPECTED["resnet50"]) == 320
    assert len(EXPECTED["resnet18"]) == 122
    assert len(EXPECTED["vgg16"]) == 32
    assert len(EXPECTED["alexnet"]) == 16


def test_a_saved_file_loads(tmp_path):
    """A file made under torchvision's names is loaded with its values."""
    made = {
        key: torch.randn(shape) if shape else torch.tensor(7)
        for key, shape in EXPECTED["resnet18"].items()
    }
    save_file(made, tmp_path / "resnet18.safetensors")
    net = make_zoo_net("resnet18")
    net.load_state_dict(load_file(tmp_path / "resnet18.safetensors"), strict=True)
    assert torch.equal(net.layer3[0].downsample[0].weight, made["layer3.0.downsample.0.weight"])
    assert torch.equal(net.bn1.running_var, made["bn1.running_var"])

"""Nets side by side: layers as the papers count them, multiply-adds as torchvision publishes
them.
"""

from __future__ import annotations

import pytest

from mapsight.cnn.compute import find_compute
from mapsight.cnn.nets import ZOO_NETS, make_zoo_net
from mapsight.zoo.compare import CLASSIFIERS, count_layers, describe_net, time_net

# layers: the papers; 10⁹ multiply-adds: torchvision's table of weights (at 224 px)
PUBLISHED = {
    "alexnet": (8, 0.71),
    "vgg11": (11, 7.61),
    "vgg13": (13, 11.31),
    "vgg16": (16, 15.47),
    "vgg19": (19, 19.63),
    "googlenet": (22, 1.50),
    "resnet18": (18, 1.81),
    "resnet34": (34, 3.66),
    "resnet50": (50, 4.09),
    "resnet101": (101, 7.80),
    "resnet152": (152, 11.51),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_layers_and_multiply_adds(name):
    """The longest way through the graph has the layers of the net's name, and costs what is
    published.
    """
    facts = describe_net(name)
    layers, billions = PUBLISHED[name]
    assert facts.layers == layers
    assert facts.multiply_adds / 1e9 == pytest.approx(billions, abs=0.011)


def test_pilotnet_costs():
    """PilotNet: 26.88 million multiply-adds, nine layers with weights (the paper's ten count its
    normalisation).
    """
    assert describe_net("pilotnet").multiply_adds == pytest.approx(26.88e6, rel=1e-3)
    assert count_layers(make_zoo_net("pilotnet")) == 9


def test_googlenet_of_the_paper_is_as_deep():
    """Both GoogLeNets have the paper's 22 layers."""
    assert describe_net("googlenet-2014").layers == 22


def test_classifiers_are_the_photo_nets():
    """The table holds every net with ImageNet's thousand classes, and no other."""
    assert set(PUBLISHED) < set(CLASSIFIERS)
    assert all(ZOO_NETS[name].gives == (1000,) for name in CLASSIFIERS)


def test_timing_gives_a_rate():
    """A small net does at least some images a second."""
    assert time_net("digit-cnn", find_compute("cpu", "fp32"), seconds=0.05) > 1

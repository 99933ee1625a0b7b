"""Nets side by side: layers, parameters, multiply-adds, images a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from mapsight.cnn.compute import Compute
from mapsight.cnn.nets import ZOO_NETS, count_parameters, make_zoo_net

CLASSIFIERS = tuple(
    name for name, row in ZOO_NETS.items() if row.gives == (1000,)
)  # the nets of ImageNet


@dataclass(frozen=True)
class NetFacts:
    """What a net is at its full size; `layers` with weights on the longest way through it, as the
    papers count.
    """

    net: str
    source: str
    layers: int
    parameters: int
    multiply_adds: int  # for one image, convolutions and dense layers


def describe_net(name: str) -> NetFacts:
    """Counted on the meta device: nothing is computed."""
    row = ZOO_NETS[name]
    with torch.device("meta"):
        net, inputs = make_zoo_net(name).eval(), row.make_inputs(1)
    return NetFacts(
        name, row.source, count_layers(net), count_parameters(net), count_multiply_adds(net, inputs)
    )


def count_multiply_adds(
    net: nn.Module,
    inputs: Sequence[Tensor],
    ask: Callable[[nn.Module, Sequence[Tensor]], Any] | None = None,
) -> int:
    """Of a net and inputs that lie on the meta device, where nothing is computed; `ask`: how the
    net is applied.
    """
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(*inputs) if ask is None else ask(net, inputs)
    operations: int = counter.get_total_flops()
    return operations // 2


def count_layers(net: nn.Module) -> int:
    """Convolutions and dense layers on the longest way from input to output, found in the net's
    graph.
    """
    traced = fx.symbolic_trace(net)
    depth: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        own = node.op == "call_module" and isinstance(
            traced.get_submodule(node.target), nn.Conv2d | nn.Linear
        )
        depth[node] = int(own) + max((depth[before] for before in node.all_input_nodes), default=0)
    return max(depth.values())


@torch.inference_mode()
def time_net(name: str, compute: Compute, *, seconds: float = 3.0, batch: int = 1) -> float:
    """Images a second, forward only, in batches, measured for some seconds after one batch to warm
    up.
    """
    net = make_zoo_net(name).to(compute.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    inputs = [x.to(compute.device) for x in ZOO_NETS[name].make_inputs(batch)]

    def run() -> None:
        with compute.autocast():
            net(*inputs)
        if compute.device.type == "cuda":
            torch.cuda.synchronize()

    run()
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds or not done:
        run()
        done += batch
    return done / (time.perf_counter() - begun)

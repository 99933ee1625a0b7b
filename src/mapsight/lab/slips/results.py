"""Slips about the lecture's digit net, its famous nets, and its measures."""

from __future__ import annotations

import re

import numpy as np
from torch import nn

from mapsight.lab import lecture
from mapsight.lab.counting import count_layers, sum_rows
from mapsight.lab.nets import open_net
from mapsight.lab.slips.slip import Slip
from mapsight.lab.trace import build_on_meta, trace_net


def show_dropout() -> Slip:
    """Units that are dropped under the three readings of the lecture's rate."""
    listed = float(re.findall(r"Dropout\(.*p = ([\d.]+)\)", lecture.MXNET_LISTING)[0])
    dropped = {rate: round(1024 * rate) for rate in (0.002, 0.2, listed)}
    return Slip(
        "dropout",
        "p = 0.2 % dropout rate",
        f"0.2 % drops {dropped[0.002]} of 1024 units, 0.2 drops {dropped[0.2]}; the listing says p"
        f" = {listed}: {dropped[listed]}",
        {"listed": listed, "dropped": dropped[listed]},
    )


def show_listing() -> Slip:
    """Names that the lecture's listing uses and never makes."""
    made = set(re.findall(r"^(\w+) =", lecture.MXNET_LISTING, re.M)) | {"data"}
    used = set(re.findall(r"\((?:data = )?([a-z]\w*)[,)]", lecture.MXNET_LISTING))
    missing = sorted(used - made)
    return Slip(
        "the listing",
        "softmax = mx.symbol.SoftmaxOutput(data = fc3)",
        f"made are {len(made)} names; used and never made: {', '.join(missing)} (fc2 is meant)",
        {"missing": missing},
    )


def show_dense_layers() -> Slip:
    """Layers with weights in the digit net, by kind."""
    net, inputs = open_net("lecture-cnn")
    rows = [row for row in count_layers(trace_net(net, inputs)) if row.parameters]
    dense, total = [row for row in rows if row.kind == "addmm"], sum_rows(rows)
    share = sum_rows(dense).parameters / total.parameters
    return Slip(
        "one dense layer",
        "two conv layers and one dense layer",
        f"the output layer is dense, too: {len(dense)} dense layers hold {share:.1%} of the"
        f" {total.parameters:,} parameters",
        {"dense": len(dense), "share": share, "parameters": total.parameters},
    )


def show_fewer() -> Slip:
    """The digit net beside dense nets of several widths."""
    cnn = sum_rows(count_layers(trace_net(*open_net("lecture-cnn")))).parameters
    dense = {width: _count_dense(width) for width in (512, 1024)}
    return Slip(
        "fewer parameters",
        "outperform our earlier models (with fewer parameters)",
        f"the CNN has {cnn:,}; fewer than a dense net of three layers of 1024 ({dense[1024]:,}),"
        f" more than one of 512 ({dense[512]:,}): sharing saves little where nine tenths lie in a"
        " dense layer",
        {"cnn": cnn, **{f"dense {width}": count for width, count in dense.items()}},
    )


def _count_dense(width: int) -> int:
    sizes = (784, width, width, width, 10)
    net = build_on_meta(
        lambda: nn.Sequential(*(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)))
    )
    return sum(p.numel() for p in net.parameters())


def show_resnet() -> Slip:
    """Layers along the main path of ResNet-152: a stem, bottlenecks of three convolutions, a dense
    layer.
    """
    convolutions = 1 + 3 * sum((3, 8, 36, 3))
    return Slip(
        "ResNet",
        "152 (!) conv layers",
        f"1 + 3 · (3 + 8 + 36 + 3) = {convolutions} convolutions and one dense layer; four more"
        " convolutions stand in shortcuts",
        {"convolutions": convolutions},
    )


def show_precision() -> Slip:
    """Precision and recall of a small mask, beside what the lecture's sentences describe."""
    truth, predicted = np.zeros(100, bool), np.zeros(100, bool)
    truth[:10], predicted[6:14] = True, True  # 4 found of 10; 8 said
    found = int((truth & predicted).sum())
    precision, recall = found / int(predicted.sum()), found / int(truth.sum())
    return Slip(
        "precision and recall",
        "precision 78.30 %: of the labeled road pixels, 78.30 % were classified as such",
        f"that sentence describes recall, the next one precision. A mask that finds {found} of"
        f" {truth.sum()} road pixels and says {predicted.sum()} has recall {recall:g} and precision"
        f" {precision:g}",
        {"precision": precision, "recall": recall},
    )


def show_f1() -> Slip:
    """F1 from the lecture's precision and recall; and why a mean over images is another number."""
    p, r = lecture.TEST_PRECISION, lecture.TEST_RECALL
    pooled = 2 * p * r / (p + r)
    images = ((1.0, 0.2), (0.2, 1.0))  # (precision, recall) of two images
    mean = float(np.mean([2 * a * b / (a + b) for a, b in images]))
    of_means = 2 * 0.6 * 0.6 / 1.2
    return Slip(
        "F1",
        f"precision {p:.4f}, recall {r:.4f}, F1 {lecture.TEST_F1:.4f}",
        f"these two give F1 {pooled:.4f}: the table holds means over images. With (P, R) = (1, .2)"
        f" and (.2, 1) the mean of F1 is {mean:.2f}, F1 of the means {of_means:.2f}",
        {"pooled": pooled, "mean": mean, "of means": of_means},
    )


SLIPS = (
    show_dropout,
    show_listing,
    show_dense_layers,
    show_fewer,
    show_resnet,
    show_precision,
    show_f1,
)

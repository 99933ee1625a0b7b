"""Muon against torch's own on matrices, against Adam on the rest, and on a net that has to
learn.
"""

import pytest
import torch
from torch import nn

from mapsight.cnn.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(16, 16), (20, 90), (90, 20)])
def test_singular_values_end_near_one(shape: tuple[int, int]) -> None:
    """Whatever they were, over three orders of magnitude."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator) @ torch.diag(
        torch.logspace(-1.5, 1.5, shape[1])
    )
    values = torch.linalg.svdvals(orthogonalise(matrix))
    assert values.max() < 1.3
    assert values.quantile(0.25) > 0.5


def test_matrices_move_as_with_torch() -> None:
    """Five steps on a matrix end where torch.optim.Muon ends, up to its bf16."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(24, 60, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    pair = (
        Muon([ours], lr=0.02, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(5):
        gradient = torch.randn(24, 60, generator=generator)
        for parameter, optimiser in zip((ours, theirs), pair, strict=True):
            parameter.grad = gradient.clone()
            optimiser.step()
    moved = (theirs - start).norm()
    assert moved > 0.5
    assert (ours - theirs).norm() < 0.03 * moved


def test_the_rest_moves_as_with_adam() -> None:
    """Biases and kernels of few channels take AdamW's steps."""
    generator = torch.Generator().manual_seed(2)
    for shape in ((32,), (32, 3, 3, 3), (1, 32, 3, 3)):
        start = torch.randn(shape, generator=generator)
        ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
        pair = (
            Muon([ours], lr=0.01, weight_decay=0.1),
            torch.optim.AdamW([theirs], 0.01, (0.9, 0.99), weight_decay=0.1),
        )
        for _ in range(5):
            gradient = torch.randn(shape, generator=generator)
            for parameter, optimiser in zip((ours, theirs), pair, strict=True):
                parameter.grad = gradient.clone()
                optimiser.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_kernels_in_channels_last_memory_move_alike() -> None:
    """The layout of memory decides nothing."""
    generator = torch.Generator().manual_seed(3)
    start, gradient = (torch.randn(32, 16, 3, 3, generator=generator) for _ in range(2))
    ends = []
    for layout in (torch.contiguous_format, torch.channels_last):
        kernel = nn.Parameter(start.clone(memory_format=layout))
        kernel.grad = gradient.clone(memory_format=layout)
        Muon([kernel], lr=0.1).step()
        ends.append(kernel.detach())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-2, atol=1e-4)
    assert (ends[0] - start).norm() > 0.1


def test_a_group_may_be_adams_altogether() -> None:
    """With `adam: True` a wide kernel takes AdamW's steps; the group beside it keeps Muon's."""
    generator = torch.Generator().manual_seed(4)
    start = torch.randn(32, 32, 3, 3, generator=generator)
    gradient = torch.randn(32, 32, 3, 3, generator=generator)
    ours, wide, theirs = (nn.Parameter(start.clone()) for _ in range(3))
    groups = [{"params": [ours], "adam": True}, {"params": [wide], "adam": False}]
    pair = (
        Muon(groups, lr=0.01),
        torch.optim.AdamW([theirs], 0.01, (0.9, 0.99), weight_decay=1e-3),
    )
    for parameter in (ours, wide, theirs):
        parameter.grad = gradient.clone()
    for optimiser in pair:
        optimiser.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert (wide - theirs).norm() > 0.1

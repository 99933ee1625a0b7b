"""Colours as classes: 313 bins of ab, soft targets, rebalancing, annealed mean (Zhang, Isola, Efros
2016, section 2).

ab are the two colour axes of CIE Lab (D65, the white of sRGB), in its units; a bin is one point of
a grid of 10.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import shapely
import torch
from scipy.spatial import KDTree, distance
from skimage.color import rgb2lab
from torch import Tensor

STEP = 10
_REACH = 150  # no colour of sRGB has an a or b as large
_SIGMA = 5.0  # of soft targets, and of the smoothing of a distribution
_NEIGHBOURS = 5
_NEAR = 21  # bins among which the five nearest to any colour of a cell are found
_UNIFORM = 0.5  # the paper's λ
_TEMPERATURE = 0.38


@cache
def find_bins() -> np.ndarray:
    """(313, 2) float32 ab of the bins, by a, then by b.

    The paper says that 313 points of the grid are in gamut. Of the points themselves only 229 are
    colours of sRGB at any lightness, and 261 are the nearest to such a colour. What gives 313, and
    the same as the authors' list: the corners of all cells of the grid that the convex hull of the
    gamut's ab meets. That is computed here.
    """
    side = np.linspace(0, 1, 17)
    face = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    surface = np.concatenate(
        [np.insert(face, band, value, axis=1) for band in range(3) for value in (0, 1)]
    )
    hull = shapely.MultiPoint(rgb2lab(surface)[:, 1:]).convex_hull
    axis = np.arange(-_REACH, _REACH + 1, STEP)
    points: np.ndarray = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = shapely.box(*(points - STEP).T, *(points + STEP).T)  # the four cells around each point
    bins: np.ndarray = points[shapely.intersects(hull, cells)].astype(np.float32)
    return bins


@cache
def _find_near() -> np.ndarray:
    """(31, 31, 21): the bins nearest to each point of the grid from −150 to 150, nearest first."""
    axis = np.arange(-_REACH, _REACH + 1, STEP)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    near: np.ndarray = KDTree(find_bins()).query(grid, _NEAR)[1]
    return near


def find_nearest_bins(ab: np.ndarray) -> np.ndarray:
    """(2, …) ab → (…) numbers of the nearest bins; beyond the gamut, of those nearest to the
    nearest grid point.
    """
    rows, columns = (
        np.rint((axis + _REACH) / STEP).clip(0, 2 * _REACH // STEP).astype(int) for axis in ab
    )
    nearest: np.ndarray = _find_near()[rows, columns, 0]
    return nearest


def soften_bins(ab: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 2, H, W) ab → the five nearest bins and their shares by a Gaussian of σ = 5, both (B, 5,
    H, W).
    """
    bins, near = (torch.from_numpy(x).to(ab.device) for x in (find_bins(), _find_near()))
    ab = ab.float()
    rows, columns = ((ab + _REACH) / STEP).round().clamp(0, 2 * _REACH // STEP).long().unbind(1)
    some = near[rows, columns]  # (B, H, W, 21): distances to all 313 would cost as much as the net
    far = (bins[some] - ab.movedim(1, -1)[..., None, :]).square().sum(-1)
    least, at = far.topk(_NEIGHBOURS, largest=False)
    shares = (-least / (2 * _SIGMA**2)).softmax(dim=-1)
    return some.gather(-1, at).movedim(-1, 1), shares.movedim(-1, 1)


def anneal_mean(logits: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """(B, 313, H, W) logits → (B, 2, H, W) ab: the mean of the sharpened distribution (eq. 5).

    Temperature 1 is the plain mean, which is greyish; towards 0 it becomes the likeliest bin, which
    is blotchy.
    """
    bins = torch.from_numpy(find_bins()).to(logits.device)
    return torch.einsum("bqhw,qc->bchw", (logits.float() / temperature).softmax(dim=1), bins)


@cache
def _find_kernel() -> np.ndarray:
    """(313, 313): a bin's mass, spread over its neighbours; columns sum to 1."""
    kernel = np.exp(-distance.cdist(find_bins(), find_bins(), "sqeuclidean") / (2 * _SIGMA**2))
    normed: np.ndarray = kernel / kernel.sum(axis=0)
    return normed


def weigh_bins(counts: np.ndarray, uniform: float = _UNIFORM) -> np.ndarray:
    """(313,) pixels of each bin → (313,) weights 1 / ((1 − λ) p + λ / 313) (eq. 4), p smoothed;
    their mean over p is 1.

    λ = `uniform`. With 0, every bin that occurs counts about alike, however rare.
    """
    smooth = _find_kernel() @ (counts / counts.sum())
    weights = 1 / np.maximum((1 - uniform) * smooth + uniform / len(smooth), 1e-12)
    normed: np.ndarray = weights / (smooth @ weights)
    return normed

"""Lines of some width as convex pieces, which fill far faster than buffers: segments, round joints,
cut corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from mapsight.town.plan.boxes import make_strips
from mapsight.town.plan.follow import left_of
from mapsight.town.plan.junctions import count_ends

_SIDES = 12  # of a round joint
_TURNS = np.arange(_SIDES) * 2 * np.pi / _SIDES
_ROUND = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_CUT_M = 3.5  # a kerb's corner is cut by this much
# consecutive roads that turn by less than this from a straight line have no corner, in radians
_FLAT = 0.8


@dataclass(frozen=True, eq=False)
class Pieces:
    """Convex rings (N, 12, 2), short ones padded with their last point, and the line (N,) that each
    belongs to.
    """

    rings: np.ndarray
    owner: np.ndarray

    def in_order(self) -> Pieces:
        """Sorted by owner, so that later lines lie above earlier ones."""
        order = np.argsort(self.owner, kind="stable")
        return Pieces(self.rings[order], self.owner[order])


def stroke_lines(
    lines: np.ndarray,
    width_m: np.ndarray | float,
    *,
    aside_m: np.ndarray | float = 0.0,
    caps: np.ndarray | None = None,
) -> Pieces:
    """Lines of `width_m`, shifted to their left by `aside_m`; `caps` (N, 2) bool: which of their
    two ends are round.
    """
    points, owner = shapely.get_coordinates(np.asarray(lines, dtype=object), return_index=True)
    width, aside = (
        np.broadcast_to(value, len(lines)).astype(float) for value in (width_m, aside_m)
    )
    inner = np.flatnonzero(owner[1:] == owner[:-1])
    start, end, of = points[inner], points[inner + 1], owner[inner]
    step = end - start
    shift = left_of(step / np.maximum(np.hypot(*step.T), 1e-9)[:, None]) * aside[of, None]
    segments = _pad(make_strips(start + shift, end + shift, width[of]))
    first, last = np.r_[True, owner[1:] != owner[:-1]], np.r_[owner[1:] != owner[:-1], True]
    joint = ~(first | last) & (aside[owner] == 0)
    if caps is not None:
        joint |= (first & caps[owner, 0]) | (last & caps[owner, 1])
    rounds = make_rounds(points[joint], width[owner[joint]] / 2, owner[joint])
    return Pieces(
        np.concatenate([segments, rounds.rings]), np.concatenate([of, rounds.owner])
    ).in_order()


def make_rounds(centre: np.ndarray, radius_m: np.ndarray, owner: np.ndarray) -> Pieces:
    """Disks, nearly."""
    return Pieces(centre[:, None] + _ROUND * radius_m[:, None, None], owner)


def stroke_roads(edges: gpd.GeoDataFrame, *, more_m: float | np.ndarray = 0.0) -> Pieces:
    """Carriageways, wider by `more_m` on both sides: round where they meet, flat at dead ends,
    corners cut.
    """
    lines, width = edges.geometry.to_numpy(), edges.width_m.to_numpy() + 2 * more_m
    ends, _, degree = count_ends(lines)
    body = stroke_lines(lines, width, caps=degree[ends] >= 2)
    corners = _cut_corners(lines, width, ends)
    return Pieces(
        np.concatenate([corners.rings, body.rings]), np.concatenate([corners.owner, body.owner])
    ).in_order()


def _cut_corners(lines: np.ndarray, width: np.ndarray, ends: np.ndarray) -> Pieces:
    """Triangles between neighbouring roads at a junction."""
    if len(lines) == 0:
        return Pieces(np.zeros((0, _SIDES, 2)), np.zeros(0, dtype=int))
    reach = width[:, None] / 2 + width.mean() / 2 + _CUT_M
    length = shapely.length(lines)[:, None]
    reach = np.minimum(reach, 0.45 * length)
    far = [
        shapely.line_interpolate_point(lines, at)
        for at in (reach[:, 0], length[:, 0] - reach[:, 0])
    ]
    away = np.stack([shapely.get_coordinates(points) for points in far], axis=1).reshape(-1, 2)
    here = np.stack(
        [shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1)], axis=1
    ).reshape(-1, 2)
    node, owner = ends.ravel(), np.repeat(np.arange(len(lines)), 2)
    angle = np.arctan2(*(away - here)[:, ::-1].T)
    order = np.lexsort((angle, node))
    begins = np.r_[True, node[order][1:] != node[order][:-1]]
    group_start = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    following = np.where(np.r_[begins[1:], True], group_start, np.arange(len(order)) + 1)
    one, other = order, order[following]
    between = np.mod(angle[other] - angle[one], 2 * np.pi)
    sharp = (between > 0.15) & (between < np.pi - _FLAT) & (one != other)
    one, other = one[sharp], other[sharp]
    triangles = np.stack([here[one], away[one], away[other]], axis=1)
    return Pieces(_pad(triangles), np.minimum(owner[one], owner[other]))


def _pad(rings: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [rings, np.repeat(rings[:, -1:], _SIDES - rings.shape[1], axis=1)], axis=1
    )

"""Small sums about lines and points that many modules need."""

from __future__ import annotations

import numpy as np
import shapely


def follow_lines(lines: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and unit tangents (N, 2) at a distance along each line."""
    here, ahead, behind = (
        shapely.get_coordinates(
            shapely.line_interpolate_point(lines, np.maximum(distance + step, 0))
        )
        for step in (0, 1.5, -1.5)
    )
    tangent = ahead - behind
    return here, tangent / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]


def left_of(direction: np.ndarray) -> np.ndarray:
    """Unit vectors (N, 2) to the left of `direction`."""
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1)


def count_up(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For `count` things at each of N places: the place of each thing, and its turn there, from
    0.
    """
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)


def look_up_kind(points: np.ndarray, blocks: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Kind of the block under each point (N, 2); empty where there is none."""
    found = np.full(len(points), "", dtype=object)
    number, block = shapely.STRtree(blocks).query(shapely.points(points), predicate="within")
    found[number] = kinds[block]
    return found

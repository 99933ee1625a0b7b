"""Mask → skeleton → graph of pixel paths: the raw material of `trace`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.morphology import skeletonize

_BLOCK_PX, _HALO_PX = 2048, 64  # distances are exact up to the halo and capped there
Arm = tuple[
    int, bool
]  # an edge as it leaves a node: its number, and whether its path starts at that node


@dataclass(eq=False)
class LineGraph:
    """Nodes at places (row, col) and edges with a path (n, 2) of places between two; loops and
    parallels allowed.
    """

    at: dict[int, np.ndarray] = field(default_factory=dict)
    paths: dict[int, np.ndarray] = field(default_factory=dict)
    ends: dict[int, tuple[int, int]] = field(default_factory=dict)
    arms: dict[int, list[Arm]] = field(default_factory=dict)
    added: int = 0

    def add_node(self, node: int, at: np.ndarray) -> None:
        self.at[node], self.arms[node] = at, []

    def add_edge(self, u: int, v: int, path: np.ndarray) -> int:
        self.added += 1
        self.paths[self.added], self.ends[self.added] = path, (u, v)
        self.arms[u].append((self.added, True))
        self.arms[v].append((self.added, False))
        return self.added

    def drop_edge(self, edge: int) -> None:
        u, v = self.ends.pop(edge)
        del self.paths[edge]
        self.arms[u].remove((edge, True))
        self.arms[v].remove((edge, False))

    def degree(self, node: int) -> int:
        return len(self.arms[node])

    def length(self, edge: int) -> float:
        return measure_path(self.paths[edge])

    def arm_path(self, arm: Arm) -> np.ndarray:
        """The edge's path as it leaves the arm's node."""
        path = self.paths[arm[0]]
        return path if arm[1] else path[::-1]

    def set_arm_path(self, arm: Arm, path: np.ndarray) -> None:
        self.paths[arm[0]] = path if arm[1] else path[::-1]

    def far_node(self, arm: Arm) -> int:
        return self.ends[arm[0]][1 if arm[1] else 0]

    def contract(self, edge: int) -> int:
        """Drops an edge and lets its first node take over the arms of the second; returns that
        node.
        """
        u, v = self.ends[edge]
        self.drop_edge(edge)
        if u == v:
            return u
        for arm in list(self.arms[v]):
            number, leaves = arm
            self.set_arm_path(arm, np.concatenate([self.at[u][None], self.arm_path(arm)]))
            ends = self.ends[number]
            self.ends[number] = (u, ends[1]) if leaves else (ends[0], u)
            self.arms[u].append(arm)
        self.arms[v] = []
        return u

    def join_at(self, node: int) -> int:
        """Makes one edge of the two that meet at a node of degree 2; a lone loop stays as it is."""
        first, second = self.arms[node]
        if first[0] == second[0]:
            return first[0]
        u, v = self.far_node(first), self.far_node(second)
        path = np.concatenate([self.arm_path(first)[::-1], self.arm_path(second)[1:]])
        self.drop_edge(first[0])
        self.drop_edge(second[0])
        return self.add_edge(u, v, path)


def measure_path(path: np.ndarray) -> float:
    """Length of a path (n, 2), in its own units."""
    step = np.diff(path, axis=0)
    return float(np.sqrt((step * step).sum(axis=1)).sum())


def clean_mask(
    mask: np.ndarray, *, speck_px: float = 0, hole_px: float = 0, slit_px: int = 0
) -> np.ndarray:
    """The mask without specks, holes and slits.

    Parameters
    ----------
    mask
        (H, W) bool.
    speck_px
        Connected pieces of fewer pixels are dropped.
    hole_px
        Enclosed holes of fewer pixels are filled.
    slit_px
        Slits up to so many pixels wide are closed. A slit between two halves of a road would give
        it two centre lines.
    """
    mask = np.asarray(mask, dtype=bool)
    labels, areas = _label_areas(mask, np.ones((3, 3)))
    mask = (areas >= speck_px)[labels]
    if slit_px > 0:
        grown = ndimage.maximum_filter(mask, slit_px + 1, mode="constant", cval=0)
        origin = -(
            (slit_px + 1) % 2 == 0
        )  # even squares sit off centre: shrink with the mirrored one
        mask |= ndimage.minimum_filter(grown, slit_px + 1, mode="constant", cval=1, origin=origin)
    labels, areas = _label_areas(~mask, None)
    areas[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = (
        np.inf
    )  # may go on outside
    cleaned: np.ndarray = mask | (areas < hole_px)[labels]
    return cleaned


def measure_inside(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) float32 in pixels from each road pixel's centre to that of the nearest other,
    at most 64.

    Computed in blocks with a halo: memory stays at one float a pixel, empty blocks cost nothing.
    """
    inside = np.zeros(mask.shape, np.float32)
    for rows, cols in _blocks(mask.shape):
        if not mask[rows, cols].any():
            continue
        top, left = max(rows.start - _HALO_PX, 0), max(cols.start - _HALO_PX, 0)
        part = mask[top : rows.stop + _HALO_PX, left : cols.stop + _HALO_PX]
        if part.all():
            inside[rows, cols] = _HALO_PX
            continue
        distance = ndimage.distance_transform_edt(part)[rows.start - top :, cols.start - left :]
        height, width = inside[rows, cols].shape
        inside[rows, cols] = np.minimum(distance[:height, :width], _HALO_PX)
    return inside


def build_graph(mask: np.ndarray) -> LineGraph:
    """Skeleton of the mask (Lee 1994: thins without tearing) as a graph of pixel paths.

    Nodes are dead ends (degree 1), junctions (clusters of touching junction pixels are one node, at
    their mean) and one arbitrary place of degree 2 on each ring without a junction. Lone pixels are
    left out.
    """
    thin: np.ndarray = skeletonize(mask, method="lee")
    skeleton = thin.astype(bool)
    pixels, pairs = _link_pixels(skeleton)
    places = np.stack(np.divmod(pixels, mask.shape[1]), axis=1).astype(float)
    degree = np.bincount(pairs.ravel(), minlength=pixels.size)
    cluster = _cluster_junctions(pairs, degree)
    graph = LineGraph()
    weight = np.bincount(cluster)
    means = [np.bincount(cluster, weights=axis) / weight for axis in places.T]
    centres = np.stack(means, axis=1) if pixels.size else places
    for walk in _walk_chains(pairs, degree, cluster):
        u, v = int(cluster[walk[0]]), int(cluster[walk[-1]])
        for node in (u, v):
            if node not in graph.at:
                graph.add_node(node, centres[node])
        graph.add_edge(u, v, np.concatenate([centres[[u]], places[walk[1:-1]], centres[[v]]]))
    return graph


def _label_areas(mask: np.ndarray, structure: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    labels, count = ndimage.label(mask, structure)
    areas = np.zeros(count + 1)
    for band in range(
        0, mask.shape[0], 512
    ):  # bincount copies to int64: by bands, memory stays small
        areas += np.bincount(labels[band : band + 512].ravel(), minlength=count + 1)
    areas[0] = -np.inf if structure is not None else np.inf  # label 0: never road, never a hole
    return labels, areas


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    for row in range(0, shape[0], _BLOCK_PX):
        for col in range(0, shape[1], _BLOCK_PX):
            yield slice(row, row + _BLOCK_PX), slice(col, col + _BLOCK_PX)


def _link_pixels(skeleton: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat numbers (n,) of the skeleton's pixels, and pairs (m, 2) of neighbours among them.

    Diagonal neighbours count only where no pixel beside the two links them already (m-adjacency),
    so corners make no triangles.
    """
    width = skeleton.shape[1]
    pixels = np.flatnonzero(skeleton)
    col = pixels % width

    def find(
        row_step: int, col_step: int
    ) -> np.ndarray:  # place of each pixel's neighbour, −1 where none
        wanted = pixels + row_step * width + col_step
        place = np.minimum(np.searchsorted(pixels, wanted), max(pixels.size - 1, 0))
        fits = (col + col_step >= 0) & (col + col_step < width)
        return np.where(fits & (pixels[place] == wanted), place, -1) if pixels.size else pixels

    east, west, south = find(0, 1), find(0, -1), find(1, 0)
    south_east = np.where((east < 0) & (south < 0), find(1, 1), -1)
    south_west = np.where((west < 0) & (south < 0), find(1, -1), -1)
    found = [
        np.stack([np.flatnonzero(to >= 0), to[to >= 0]], axis=1)
        for to in (east, south, south_east, south_west)
    ]
    return pixels, np.concatenate(found)


def _cluster_junctions(pairs: np.ndarray, degree: np.ndarray) -> np.ndarray:
    """A node number for every pixel: touching junction pixels share theirs."""
    inner = pairs[(degree[pairs] >= 3).all(axis=1)]
    links = coo_array((np.ones(len(inner), bool), tuple(inner.T)), shape=(degree.size, degree.size))
    return connected_components(links, directed=False)[1] if degree.size else degree


def _walk_chains(pairs: np.ndarray, degree: np.ndarray, cluster: np.ndarray) -> Iterator[list[int]]:
    """Each chain of degree-2 pixels with the node pixels at its ends, once."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.concatenate([[0], np.cumsum(degree)]).tolist()
    towards: list[int] = both[:, 1].tolist()
    is_node: list[bool] = (degree != 2).tolist()
    walked = bytearray(degree.size)

    def walk(first: int, second: int) -> list[int]:
        path = [first, second]
        while not is_node[path[-1]]:
            here = path[-1]
            walked[here] = 1
            one, other = towards[start[here]], towards[start[here] + 1]
            path.append(other if one == path[-2] else one)
        return path

    for node in np.flatnonzero((degree != 2) & (degree > 0)).tolist():
        for near in towards[start[node] : start[node + 1]]:
            if is_node[near]:
                if near > node and cluster[near] != cluster[node]:
                    yield [node, near]
            elif not walked[near]:
                yield walk(node, near)
    for pixel in np.flatnonzero(degree == 2).tolist():  # what is left: rings without a junction
        if not walked[pixel]:
            is_node[pixel] = True
            yield walk(pixel, towards[start[pixel]])

"""Road mask → centre lines with widths: the inverse of `burn`."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import cKDTree

from mapsight.geo.centreline import (
    centre_paths,
    extend_ends,
    fit_line,
    is_ring,
    measure_width,
    sample_radius,
    smooth_paths,
)
from mapsight.geo.junctions import merge_crossings, straighten_junctions
from mapsight.geo.skeleton import LineGraph, build_graph, clean_mask, measure_inside

if TYPE_CHECKING:
    from mapsight.geo.geobox import GeoBox

_LEAST_SIGMA_PX = 1.5  # takes the pixel staircase away
_LAST_SIGMA_PX = 1.0  # takes the kinks away where straightened pieces begin
_SIMPLIFY_PX = 0.35
_BRIDGE_ANGLE_DEG = 30.0
_SLIT_M = 1.0  # no two roads lie as close


def trace_mask(
    mask: np.ndarray,
    box: GeoBox,
    *,
    prune_m: float = 10.0,
    smooth_m: float = 2.0,
    bridge_m: float = 0.0,
) -> gpd.GeoDataFrame:
    """Centre lines of the roads in a mask.

    Lines run from junction to junction (where they share exact endpoints), to a dead end, or around
    a ring. They are simple. Slits of up to 1 m are closed.

    Parameters
    ----------
    mask
        (H, W) bool: where roads are.
    box
        The grid of the mask.
    prune_m
        Side branches that stick out less, and lone pieces shorter than this, are left out, in
        metres. So are holes below prune_m²/2.
    smooth_m
        Sigma of the Gaussian that smooths a line, in metres; at least 1.5 pixels.
    bridge_m
        Dead ends that face each other within 30° are joined over gaps of up to so many metres.

    Returns
    -------
    GeoDataFrame
        Lines in the CRS of the box, with columns length_m and width_m (the median along a line).
    """
    per_px = box.m_per_px
    prune_px, sigma_px = prune_m / per_px, max(smooth_m / per_px, _LEAST_SIGMA_PX)
    assert mask.shape == box.shape
    mask = clean_mask(
        mask, speck_px=prune_px, hole_px=prune_px**2 / 2, slit_px=int(_SLIT_M / per_px)
    )
    inside = measure_inside(mask)
    graph = build_graph(mask)
    prune_spurs(graph, inside, prune_px)
    centre_paths(graph, inside, sigma_px)
    reach_px = merge_crossings(graph, inside)
    straighten_junctions(graph, reach_px)
    extend_ends(graph, mask, inside)
    bridge_gaps(graph, bridge_m / per_px)
    _drop_crumbs(graph, prune_px)
    return _frame_lines(graph, mask, inside, box)


def prune_spurs(graph: LineGraph, inside: np.ndarray, prune_px: float) -> None:
    """Drops dead-end branches that stick out of their road by less than prune_px, the shortest
    first.

    Where a junction loses its side branch, its two other edges become one (and may in turn be a
    branch to drop).
    """
    for node in [node for node in graph.at if graph.degree(node) == 2]:
        graph.join_at(node)
    queue = [(graph.length(edge), edge) for edge in graph.paths]
    heapq.heapify(queue)
    while queue:
        length, edge = heapq.heappop(queue)
        if edge not in graph.paths:
            continue
        tip, junction = sorted(graph.ends[edge], key=graph.degree)
        if graph.degree(tip) != 1 or graph.degree(junction) < 3:
            continue
        half_width = sample_radius(inside, graph.at[junction])
        if (
            length - half_width + sample_radius(inside, graph.at[tip]) > prune_px
            and length > 1.5 * half_width
        ):
            continue
        graph.drop_edge(edge)
        if graph.degree(junction) == 2:
            joined = graph.join_at(junction)
            heapq.heappush(queue, (graph.length(joined), joined))


def bridge_gaps(graph: LineGraph, bridge_px: float) -> None:
    """Joins dead ends that face each other within 30° over at most bridge_px, the closest first."""
    tips = [node for node in graph.at if graph.degree(node) == 1]
    if bridge_px <= 0 or len(tips) < 2:
        return
    fits = [fit_line(graph.arm_path(graph.arms[tip][0])[: int(max(bridge_px, 10))]) for tip in tips]
    outward = np.array([-fit[1] if fit else (0.0, 0.0) for fit in fits])
    places = np.array([graph.at[tip] for tip in tips])
    pairs = cKDTree(places).query_pairs(bridge_px, output_type="ndarray")
    gap = places[pairs[:, 1]] - places[pairs[:, 0]]
    length = np.hypot(*gap.T)
    gap = gap / np.maximum(length, 1e-9)[:, None]
    facing = [(side * (outward[pairs[:, i]] * gap).sum(axis=1)) for i, side in ((0, 1), (1, -1))]
    good = np.flatnonzero(np.minimum(*facing) >= np.cos(np.radians(_BRIDGE_ANGLE_DEG)))
    for pair in good[np.argsort(length[good], kind="stable")]:
        u, v = (tips[i] for i in pairs[pair])
        if graph.degree(u) == graph.degree(v) == 1:
            graph.add_edge(u, v, np.stack([graph.at[u], graph.at[v]]))
            graph.join_at(u)
            graph.join_at(v)


def _drop_crumbs(graph: LineGraph, prune_px: float) -> None:
    """Lone pieces shorter than prune_px go; junctions that have come to lie on each other become
    one.
    """
    for edge, (u, v) in list(graph.ends.items()):
        length = graph.length(edge)
        lone = graph.degree(u) == graph.degree(v) == 1 or is_ring(graph, edge)
        if (lone and length < prune_px) or (u == v and length < 1):
            graph.drop_edge(edge)
    for edge in list(graph.ends):
        if edge in graph.ends and graph.length(edge) < 1:
            node = graph.contract(edge)
            for arm in list(graph.arms[node]):
                path = graph.arm_path(arm)
                graph.set_arm_path(
                    arm, np.concatenate([path[:1], path[2:]]) if len(path) > 2 else path
                )


def _frame_lines(
    graph: LineGraph, mask: np.ndarray, inside: np.ndarray, box: GeoBox
) -> gpd.GeoDataFrame:
    """The graph's edges as lines on the ground, with their lengths and widths."""
    edges = list(graph.paths)
    rings = np.array([is_ring(graph, edge) for edge in edges], dtype=bool)
    corner = np.array(inside.shape) - 0.5
    raw = [np.clip(graph.paths[edge], -0.5, corner) for edge in edges]
    smooth = smooth_paths(raw, _LAST_SIGMA_PX, rings=rings)
    width_px = np.array([measure_width(path, mask, inside) for path in smooth])
    lines = shapely.simplify(
        np.array([shapely.linestrings(path) for path in smooth], dtype=object), _SIMPLIFY_PX
    )
    for number in np.flatnonzero(~shapely.is_simple(lines)) if len(lines) else ():
        lines[number] = _untangle(
            shapely.linestrings(smooth[number]), shapely.linestrings(raw[number])
        )
    kept = shapely.length(lines) > 0 if len(lines) else np.zeros(0, bool)
    lines, width_px = lines[kept], width_px[kept]
    ground = shapely.transform(lines, lambda places: _place_on_ground(places, box))
    data = {"length_m": shapely.length(ground), "width_m": width_px * box.m_per_px}
    return gpd.GeoDataFrame(data, geometry=list(ground), crs=box.crs)


def _untangle(*candidates: shapely.LineString) -> shapely.LineString:
    """The first candidate that does not cross itself, else the straight line between its ends."""
    for line in candidates:
        if shapely.is_simple(line):
            return line
    return shapely.linestrings(shapely.get_coordinates(candidates[-1])[[0, -1]])


def _place_on_ground(places: np.ndarray, box: GeoBox) -> np.ndarray:
    rows, cols = places.T + 0.5  # pixel centres
    t = box.transform
    return np.stack([t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f], axis=1)

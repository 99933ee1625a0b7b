"""Junctions: a crossing that its skeleton has torn apart made one, and its arms led straight into
it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapsight.geo.centreline import FIT_PX, fit_line, sample_radius
from mapsight.geo.skeleton import Arm, LineGraph

_HOLD = 0.2  # how strongly a junction holds its place against its arms' lines
_STRAIGHT = 0.08  # trust from which on an arm is straight (it bends by less than 0.4 pixels)
_MOST_ARMS = 8  # beyond that no crossing, but noise


def merge_crossings(graph: LineGraph, inside: np.ndarray) -> dict[int, float]:
    """Makes one node of junctions that a crossing's skeleton has torn apart; returns how far each
    junction reaches.

    Two junctions are one where their disks nearly coincide, or where the lines of all their arms
    meet in a point: two side roads that face each other a little apart stay two junctions.
    """
    radius = {
        n: sample_radius(inside, at) + 1 for n, at in graph.at.items() if graph.degree(n) >= 3
    }
    reach = dict(radius)
    queue = sorted(
        (graph.length(edge), edge)
        for edge, (u, v) in graph.ends.items()
        if u in radius and v in radius
    )
    for length, edge in queue:
        u, v = graph.ends.get(edge, (-1, -1))
        if u == v:
            if u in radius and length < 4 * reach[u]:
                graph.drop_edge(edge)
        elif reach[u] + reach[v] <= 1.5 * (radius[u] + radius[v]) and _are_one(
            graph, edge, length, radius
        ):
            graph.at[u] = (graph.at[u] + graph.at[v]) / 2
            graph.contract(edge)
            radius[u] = max(radius[u], radius.pop(v))
            reach[u] = max(reach[u], reach.pop(v)) + length / 2
    for node in [node for node in reach if graph.degree(node) < 3]:
        del reach[node]
        if graph.degree(node) == 2:
            graph.join_at(node)
    return reach


def _are_one(graph: LineGraph, edge: int, length: float, radius: dict[int, float]) -> bool:
    u, v = graph.ends[edge]
    wide, both = max(radius[u], radius[v]), radius[u] + radius[v]
    if length <= 0.8 * wide:
        return True
    arms = [arm for node in (u, v) for arm in graph.arms[node] if arm[0] != edge]
    if length > 3 * both or len(arms) > _MOST_ARMS:
        return False
    _, miss = meet_arms(graph, arms, (graph.at[u] + graph.at[v]) / 2, wide)
    return miss <= max((0.4 if length <= both else 0.2) * wide, 1.5)


def meet_arms(
    graph: LineGraph, arms: Sequence[Arm], at: np.ndarray, reach_px: float
) -> tuple[np.ndarray, float]:
    """The place nearest to the lines that the arms follow outside reach_px, and its largest
    distance to one.

    It stays within reach_px of the junction's own place `at`. Where the lines meet within a pixel
    it may lie up to four times as far (never past half an arm): where roads part at a sharp angle,
    their skeleton's fork lies far in front of the place, so the lines are fitted again around each
    better guess.
    """
    paths = [graph.arm_path(arm) for arm in arms]
    furthest = max(reach_px, min(4 * reach_px, *(graph.length(arm[0]) / 2 for arm in arms)))
    place, miss, _ = _meet_lines(paths, at, 0.0, reach_px, hold=_HOLD)
    nearby = _limit_shift(place, at, reach_px)
    for _ in range(4):
        guess = _limit_shift(place, at, furthest)
        place, next_miss, trust = _meet_lines(
            paths, guess, float(np.hypot(*(guess - at))), reach_px, hold=_HOLD / 10
        )
        if np.hypot(*(place - guess)) < 0.2:
            break
    if next_miss <= 1 and trust > _STRAIGHT and np.hypot(*(place - at)) <= furthest:
        return place, next_miss
    return nearby, miss


def _meet_lines(
    paths: Sequence[np.ndarray], guess: np.ndarray, shift_px: float, reach_px: float, *, hold: float
) -> tuple[np.ndarray, float, float]:
    """Least squares to the arms' lines around a guess: the place, its largest distance to one, the
    least trust.
    """
    span = int(max(2 * reach_px, FIT_PX))
    starts = [_pass_by(path, guess, reach_px, shift_px) for path in paths]
    fits = [
        fit
        for path, start in zip(paths, starts, strict=True)
        if (fit := fit_line(path[start : start + span]))
    ]
    if len(fits) < 2:
        return guess, 0.0, 0.0
    points, directions, trust = (np.array(column) for column in zip(*fits, strict=True))
    normals = directions[:, ::-1] * (-1, 1)
    matrix = (trust[:, None] * normals).T @ normals + hold * np.eye(2)
    offsets = trust * (normals * (points - guess)).sum(axis=1)
    place = guess + np.linalg.solve(matrix, normals.T @ offsets)
    return place, float(np.abs((normals * (place - points)).sum(axis=1)).max()), float(trust.min())


def _limit_shift(place: np.ndarray, at: np.ndarray, furthest: float) -> np.ndarray:
    shift = place - at
    limited: np.ndarray = at + shift * min(1.0, furthest / max(float(np.hypot(*shift)), 1e-9))
    return limited


def straighten_junctions(graph: LineGraph, reach_px: dict[int, float]) -> None:
    """Moves junctions to where their arms' lines meet and leads the arms straight into them.

    A skeleton bends towards side roads and splits crossings in two; outside the junction's own disk
    it is right.
    """
    places = {
        node: meet_arms(graph, graph.arms[node], graph.at[node], reach)[0]
        for node, reach in reach_px.items()
    }
    for node, place in places.items():
        shift = np.hypot(*(place - graph.at[node]))
        for arm in list(graph.arms[node]):
            path = graph.arm_path(arm)
            start = min(_pass_by(path, place, reach_px[node], shift), len(path) - 1)
            graph.set_arm_path(arm, np.concatenate([place[None], path[start:]]))
    graph.at.update(places)


def _pass_by(path: np.ndarray, place: np.ndarray, reach_px: float, shift_px: float) -> int:
    """Index of the point from which on the path is clear of a place that lies shift_px from its
    start.
    """
    furthest = 2 * reach_px + 1.5 * shift_px
    path = path[: int(2 * furthest) + 3]  # steps are half a pixel at least
    travelled = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    near = (np.hypot(*(path - place).T) <= reach_px) & (travelled <= furthest)
    within = np.flatnonzero(near | (travelled <= reach_px))
    return int(within[-1]) + 1

"""Lines into a net: nodes where they cross, degrees, dead ends, loops, links, roundabouts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from mapsight.town.plan.street import Street
from mapsight.town.world import World

GRID_M = 0.01  # ends are snapped to this
_LINK_M = 90.0


def node_lines(lines: np.ndarray) -> np.ndarray:
    """Split lines where they cross; what only passes through a point stays in one piece."""
    return merge_lines(shapely.get_parts(shapely.unary_union(lines, grid_size=GRID_M)))


def merge_lines(lines: np.ndarray) -> np.ndarray:
    """Join lines that meet end to end, two at a time."""
    joined: np.ndarray = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    return joined


def count_ends(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Node numbers (N, 2) of each line's two ends, the nodes' places (K, 2), and their degrees
    (K,).
    """
    ends = np.stack([shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1)], axis=1)
    keys, numbers = np.unique(np.round(ends.reshape(-1, 2) / GRID_M), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1, 2)
    return numbers, keys * GRID_M, np.bincount(numbers.ravel(), minlength=len(keys))


def share_near(edges: np.ndarray, main: shapely.STRtree, distance_m: float) -> np.ndarray:
    """(N,) share of seven points along each edge that lie within `distance_m` of what is in the
    tree.
    """
    shares = np.tile(np.linspace(0.05, 0.95, 7), len(edges))
    points = shapely.line_interpolate_point(np.repeat(edges, 7), shares, normalized=True)
    near = np.zeros(len(points))
    near[main.query(points, predicate="dwithin", distance=distance_m)[0]] = 1
    near_share: np.ndarray = near.reshape(-1, 7).mean(1)
    return near_share


def find_spare(edges: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boolean (N,): edges outside one random spanning tree, which prefers those to `keep`; without
    them all holds.
    """
    ends, places, _ = count_ends(edges)
    weight = rng.uniform(1, 2, len(edges)) + np.where(keep, 0, 5)
    graph = coo_matrix((weight, ends.T), shape=(len(places), len(places)))
    rows, cols = minimum_spanning_tree(graph.tocsr()).nonzero()
    needed = set(zip(np.minimum(rows, cols).tolist(), np.maximum(rows, cols).tolist(), strict=True))
    return np.array([(min(pair), max(pair)) not in needed for pair in ends.tolist()], dtype=bool)


def link_parts(edges: np.ndarray, barrier: BaseGeometry) -> list[LineString]:
    """The shortest link from each cut-off part to whatever is next to it, not across the barrier;
    dead ends first.
    """
    ends, places, degree = count_ends(edges)
    graph = coo_matrix((np.ones(len(ends)), ends.T), shape=(len(places), len(places)))
    parts, part = connected_components(graph, directed=False)
    tree, owner = shapely.STRtree(edges), part[ends[:, 0]]
    shapely.prepare(barrier)
    links = []
    for number in np.argsort(np.bincount(owner, weights=shapely.length(edges), minlength=parts))[
        :-1
    ]:
        here = np.flatnonzero(part == number)
        blind = here[degree[here] == 1]
        nodes = shapely.points(places[blind if len(blind) else here])
        node, edge = tree.query(nodes, predicate="dwithin", distance=_LINK_M)
        other = owner[edge] != number
        reach = shapely.shortest_line(nodes[node[other]], edges[edge[other]])
        reach = reach[~shapely.intersects(barrier, reach)]
        if len(reach):
            links.append(reach[np.argmin(shapely.length(reach))])
    return links


def add_roundabouts(
    arterials: list[Street], local: list[Street], rng: np.random.Generator, *, world: World
) -> list[Street]:
    """All streets, some crossings of arterials being rings named Roundabout; where the world has
    divided roads, they have two carriageways now.
    """
    crossings = {
        (round(point.x, 1), round(point.y, 1))
        for i, one in enumerate(arterials)
        for other in arterials[i + 1 :]
        for point in shapely.get_parts(one.line.intersection(other.line))
        if isinstance(point, Point)
    }
    rings = [_draw_ring(xy, rng) for xy in sorted(crossings) if rng.random() < world.roundabouts]
    streets = [*divide_roads(arterials, rng, world=world), *local]
    if not rings:
        return streets
    holes = shapely.union_all([Polygon(ring.line.coords) for ring in rings])
    cut = shapely.difference([street.line for street in streets], holes)
    parts = [
        street.along(part)
        for street, pieces in zip(streets, cut, strict=True)
        for part in shapely.get_parts(pieces)
        if not part.is_empty
    ]
    return parts + rings


def divide_roads(
    arterials: list[Street], rng: np.random.Generator, *, world: World
) -> list[Street]:
    """Some main roads as two carriageways, each with the street's whole width."""
    if not world.divided:
        return arterials
    chosen: dict[str, float] = {
        name: rng.uniform(*world.median_m)
        for name in sorted({street.name for street in arterials})
        if rng.random() < world.divided
    }
    return [
        half
        for street in arterials
        for half in (_divide(street, chosen[street.name]) if street.name in chosen else [street])
    ]


def _divide(street: Street, median_m: float) -> list[Street]:
    aside = (street.width_m + median_m) / 2
    sides = [shapely.offset_curve(street.line, side * aside) for side in (-1, 1)]
    return [
        replace(street.along(line), divided=True)
        for side in sides
        for line in shapely.get_parts(side)
        if line.length > 20
    ]


def _draw_ring(xy: tuple[float, float], rng: np.random.Generator) -> Street:
    ring = Point(xy).buffer(rng.uniform(13, 21), quad_segs=8).exterior
    return Street(LineString(ring), "secondary", round(float(rng.uniform(6.5, 8)), 1), "Roundabout")

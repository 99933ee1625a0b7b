"""One road network out of many streets: noded, pruned, linked, with a tunnel; and the blocks in
between.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from mapsight.town.plan.junctions import (
    GRID_M,
    add_roundabouts,
    count_ends,
    find_spare,
    link_parts,
    merge_lines,
    node_lines,
    share_near,
)
from mapsight.town.plan.land import Land
from mapsight.town.plan.street import Street, draw_street, rank_class

_HUG_M = 24.0  # a row of houses


def join_streets(land: Land, local: list[Street], rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Edges from junction to junction: columns geometry, road_class, width_m, name, surface,
    divided (one of two carriageways), ring (of a roundabout).

    The motorway keeps out of the net: it crosses on another level. What is cut off gets a link,
    unless that would cross water or motorway.
    """
    streets = add_roundabouts(list(land.arterials), local, rng, world=land.world)
    main = shapely.STRtree(
        [street.line for street in streets if street.road_class in ("primary", "secondary")]
    )
    edges = node_lines(np.array([street.line for street in streets], dtype=object))
    edges = edges[~_hugs(edges, main)]
    for least_m in (25.0, 12.0):
        edges = merge_lines(_prune(edges, least_m, main))
    edges = merge_lines(edges[~_leave_out(_attribute(edges, streets), rng)])
    barrier = shapely.union_all([land.water, *(lane.line.buffer(14) for lane in land.motorway)])
    links = [
        draw_street(line, "residential", rng, land.world) for line in link_parts(edges, barrier)
    ]
    edges = node_lines(np.array([*edges, *(link.line for link in links)], dtype=object))
    joined = _attribute(merge_lines(_prune(edges, 20.0, main)), [*streets, *links])
    if land.motorway:
        lanes = np.array([lane.line for lane in land.motorway], dtype=object)
        joined = pd.concat([joined, _attribute(lanes, list(land.motorway))], ignore_index=True)
    return joined.assign(ring=joined.name == "Roundabout")


def dig_tunnel(
    edges: gpd.GeoDataFrame,
    inside: Polygon,
    water: BaseGeometry,
    green: shapely.STRtree,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """The same edges with column `visible`: one of them gets a hidden piece, under green land where
    there is some.
    """
    edges = edges.assign(visible=True)
    fit = (
        edges.road_class.isin(["primary", "secondary", "residential"])
        & ~edges.ring
        & (edges.length > 90)
    )
    fit &= edges.within(inside) & ~edges.intersects(water.buffer(15))
    if not fit.any():
        return edges
    liking = share_near(edges.geometry.to_numpy(), green, 12) + 0.3 * rng.random(len(edges))
    liking += 0.2 * (edges.road_class != "residential").to_numpy()
    chosen = int(np.argmax(np.where(fit, liking, -1)))
    line, row = edges.geometry.iloc[chosen], edges.iloc[[chosen]]
    middle, half = (
        line.length * rng.uniform(0.45, 0.55),
        rng.uniform(14, min(30, line.length * 0.25)),
    )
    cuts = (
        (0, middle - half, True),
        (middle - half, middle + half, False),
        (middle + half, line.length, True),
    )
    pieces = [
        row.assign(geometry=[substring(line, start, end)], visible=seen)
        for start, end, seen in cuts
    ]
    return gpd.GeoDataFrame(
        pd.concat([edges.drop(index=row.index), *pieces], ignore_index=True), geometry="geometry"
    )


def cut_blocks(edges: gpd.GeoDataFrame, frame: Polygon) -> np.ndarray:
    """Polygons between the roads."""
    lines = shapely.unary_union([*edges.geometry, frame.exterior], grid_size=GRID_M)
    blocks: np.ndarray = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    return blocks


def clip_edges(edges: gpd.GeoDataFrame, inside: Polygon) -> gpd.GeoDataFrame:
    """Edges within the image, numbered by column `road_id`."""
    parts = edges.assign(geometry=shapely.intersection(edges.geometry.to_numpy(), inside)).explode(
        index_parts=False
    )
    parts = parts[(parts.geom_type == "LineString") & (parts.length > 1.0)].reset_index(drop=True)
    return parts.assign(road_id=[f"r{i:05d}" for i in range(len(parts))])


def _hugs(edges: np.ndarray, main: shapely.STRtree) -> np.ndarray:
    """Streets that run beside an arterial, closer than a row of houses."""
    beside = (share_near(edges, main, _HUG_M) > 0.6) & (share_near(edges, main, 0.1) < 1)
    hugging: np.ndarray = beside & (shapely.length(edges) > 32)
    return hugging


def _prune(edges: np.ndarray, least_m: float, main: shapely.STRtree) -> np.ndarray:
    """Without dead ends shorter than `least_m`; arterials stay."""
    ends, _, degree = count_ends(edges)
    dead = (degree[ends] == 1).any(1) & (shapely.length(edges) < least_m)
    kept: np.ndarray = edges[~dead | (share_near(edges, main, 0.1) == 1)]
    return kept


def _leave_out(edges: gpd.GeoDataFrame, rng: np.random.Generator) -> np.ndarray:
    """A few small streets that the net holds together without: towns are no chessboards."""
    small = edges.road_class.isin(["residential", "track", "lane"]).to_numpy()
    spare = find_spare(edges.geometry.to_numpy(), ~small, rng)
    left_out: np.ndarray = spare & small & (rng.random(len(edges)) < 0.1)
    return left_out


def _attribute(edges: np.ndarray, streets: list[Street]) -> gpd.GeoDataFrame:
    """Edges with the class, width and name of the street that they lie on, the most important one
    if there are two.
    """
    order = sorted(streets, key=lambda street: rank_class(street.road_class))
    middles = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    nearest = shapely.STRtree([street.line for street in order]).query_nearest(
        middles, all_matches=True
    )
    best = np.full(len(edges), len(order))
    np.minimum.at(best, nearest[0], nearest[1])
    found = [order[i] for i in best]
    columns = {
        name: [getattr(street, name) for street in found]
        for name in ("road_class", "width_m", "name", "surface", "divided")
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.simplify(edges, 0.12))

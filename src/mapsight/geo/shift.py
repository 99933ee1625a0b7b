"""How far a map lies beside the imagery: one offset for the scene, then a smooth field.

First the burnt map is slid over the probability (their cross-correlation), which catches large
offsets. Then every station along the map says how far to its side the road is seen; a robust fit
turns these one-dimensional answers into a displacement, so that a scene of parallel streets is not
over-read (the aperture problem). The result is the displacement that takes the map to where the
imagery shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import shapely
from scipy import ndimage, signal
from scipy.spatial import cKDTree

from mapsight.geo.burn import burn_lines
from mapsight.geo.profile import Stations, place_stations, profile_offsets, sample_profiles
from mapsight.geo.raster import Raster

_HUBER_M = 1.5
_ROUNDS = 10
_KNOWN_M = 4.0  # a direction whose 95 % interval is wider counts as not measured
_STATION_M = 0.3  # no station tells better than that
_NODES = 25  # of the field that are heeded at a place: the others weigh under a thousandth
_BLOCK_PX = 1024
_ALIKE = 10.0  # neighbouring stations err alike: count about one in ten as independent


@dataclass(frozen=True)
class ShiftSettings:
    """Distances in metres; `field_scale_m` is the radius over which the smooth field is
    averaged.
    """

    search_m: float = 20.0
    reach_m: float = 7.0
    step_m: float = 5.0
    min_strength: float = 0.35  # the lowest peak probability that counts as 'a road is seen here'
    min_stations: int = 30
    field_scale_m: float = 150.0


@dataclass(frozen=True, eq=False)
class ShiftField:
    """Add it to the map to reach the imagery: east and north metres.

    `dx_m`, `dy_m` hold for the whole scene, with 95 % intervals `± dx_error_m`, `± dy_error_m` from
    the scatter of the stations and of the streets (where all streets run one way, what lies along
    them is unknown: 0 ± the search radius). `nodes_xy` (K, 2) and `nodes_m` (K, 2) are the smooth
    field. `reason` is '' where the estimate can be trusted, otherwise it says why not, and the
    displacement is zero.
    """

    dx_m: float = 0.0
    dy_m: float = 0.0
    dx_error_m: float = float("nan")
    dy_error_m: float = float("nan")
    stations: int = 0
    nodes_xy: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    nodes_m: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    scale_m: float = 150.0
    reason: str = ""

    @property
    def length_m(self) -> float:
        return float(np.hypot(self.dx_m, self.dy_m))

    def at(self, xy: np.ndarray) -> np.ndarray:
        """Displacement (N, 2) in metres at points (N, 2): a Gaussian-weighted mean of the field's
        nodes.
        """
        if not len(self.nodes_xy):
            return np.tile([self.dx_m, self.dy_m], (len(xy), 1))
        count = min(_NODES, len(self.nodes_xy))
        distance, node = cKDTree(self.nodes_xy).query(xy, k=np.arange(1, count + 1))
        weights = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * (self.scale_m / 2) ** 2))
        total = np.einsum("nk,nkd->nd", weights, self.nodes_m[node])
        mean: np.ndarray = total / weights.sum(axis=1, keepdims=True)
        return mean


def estimate_shift(
    probability: Raster, lines: gpd.GeoDataFrame, settings: ShiftSettings = ShiftSettings()
) -> ShiftField:
    """The displacement from a map to where roads are seen.

    Only as good as the probability is independent of this map: a net that learnt from the shifted
    map has learnt the shift.

    Parameters
    ----------
    probability
        (1, H, W) of road, 0 … 1, in a metric CRS.
    lines
        Roads of the map, in the same CRS.
    settings
        How far is searched, and how much must be seen.

    Returns
    -------
    ShiftField
        The shift in metres with its standard errors; without a shift, the reason why there is none.
    """
    if lines.empty:
        return ShiftField(reason="the map has no road here")
    coarse = _correlate(probability, lines, settings)
    moved = lines.set_geometry(lines.geometry.translate(*coarse))
    stations = place_stations(moved, step_m=settings.step_m)
    offset, weight = measure_offsets(probability, stations, settings)
    kept = weight > 0
    if kept.sum() < settings.min_stations:
        return ShiftField(
            reason=f"only {kept.sum()} places on the map show a road clearly enough to measure"
        )
    normal, xy, offset, weight = (
        stations.normal[kept],
        stations.xy[kept],
        offset[kept],
        weight[kept],
    )
    fine, weight, covariance = _solve(normal, offset, weight, stations.line[kept])
    residual = offset - normal @ fine
    whole, errors = _keep_known(coarse + fine, covariance, settings.search_m)
    if (errors >= settings.search_m).all():
        return ShiftField(
            reason=f"the {kept.sum()} places that could be measured disagree",
            stations=int(kept.sum()),
        )
    found = ShiftField(
        dx_m=float(whole[0]),
        dy_m=float(whole[1]),
        dx_error_m=float(errors[0]),
        dy_error_m=float(errors[1]),
        stations=int(kept.sum()),
        scale_m=settings.field_scale_m,
    )
    nodes_xy, nodes = _fit_field(xy, normal, residual, weight, settings.field_scale_m)
    return replace(found, nodes_xy=nodes_xy, nodes_m=nodes + [found.dx_m, found.dy_m])


def move_lines(lines: gpd.GeoDataFrame, shift: ShiftField) -> gpd.GeoDataFrame:
    """The lines taken to where the imagery shows them, vertex by vertex."""
    if lines.empty:
        return lines
    return lines.set_geometry(shapely.transform(lines.geometry.array, lambda xy: xy + shift.at(xy)))


def measure_offsets(
    probability: Raster, stations: Stations, settings: ShiftSettings
) -> tuple[np.ndarray, np.ndarray]:
    """How far to the left of each station the road is seen: offset (N,) in metres and weight (N,),
    0 = not seen.

    The offset is the centroid of the profile's strongest hill, from where it falls below half its
    height.
    """
    offsets = profile_offsets(settings.reach_m + 5.0, 0.5)
    profiles = sample_profiles(probability.array[0], probability.transform, stations, offsets)
    seen = np.isfinite(profiles).all(axis=1)
    profiles = ndimage.uniform_filter1d(np.nan_to_num(profiles), 5, axis=1)
    near = np.abs(offsets) <= settings.reach_m
    peak = np.flatnonzero(near)[profiles[:, near].argmax(axis=1)]
    height = np.take_along_axis(profiles, peak[:, None], axis=1)
    low = profiles < height / 2
    index = np.arange(len(offsets))
    left = np.where(low & (index < peak[:, None]), index, -1).max(axis=1)
    right = np.where(low & (index > peak[:, None]), index, len(offsets)).min(axis=1)
    hill = (index > left[:, None]) & (index < right[:, None])
    mass = np.where(hill, profiles, 0.0)
    centre = (mass * offsets).sum(axis=1) / np.maximum(mass.sum(axis=1), 1e-9)
    whole = (left >= 0) & (
        right < len(offsets)
    )  # a hill cut off by the profile's end is a junction or a square
    weight = np.where(seen & whole & (height[:, 0] >= settings.min_strength), height[:, 0], 0.0)
    return centre, weight * stations.step_m


def _correlate(probability: Raster, lines: gpd.GeoDataFrame, settings: ShiftSettings) -> np.ndarray:
    """(2,) The best whole-scene displacement (east, north) in metres, to a pixel."""
    box = probability.geobox
    burnt = burn_lines(lines, box, width_m=max(3.0, 2 * box.m_per_px)).astype(np.float32)
    seen = np.where(probability.valid, probability.array[0], 0).astype(np.float32)
    reach = min(int(np.ceil(settings.search_m / box.m_per_px)), min(box.shape) // 2 - 1)
    if reach < 1 or not burnt.any():
        return np.zeros(2)
    seen = np.pad(seen - seen.mean(), reach)
    surface = np.zeros((2 * reach + 1, 2 * reach + 1))
    for top, left in np.ndindex(*(-(-n // _BLOCK_PX) for n in burnt.shape)):
        part = np.s_[
            top * _BLOCK_PX : (top + 1) * _BLOCK_PX, left * _BLOCK_PX : (left + 1) * _BLOCK_PX
        ]
        if burnt[part].any():
            around = tuple(slice(along.start, along.stop + 2 * reach) for along in part)
            surface += signal.fftconvolve(seen[around], burnt[part][::-1, ::-1], mode="valid")
    grid = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    surface = np.where(grid <= reach, surface, -np.inf)
    row, col = np.unravel_index(surface.argmax(), surface.shape)
    return np.array([(col - reach) * box.transform.a, (row - reach) * box.transform.e])


def _solve(
    normal: np.ndarray, offset: np.ndarray, weight: np.ndarray, line: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Huber regression of offset = normal · d: d (2,), the final weights (N,), the covariance of d
    (2, 2).
    """
    d = np.zeros(2)
    w = weight
    for _ in range(_ROUNDS):
        residual = np.abs(offset - normal @ d)
        w = weight * np.minimum(1, _HUBER_M / np.maximum(residual, 1e-9))
        matrix = (normal * w[:, None]).T @ normal + 1e-6 * np.eye(2)
        d = np.linalg.solve(matrix, (normal * w[:, None]).T @ offset)
    inverse = np.linalg.inv(matrix)
    pulls = normal * (w * (offset - normal @ d))[:, None]
    least = (
        _ALIKE * _STATION_M**2 * w.mean() * matrix
    )  # straight streets do not scatter along themselves
    return d, w, inverse @ (_scatter(pulls, line) + least) @ inverse


def _scatter(pulls: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Covariance (2, 2) of the sum of pulls (N, 2): the wider of two. One station in ten is
    independent of its neighbours; or one street of the others, since it may be drawn, or seen,
    beside its middle from end to end (Cameron & Miller 2015, section II).
    """
    stations = pulls.T @ pulls * _ALIKE
    sums = np.column_stack([np.bincount(line, column) for column in pulls.T])
    count = len(np.unique(line))
    streets = sums.T @ sums * count / max(count - 1, 1)
    return streets if np.trace(streets) > np.trace(stations) else stations


def _keep_known(
    d: np.ndarray, covariance: np.ndarray, search_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """d (2,) without its parts in directions that the stations do not fix, and its 95 % errors
    (2,), in metres.
    """
    variances, axes = np.linalg.eigh(covariance)
    errors = 1.96 * np.sqrt(np.maximum(variances, 0))
    fixed = errors <= _KNOWN_M
    errors = np.where(fixed, errors, search_m)
    return axes @ (fixed * (axes.T @ d)), np.minimum(np.hypot(*(axes * errors).T), search_m)


def _fit_field(
    xy: np.ndarray, normal: np.ndarray, residual: np.ndarray, weight: np.ndarray, scale_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Local displacements on a grid of nodes, pulled towards 0 where there is little or one-sided
    evidence.
    """
    low, high = xy.min(axis=0), xy.max(axis=0)
    counts = np.maximum(np.ceil((high - low) / scale_m).astype(int), 1) + 1
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True)]
    nodes = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    pull = np.median(weight) * 10
    found = []
    for node, at in zip(nodes, cKDTree(xy).query_ball_point(nodes, 4 * scale_m), strict=True):
        near = weight[at] * np.exp(-((xy[at] - node) ** 2).sum(axis=1) / (2 * scale_m**2))
        matrix = (normal[at] * near[:, None]).T @ normal[at] + pull * np.eye(2)
        found.append(np.linalg.solve(matrix, (normal[at] * near[:, None]).T @ residual[at]))
    return nodes, np.array(found)

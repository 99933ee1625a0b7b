from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import skeletonize

from mapsight.geo.skeleton import LineGraph, build_graph, clean_mask, measure_inside, measure_path


def _blobs(seed: int, shape: tuple[int, int] = (120, 150), grain_px: float = 4.0) -> np.ndarray:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), grain_px) > 0.02


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_graph_agrees_with_skan(seed):
    """Length and dead ends of our pixel graph are those that skan finds in the same skeleton."""
    skan = pytest.importorskip("skan", reason="the oracle skan is not installed")
    mask = _blobs(seed)
    graph, theirs = build_graph(mask), skan.Skeleton(skeletonize(mask, method="lee"))
    ours_px = sum(graph.length(edge) for edge in graph.paths)
    assert ours_px == pytest.approx(theirs.path_lengths().sum(), rel=0.01)
    assert sum(graph.degree(node) == 1 for node in graph.at) == int((theirs.degrees == 1).sum())


@given(st.integers(0, 10_000), st.sampled_from([0.7, 1.5, 4.0]))
@settings(max_examples=25)
def test_every_skeleton_pixel_is_on_one_path(seed, grain_px):
    """Between junctions paths run over skeleton pixels, each once; graph and skeleton have as many
    pieces.
    """
    mask = _blobs(seed, (50, 60), grain_px)
    skeleton = np.asarray(skeletonize(mask, method="lee"), dtype=bool)
    labels, pieces = ndimage.label(skeleton, np.ones((3, 3)))
    pieces -= int((np.bincount(labels.ravel())[1:] == 1).sum())  # lone pixels have no path
    graph = build_graph(mask)
    inner = np.concatenate(
        [np.zeros((0, 2)), *(path[1:-1] for path in graph.paths.values())]
    ).astype(int)
    assert skeleton[tuple(inner.T)].all()
    assert len(np.unique(inner, axis=0)) == len(inner)
    assert _count_pieces(graph) == pieces


def _count_pieces(graph: LineGraph) -> int:
    """Connected components, by union of the edges' ends."""
    leader = {node: node for node in graph.at}

    def find(node: int) -> int:
        while leader[node] != node:
            node = leader[node]
        return node

    for u, v in graph.ends.values():
        leader[find(u)] = find(v)
    return sum(find(node) == node for node in graph.at)


def test_a_ring_and_a_plus_have_the_expected_graph():
    """A ring is one edge from a node to itself; a plus has four arms at one node."""
    rows, cols = np.indices((61, 61)) - 30
    ring = build_graph(np.abs(np.hypot(rows, cols) - 20) < 3)
    assert [u == v for u, v in ring.ends.values()] == [True]
    plus = build_graph((np.abs(rows) < 4) | (np.abs(cols) < 4))
    degrees = sorted(plus.degree(node) for node in plus.at)
    assert degrees[-1] >= 3
    assert degrees.count(1) >= 4


def test_thin_slanting_roads_survive():
    """A road two pixels wide at 45° keeps its skeleton (Zhang's thinning would eat half of it)."""
    mask = np.eye(80, dtype=bool) | np.eye(80, k=1, dtype=bool)
    (path,) = build_graph(mask).paths.values()
    assert measure_path(path) > 0.95 * 79 * np.sqrt(2)


def test_distances_equal_the_transform_of_the_whole(monkeypatch):
    """Distances computed in blocks are those of the whole mask, capped at the halo."""
    monkeypatch.setattr("mapsight.geo.skeleton._BLOCK_PX", 100)
    mask = _blobs(5, (257, 330), 12)
    mask[:150, :200] = True
    whole = np.minimum(ndimage.distance_transform_edt(mask), 64)
    assert np.allclose(measure_inside(mask), whole)
    assert (measure_inside(np.ones((300, 120), bool)) == 64).all()


def test_cleaning_takes_specks_holes_and_slits():
    """Pieces and holes below the limits go, larger ones and holes open to the image's edge stay,
    slits close.
    """
    mask = np.zeros((60, 80), bool)
    mask[20:50, 10:70] = True
    mask[5:8, 5:8] = True  # 9 pixels
    mask[30:33, 20:23] = False  # 9 pixels
    mask[40:46, 50:56] = False  # 36 pixels
    clean = clean_mask(mask, speck_px=10, hole_px=10)
    assert not clean[:15].any()
    assert clean[30:33, 20:23].all()
    assert not clean[40:46, 50:56].any()
    mask[:, 40:42] = False
    assert not clean_mask(mask, slit_px=1)[25, 40]
    assert clean_mask(mask, slit_px=2)[20:50, 40:42].all()
    at_edge = np.ones((20, 20), bool)
    at_edge[:2, :2] = False
    assert not clean_mask(at_edge, hole_px=10)[:2, :2].any()


@given(st.integers(0, 10_000), st.integers(0, 5))
@settings(max_examples=25)
def test_closing_slits_only_adds(seed, slit_px):
    """Closing slits takes no pixel away and done twice changes nothing more."""
    mask = _blobs(seed, (40, 50), 2.0)
    once = clean_mask(mask, slit_px=slit_px)
    assert (once | mask == once).all()
    assert (clean_mask(once, slit_px=slit_px) == once).all()


def _graph(*lines: tuple[int, int]) -> LineGraph:
    """Nodes 0, 1, 2 … at (node, 0) with straight edges between them."""
    graph = LineGraph()
    for node in sorted({node for line in lines for node in line}):
        graph.add_node(node, np.array([node, 0.0]))
    for u, v in lines:
        graph.add_edge(u, v, np.array([[u, 0.0], [v, 0.0]]))
    return graph


def test_joining_and_contracting_keep_the_rest():
    """Joining at a node of degree 2 adds up lengths; contracting hands the second node's arms to
    the first.
    """
    graph = _graph((0, 1), (2, 1), (2, 3), (2, 5))
    joined = graph.join_at(1)
    assert graph.length(joined) == 2
    assert set(graph.ends[joined]) == {0, 2}
    (edge,) = [edge for edge, ends in graph.ends.items() if ends == (2, 3)]
    assert graph.contract(edge) == 2
    assert (graph.degree(2), graph.degree(3)) == (2, 0)
    loop = _graph((0, 1), (1, 1))
    assert loop.degree(1) == 3
    edge = next(iter(loop.ends))
    assert loop.contract(edge) == 0
    assert list(loop.ends.values()) == [(0, 0)]

"""The benchmarks start, and tell what they want."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = sorted(
    p.stem
    for p in (ROOT / "benchmarks").glob("*.py")
    if "argparse" in p.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", NAMES)
def test_benchmark_explains_itself(name):
    """`python -m benchmarks.NAME --help` names what it is given or how much it does."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert any(option in done.stdout for option in ("--model", "--out", "--seed"))


def test_pooled_runs_do_not_mix():
    """Findings of one scene never answer the mistakes of another, though both have the same
    coordinates.
    """
    import geopandas as gpd
    from shapely.geometry import LineString

    sys.path.insert(0, str(ROOT))
    from benchmarks.quality import pool
    from benchmarks.scenes import Planted

    line = LineString([(0, 0), (100, 0)])
    planted = gpd.GeoDataFrame(
        {
            "planted_id": ["p"],
            "kind": ["missing"],
            "length_m": [100.0],
            "offset_m": [0.0],
            "road_class": ["road"],
            "true_wkt": [""],
        },
        geometry=[line],
    )
    found = gpd.GeoDataFrame(
        {"finding_id": ["f"], "kind": ["missing"], "score": [0.9]}, geometry=[line]
    )
    hit = Planted("a", found, planted, 1.0, 0.1)
    missed = Planted("b", found.iloc[:0], planted, 1.0, 0.1)
    report = pool([hit, missed])
    assert report.planted == 2
    assert report.kind_aware.detection.hits == 1
    assert report.kind_aware.average_precision == pytest.approx(0.5)


@pytest.fixture
def whole():
    """A scene whose map is a grid of streets."""
    import numpy as np

    sys.path.insert(0, str(ROOT))
    from benchmarks.scenes import Mapped, trace_lines

    from mapsight.geo.network import wrap_lines
    from mapsight.geo.raster import Raster, pixel_box

    mask = np.zeros((400, 400), bool)
    mask[::50] = mask[:, ::50] = True
    box = pixel_box(400, 400, m_per_px=1.0)
    image = Raster(
        np.zeros((3, 400, 400), np.uint8), box.transform, None, np.ones((400, 400), bool)
    )
    return Mapped("grid", image, image, wrap_lines(trace_lines(mask, box)), ~mask)


def test_a_thinned_map_lacks_what_is_to_be_found(whole):
    """What is left and what is missing make up the map, in about the shares asked for; other seeds
    take others.
    """
    from benchmarks.scenes import thin_map

    lines = whole.roads.lines
    thinned = [thin_map(whole, 0.6, seed) for seed in range(4)]
    for wrong in thinned:
        assert wrong.lines.length.sum() + wrong.planted.length.sum() == pytest.approx(
            lines.length.sum()
        )
        assert 0.4 < len(wrong.planted) / len(lines) < 0.8
        assert not wrong.lines.geometry.isin(wrong.planted.geometry).any() and set(
            wrong.planted["kind"]
        ) == {"missing"}
    assert len({wrong.planted.length.sum() for wrong in thinned}) > 1


def test_an_ended_map_keeps_one_side(whole):
    """A map that ends at a border keeps about half of a grid's length, all of it on one side of a
    straight line.
    """
    from benchmarks.scenes import end_map
    from shapely import MultiLineString
    from shapely.geometry import LineString

    for seed in range(4):
        lines = end_map(whole, seed).roads.lines
        assert all(isinstance(line, LineString) for line in lines.geometry)
        assert 0.3 < lines.length.sum() / whole.roads.lines.length.sum() < 0.7
        lost = whole.roads.lines.geometry.union_all().difference(
            lines.geometry.union_all().buffer(1.0)
        )
        hull = MultiLineString(list(lines.geometry)).convex_hull
        assert lost.intersection(hull).length < 0.02 * lost.length


def test_mixed_weights_lie_between():
    """Every weight and running statistic is the mean by share; 1 changes nothing."""
    import copy

    import torch

    sys.path.insert(0, str(ROOT))
    from benchmarks.train_shipped import mix_weights

    from mapsight.cnn.nets import make_net

    start, trained = make_net("roadnet-tiny"), make_net("roadnet-tiny")
    trained(torch.rand(2, 3, 64, 64))  # moves the running statistics
    mixed = copy.deepcopy(trained)
    mix_weights(mixed, start, 1.0)
    assert all(
        torch.equal(a, b)
        for a, b in zip(mixed.state_dict().values(), trained.state_dict().values(), strict=True)
    )
    mix_weights(mixed, start, 0.25)
    old, new = start.state_dict(), trained.state_dict()
    for name, values in mixed.state_dict().items():
        if values.is_floating_point():
            assert torch.allclose(values, 0.25 * new[name] + 0.75 * old[name], atol=1e-6)


def test_the_rest_is_what_nobody_judged():
    """Judged findings and errors they found are out; a second finding of such an error is no false
    alarm.
    """
    import geopandas as gpd
    from shapely.geometry import LineString

    sys.path.insert(0, str(ROOT))
    from benchmarks.verdicts import judge, measure_rest

    lines = [LineString([(0, y), (100, y)]) for y in (0, 200, 400, 600)]
    planted = gpd.GeoDataFrame(
        {"kind": "missing", "true_wkt": "", "geometry": [lines[0], lines[2], lines[3]]}
    )
    halves = [
        LineString([(0, 0), (49, 0)]),
        LineString([(51, 0), (100, 0)]),
    ]  # two findings of the first error
    found = gpd.GeoDataFrame(
        {
            "finding_id": list("abcd"),
            "kind": "missing",
            "score": [0.9, 0.8, 0.7, 0.6],
            "seen_wkt": "",
            "features": "{}",
            "geometry": [*halves, lines[1], lines[2]],
        }
    )
    told = judge(found, planted, [0])
    assert told.judged.table["verdict"].tolist() == ["accept"]
    assert judge(found, planted, [2]).judged.table["verdict"].tolist() == ["reject"]
    # b repeats what a has found, c is false, d right at place two; the last error is never found
    assert measure_rest(found, told.findings, planted) == pytest.approx((1 / 2) / 2)
    assert measure_rest(found, told.findings, planted.iloc[:2]) == pytest.approx(1 / 2)
    assert measure_rest(found, found.iloc[[0, 2]], planted.iloc[:2]) == pytest.approx(1.0)


def lite0_names(tensors):
    """Our tensors under the names of the package: stem, norm, then blocks by number."""
    parts = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
    renamed, blocks, seen = {}, -1, {}
    for name, tensor in tensors.items():
        stage, block, rest = name.split(".", 2)
        stem = stage == "0" and block == "0"
        key = (stage, block)
        blocks += 0 if stem or key in seen else 1
        order = seen.setdefault(key, [])
        layer = rest.rsplit(".", 1)[0]
        if layer not in order:
            order.append(layer)
        place = order.index(layer) + (2 if stage == "0" and not stem else 0)
        layer = parts[place] if not stem else ("_conv_stem", "_bn0")[place]
        inner = layer if stem else f"_blocks.{blocks}.{layer}"
        renamed[f"{inner}.{rest.rsplit('.', 1)[1]}"] = tensor
    return renamed


def test_pretrained_weights_come_under_our_names(tmp_path):
    """The package's names, stem and blocks in any order of blocks, become our encoder's weights; a
    net begins on them. Weights of another net are refused.
    """
    import torch

    sys.path.insert(0, str(ROOT))
    from benchmarks.pretrained import FORMAT, begin_on, rename_lite0

    from mapsight.cnn.checkpoint import write_tensors
    from mapsight.cnn.nets.litenet import make_lite0
    from mapsight.errors import ModelError

    torch.manual_seed(1)
    ours = {
        name: torch.rand_like(t) if t.is_floating_point() else t
        for name, t in torch.nn.ModuleList(make_lite0()).state_dict().items()
    }
    theirs = lite0_names(ours)
    assert len(theirs) == len(ours) and "_blocks.14._project_conv.weight" in theirs
    theirs |= {"_conv_head.weight": torch.rand(3, 3), "_fc.bias": torch.rand(7)}
    named = rename_lite0(theirs)
    assert all(torch.equal(named[name], tensor) for name, tensor in ours.items())
    write_tensors(tmp_path / "encoder.safetensors", named, {"format": FORMAT})
    model = begin_on(tmp_path / "encoder.safetensors", "litenet", 1.0)
    begun = model.net.encoder.state_dict()
    assert all(torch.equal(begun[name], tensor) for name, tensor in ours.items())
    with pytest.raises(ModelError, match="is no encoder of 'roadnet'"):
        begin_on(tmp_path / "encoder.safetensors", "roadnet", 1.0)
    with pytest.raises(ModelError, match="do not fit"):
        rename_lite0(theirs | {"_conv_stem.weight": torch.rand(8, 3, 3, 3)})
    with pytest.raises(ModelError, match="too early"):
        rename_lite0(dict(list(theirs.items())[:20]))


def test_crops_lie_apart_on_black():
    """Each crop keeps its pixels and its lines; between them nothing is known, and no line crosses
    from one to the next.
    """
    import numpy as np

    sys.path.insert(0, str(ROOT))
    from benchmarks.strange_maps import lay_side_by_side

    from mapsight.roads.training.chips import Scene

    rng = np.random.default_rng(0)
    truth = np.zeros((90, 120), np.uint8)
    truth[40:46] = 1
    scenes = [
        Scene(str(k), rng.integers(1, 255, (3, 90, 120), dtype=np.uint8), truth, truth < 2)
        for k in range(5)
    ]
    image, roads = lay_side_by_side(scenes, 0.5, gap_px=40)
    assert image.valid.sum() == 5 * 90 * 120
    assert not image.array[:, ~image.valid].any()
    kept = image.array[:, image.valid].astype(int).sum()
    assert kept == sum(scene.image.astype(int).sum() for scene in scenes)
    assert len(roads.lines) == 5
    assert roads.lines.length.to_numpy() == pytest.approx(60, abs=6)  # metres of 120 px


def test_strangers_are_judged_as_their_labels_allow():
    """Exact labels give F1 at both thresholds, centrelines and incomplete ones none; the mean is
    over what models are chosen by.
    """
    import numpy as np

    sys.path.insert(0, str(ROOT))
    from benchmarks.strange_pixels import Stranger, summarise, tell_pixels

    from mapsight.cnn.metrics import count_pixels, count_relaxed

    truth = np.zeros((60, 60), bool)
    truth[20:26] = True
    seen = np.where(truth, 0.2, 0.05)
    counts = [count_pixels(seen, truth)], [count_relaxed(seen, truth, rho_px=3)]
    rows = [
        summarise(Stranger(name, "any", ("val",), measure=kind), *counts, threshold)
        for name, kind, threshold in (
            ("eth_cil val", "exact", 0.5),
            ("epfl val", "exact", 0.1),
            ("lines", "buffer", 0.1),
            ("loose", "recall", 0.1),
        )
    ]
    assert (rows[0]["f1"], rows[0]["best_f1"], rows[1]["f1"]) == (0, 1, 1)
    assert rows[2]["relaxed_recall"] == rows[3]["relaxed_recall"] == 1
    assert not any("f1" in row for row in rows[2:])
    suited = [row | {"suited_f1": 0.8, "suited_threshold": 0.15} for row in rows]
    said = tell_pixels(suited)
    assert "0.500 at the model's threshold (at most 1.000 below the best)" in said
    assert "0.800 at the suited ones (0.200), 1.000 at the best ones" in said


def test_right_among_the_first():
    """Duplicates are right; a list that is shorter than k is taken whole."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.strange_maps import count_right

    outcomes = dict(zip("abcde", ("hit", "false", "duplicate", "hit", "false"), strict=True))
    assert count_right(outcomes, 3) == pytest.approx(2 / 3)
    assert count_right(outcomes, 10) == pytest.approx(3 / 5)
    assert count_right({}, 10) == 0


def test_home_and_worlds_are_taught_alike(tmp_path):
    """Both kinds of scenes have one size and bear roads, worlds say where they lie, and a net of
    `teach` has taken the steps that it was given.
    """
    sys.path.insert(0, str(ROOT))
    from benchmarks.worlds import draw_towns, draw_worlds, teach

    from mapsight.cnn.checkpoint import read_model

    home, worlds = draw_towns(1), draw_worlds(2)
    assert [scene.name.split("-")[0] for scene in worlds] == ["red_earth", "white_earth"]
    assert {scene.image.shape for scene in (*home, *worlds)} == {(3, 512, 512)}
    assert all((scene.truth > 0).any() and scene.valid.any() for scene in (*home, *worlds))
    teach(worlds, 4, tmp_path / "model.safetensors")
    model = read_model(tmp_path / "model.safetensors")
    chips = model.card.settings["chips"]
    assert (chips["chips_per_epoch"], chips["chip_px"]) == (4, 256)
    assert model.card.m_per_px == 1.0

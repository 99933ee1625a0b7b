"""Errors put into a map of a scene that is seen perfectly are found, named rightly, and nothing
else is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from mapsight.roads.finding.coverage import find_coverage
from mapsight.roads.finding.findings import (
    BEYOND,
    Evidence,
    find_candidates,
    find_errors,
    identify,
)

from ..conftest import BOX, GRID, make_lines, make_map, photograph, see


def gather(seen, mapped, *, hidden=None, covered=None):
    """The evidence about a map where `seen` is really there."""
    hidden = np.zeros(BOX.shape, bool) if hidden is None else hidden
    covered = find_coverage(mapped, BOX) if covered is None else covered
    return Evidence(see(seen), photograph(seen), hidden, covered, 0.4)


def judge(seen, mapped, *, others=None, **options):
    """Findings of a map against the probability of what is really there."""
    return find_errors(gather(seen, mapped, **options), make_map(mapped, others))


def kinds(findings):
    return sorted(findings.table["kind"])


def test_a_right_map_has_no_findings(streets):
    """Where map and imagery agree, nothing is offered."""
    assert judge(streets, streets).table.empty


def test_missing_road_is_found_whole(streets):
    """A street that the map lacks is found over its whole length and at its place."""
    found = judge(streets, streets.drop(index=1))
    assert set(kinds(found)) == {"missing"}
    line = streets.geometry[1]
    assert found.table.union_all().hausdorff_distance(line) < 25
    assert found.table.length.sum() > 0.85 * line.length
    between, stubs = found.table["score"].nlargest(2), found.table["score"].nsmallest(2)
    assert (
        between.min() > 0.7 and stubs.min() > 0.4
    )  # the stubs at the map's rim meet it with one end only


def test_phantom_road_is_found(streets):
    """A street on the map that nobody can see is one finding of its kind, along its line."""
    phantom = make_lines([(100, 200), (300, 210)])
    found = judge(streets, pd.concat([streets, phantom], ignore_index=True))
    assert kinds(found) == ["phantom"]
    row = found.table.iloc[0]
    assert row.geometry.hausdorff_distance(phantom.geometry[0]) < 25
    assert row["road_id"] == "0"
    assert row["mean_probability"] < 0.1


@pytest.mark.parametrize("offset", [8.0, 12.0, -9.0])
def test_misaligned_road_is_found_with_its_offset(streets, offset):
    """A street drawn beside its place is one misaligned finding with the right offset, not a
    missing and a phantom.
    """
    mapped = streets.copy()
    mapped.loc[5, "geometry"] = shapely.affinity.translate(streets.geometry[5], 0, offset)
    found = judge(streets, mapped)
    assert set(kinds(found)) == {"misaligned"}
    row = found.table.iloc[0]
    assert row["offset_m"] == pytest.approx(abs(offset), abs=1.0)
    side = "right" if offset > 0 else "left"  # the map's line runs east, the road lies south of it
    assert side in row["evidence"]
    seen = shapely.from_wkt(row["seen_wkt"])
    assert (
        shapely.distance(streets.geometry[5], shapely.points(shapely.get_coordinates(seen))).max()
        < 1.5
    )


def test_small_offsets_are_tolerated(streets):
    """Three metres are what imagery and maps differ by anyway."""
    assert judge(streets, streets.set_geometry(streets.translate(3, -2))).table.empty


def test_strict_threshold_makes_no_phantoms():
    """A road seen with probability .4 is no phantom, however sure 'missing' must be."""
    lines = make_lines(*GRID)
    sure, all_roads = see(lines.drop(index=5)), see(lines)
    weak = type(sure)(np.maximum(sure.array, 0.42 * all_roads.array), BOX.transform, BOX.crs)
    evidence = Evidence(
        weak, photograph(lines), np.zeros(BOX.shape, bool), find_coverage(lines, BOX), 0.98
    )
    assert find_errors(evidence, make_map(lines)).table.empty


def test_tunnels_are_not_phantoms(streets):
    """What the map itself calls invisible is listed as not judged."""
    tunnel = make_lines([(100, 200), (300, 210)], visible=False)
    found = judge(streets, pd.concat([streets, tunnel], ignore_index=True))
    assert found.table.empty
    assert found.not_judged["reason"].str.contains("tunnel").any()


def test_roads_under_trees_are_not_phantoms(streets):
    """Under canopy nobody can tell, and the finding list says nothing."""
    hidden = np.zeros(BOX.shape, bool)
    hidden[370:430, 80:320] = True
    phantom = make_lines([(100, 200), (300, 210)])
    found = judge(streets, pd.concat([streets, phantom], ignore_index=True), hidden=hidden)
    assert found.table.empty
    assert found.not_judged.set_index("reason")["length_m"].filter(like="trees").sum() > 150


def test_no_imagery_is_no_evidence(streets):
    """Where the image has no data a mapped road is not called a phantom, whatever the map says."""
    probability = see(streets)
    blank = probability.valid.copy()
    blank[:, 600:] = False
    evidence = Evidence(
        type(probability)(np.where(blank, probability.array, 0), BOX.transform, BOX.crs, blank),
        photograph(streets),
        np.zeros(BOX.shape, bool),
        find_coverage(streets, BOX),
        0.4,
    )
    found = find_errors(evidence, make_map(streets))
    assert found.table.empty
    assert found.not_judged["reason"].str.contains("no imagery").any()


def test_railways_explain_what_is_seen(streets):
    """A line that the map knows as something else is not offered as a missing road."""
    rail = make_lines([(20, 200), (780, 200)])
    seen = pd.concat([streets, rail], ignore_index=True)
    assert "missing" in kinds(judge(seen, streets))
    assert judge(seen, streets, others=rail[["road_class", "geometry"]]).table.empty


def test_duplicate_and_reversed_roads_make_no_double_findings(streets):
    """A map that draws a street twice, once backwards, gets its phantom once more at most, never as
    missing.
    """
    twice = pd.concat([streets, streets.set_geometry(streets.reverse())], ignore_index=True)
    assert judge(streets, twice).table.empty


def test_beyond_the_map_is_not_missing():
    """Streets far from all that the map has are counted, not offered."""
    seen, mapped = make_lines(*GRID), make_lines([(100, 20), (100, 580)])
    found = judge(seen, mapped)
    assert found.table.geometry.centroid.x.max() < 500_000 + 200 if len(found.table) else True
    assert (found.not_judged["reason"] == BEYOND).any()
    everywhere = judge(seen, mapped, covered=np.ones(BOX.shape, bool))
    assert everywhere.table.length.sum() > 1500


def test_streets_that_lead_out_of_the_map_say_so(streets):
    """A street that begins within the map's reach and goes on beyond it is told from one between
    mapped streets.
    """
    mapped = make_lines([(100, 20), (100, 580)])
    stubs = find_candidates(gather(streets, mapped), make_map(mapped)).listed
    shares = [one.features["beyond"] for one in stubs if one.line.centroid.x > 500_100]
    assert len(shares) == 3 and min(shares) > 0.9
    assert sum("beyond the map's reach" in one.evidence for one in stubs) == 3
    dead_ends = [one.features["beyond"] for one in stubs if one.line.centroid.x < 500_100]
    assert max(dead_ends) < 0.4
    inner = find_candidates(gather(streets, streets.drop(5)), make_map(streets.drop(5))).listed
    assert [one.kind for one in inner].count("missing") >= 1
    assert all(one.features["beyond"] == 0 for one in inner if one.kind == "missing")


def test_identity_is_stable():
    """The identity survives small movements and reversal, and differs by kind."""
    line = shapely.LineString([(500_101, 5_000_102), (500_203, 5_000_101)])
    moved = shapely.affinity.translate(line, 1, 1)
    assert identify("missing", line) == identify("missing", moved.reverse())
    assert identify("missing", line) != identify("phantom", line)


def test_table_is_ranked(streets):
    """Scores fall, lie in [0, 1], and every row has its columns filled."""
    mapped = pd.concat(
        [streets.drop(index=[1, 5]), make_lines([(100, 200), (300, 210)])], ignore_index=True
    )
    table = judge(streets, mapped).table
    assert table["score"].is_monotonic_decreasing
    assert table["score"].between(0, 1).all()
    assert table["finding_id"].is_unique
    assert (table["evidence"].str.len() > 20).all()

"""Coverage: the inside of a street grid, and not the country beyond it."""

from __future__ import annotations

import numpy as np

from mapsight.roads.finding.coverage import find_coverage, share_beyond

from ..conftest import BOX, make_lines


def test_inside_of_a_grid_is_covered(streets):
    """Blocks between mapped streets belong to the map."""
    assert find_coverage(streets, BOX)[100:500, 100:700].all()


def test_far_away_is_not():
    """60 m beyond the last street the map ends; where it has none at all, it covers nothing."""
    covered = find_coverage(make_lines([(100, 20), (100, 580)]), BOX)
    assert covered[300, 100:158].all()
    assert not covered[300, 165:].any()
    assert not find_coverage(make_lines([(100, 20), (100, 580)]).iloc[:0], BOX).any()


def test_gaps_are_closed():
    """A deleted street between two that remain 250 m apart does not uncover its place."""
    covered = find_coverage(make_lines([(200, 0), (200, 600)], [(450, 0), (450, 600)]), BOX)
    assert covered[50:550, 205:445].all()
    assert (
        np.count_nonzero(
            find_coverage(make_lines([(100, 0), (100, 600)], [(700, 0), (700, 600)]), BOX)[300]
        )
        < 350
    )


def test_what_is_connected_beyond_belongs_there():
    """A stub within reach counts with the network that it begins; a piece of its own, and no road,
    count as nothing.
    """
    covered = np.zeros((40, 60), bool)
    covered[:, :30] = True
    unmapped = np.zeros((40, 60), bool)
    unmapped[10, 20:60] = True  # ten pixels within, thirty beyond
    unmapped[11:30, 59] = True  # touches its end: nineteen more beyond
    unmapped[30, 5:15] = True
    share = share_beyond(unmapped, covered)
    assert share[10, 20] == share[10, 59] == share[20, 59] == np.float32(49 / 59)
    assert share[30, 8] == 0 == share[0, 0]
    assert not share_beyond(unmapped, np.ones_like(covered)).any()

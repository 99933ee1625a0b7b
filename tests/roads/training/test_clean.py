"""Maps with known mistakes are moved back and silenced just where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from mapsight.cnn.compute import find_compute
from mapsight.errors import InputError
from mapsight.roads.training.chips import Scene
from mapsight.roads.training.clean import (
    align_scenes,
    clean_scenes,
    find_doubt,
    find_shift,
    mend_scenes,
    move_truth,
)
from mapsight.roads.training.train import TrainSettings


def draw(*rows: int, cols: tuple[int, ...] = (60,)) -> np.ndarray:
    """A mask (160, 160) with roads 7 px wide along rows and columns."""
    mask = np.zeros((160, 160), np.uint8)
    for r in rows:
        mask[r : r + 7] = 1
    for c in cols:
        mask[:, c : c + 7] = 1
    return mask


def make_scene(name: str, truth: np.ndarray) -> Scene:
    return Scene(name, np.zeros((3, 160, 160), np.uint8), truth, np.ones((160, 160), bool))


def see_truth(mask: np.ndarray) -> np.ndarray:
    """What a good net says of these roads."""
    return np.where(mask > 0, 0.9, 0.01).astype(np.float32)


@pytest.mark.parametrize("shift", [(0, 0), (5, 0), (-3, 9), (10, -10)])
def test_shift_is_found(shift):
    """The map is moved back by exactly what it was moved by."""
    truth = draw(40, 110)
    moved = move_truth(make_scene("moved", truth), *shift)
    assert find_shift(see_truth(truth), moved.truth) == (-shift[0], -shift[1])


def test_nothing_seen_moves_nothing():
    """A blind net gives no reason to move a map, and an empty map has nothing to move."""
    truth = draw(40)
    assert find_shift(np.full(truth.shape, 0.01), truth) == (0, 0)
    assert find_shift(see_truth(truth), np.zeros_like(truth)) == (0, 0)


def test_aligned_scene_knows_its_rim():
    """What a move brings in from outside is not known."""
    truth = draw(40, 110)
    moved = move_truth(make_scene("moved", truth), 6, 0)
    aligned = align_scenes([moved], lambda _: see_truth(truth))[0]
    assert (
        not aligned.valid[-6:].any() and not aligned.valid[:6].any() and aligned.valid[6:-6].all()
    )
    assert (aligned.truth[6:-6] == truth[6:-6]).all()


def test_doubt_covers_the_mistakes_and_little_else():
    """A road left out and one invented are doubted; right roads and edges a pixel off are not."""
    truth = draw(40, 110)
    mapped = draw(40, cols=(60, 130))  # lacks row 110, invents column 130
    mapped[47] = mapped[46]  # an edge one pixel too wide
    doubt = find_doubt(see_truth(truth), mapped > 0)
    assert doubt[112, 5:55].all() and doubt[10:30, 133].all()
    assert not doubt[40:48, :50].any() and not doubt[5:35, 60:67].any()


def test_blind_net_doubts_no_map():
    """Where the net sees hardly any of the map's roads, it is the net that is wrong."""
    assert not find_doubt(np.full((160, 160), 0.01), draw(40, 110) > 0).any()


def test_cleaning_is_out_of_sample():
    """Each scene is judged by what was learnt from the others."""
    scenes = [make_scene(str(k), draw(40)) for k in range(4)]
    taught: list[list[str]] = []

    def learn(some, title):
        names = [s.name for s in some]
        taught.append(names)

        def see(scene):
            assert scene.name not in names
            return see_truth(draw(40, 110))

        return see

    cleaned = clean_scenes(scenes, learn)
    assert sorted(map(tuple, taught)) == [("0", "2"), ("1", "3")]
    assert all(not s.valid[113, 20] and s.valid[43, 20] for s in cleaned)


@pytest.mark.parametrize("wanted", ["clean", "align"])
def test_one_scene_has_no_others(wanted):
    """What needs nets that were trained on other scenes says so at once."""
    asked = {"align": wanted == "align", "clean": wanted == "clean"}
    with pytest.raises(InputError, match=f"--{wanted}.*two images"):
        mend_scenes(
            [make_scene("only", draw(40))],
            TrainSettings(),
            **asked,
            m_per_px=1.0,
            compute=find_compute("cpu"),
        )

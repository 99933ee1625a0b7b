"""The audit keeps places straight: the shift goes out and comes back, and every file says where it
lies.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import torch

from mapsight.cnn.checkpoint import Model
from mapsight.errors import InputError
from mapsight.geo.grid import draw_blocks, spatial_folds
from mapsight.geo.raster import Raster
from mapsight.geo.shift import ShiftField
from mapsight.roads.audit import folds
from mapsight.roads.audit.align import move_findings_back
from mapsight.roads.audit.audit import audit_map
from mapsight.roads.audit.folds import deal_folds
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.finding.findings import COLUMNS
from mapsight.roads.finding.place import reproject_findings

from ..conftest import BOX, GRID, make_lines, make_map, photograph
from ..training.test_train import CARD, COMPUTE, Bright

HAMLET = (
    [(240, 300), (360, 300)],
    [(300, 240), (300, 360)],
)  # fills one block of 200 m, and a rim of its neighbours
STREET = ([(20, 300), (380, 300)], [(200, 250), (200, 350)])  # lies in two


def table():
    """Two findings, one of them with the road seen beside it."""
    lines = make_lines([(100, 100), (200, 100)], [(300, 50), (300, 250)])
    seen = ["", shapely.LineString([(500_310, 5_000_050), (500_310, 5_000_250)]).wkt]
    columns = {name: ["x", "y"] for name in COLUMNS if name not in ("seen_wkt",)}
    return gpd.GeoDataFrame({**columns, "seen_wkt": seen}, geometry=lines.geometry, crs=lines.crs)


def test_findings_go_back_to_the_map():
    """What was moved onto the imagery by (3, −4) lies 5 m from there afterwards, the seen road with
    it.
    """
    found = table()
    back = move_findings_back(found, ShiftField(dx_m=3.0, dy_m=-4.0))
    assert np.allclose(
        shapely.get_coordinates(back.geometry) - shapely.get_coordinates(found.geometry), [-3, 4]
    )
    seen = shapely.from_wkt(back["seen_wkt"][1])
    assert np.allclose(shapely.get_coordinates(seen)[0], [500_307, 5_000_054])
    assert back["seen_wkt"][0] == ""


def test_seen_road_is_in_the_files_crs():
    """In degrees the seen road still lies 10 m beside its finding."""
    back = reproject_findings(table(), "EPSG:4326")
    assert back.crs.to_epsg() == 4326
    seen = gpd.GeoSeries.from_wkt(back["seen_wkt"][[1]], crs=4326).to_crs(BOX.crs.to_wkt())
    line = back.geometry[[1]].to_crs(BOX.crs.to_wkt())
    assert seen.distance(line).iloc[0] == pytest.approx(10, abs=0.1)
    assert back["seen_wkt"][0] == ""


def test_empty_table_passes():
    """No findings are a table, too."""
    none = table().iloc[:0]
    assert len(reproject_findings(move_findings_back(none, ShiftField(dx_m=1.0)), "EPSG:4326")) == 0


def look(*coordinates, valid=None):
    """An image of a place with those streets, and the map of them."""
    lines = make_lines(*coordinates)
    return Raster(photograph(lines), BOX.transform, BOX.crs, valid), make_map(lines)


def test_states_are_of_these_folds_and_this_start(monkeypatch, tmp_path):
    """An interrupted audit goes on with no net that was trained on other pixels or from another
    start.
    """
    begun = []

    def interrupt(*scenes, state_path, **options):
        begun.append(state_path.name)
        raise InterruptedError

    monkeypatch.setattr(folds, "train_model", interrupt)
    image, roads = look(*GRID)
    starts = [Model(torch.nn.Conv2d(3, 1, 1), CARD) for _ in range(2)]
    for count, start in ((2, None), (3, None), (2, starts[0]), (2, starts[1]), (2, None)):
        engine = Engine(start, COMPUTE, tmp_path)
        with pytest.raises(InterruptedError):
            audit_map(image, roads, engine, settings=AuditSettings(folds=count))
    assert len(set(begun[:4])) == 4 and begun[4] == begun[0]


def test_no_data_under_the_map_is_no_evidence():
    """Said before anything is trained, whatever is to judge."""
    valid = np.zeros(BOX.shape, bool)
    valid[:, 700:] = True
    image, roads = look(*HAMLET, valid=valid)
    for start, count in ((None, 2), (Model(Bright(), CARD), 0)):
        with pytest.raises(InputError, match="no data where the map reaches"):
            audit_map(image, roads, Engine(start, COMPUTE), settings=AuditSettings(folds=count))


def test_small_map_takes_the_folds_it_fills(monkeypatch):
    """A map in two blocks is judged in two folds, one in a single block by the model as it is: a
    note says so.
    """
    taught = []

    def keep(scenes, *others, start, **options):
        taught.append(int(scenes[0].valid.sum()))
        return start, None

    monkeypatch.setattr(folds, "train_model", keep)
    start = Model(Bright(), CARD)
    for streets, count, note in (
        (STREET, 2, "2 folds instead of 3"),
        (HAMLET, 0, "the model judges as it is"),
    ):
        taught.clear()
        done = audit_map(*look(*streets), Engine(start, COMPUTE))
        assert done.prediction.folds == count == len(taught) and all(taught)
        assert any(note in said for said in done.notes)
    with pytest.raises(InputError, match=r"fewer than two blocks.*--folds 0"):
        audit_map(*look(*HAMLET), Engine(None, COMPUTE))


def test_one_fold_is_refused():
    """It would judge what it has learnt, or learn nothing."""
    with pytest.raises(InputError, match="no other to learn from"):
        audit_map(*look(*GRID), Engine(None, COMPUTE), settings=AuditSettings(folds=1))


def test_folds_are_dealt_to_what_is_taught():
    """Everywhere as ever; in part, evenly among the blocks that hold it."""
    whole = np.ones((500, 700), bool)
    dealt, count = deal_folds(whole, folds=3, block_px=100, seed=4)
    as_ever = draw_blocks(spatial_folds(500, 700, folds=3, block_px=100, seed=4), 500, 700)
    assert count == 3 and np.array_equal(dealt, as_ever)
    part = whole.copy()
    part[:, 200:] = False
    part[450:, 200] = True  # too little for a fold of its own
    dealt, count = deal_folds(part, folds=5, block_px=100, seed=4)
    assert count == 5 and (np.bincount(dealt[part]) >= 20_000).all()

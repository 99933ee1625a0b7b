"""What a map seems to lack is left out of training, and nothing else is."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from mapsight.cnn.compute import find_compute
from mapsight.geo.burn import burn_lines
from mapsight.geo.raster import Raster
from mapsight.roads.audit import audit
from mapsight.roads.audit.audit import audit_map
from mapsight.roads.audit.folds import Prediction
from mapsight.roads.audit.lacking import find_lacking
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.finding.candidates import FindingSettings
from mapsight.roads.scoring.table import FEATURES
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.verdicts.judged import ACCEPT, UNSURE, Judged

from ..conftest import BOX, make_map, photograph, see
from ..finding.test_findings import gather

LOST = [1, 3, 4, 6]  # more than half of the streets' length


def look(streets, mapped, judged=None):
    covered = np.ones(BOX.shape, bool)
    return find_lacking(
        gather(streets, mapped, covered=covered), make_map(mapped), FindingSettings(), judged
    )


def test_what_much_of_is_missing_is_left_out(streets):
    """All of the lost streets but where they meet the map's, none of those that are mapped."""
    mapped = streets.drop(index=LOST)
    lacking, note = look(streets, mapped)
    lost = (burn_lines(streets.loc[LOST], BOX) > 0) & (burn_lines(mapped, BOX, width_m=40) == 0)
    assert lacking[lost].mean() > 0.95
    assert lacking[burn_lines(mapped, BOX) > 0].mean() < 0.05
    assert "seems to lack" in note


def test_a_map_that_lacks_little_is_taught_whole(streets):
    """One street of seven may be an error that the folds shall tell."""
    lacking, note = look(streets, streets.drop(index=1))
    assert not lacking.any() and not note


@pytest.mark.parametrize("verdict", [ACCEPT, UNSURE])
def test_what_people_have_judged_is_taught(streets, verdict):
    """A street with a verdict is taught as they say; one of which they are unsure stays out."""
    mapped = streets.drop(index=LOST)
    features = dict.fromkeys(FEATURES["missing"], 0.0)
    columns = {
        "kind": ["missing"],
        "verdict": [verdict],
        "features": [features],
        "seen": [streets.geometry[1]],
    }
    judged = Judged(gpd.GeoDataFrame(columns, geometry=[streets.geometry[1]], crs=streets.crs))
    on_street = burn_lines(streets.loc[[1]], BOX, width_m=3) > 0
    before, after = (look(streets, mapped, said)[0] for said in (None, judged))
    assert after[on_street].sum() == (0 if verdict == ACCEPT else before[on_street].sum())
    assert (before & ~after).sum() < (burn_lines(streets.loc[[1]], BOX, width_m=30) > 0).sum()


def test_an_audit_of_such_a_map_says_so(streets, monkeypatch):
    """The places weigh nothing in training; a map that lacks little is taught as it is."""
    taught = []

    def learn(image, labels, engine, *, first, settings):
        taught.append(labels.heeded)
        return Prediction(probability=first, folds=settings.folds)

    monkeypatch.setattr(audit, "predict_start", lambda *_: see(streets))
    monkeypatch.setattr(audit, "predict_folds", learn)
    image = Raster(photograph(streets), BOX.transform, BOX.crs)
    for lost, silent in ((LOST, True), ([1], False)):
        roads = make_map(streets.drop(index=lost))
        done = audit_map(
            image,
            roads,
            Engine(read_model_or_default(None), find_compute("cpu")),
            settings=AuditSettings(folds=2, coverage=False),
        )
        on_lost = burn_lines(streets.loc[lost], BOX, width_m=3) > 0
        assert any("seems to lack" in note for note in done.notes) == silent
        assert (np.mean(taught[-1][on_lost] == 0) > 0.8) == silent

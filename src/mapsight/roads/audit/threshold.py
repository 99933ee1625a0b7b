"""Fourth stage: from which probability on it is road, chosen where no net has seen the map."""

from __future__ import annotations

import dataclasses

from mapsight.roads.audit.folds import Prediction
from mapsight.roads.audit.labels import Labels
from mapsight.roads.audit.settings import AuditSettings
from mapsight.roads.prediction.threshold import ThresholdChoice, choose_threshold, count_blocks

_LEAST = 0.001  # the grid's first step: from 0 on everything would be road
_WEAK_F1 = 0.6  # below it the first ten findings are right in about half of the cases


def settle_threshold(
    prediction: Prediction, labels: Labels, settings: AuditSettings
) -> ThresholdChoice:
    """Choose the threshold by the map's own labels (not by those that verdicts mended).

    Blocks of `settings.block_m` are what its interval is drawn from. Raises InputError where no
    valid pixel has a label.
    """
    seen = prediction.probability
    counts = count_blocks(
        seen.array[0],
        labels.truth,
        seen.valid & (labels.weight > 0),
        block_px=round(settings.block_m / seen.geobox.m_per_px),
    )
    choice = choose_threshold(counts, precision=settings.precision)
    note = ""
    if choice.curves.f1.max() < _WEAK_F1:
        note = (
            f"net and map agree little here (F1 {choice.curves.f1.max():.2f}): look at the first"
            " findings only, and do not read their scores as probabilities"
        )
    return dataclasses.replace(choice, value=max(choice.value, _LEAST), note=note)

"""Fourth stage: from which probability on it is road, chosen where no net has seen the map."""

from __future__ import annotations

import dataclasses

from mapsight.roads.audit.folds import Prediction
from mapsight.roads.audit.labels import Labels
from mapsight.roads.audit.settings import AuditSettings
from mapsight.roads.prediction.threshold import ThresholdChoice, choose_threshold, count_blocks


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
    least = settings.least_threshold
    if choice.value >= least:
        return choice
    note = (
        f"the nets hardly recognise the roads of this map: the best threshold is"
        f" {choice.value:.3f}, {least:g} is used; findings here are weak"
    )
    return dataclasses.replace(choice, value=least, note=note)

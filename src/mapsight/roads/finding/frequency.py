"""How frequent errors are in this map, told by its candidates, and what people said of some."""

from __future__ import annotations

import numpy as np

from mapsight.roads.finding.candidates import Candidates
from mapsight.roads.kinds import UNMAPPED
from mapsight.roads.scoring.prior import PriorSettings, believe_lacking, find_offsets
from mapsight.roads.scoring.rerank import Bend, Lessons, learn_verdicts
from mapsight.roads.scoring.table import FEATURES, read_share, score_evidence


def learn_bend(found: Candidates | None, lessons: Lessons = Lessons()) -> Bend:
    """What this place teaches the ranking: its candidates how many errors there are, people which.

    Parameters
    ----------
    found : Candidates or None
        None: nothing is believed of how many.
    lessons : Lessons
        What people said of findings.
    """
    start = dict.fromkeys(FEATURES, 0.0) if found is None else estimate_offsets(found)
    return learn_verdicts(lessons, start)


def estimate_offsets(
    found: Candidates, settings: PriorSettings = PriorSettings()
) -> dict[str, float]:
    """Kind → what is added to the logits of its scores here, told by the candidates (the
    posterior's maximum).
    """
    scored = {
        kind: (
            np.array(
                [score_evidence(kind, one.features) for one in found.listed if one.kind == kind]
            ),
            read_share(kind),
        )
        for kind in FEATURES
    }
    lacking = believe_lacking(*measure_lacking(found), settings)
    return find_offsets(scored, settings, dict.fromkeys(UNMAPPED, lacking))


def measure_lacking(found: Candidates) -> tuple[float, float]:
    """Metres of road seen within the map's reach: what the map seems to lack of them, and all.

    What is connected with roads beyond its reach belongs, by that share, to another map.
    """
    lacking_m = sum(
        one.line.length * (1 - one.features["beyond"])
        for one in found.listed
        if one.kind in UNMAPPED
    )
    return float(lacking_m), float(found.seen.length[found.within].sum())

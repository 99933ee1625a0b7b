"""The findings of two runs over one place: which are the same, and what became of the others.

Two findings are the same when they are of one kind and one lies over the other with half of its
length (`finding/overlap.py`). So an identity outlives small shifts, and a verdict follows the place
that it was given for, through splits and merges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import geopandas as gpd
from shapely import STRtree

from mapsight.roads.finding.candidates import make_id
from mapsight.roads.finding.overlap import OverlapSettings, measure_overlap
from mapsight.roads.kinds import KINDS, UNMAPPED
from mapsight.roads.verdicts.store import REJECT

NEW, STILL, DISMISSED = "new", "still there", "dismissed"  # of findings
SOLVED, GONE, NOT_JUDGED, MERGED = (
    "solved",
    "gone",
    "not judged",
    "merged",
)  # of earlier ones that are not found now

_MATCH = OverlapSettings()


class Pair(NamedTuple):
    """Rows that are the same finding, and which share of the new one lies over the old one."""

    now: int
    before: int
    share_now: float


@dataclass(frozen=True, eq=False)
class Continuity:
    """`now` with identities and statuses carried over, dismissed ones last (its index: the rows
    that it was made of); `earlier`: those not found now.

    `inherited`: new identity → the earlier one whose verdict holds for it, too (pieces of a finding
    that was split).
    """

    now: gpd.GeoDataFrame
    earlier: gpd.GeoDataFrame
    inherited: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Status → how many."""
        together = [*self.now["status"], *self.earlier["status"]]
        return {status: together.count(status) for status in dict.fromkeys(together)}


def begin_findings(now: gpd.GeoDataFrame, *, time_utc: str) -> Continuity:
    """The first run over a place: everything is new."""
    return Continuity(now.assign(status=NEW, first_seen=time_utc, came_from=""), _take_none(now))


def carry_over(
    now: gpd.GeoDataFrame,
    before: gpd.GeoDataFrame,
    *,
    time_utc: str,
    explain: Callable[[Any], str] = lambda row: SOLVED,
) -> Continuity:
    """Takes identities, dates and verdicts (column `verdict`, '' for none) of earlier findings over
    to these.

    Both in one metric CRS (or in pixels), `before` with all that was ever found; `explain` says of
    a row of it that is not found again whether it is SOLVED, GONE or NOT_JUDGED.
    """
    pairs = pair_findings(now, before)
    kept = _keep_identities(pairs, before)
    rows = [
        _continue(name, [p for p in pairs if p.now == number], kept.get(number), before, time_utc)
        for number, name in enumerate(now["finding_id"])
    ]
    rows = _name_fresh(rows, taken=set(before["finding_id"]))
    columns = {
        name: [row[name] for row in rows]
        for name in ("finding_id", "status", "first_seen", "came_from")
    }
    carried = now.assign(**columns)
    inherited = {
        row["finding_id"]: row["verdict_of"]
        for row in rows
        if row["verdict_of"] not in ("", row["finding_id"])
    }
    earlier = _follow_lost(before, pairs, kept, explain)
    order = (carried["status"] == DISMISSED).to_numpy().argsort(kind="stable")
    return Continuity(carried.iloc[order], earlier, inherited)


def pair_findings(
    now: gpd.GeoDataFrame, before: gpd.GeoDataFrame, *, min_share: float = 0.5
) -> list[Pair]:
    """All pairs of one kind of which one lies over the other with at least that share, the longest
    overlap first.
    """
    lines, old_lines = now.geometry.to_numpy(), before.geometry.to_numpy()
    found = []
    if len(lines) and len(old_lines):
        near = STRtree(old_lines).query(lines, predicate="dwithin", distance=_MATCH.match_m)
        kinds, old_kinds = now["kind"].to_numpy(), before["kind"].to_numpy()
        for new, old in near.T[kinds[near[0]] == old_kinds[near[1]]]:
            shares = (
                measure_overlap(lines[new], old_lines[old], _MATCH),
                measure_overlap(old_lines[old], lines[new], _MATCH),
            )
            if max(shares) >= min_share:
                found.append(Pair(int(new), int(old), shares[0]))
    ids = before["finding_id"].tolist()
    return sorted(found, key=lambda p: (-p.share_now * lines[p.now].length, ids[p.before], p.now))


def find_fate(row: Any, mapped: Any, judged_share: float) -> str:
    """What became of a finding that is not found again: `mapped` are the map's lines near it, as
    one geometry.
    """
    if judged_share < 0.5:
        return NOT_JUDGED
    kind = KINDS.get(row.kind)  # None: of another version
    over = OverlapSettings(match_m=(kind and kind.gone_m) or _MATCH.match_m)
    is_there = measure_overlap(row.geometry, mapped, over) >= 0.5
    return SOLVED if is_there == (row.kind in UNMAPPED) else GONE


def _keep_identities(pairs: Iterable[Pair], before: gpd.GeoDataFrame) -> dict[int, int]:
    """now → before, one to one, the longest overlap first.

    A finding with a verdict gives its identity only to one that lies over it by half: a verdict on
    60 m of road must not become one on 300 m.
    """
    verdicts = before["verdict"].tolist()
    kept: dict[int, int] = {}
    taken: set[int] = set()
    for pair in pairs:
        free = pair.now not in kept and pair.before not in taken
        if free and (pair.share_now >= 0.5 or not verdicts[pair.before]):
            kept[pair.now] = pair.before
            taken.add(pair.before)
    return kept


def _continue(
    fresh_id: str, mine: list[Pair], kept: int | None, before: gpd.GeoDataFrame, time_utc: str
) -> dict[str, Any]:
    """Identity, status, date of the first sight, the earlier finding it was part of, and whose
    verdict holds; `mine`: its pairs, `kept`: the row of `before` whose identity it keeps.
    """
    if not mine:
        return {
            "finding_id": fresh_id,
            "own": False,
            "status": NEW,
            "first_seen": time_utc,
            "came_from": "",
            "verdict_of": "",
        }
    own = kept is not None
    old = before.iloc[mine[0].before if kept is None else kept]
    verdict, verdict_of = _inherit_verdict(mine, before)
    overgrown = (
        not own and bool(old["verdict"]) and mine[0].share_now < 0.5
    )  # most of it nobody has judged
    anew = overgrown or (own and old["status"] == SOLVED)
    return {
        "finding_id": old["finding_id"] if own else fresh_id,
        "own": own,
        "status": DISMISSED if verdict == REJECT else NEW if anew else STILL,
        "first_seen": time_utc if overgrown else old["first_seen"] or time_utc,
        "came_from": "" if own else old["finding_id"],
        "verdict_of": verdict_of,
    }


def _inherit_verdict(pairs: list[Pair], before: gpd.GeoDataFrame) -> tuple[str, str]:
    """The verdict that was given on at least half of a finding, and on which earlier one; ('', '')
    for none.
    """
    share: dict[str, float] = {}
    source: dict[str, str] = {}
    for pair in pairs:
        old = before.iloc[pair.before]
        share[old["verdict"]] = share.get(old["verdict"], 0.0) + pair.share_now
        source.setdefault(old["verdict"], old["finding_id"])
    share.pop("", None)
    most = max(share, key=lambda verdict: share[verdict], default="")
    return (most, source[most]) if share.get(most, 0.0) >= 0.5 else ("", "")


def _name_fresh(rows: list[dict[str, Any]], taken: set[str]) -> list[dict[str, Any]]:
    """Fresh identities that collide with an earlier or another finding's get other digits, always
    the same ones.
    """
    held, named = set(taken), []
    for row in rows:
        name, count = row["finding_id"], 0
        while not row["own"] and name in held:
            count += 1
            name = make_id(f"{row['finding_id']} {count}")
        held.add(name)
        named.append({**row, "finding_id": name})
    return named


def _follow_lost(
    before: gpd.GeoDataFrame, pairs: list[Pair], kept: dict[int, int], explain: Callable[[Any], str]
) -> gpd.GeoDataFrame:
    """The earlier findings that gave their identity to none: part of another now, dismissed, or not
    found again.
    """
    lost = [number for number in range(len(before)) if number not in set(kept.values())]
    absorbed = {pair.before for pair in pairs}
    rows = before.iloc[lost]
    status = []
    for number, row in zip(lost, rows.itertuples(index=False), strict=True):
        if row.verdict == REJECT:
            status.append(DISMISSED)
        elif number in absorbed:
            status.append(MERGED)
        elif row.status in (SOLVED, MERGED):
            status.append(row.status)
        else:
            status.append(explain(row))
    return rows.assign(status=status).reset_index(drop=True)


def _take_none(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return table.iloc[:0].assign(status="", first_seen="", came_from="", verdict="")

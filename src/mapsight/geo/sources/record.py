"""What came from where, when, under which attribution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mapsight.geo.sources.mosaic import MosaicSummary


@dataclass(frozen=True)
class Gathered:
    """The record of one source: `kind`, `source` (without keys), `attribution`, what was fetched
    between which times (ISO 8601), `failed` (reason → count), `notes` for people, and more facts in
    `details`.
    """

    kind: str
    source: str
    attribution: str
    fetched: int
    fetched_between: tuple[str, str] | None = None
    failed: dict[str, int] = field(default_factory=dict)
    share_valid: float | None = None
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether asking again could not bring more."""
        return not any(count for kind, count in self.failed.items() if kind not in LASTING)


# failures that another run would meet again
LASTING = frozenset({"absent", "placeholder"})


def span_times(times: Iterable[float]) -> tuple[str, str] | None:
    """First and last of seconds since 1970, as ISO 8601 in UTC."""
    known = list(times)
    return (format_time(min(known)), format_time(max(known))) if known else None


def format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def describe_summary(summary: MosaicSummary) -> dict[str, int]:
    """Counts of parts for a record."""
    return {
        "parts_made": summary.parts_made,
        "parts_kept": summary.parts_kept,
        "parts_wanting": summary.parts_wanting,
    }

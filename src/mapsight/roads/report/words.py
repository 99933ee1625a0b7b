"""The report's words: numbers, offsets and certainty, said so that nobody has to look them up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

# Lower bounds of P(real error) and how a careful colleague would say it.
_CERTAINTY = (
    (0.95, "almost certainly a real error"),
    (0.80, "very likely a real error"),
    (0.60, "likely a real error"),
    (0.40, "may or may not be an error"),
    (0.20, "probably no error of this map"),
    (0.0, "very probably no error of this map"),
)
_RARE = "few such errors are expected in this map"
_UNLIKELY, _CLEARLY, _HARDLY = 0.4, 0.9, 0.1  # of scores; of probabilities of road
_MOST = 0.8  # of the expected errors lie among the findings that are named first


def say_count(count: int, singular: str, plural: str) -> str:
    """'no places', '1 place', '1,204 places'."""
    return f"{'no' if count == 0 else f'{count:,}'} {singular if count == 1 else plural}"


def say_list(items: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def say_metres(value_m: float) -> str:
    """A length with as many digits as it deserves: '3.4 m', '128 m', '1.28 km'; '' when unknown."""
    if not math.isfinite(value_m):
        return ""
    if abs(value_m) >= 999.5:
        return f"{value_m / 1000:,.2f} km"
    return f"{value_m:.0f} m" if abs(value_m) >= 9.95 else f"{value_m:.1f} m"


def say_amount(value: float, unit: str) -> str:
    """A length or an area with a unit, never rounded to a misleading zero: '12.3 km', '0.04
    km²'.
    """
    if not math.isfinite(value):
        return "unknown"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"under 0.01 {unit}" if text == "0.00" and value > 0 else f"{text} {unit}"


def say_percent(share: float) -> str:
    """A share as whole per cent; certainty is never claimed, so 99.7 % stays '99 %'; '' when
    unknown.
    """
    if not math.isfinite(share):
        return ""
    return f"{100 if share >= 1 else min(99, round(100 * share))} %"


def say_certainty(score: float) -> str:
    """P(real error) in words, the same for all scores that show as the same per cent."""
    return next(
        (words for bound, words in _CERTAINTY if round(score, 2) >= bound), "certainty unknown"
    )


def say_judgement(score: float, probability: float, seen: str) -> str:
    """What the net sees and whether it is an error of this map, in one phrase.

    Parameters
    ----------
    score : P(real error).
    probability : of road along the finding, NaN where it is not known.
    seen : where its kind says that a road is seen (`Kind.seen`).
    """
    if round(score, 2) < _UNLIKELY and seen == "here" and probability >= _CLEARLY:
        return f"clearly a road; {_RARE}"
    if round(score, 2) < _UNLIKELY and seen == "nowhere" and probability <= _HARDLY:
        return f"clearly no road is seen; {_RARE}"
    return say_certainty(score)


def say_expectation(scores: Sequence[float]) -> str:
    """How many real errors ranked findings promise, and among how many of the first most are."""
    total = math.fsum(scores)
    places = "this place" if len(scores) == 1 else f"these {len(scores):,} places"
    if total < 0.75:
        return f"Fewer than one real error is expected in {places}."
    count, reached, likely = round(total), 0.0, 0
    while reached < _MOST * total:
        reached += scores[likely]
        likely += 1
    first = f", most likely among the first {likely:,}" if likely < len(scores) else ""
    many = "1 real error is" if count == 1 else f"{count:,} real errors are"
    return f"About {many} expected in {places}{first}."


def say_offset(dx_m: float, dy_m: float) -> str:
    """A vector by its parts: '2.4 m east and 1.1 m south'."""
    parts = ((dx_m, "east", "west"), (dy_m, "north", "south"))
    said = [
        f"{abs(v):.1f} m {plus if v > 0 else minus}" for v, plus, minus in parts if abs(v) >= 0.05
    ]
    return say_list(said) or "less than 0.1 m"


def say_interval(interval_m: tuple[float, float], plus: str, minus: str) -> str:
    """An interval along one axis: '1.3 to 2.4 m east', or '0.4 m west to 0.9 m east' where it spans
    zero.
    """
    low_m, high_m = interval_m
    if low_m >= 0:
        return f"{low_m:.1f} to {high_m:.1f} m {plus}"
    if high_m <= 0:
        return f"{-high_m:.1f} to {-low_m:.1f} m {minus}"
    return f"{-low_m:.1f} m {minus} to {high_m:.1f} m {plus}"


_SINCE = {
    "new": "new",
    "still there": "still there",
    "dismissed": "dismissed by a person",
    "solved": "solved (the map has changed there)",
    "gone": "no longer found (though the map is unchanged there)",
    "not judged": "not looked at this time",
    "merged": "now part of another finding",
}


def say_since(statuses: Mapping[str, int]) -> str:
    """What changed since the audit before: '2 new, 10 still there, 1 solved: …'; '' for a first
    audit.
    """
    return say_list(
        [f"{statuses[name]:,} {said}" for name, said in _SINCE.items() if statuses.get(name)]
    )


def make_sentence(text: object) -> str:
    """The text with a capital first letter and a full stop."""
    said = str(text).strip()
    return said[:1].upper() + said[1:] + ("" if not said or said[-1] in ".!?" else ".")

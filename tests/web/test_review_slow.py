"""The page beside a slow or absent server, and beside another person: no word goes astray."""

from __future__ import annotations

import json
import threading

import pytest

pytest.importorskip("rio_tiler", reason="needs mapsight[web]")

from mapsight.roads.verdicts.store import VerdictStore, read_verdicts

from .conftest import serving
from .test_review_page import open_page, press, wait_for, wait_judged  # noqa: F401


@pytest.fixture
def hold(monkeypatch):
    """Makes a method of the store wait, for a finding, until what is returned is set."""

    def hold(method: str, finding_id: str) -> threading.Event:
        gate, quick = threading.Event(), getattr(VerdictStore, method)

        def wait(store, asked, *arguments, **told):
            assert asked != finding_id or gate.wait(60)
            return quick(store, asked, *arguments, **told)

        monkeypatch.setattr(VerdictStore, method, wait)
        return gate

    return hold


def _read(audit) -> dict[str, tuple[str, str]]:
    kept = read_verdicts(audit / "findings.gpkg").set_index("finding_id")
    return {name: (row["verdict"], row["note"]) for name, row in kept.iterrows()}


def test_a_line_is_its_own_findings(audit, open_page, hold):  # noqa: F811
    """`j` and at once `e`: the line of the finding before is not what is edited, nor kept with the
    next verdict.
    """
    with serving(audit) as address:
        page = open_page(address, draw=True)
        evidence = hold("read_history", f"{1:010x}")
        page.keyboard.press("j")
        wait_for(page, "#position", "^No. 2")
        assert page.locator("#edit").is_disabled()
        page.keyboard.press("e")
        page.wait_for_timeout(500)
        page.keyboard.press("a")
        wait_judged(page, 1)
        evidence.set()
        assert page.locator("#edit-bar").is_hidden()
        assert read_verdicts(audit / "findings.gpkg")["geometry_wkt"].tolist() == [""]


def test_evidence_that_does_not_come_is_nobody_elses(audit, open_page):  # noqa: F811
    """The evidence of the finding before does not stand under the next one's title."""
    with serving(audit) as address:
        page = open_page(address)
        assert page.locator("#details .facts").count() == 1
        page.route(f"**/api/findings/{1:010x}", lambda route: route.abort())
        page.keyboard.press("j")
        wait_for(page, "#said", "does not answer")
        assert page.locator("#details .facts").count() == 0


def test_a_verdict_that_failed_can_be_said_again(audit, open_page):  # noqa: F811
    """The server fails once: the page says so, and the same key, or a little patience, brings the
    verdict home.
    """
    with serving(audit) as address:
        page = open_page(address)
        failed = []

        def fail(route) -> None:
            failed.append(route.request.url)
            route.fulfill(
                status=503,
                content_type="application/json",
                body=json.dumps({"detail": "no time now"}),
            )

        page.route("**/verdict", fail, times=1)
        page.keyboard.press("a")
        wait_for(page, "#said", "Not kept yet.*: no time now")
        page.keyboard.press("a")
        wait_judged(page, 1)
        assert page.locator("#position").inner_text() == "No. 2 of 12"
        page.route("**/verdict", fail, times=1)
        page.keyboard.press("r")
        wait_for(page, "#said", "Not kept yet")
        wait_judged(page, 2)  # without a further key
        assert len(failed) == 2
        assert _read(audit) == {f"{0:010x}": ("accept", ""), f"{1:010x}": ("reject", "")}


def test_a_note_stays_with_its_finding(audit, open_page, hold):  # noqa: F811
    """A note begun while the verdict is under way holds the page; it is kept with that finding."""
    with serving(audit) as address:
        page = open_page(address)
        disk = hold("add", f"{0:010x}")
        page.keyboard.press("a")
        page.keyboard.press("m")
        page.keyboard.type("a lane")
        disk.set()
        wait_judged(page, 1)
        page.keyboard.type(" to a farm")
        assert page.locator("#position").inner_text() == "No. 1 of 12"
        page.keyboard.press("Escape")
        press(page, "j")
        assert page.locator("#note").input_value() == ""
        press(page, "r")
        wait_judged(page, 2)
        assert _read(audit) == {
            f"{0:010x}": ("accept", "a lane to a farm"),
            f"{1:010x}": ("reject", ""),
        }


def test_what_a_colleague_drew_is_kept(audit, open_page):  # noqa: F811
    """Ann is writing a note when Bob accepts with a mended line: her note comes to his verdict, the
    line stays.
    """
    wkt = "LINESTRING (400000 5000000, 400030 5000010)"
    with serving(audit, reviewer="ann") as address:
        page = open_page(address)
        press(page, "m")
        page.keyboard.type("it")
        VerdictStore(audit / "findings.gpkg").add(
            f"{0:010x}", "accept", revision=0, reviewer="bob", geometry_wkt=wkt
        )
        wait_judged(page, 1)
        page.keyboard.type(" is there")
        page.keyboard.press("Escape")
        wait_for(page, "#said", "No. 1 accepted")
        kept = read_verdicts(audit / "findings.gpkg").iloc[0]
        assert (kept["reviewer"], kept["note"], kept["geometry_wkt"]) == ("ann", "it is there", wkt)


def test_undo_asks_who(audit, open_page):  # noqa: F811
    """Without a name nobody's verdict is taken back."""
    with serving(audit) as address:
        page = open_page(address)
        press(page, "a")
        wait_judged(page, 1)
        press(page, "z")
        wait_for(page, "#said", "needs your name")
        assert _read(audit) == {f"{0:010x}": ("accept", "")}


def test_two_tabs_share_an_outbox(audit, open_page):  # noqa: F811
    """What one tab could not bring home outlives what another one did."""
    with serving(audit) as address:
        first = open_page(address)
        first.route("**/verdict", lambda route: route.abort())
        first.keyboard.press("a")
        wait_for(first, "#said", "Not kept yet")
        second = first.context.new_page()
        second.route("**/maplibre-gl.mjs", lambda route: route.abort())
        second.route("**/verdict", lambda route: route.abort())
        second.goto(f"{address}#{5:010x}")
        second.wait_for_selector("#details .facts")
        second.unroute("**/verdict")
        press(second, "r")
        wait_judged(second, 2)  # its own, and what the first one left
        first.close()
        assert _read(audit) == {f"{0:010x}": ("accept", ""), f"{5:010x}": ("reject", "")}

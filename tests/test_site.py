"""The documentation as a site: all pages are in it, and a link to nowhere stops the build."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mapsight

ROOT = Path(__file__).parent.parent
SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages that lie in `folder/docs` as the project's settings say."""
    settings = SETTINGS.replace("build/docs", "docs").replace("build/site", "site")
    settings = settings.replace("paths: [src]", f"paths: [{(ROOT / 'src').as_posix()}]")
    (folder / "mkdocs.yml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages as `make docs` lays them together."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs mapsight[docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "docs" / "assemble.py"), str(folder / "docs")]
    subprocess.run(command, check=True, timeout=120)
    return folder


def test_site_builds(pages):
    """No link, anchor or name is wrong, and each public function and class has its entry."""
    done = build(pages)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (pages / "site" / "api.html").read_text(encoding="utf-8")
    for name in getattr(mapsight, "__all__", ()):
        if callable(getattr(mapsight, name)):
            assert f"mapsight.{name}" in page
    shown = (pages / "site" / "index.html").read_text(encoding="utf-8")
    assert (pages / "site" / re.findall(r'src="?(img/report\.jpg)', shown)[0]).is_file()


def test_a_link_that_leads_nowhere_stops_the_build(pages, tmp_path):
    """The check above can fail."""
    shutil.copytree(pages / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "reading.md").open("a", encoding="utf-8") as page:
        page.write("\nSee [nothing](results.md#nothing).\n")
    done = build(tmp_path)
    assert done.returncode != 0
    assert "anchor" in done.stdout + done.stderr


def test_every_page_is_in_the_navigation():
    """The list in mkdocs.yml has each page of docs/ but the decisions, which have a list of their
    own, and no page that there is not.
    """
    listed = set(re.findall(r"^ +- [^:\n]+: ([\w/.-]+\.md)$", SETTINGS, re.M))
    folder = ROOT / "docs"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")}
    assembled = {"index.md", "contributing.md", "changelog.md", "decisions/index.md"}
    assert {page for page in there if not page.startswith("decisions/")} | assembled == listed

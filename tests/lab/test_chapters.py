"""The chapters: every block runs, every figure comes out as it is shown, every answer is
checked.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from mapsight.cli.app import main

FOLDER = Path(__file__).parents[2] / "docs" / "lab"
spec = importlib.util.spec_from_file_location("draw", FOLDER / "draw.py")
draw = importlib.util.module_from_spec(spec)
spec.loader.exec_module(draw)
by_name = pytest.mark.parametrize("chapter", draw.CHAPTERS, ids=lambda path: path.stem)


@by_name
def test_python_blocks(chapter, tmp_path, monkeypatch):
    """Every example gives what the page says it gives; those of the answers as well."""
    monkeypatch.chdir(tmp_path)
    examples = list(Sybil(parsers=[PythonCodeBlockParser()]).parse(chapter).examples())
    assert len(examples) >= 3
    for example in examples:
        example.evaluate()


@by_name
def test_figures_are_the_commands(chapter, tmp_path, monkeypatch, capsys):
    """The page's commands write the page's figures: same size, and the same picture but for a
    font's hair.
    """
    monkeypatch.chdir(tmp_path)
    text = chapter.read_text(encoding="utf-8")
    for command in draw.list_commands(text):
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, capsys.readouterr().err
    shown = re.findall(r"!\[[^\]]+\]\((img/[^)]+)\)", text)
    assert shown
    assert {
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*") if path.is_file()
    } == set(shown)
    for name in shown:
        assert (FOLDER / name).stat().st_size < 120_000, f"{name} is heavy"
        assert compare_pictures(FOLDER / name, tmp_path / name) < 2, (
            f"{name} is not what the command draws"
        )


def compare_pictures(left: Path, right: Path) -> float:
    """Largest mean difference of grey values over the frames of two pictures; infinite where they
    do not match.
    """
    with Image.open(left) as a, Image.open(right) as b:
        if (a.size, getattr(a, "n_frames", 1)) != (b.size, getattr(b, "n_frames", 1)):
            return float("inf")
        frames = [
            [np.asarray(f.convert("L"), float) for f in ImageSequence.Iterator(p)] for p in (a, b)
        ]
    return max(float(np.abs(x - y).mean()) for x, y in zip(*frames, strict=True))


@by_name
def test_exercises_have_answers(chapter):
    """Two or more exercises a chapter, each with a folded answer that holds a block."""
    text = chapter.read_text(encoding="utf-8")
    answers = re.findall(r"<details>\n<summary>Answer</summary>\n(.*?)</details>", text, re.S)
    assert text.count("**Exercise") == len(answers) >= 2
    assert all("```python" in answer for answer in answers)


def test_chapters_lead_on():
    """The chapters are numbered without a gap and each links the next."""
    assert [int(path.name[:2]) for path in draw.CHAPTERS] == list(range(1, len(draw.CHAPTERS) + 1))
    for chapter, following in zip(draw.CHAPTERS, draw.CHAPTERS[1:], strict=False):
        assert f"({following.name})" in chapter.read_text(encoding="utf-8")

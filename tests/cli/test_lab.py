"""`mapsight lab …` as it is typed: tables, pictures, images of one's own, and one-line answers to
mistakes.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mapsight.cli.lab import COMMANDS


@pytest.fixture
def photo(tmp_path):
    """A PNG of 300×90 px, one bright bar on black."""
    pixels = np.zeros((90, 300, 3), np.uint8)
    pixels[:, 140:160] = 255
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_lab_help_says_what_there_is(run):
    """The list of experiments; bare `lab` is the page (test_lab_page.py)."""
    done = run("lab", "--help")
    assert done.status == 0
    assert all(name in done.out for name in COMMANDS)


def test_lab_help_is_quick():
    """The help of the lab loads neither torch nor matplotlib."""
    script = (
        "import sys, mapsight.cli.app; sys.exit(bool({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_sobel_on_the_lecture(run, tmp_path):
    """Without an image: the lecture's table, all 144 entries twice, and a picture."""
    done = run("lab", "sobel", "--out", tmp_path / "new" / "sobel.png")
    assert done.status == 0
    assert done.out.count("144 of 144 entries equal the lecture's") == 2
    with Image.open(tmp_path / "new" / "sobel.png") as picture:
        assert min(picture.size) > 300


def test_own_image(run, photo, tmp_path):
    """An image of one's own is shrunk, said so, and answered: a bright bar has two upright edges
    and no lying one.
    """
    done = run("lab", "sobel", photo, "--out", tmp_path / "bar.png")
    assert done.status == 0 and "shrunk from 300×90 to 256×77" in done.err
    assert "lecture's" not in done.out
    assert (tmp_path / "bar.png").is_file()


def test_svg_and_gif(run, tmp_path):
    """Pictures as SVG too; animations move."""
    assert run("lab", "pool", "--out", tmp_path / "pool.svg").status == 0
    assert (tmp_path / "pool.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert run("lab", "backprop", "--out", tmp_path / "b.gif").status == 0
    with Image.open(tmp_path / "b.gif") as moving:
        assert moving.n_frames == 4


def test_own_filter_and_numbers(run, tmp_path):
    """Typed numbers under a typed filter, with padding, stride and dilation."""
    done = run(
        "lab",
        "conv",
        "--input",
        "1 2 3; 4 5 6",
        "--filter",
        "1 1",
        "--padding",
        "same",
        "--stride",
        "2",
        "--out",
        tmp_path / "c.gif",
    )
    assert done.status == 0
    assert "1·1 + 2·1 = 3" in done.out and "3·1 + 0·1 = 3" in done.out


def test_same_twice(run, tmp_path):
    """The same command writes the same bytes."""
    for name in ("a", "b"):
        assert run("lab", "backprop", "--out", tmp_path / f"{name}.gif").status == 0
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_params_of_a_net(run, tmp_path):
    """The digit net's 2,315,018 and the dense layer's part."""
    done = run("lab", "params", "lecture-cnn", "--out", tmp_path / "p.png")
    assert done.status == 0 and "2,315,018" in done.out and "2,098,176" in done.out


def test_receptive_field_of_a_net(run, tmp_path):
    """Dense layers see all 28 pixels, and a gradient says so, too."""
    done = run("lab", "receptive-field", "lecture-cnn", "--out", tmp_path / "r.png")
    assert done.status == 0 and "gradients reach the same: rows 0 to 27" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("params", "resnet-9000"), "choose one of"),
        (("params", "lecture-cnn", "--input", "3x5"), "write it as 3x224x224"),
        (("params", "lecture-cnn", "--input", "1x99999x99999"), "write it as 3x224x224"),
        (("params", "lecture-cnn", "--input", "3x28x28"), "does not run"),
        (("conv", "--filter", "sobl"), "neither a known name nor numbers"),
        (("conv", "--input", "1 2; 3"), "different lengths"),
        (("conv", "--padding", "much"), "valid, same, full"),
        (("conv", "--padding", "99999999"), "at most"),
        (("conv", "--filter", "1 2 3 4; 1 2 3 4"), "does not fit"),
        (("conv", "--out", "c.png"), "written as .gif"),
        (("sobel", "--out", "s.jpg"), "written as .png or .svg"),
        (("sobel", "nowhere.tif"), "nowhere.tif"),
        (("filters", "--own", "1 2 x"), "neither a known name nor numbers"),
    ],
)
def test_mistakes(run, tmp_path, monkeypatch, arguments, words):
    """One line, status 2, no picture."""
    monkeypatch.chdir(tmp_path)
    done = run("lab", *arguments)
    assert done.status == 2
    assert words in done.err and done.err.strip().count("\n") == 0
    assert not list(tmp_path.iterdir())


def test_scene_too_small(run, tmp_path):
    """A scene needs room to move."""
    Image.fromarray(np.zeros((20, 200), np.uint8)).save(tmp_path / "small.png")
    done = run("lab", "equivariance", tmp_path / "small.png", "--out", tmp_path / "e.gif")
    assert done.status == 2 and "smaller than 64 px" in done.err

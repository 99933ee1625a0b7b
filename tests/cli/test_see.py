"""`mapsight see`: every figure, on every kind of image, and one line for what it cannot do."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsight.cli.see import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "lab" / "seeing.md"


@pytest.fixture
def digit(tmp_path):
    """A picture that is a one to anybody: an upright stroke."""
    ink = np.zeros((28, 28), np.uint8)
    ink[5:23, 13:16] = 255
    Image.fromarray(ink).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def read_picture(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_all_figures_of_a_road_model(run, town, model, tmp_path):
    """One figure a kind, none of them empty, and a table of the layers with what an answer sees."""
    done = run(
        "see", model, town / "image.tif", "--out", tmp_path / "see", "--window-px", 64, "--most", 12
    )
    assert done.status == 0, done.err
    assert {p.name for p in (tmp_path / "see").iterdir()} == {f"{kind}.png" for kind in KINDS}
    for kind in KINDS:
        picture = read_picture(tmp_path / "see" / f"{kind}.png")
        assert picture.std() > 10 and min(picture.shape[:2]) > 300, kind
    assert re.search(r"1 +encoder\.0\.0\.0 +conv 3×3, norm, ReLU +16 × 32 × 32 +6 × 6 px", done.out)
    assert re.search(r"nearest +- +0\.\d+", done.out)


def test_digit_net_names_a_stroke_a_one(run, digit, tmp_path):
    """The shipped digit net: its answer is printed, and all figures come from a picture of 28
    px.
    """
    done = run("see", "digits", digit, "--out", tmp_path / "see")
    assert done.status == 0, done.err
    assert "digit 1: " in done.out and re.search(
        r"dense1 +dense, ReLU +64 +the whole image", done.out
    )
    assert len(list((tmp_path / "see").iterdir())) == len(KINDS)


def test_pixel_and_place_give_the_same_figure(run, town, model, tmp_path):
    """--at with the coordinates of a pixel is --pixel; without MODEL the shipped road model is
    looked into.
    """
    import rasterio

    with rasterio.open(town / "image.tif") as image:
        x, y = image.xy(300, 200)
    for name, place in (("a", ("--pixel", "300,200")), ("b", ("--at", f"{x},{y}"))):
        arguments = ("--only", "cause", "--window-px", 64, "--out", tmp_path / name)
        done = run("see", model, town / "image.tif", *place, *arguments)
        assert done.status == 0, done.err
        assert "pixel 32,32 of the window" in done.out
    assert np.array_equal(
        read_picture(tmp_path / "a" / "cause.png"), read_picture(tmp_path / "b" / "cause.png")
    )


def test_peaks_over_a_table(run, town, model, tmp_path):
    """--over looks for the strongest answers in the images of a table of pairs, whatever their
    sizes.
    """
    rng = np.random.default_rng(0)
    rows = ["set,name,image,mask,split"]
    for k, size in enumerate(((80, 90), (64, 64), (50, 120))):
        Image.fromarray(rng.integers(1, 250, (*size, 3), dtype=np.uint8)).save(
            tmp_path / f"{k}.png"
        )
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / f"m{k}.png")
        rows.append(f"s,{k},{k}.png,m{k}.png,val")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    arguments = (
        "--over",
        tmp_path / "pairs.csv",
        "--only",
        "top9",
        "--layer",
        "encoder.1.1.0",
        "--out",
        tmp_path / "s",
    )
    done = run("see", model, town / "image.tif", "--window-px", 64, *arguments)
    assert done.status == 0, done.err
    assert read_picture(tmp_path / "s" / "top9.png").std() > 10


def test_small_picture_is_enough(run, model, tmp_path):
    """A JPEG of 40 × 30 px, smaller than any window, is mirrored outwards and looked at."""
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(
        tmp_path / "s.jpg"
    )
    done = run(
        "see",
        model,
        tmp_path / "s.jpg",
        "--only",
        "cause",
        "--window-px",
        48,
        "--out",
        tmp_path / "see",
    )
    assert done.status == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("{image} --only magic", "filters"),
        ("{image} --pixel 3", "--pixel 120,85"),
        ("{image} --pixel 99999,0", "rows 0 to 599"),
        ("{image} --layer conv99", "encoder.0.0.0"),
        ("{blank}", "no valid pixel"),
        ("{blank} --at 1,2", "no georeference"),
        ("nothing.safetensors {image}", "no such model file"),
        ("absent.tif", "no such file"),
        ("{image} --over absent.csv", "no such table"),
    ],
)
def test_mistakes_get_one_line(run, town, model, tmp_path, arguments, complaint):
    """Exit status 2, one line that names the remedy, and no figure."""
    Image.fromarray(np.full((90, 90, 3), 255, np.uint8)).save(tmp_path / "blank.png")
    text = arguments.format(image=town / "image.tif", blank=tmp_path / "blank.png")
    files, options = text.partition(" --")[0].split(), text.partition(" --")[1:]
    files = files if len(files) == 2 else [model, *files]
    done = run(
        "see", *files, *"".join(options).split(), "--window-px", 64, "--out", tmp_path / "see"
    )
    assert done.status == 2
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and complaint in errors[0] and "Traceback" not in done.err
    assert not (tmp_path / "see").exists()


def test_page_runs(run, tmp_path, monkeypatch):
    """Every command of docs/lab/seeing.md works, in its order, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    commands = [
        shlex.split(line, comments=True)
        for line in "".join(blocks).replace("\\\n", " ").splitlines()
    ]
    commands = [words for words in commands if words]
    assert len(commands) >= 4
    for words in commands:
        assert words[0] == "mapsight"
        done = run(*words[1:])
        assert done.status == 0, f"{words}\n{done.err}"


def test_page_counts_right():
    """What the page's Python lines answer is what it says."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    page = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(page.examples) > 10
    assert doctest.DocTestRunner().run(page).failed == 0


def test_answer_behind_a_closed_relu(run, town, tmp_path):
    """Where no ReLU opens the gradient has no way back to the pixels: it is said, not drawn as a
    cause.
    """
    import torch

    from mapsight.cnn.checkpoint import ModelCard, write_model
    from mapsight.cnn.nets import make_net

    net = make_net("roadnet-tiny")
    torch.nn.init.constant_(net.encoder[0][0][1].bias, -1e3)  # the first ReLU never opens
    write_model(tmp_path / "dead.safetensors", net, ModelCard("roadnet-tiny", 1.0))
    done = run(
        "see",
        tmp_path / "dead.safetensors",
        town / "image.tif",
        "--only",
        "cause",
        "--window-px",
        64,
        "--out",
        tmp_path,
    )
    assert done.status == 0, done.err
    assert re.search(r"gradient +- +0\.\d+ +nan", done.out)

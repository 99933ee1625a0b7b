"""`mapsight zoo`: list, run, predict, card."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tests.zoo.draw import draw_meadow, draw_road, write_drive, write_meadows, write_photos


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a drive in data/ and the results of a short run in zoo/."""
    from tests.cli.conftest import call

    folder = tmp_path_factory.mktemp("zoo")
    write_drive(folder / "data" / "donkey", 160)
    assert (
        call(
            "zoo",
            "run",
            "steering",
            "--data",
            folder / "data",
            "--out",
            folder / "zoo",
            "--epochs",
            1,
        )
        == 0
    )
    return folder


def test_run_leaves_model_figure_result(trained):
    """A model, a figure, a result, and no training state."""
    folder = trained / "zoo" / "steering"
    assert sorted(path.name for path in folder.iterdir()) == [
        "figure.png",
        "model.safetensors",
        "result.json",
    ]
    result = json.loads((folder / "result.json").read_text())
    assert result["nets"][0]["net"] == "pilotnet"
    assert result["nets"][0]["measures"]["mae"] > 0
    assert Image.open(folder / "figure.png").width > 1000


def test_list_shows_last_results(run, trained, tmp_path):
    """Every recipe is listed; the one that was run with its last figure; a broken result is said to
    be broken.
    """
    fresh = run("zoo", "--out", tmp_path)
    assert fresh.status == 0
    assert fresh.out.count("not run yet") == len(
        [line for line in fresh.out.splitlines() if not line.startswith(" ")]
    )
    assert max(map(len, fresh.out.splitlines())) <= 80
    listed = run("zoo", "--out", trained / "zoo").out
    assert max(map(len, listed.splitlines())) <= 80
    listed = " ".join(listed.split())
    mae = json.loads((trained / "zoo" / "steering" / "result.json").read_text())["nets"][0][
        "measures"
    ]["mae"]
    assert re.search(rf"20\d\d-\d\d-\d\d, mae: pilotnet {mae:.4g} \(\d+ s\)", listed)
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "result.json").write_text("[]")
    assert "cannot be read" in " ".join(
        run("zoo", "--out", tmp_path).out.split()
    )  # the path decides where lines end


def test_predict_and_card(run, trained, tmp_path):
    """The kept model answers to a picture as JSON; the card tells data, measures and settings."""
    draw_road(0.6, np.random.default_rng(3)).save(tmp_path / "view.png")
    done = run("zoo", "predict", "steering", tmp_path / "view.png", "--out", trained / "zoo")
    assert done.status == 0
    answer = json.loads(done.out)
    assert answer["answer"] in ("left", "right", "straight on") and -2 < answer["angle"] < 2
    told = run("zoo", "card", "steering", "--out", trained / "zoo").out
    assert "160 frames" in told and "mae_of_median" in told and '"epochs": 1' in told
    assert "not trained yet" in run("zoo", "card", "digits", "--out", tmp_path).out


def test_one_net_of_several(run, tmp_path):
    """--net keeps one net of a recipe; the number of classes comes from the data; the model
    answers.
    """
    write_photos(tmp_path / "data" / "imagenet")
    options = ("--data", tmp_path / "data", "--out", tmp_path / "zoo", "--epochs", 1)
    assert run("zoo", "run", "imagenet", "--net", "resnet18", *options).status == 0
    result = json.loads((tmp_path / "zoo" / "imagenet" / "result.json").read_text())
    assert [net["net"] for net in result["nets"]] == ["resnet18"]
    assert (
        result["nets"][0]["parameters"] == 11_177_538
    )  # two classes instead of a thousand: 998 · 513 fewer
    picture = tmp_path / "data" / "imagenet" / "val" / "disc" / "0.png"
    answer = json.loads(run("zoo", "predict", "imagenet", picture, "--out", tmp_path / "zoo").out)
    assert answer["answer"] in ("disc", "square")


def test_answer_as_a_picture(run, tmp_path):
    """--picture writes a photograph in colour, as large as it came; three mistakes are refused."""
    write_meadows(tmp_path / "data" / "colour", 6, 2)
    options = ("--data", tmp_path / "data", "--out", tmp_path / "zoo", "--epochs", 1)
    assert run("zoo", "run", "colorize", "--net", "colorizer-ab", *options).status == 0
    photo, painted = tmp_path / "photo.png", tmp_path / "painted.jpg"
    draw_meadow(np.random.default_rng(5), (333, 222)).convert("L").save(photo)
    done = run("zoo", "predict", "colorize", photo, "--out", tmp_path / "zoo", "--picture", painted)
    assert done.status == 0, done.err
    assert json.loads(done.out)["picture"] == str(painted)
    before, after = np.asarray(Image.open(photo)).astype(int), Image.open(painted)
    assert after.size == (333, 222) and np.abs(before - np.asarray(after.convert("L"))).mean() < 12
    assert "auc_rebalanced" in run("zoo", "card", "colorize", "--out", tmp_path / "zoo").out
    for recipe, name, word in (
        ("colorize", tmp_path / "x.gif", "name of a picture"),
        ("colorize", photo, "input itself"),
        ("digits", tmp_path / "x.png", "words only"),
    ):
        refused = run("zoo", "predict", recipe, photo, "--out", tmp_path / "zoo", "--picture", name)
        assert refused.status == 2 and word in refused.err and refused.err.strip().count("\n") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data",
        "painted.jpg",
        "photo.png",
        "zoo",
    ]


def test_mistakes_of_users(run, trained, tmp_path):
    """One line and status 2: unknown recipe, missing data, no download, wrong net, another recipe's
    model.
    """
    (tmp_path / "x.png").write_bytes(b"no picture")
    model = trained / "zoo" / "steering" / "model.safetensors"
    for arguments, word in (
        (("run", "nothing"), "steering"),
        (("run", "digits", "--data", tmp_path), "--download"),
        (("run", "emotion", "--data", tmp_path, "--download"), "by hand"),
        (("run", "steering", "--data", trained / "data", "--net", "vgg16"), "pilotnet"),
        (("predict", "digits", tmp_path / "x.png", "--model", model), "steering"),
        (("predict", "steering", tmp_path / "x.png", "--model", model), "picture"),
        (("predict", "steering", tmp_path / "x.png", "--out", tmp_path), "no such model"),
    ):
        done = run("zoo", *arguments)
        assert done.status == 2, arguments
        assert word in done.err and done.err.strip().count("\n") == 0, done.err


def test_nets_side_by_side(run):
    """The table of nets: layers, parameters, multiply-adds."""
    lines = run("zoo", "nets").out.splitlines()
    assert len(lines) == 18
    assert next(line for line in lines if line.startswith("resnet152")).split()[1:4] == [
        "152",
        "60,192,808",
        "11.51",
    ]


def test_help_does_not_load_torch():
    """`mapsight zoo --help` starts fast."""
    script = (
        "import sys; from mapsight.cli.app import app; import mapsight.cli.zoo; sys.exit('torch' in"
        " sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

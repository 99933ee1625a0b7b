"""The map tile and its routes. Oracles: the audit itself, the scores of its findings, the page's
arithmetic.
"""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
from starlette.testclient import TestClient

from mapsight.errors import InputError
from mapsight.roads.scoring.table import score_evidence
from mapsight.web.lab.app import make_lab_app
from mapsight.web.lab.audit_tile import open_audit
from mapsight.web.lab.desk import Desk
from mapsight.web.lab.score_steps import can_explain, explain_score
from mapsight.web.lab.tile import describe_tile, draw_map, draw_sheet, follow_line, read_column


@pytest.fixture(scope="module")
def client(desk) -> TestClient:
    return TestClient(make_lab_app(desk), base_url="http://127.0.0.1:8000")


def test_probability_is_the_audits(town_tile):
    """The pass that is taken apart is the one the findings were drawn from (batch norms unfolded:
    1e-5).
    """
    np.testing.assert_allclose(
        town_tile.probability, town_tile.scene.probability.array[0], atol=1e-5
    )


def test_planted_mistakes_are_found(town_tile):
    """The tile shows what it is for: one mistake of each kind is planted, and most kinds are
    found.
    """
    assert len(set(town_tile.scene.planted["kind"])) == 3
    assert len(set(town_tile.scene.findings["kind"])) >= 2


def test_column(town_tile):
    """A pixel's colours, logit and probability belong together, and its cells lie above it."""
    row, col = 200, 123
    found = read_column(town_tile, row, col)
    assert found["rgb"] == town_tile.scene.image.array[:, row, col].tolist()
    assert found["probability"] == pytest.approx(1 / (1 + np.exp(-found["logit"])), abs=1e-6)
    assert found["probability"] == pytest.approx(found["audited"], abs=1e-5)
    assert found["steps"]["logit"]["values"] == [found["logit"]]
    stride = next(step.stride_px for step in town_tile.steps if step.name == "down4a")
    above = found["steps"]["down4a"]
    assert (above["row"], above["col"]) == ((200 + 64) // stride, (123 + 64) // stride)


def test_line_mean_is_its_confidence(town_tile):
    """The stations of the nearest seen line average to the confidence that `extract` gave it."""
    row, col = describe_tile(town_tile)["findings"][0]["pixel"]
    found = follow_line(town_tile, row, col)
    assert np.mean(found["stations"]) == pytest.approx(found["confidence"], abs=1e-6)


def test_sheet(town_tile):
    """Small pictures show each map over its own peak; where they need not be made smaller they are
    the maps.
    """
    sheet = draw_sheet(town_tile, "down4a")
    out = town_tile.values["down4a"].out.numpy()
    assert sheet["pixels"].shape == out.shape and not sheet["signed"]
    lively = out.max(axis=(1, 2)) > 0
    shares = out[lively] / out[lively].max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(sheet["pixels"][lively] / 255, shares, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(draw_map(town_tile, "down4a", 7), sheet["pixels"][7])
    assert draw_sheet(town_tile, "logit")["signed"] and draw_map(town_tile, "logit", 0).shape == (
        512,
        512,
    )


def test_scores_fall_apart(town_tile, javascript):
    """Terms, intercept and the map's offset add up to the finding's own score, on the server and in
    the browser.
    """
    rows = town_tile.scene.findings
    offsets = town_tile.scene.offsets
    told = [
        explain_score(kind, features, offsets[kind])
        for kind, features in zip(rows["kind"], rows["features"], strict=True)
    ]
    assert any(offsets.values())
    for found, score, one in zip(
        javascript("cellmath.js", "return data.map(m.scoreOf);", told),
        rows["score"],
        told,
        strict=True,
    ):
        assert found["score"] == pytest.approx(score, abs=1e-9)
        assert one["score"] == pytest.approx(score, abs=1e-9)
        assert one["terms"]


def test_routes(client, town_tile):
    """Everything the page asks for is answered with the tile's own numbers."""
    assert "mapsight lab" in client.get("/").text
    assert client.get("/api/tiles").json()["of"] == "town"
    tile = client.get("/api/tiles/town-0").json()
    assert len(tile["findings"]) >= 2 and tile["steps"][-1]["name"] == "logit"
    found = np.frombuffer(client.get("/api/tiles/town-0/probability").content, "<f4").reshape(
        384, 384
    )
    np.testing.assert_array_equal(found, town_tile.probability)
    assert client.get("/api/tiles/town-0/image.png").content.startswith(b"\x89PNG")
    cell = client.get(
        "/api/tiles/town-0/cell", params={"step": "head", "channel": 1, "row": 100, "col": 90}
    ).json()
    assert cell["value"] == float(town_tile.values["head"].out[1, 100, 90])
    assert len(client.get("/api/digit").json()["steps"]) == 10
    first = tile["findings"][0]
    score = client.get("/api/tiles/town-0/score", params={"finding": first["id"]}).json()
    assert score["score"] == pytest.approx(first["score"], abs=1e-9)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("town-10000", 400),
        ("town--1", 400),
        ("town-1e3", 400),
        ("town-٣", 400),
        ("finding-1", 400),
        ("x" * 41, 404),
        ("..%2f..%2fetc%2fpasswd", 404),
        ("town-0/cell?step=down1a&channel=9999&row=0&col=0", 400),
        ("town-0/cell?step=down1a&channel=-1&row=0&col=0", 422),
        ("town-0/cell?step=image&channel=0&row=0&col=0", 400),
        ("town-0/sheet?step=nothing", 400),
        ("town-0/map?step=down1a&channel=9999", 400),
        ("town-0/column?row=384&col=0", 400),
        ("town-0/column?row=x&col=0", 422),
        ("town-0/line?row=0&col=999999999999", 422),
        ("town-0/score?finding=<img>", 400),
    ],
)
def test_bad_requests(client, town_tile, path, status):
    """What is not there is refused in one line, and the server lives on."""
    answer = client.get(f"/api/tiles/{path}")
    assert answer.status_code == status
    if status != 404:
        assert "\n" not in answer.json()["detail"]


def test_few_tiles_are_kept(desk, monkeypatch):
    """Memory stays flat however many towns are asked for."""
    monkeypatch.setattr("mapsight.web.lab.desk.draw_scene", lambda seed, model: seed)
    monkeypatch.setattr("mapsight.web.lab.desk.look_at", lambda scene, model: f"tile {scene}")
    small = Desk(desk.model)
    assert [small.get_tile(f"town-{seed}") for seed in range(5)] == [
        f"tile {seed}" for seed in range(5)
    ]
    assert list(small._tiles) == ["town-3", "town-4"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A town of 600 m, larger than one window, and its audit without further training."""
    from mapsight.cli.app import app

    folder = tmp_path_factory.mktemp("audited")
    for arguments in (
        (
            "town",
            "--out",
            str(folder),
            "--seed",
            "4",
            "--size-px",
            "600",
            "--m-per-px",
            "1",
            "--mistakes",
            "2",
        ),
        (
            "audit",
            str(folder / "image.tif"),
            str(folder / "map.gpkg"),
            "--out",
            str(folder / "audit"),
            "--folds",
            "0",
        ),
    ):
        app(arguments, standalone_mode=False)
    return folder


def test_an_audit_of_ones_own(audited, desk):
    """Around each finding lies a window of the net; inside its core the file's probability is that
    window's own.
    """
    opened = open_audit(audited / "audit", audited / "image.tif", m_per_px=1.0)
    own = Desk(desk.model, opened)
    offer = own.list_tiles()
    assert offer["of"] == "audit" and len(offer["findings"]) == len(opened.findings) >= 3
    tile = own.get_tile("finding-1")
    told = describe_tile(tile)
    chosen = next(found for found in told["findings"] if found["id"] == told["chosen"])
    row, col = chosen["pixel"]
    found = read_column(tile, row, col)
    assert found["audited"] == pytest.approx(found["probability"], abs=1e-4)
    assert chosen["explained"] and len(told["map"]) > 5 and told["seen"]
    scored = explain_score(
        chosen["kind"], tile.scene.features[chosen["id"]], tile.scene.offsets[chosen["kind"]]
    )
    assert scored["score"] == pytest.approx(
        chosen["score"], abs=1e-3
    )  # the file's features are rounded


def test_a_hostile_audit(audited, desk, tmp_path):
    """Names are text, lines that are none are left out, features that are none are not
    explained.
    """
    findings = gpd.read_file(audited / "audit" / "findings.gpkg")
    findings["features"] = [
        "<img src=x onerror=alert(1)>",
        '{"strength": "NaN"}',
        *findings["features"][2:],
    ]
    findings.loc[0, "finding_id"] = "../../etc/passwd"
    findings.to_file(tmp_path / "findings.gpkg", layer="findings")
    (tmp_path / "audit.json").write_text((audited / "audit" / "audit.json").read_text())
    own = Desk(desk.model, open_audit(tmp_path, audited / "image.tif", m_per_px=1.0))
    told = describe_tile(own.get_tile("finding-1"))
    by_id = {found["id"]: found for found in told["findings"]}
    assert not by_id["../../etc/passwd"]["explained"]
    json.dumps(told, allow_nan=False)


def test_audits_that_do_not_fit(audited, tmp_path):
    """Another place, no audit.json, no findings: one line each."""
    with pytest.raises(InputError, match=r"findings\.gpkg"):
        open_audit(tmp_path, audited / "image.tif", m_per_px=1.0)
    findings = gpd.read_file(audited / "audit" / "findings.gpkg")
    findings.to_file(tmp_path / "findings.gpkg", layer="findings")
    with pytest.raises(InputError, match="threshold and shift"):
        open_audit(tmp_path, audited / "image.tif", m_per_px=1.0)
    (tmp_path / "audit.json").write_text((audited / "audit" / "audit.json").read_text())
    findings.assign(geometry=findings.translate(90_000)).to_file(
        tmp_path / "findings.gpkg", layer="findings"
    )
    with pytest.raises(InputError, match="no finding in this image"):
        open_audit(tmp_path, audited / "image.tif", m_per_px=1.0)


def test_can_explain():
    """Only what a score of that kind is made of."""
    from mapsight.roads.scoring.table import FEATURES

    for kind, names in FEATURES.items():
        features = dict.fromkeys(names, 0.5)
        assert can_explain(kind, features) and 0 < score_evidence(kind, features) < 1
        assert not can_explain(kind, dict(list(features.items())[1:]))
    assert not can_explain("other", {})

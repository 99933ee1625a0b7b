"""Prediction paths agree with the plain net."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from mapsight.cnn.checkpoint import Model, ModelCard
from mapsight.cnn.compute import find_compute
from mapsight.cnn.nets import make_net
from mapsight.cnn.runtimes import RUNTIMES, open_runner
from mapsight.cnn.runtimes.kept import read_onnx_form
from mapsight.cnn.runtimes.torch_runtime import fold_batch_norms, scale_images
from mapsight.errors import InputError, MapsightError


def trained_like(name="roadnet-tiny"):
    """A net whose batch norms have seen data."""
    torch.manual_seed(0)
    net = make_net(name).train()
    for _ in range(3):
        net(torch.randn(2, 3, 64, 64) * 2 + 1)
    return net.eval()


def test_folded_equals_unfolded():
    """Merging batch norms into convolutions changes nothing but the last digits."""
    net = trained_like()
    x = torch.randn(1, 3, 64, 64)
    folded = fold_batch_norms(net)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        assert torch.allclose(net(x), folded(x), atol=1e-4)


def test_runner_equals_the_net():
    """uint8 in, probability out: sigmoid of the net on the scaled image."""
    net, card = trained_like(), ModelCard("roadnet-tiny", 1.0, scale_mean=0.5, scale_std=0.25)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 48), dtype=np.uint8)
    got = open_runner(Model(net, card), find_compute("cpu", "fp32")).predict(images)
    with torch.inference_mode():
        expected = torch.sigmoid(net((torch.from_numpy(images).float() / 255 - 0.5) / 0.25))[
            :, 0
        ].numpy()
    assert got.shape == (2, 32, 48)
    assert np.allclose(got, expected, atol=1e-4)


def test_scaling_is_the_cards():
    """(x / 255 − mean) / std."""
    x = torch.tensor([0, 255], dtype=torch.uint8)
    assert scale_images(x, ModelCard("roadnet", 1.0, scale_mean=0.5, scale_std=0.25)).tolist() == [
        -2.0,
        2.0,
    ]


def test_absent_device_is_refused():
    """A device that is not there is named, with the remedy."""
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu"):
            find_compute("cuda")
    with pytest.raises(InputError, match="auto"):
        find_compute("abacus")
    with pytest.raises(InputError, match="bf16"):
        find_compute("cpu", "int3")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mapsight" / "onnx"


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "torch"])
def test_runtimes_agree_with_torch(name):
    """The same probabilities at two sizes, neither of them the size that was exported."""
    for package in RUNTIMES[name].needs:
        pytest.importorskip(package)
    model = Model(trained_like(), ModelCard("roadnet-tiny", 1.0, scale_mean=0.5, scale_std=0.25))
    compute = find_compute("cpu", "fp32")
    wanted, got = (
        open_runner(model, replace(compute, runtime=runtime)) for runtime in ("torch", name)
    )
    for height, width in ((64, 96), (160, 32)):
        images = np.random.default_rng(height).integers(
            0, 256, (2, 3, height, width), dtype=np.uint8
        )
        assert np.abs(got.predict(images) - wanted.predict(images)).max() < 1e-4
    assert got.stride_px == wanted.stride_px == model.net.stride_px


def test_every_runtime_says_what_it_lacks(monkeypatch):
    """A runtime without its packages is one line with the command that mends it."""
    model = Model(trained_like(), ModelCard("roadnet-tiny", 1.0))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, runtime in RUNTIMES.items():
        if runtime.needs:
            with pytest.raises(MapsightError, match=rf"mapsight\[{runtime.extra}\]"):
                open_runner(model, replace(find_compute("cpu", "fp32"), runtime=name))


def test_unknown_runtime_is_refused():
    """The names that exist are listed."""
    model = Model(trained_like(), ModelCard("roadnet-tiny", 1.0))
    with pytest.raises(InputError, match="torch, onnx"):
        open_runner(model, replace(find_compute("cpu", "fp32"), runtime="abacus"))


def test_onnx_form_is_kept(cache, monkeypatch):
    """Made once for equal weights, anew for others; a damaged cache folder is done without."""
    pytest.importorskip("onnxscript")
    model = Model(trained_like(), ModelCard("roadnet-tiny", 1.0))
    first = read_onnx_form(model)
    monkeypatch.setattr("mapsight.cnn.runtimes.kept._make", lambda model: b"made again")
    assert read_onnx_form(model) == first
    assert [path.read_bytes() for path in cache.glob("*")] == [first]
    assert read_onnx_form(Model(model.net, ModelCard("roadnet-tiny", 1.0, scale_std=3.0))) != first
    other = trained_like("roadnet-tiny")
    with torch.no_grad():
        next(other.parameters()).mul_(2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "a file"))
    cache.joinpath("a file").write_text("")
    assert read_onnx_form(Model(other, model.card)) == b"made again"


def test_openvino_tells_nobody():
    """What would report its use is never imported (asked of a fresh interpreter)."""
    pytest.importorskip("openvino")
    code = (
        "import sys; from mapsight.cnn.runtimes import RUNTIMES, open_runner\n"
        "from dataclasses import replace\n"
        "from mapsight.cnn.compute import find_compute\n"
        "from mapsight.cnn.shipped import read_named_model\n"
        "compute = replace(find_compute('cpu'), runtime='openvino')\n"
        "open_runner(read_named_model('shipped'), compute)\n"
        "assert not [m for m in sys.modules if m.startswith('openvino_telemetry.')]\n"
        "assert 'openvino' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]

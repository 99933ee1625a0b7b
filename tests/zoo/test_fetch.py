"""Downloads: only with the right checksum, only once, from a server on this machine."""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mapsight.errors import InputError
from mapsight.zoo.fetch import Remote, fetch_files, find_folder
from mapsight.zoo.recipes import RECIPES

pytest.importorskip("pooch", reason="pooch is not installed (mapsight[zoo])")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """(its address, the folder it serves, the paths that were asked for)."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=folder)
    ) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", folder, asked
        http.shutdown()


def checksum(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def test_fetched_once(server, tmp_path):
    """A file comes as it is; asked for again, it is not fetched again."""
    url, served, asked = server
    (served / "a.bin").write_bytes(b"digits")
    file = Remote(f"{url}/a.bin", checksum(b"digits"), "a.bin")
    fetch_files((file,), tmp_path / "data")
    fetch_files((file,), tmp_path / "data")
    assert (tmp_path / "data" / "a.bin").read_bytes() == b"digits"
    assert asked == ["/a.bin"]


def test_wrong_checksum_leaves_nothing(server, tmp_path):
    """A file with another checksum is refused and not kept."""
    url, served, _ = server
    (served / "a.bin").write_bytes(b"something else")
    with pytest.raises(InputError, match="checksum"):
        fetch_files((Remote(f"{url}/a.bin", checksum(b"digits"), "a.bin"),), tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_no_network_and_no_file(server, tmp_path):
    """A closed port and a missing file end in one line."""
    url, _, _ = server
    for address in (f"{url}/absent", "http://127.0.0.1:9/a.bin"):
        with pytest.raises(InputError, match="cannot be fetched"):
            fetch_files((Remote(address, checksum(b""), "a.bin"),), tmp_path / "data")


def pack(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = 2
        archive.addfile(info, io.BytesIO(b"ok"))
    return buffer.getvalue()


def test_archives_stay_in_their_folder(server, tmp_path):
    """An archive is unpacked beside itself; a member that would land elsewhere is refused."""
    url, served, _ = server
    good, evil = pack("set/train/a.txt"), pack("../evil.txt")
    (served / "good.tgz").write_bytes(good)
    (served / "evil.tgz").write_bytes(evil)
    fetch_files(
        (Remote(f"{url}/good.tgz", checksum(good), "good.tgz", unpack=True),), tmp_path / "data"
    )
    assert (tmp_path / "data" / "set" / "train" / "a.txt").read_text() == "ok"
    with pytest.raises(InputError, match="unpacked"):
        fetch_files(
            (Remote(f"{url}/evil.tgz", checksum(evil), "evil.tgz", unpack=True),), tmp_path / "data"
        )
    assert not (tmp_path / "evil.txt").exists()


def test_every_download_has_a_checksum():
    """No recipe fetches what it could not check, nor over an unsafe way."""
    for recipe in RECIPES.values():
        for file in recipe.files:
            kind, _, digest = file.checksum.partition(":")
            assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[kind]
            assert file.url.startswith("https://")


def test_folder_of_the_data(tmp_path):
    """The data lie in a folder of the recipe's name below --data, or --data is that folder."""
    (tmp_path / "mnist").mkdir()
    assert find_folder(tmp_path, "mnist", "") == tmp_path / "mnist"
    assert find_folder(tmp_path / "mnist", "mnist", "") == tmp_path / "mnist"
    with pytest.raises(InputError, match="give"):
        find_folder(tmp_path, "donkey", "give --data DIR")

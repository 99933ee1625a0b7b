"""`mapsight lab`: starts, answers, ends with Ctrl-C, and says in one line what keeps it from
starting.
"""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

pytest.importorskip("fastapi", reason="needs mapsight[web]")

from tests.servers import hear

PAGE = Path(__file__).parent.parent.parent / "docs" / "lab" / "page.md"


def serve_and_stop(words: list[str], folder: Path) -> tuple[str, str, int]:
    """Starts a command that serves, fetches its page, interrupts it: (the page, what it said, its
    exit status).
    """
    command = [sys.executable, "-m", *words, "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    said = ""
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/", said)):
        line = hear(process)
        assert line, said
        said += line
    page = urllib.request.urlopen(found[0], timeout=180).read().decode("utf-8")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=180)[1]
    return page, said + rest, process.returncode


def test_serves_until_ctrl_c(tmp_path):
    """The page is there, and an interrupt is its ordinary end: status 0, no traceback."""
    page, said, status = serve_and_stop(["mapsight", "lab"], tmp_path)
    assert "mapsight lab" in page
    assert status == 0 and "Traceback" not in said and said.strip().endswith("ended")


def test_busy_port(run):
    """A port that another program has: one line, status 2."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run("lab", "--no-browser", "--port", other.getsockname()[1])
    assert done.status == 2
    assert "is taken" in done.err and len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--audit", "somewhere"), "belong together"),
        (("--image", "image.tif"), "belong together"),
        (("--audit", "nowhere", "--image", "nothing.tif"), "nowhere"),
    ],
)
def test_wrong_arguments(run, arguments, words):
    """What does not fit together, or is not there: one line, status 2."""
    done = run("lab", "--no-browser", "--port", 0, *arguments)
    assert done.status == 2 and words in done.err and "Traceback" not in done.err


def test_without_the_extra():
    """Where the server is not installed the error names the command that installs it (in a process
    of its own: taking modules out of this one leaves their packages without them).
    """
    script = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['mapsight', 'lab', '--no-browser',"
        " '--port', '0'];from mapsight.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2 and "pip install 'mapsight[web]'" in done.stderr


def test_documented_commands_run(tmp_path):
    """Every command of the page's chapter works, in its order; those that serve are stopped."""
    ran = []

    def evaluate(example) -> None:
        for line in example.parsed.splitlines():
            words = shlex.split(line, comments=True)
            if words[1] == "lab":
                assert serve_and_stop(words, tmp_path)[2] == 0
            else:
                command = [sys.executable, "-m", *words]
                subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=600)
            ran.append(words[1])

    parser = CodeBlockParser(language="sh", evaluator=evaluate)
    for example in Sybil(parsers=[parser]).parse(PAGE).examples():
        example.evaluate()
    assert ran == ["lab", "town", "audit", "lab"]

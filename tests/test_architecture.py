"""The walls of the house: who may import whom, and that there are no cycles."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "mapsight"

# room → rooms it may import; `errors`, `progress` and `atomic` are open to all
# (docs/decisions/0001-rooms.md)
MAY_IMPORT = {
    "errors": set(),
    "__main__": {"cli"},
    "progress": set(),
    "atomic": set(),
    "faults": set(),
    "cache": set(),
    "weights": set(),
    "geo": set(),
    "cnn": set(),
    "town": {"geo"},
    "roads": {"geo", "cnn", "town", "weights"},
    "api": {"roads", "geo", "cnn"},
    "lab": {"cnn"},
    "zoo": {"cnn", "town"},
    "web": {"api", "roads", "geo", "cnn", "town"},
    "cli": {"web", "api", "roads", "geo", "cnn", "town", "lab", "zoo"},
}
OPEN_TO_ALL = {"errors", "faults", "progress", "atomic", "cache"}

# the same inside `roads`, a room a stage (docs/decisions/0035-rooms-in-roads.md)
ROADS_MAY_IMPORT = {
    "prediction": set(),
    "training": {"prediction", "finding"},
    "measure": {"prediction", "training"},
    "finding": {"prediction", "scoring"},
    "scoring": set(),
    "verdicts": {"scoring"},
    "audit": {"prediction", "training", "finding", "scoring", "verdicts"},
    "report": set(),
    "folder": {"audit", "finding", "verdicts", "prediction", "report", "training"},
    "planting": {"finding"},
    "chipset": {"training"},
    "export": {"finding", "folder", "verdicts", "planting", "training"},
}


def modules() -> dict[str, Path]:
    """Dotted name below mapsight → file."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Dotted names below mapsight that a file imports, type checking aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if id(node) in hidden:
            continue
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.split(".")[0] == "mapsight"
        ):
            base = node.module.removeprefix("mapsight").lstrip(".")
            names |= {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                a.name.removeprefix("mapsight.")
                for a in node.names
                if a.name.startswith("mapsight.")
            }
    known = modules()
    resolved = {name if name in known else name.rpartition(".")[0] for name in names}
    return {name for name in resolved if name in known and name}


@pytest.mark.parametrize("name", sorted(modules()))
def test_rooms_keep_their_doors(name):
    """A module imports only from its own room and from those it may know."""
    room = name.split(".")[0]
    if not name:
        return  # mapsight/__init__ opens the house
    assert room in MAY_IMPORT, f"{room} is a new room: write down who may enter it"
    entered = {other.split(".")[0] for other in imports(modules()[name])} - {room} - OPEN_TO_ALL
    assert entered <= MAY_IMPORT[room], f"{name} imports {sorted(entered - MAY_IMPORT[room])}"


@pytest.mark.parametrize("name", sorted(n for n in modules() if n.count(".") > 1))
def test_rooms_of_roads_keep_their_doors(name):
    """Inside `roads`, too, a stage imports only from those that come before it."""
    house, room, _ = name.split(".", 2)
    if house != "roads":
        return
    entered = {other.split(".")[1] for other in imports(modules()[name]) if other[:6] == "roads."}
    allowed = ROADS_MAY_IMPORT[room] | {room, "kinds"}
    assert entered <= allowed, f"{name} imports {sorted(entered - allowed)}"


def test_rooms_of_roads_stand_in_a_line():
    """No two of them may enter each other, not by way of others either; `kinds` enters none."""
    list(TopologicalSorter(ROADS_MAY_IMPORT).static_order())  # raises CycleError
    assert not {name for name in imports(modules()["roads.kinds"]) if name.startswith("roads.")}


def test_the_main_room_can_be_overlooked():
    """At most fourteen entries lie directly in `roads`: a room a stage, and the table of kinds."""
    entries = {path.name for path in (SOURCE / "roads").iterdir()} - {"__pycache__"}
    assert len(entries) <= 14, sorted(entries)


def test_no_cycles():
    """Modules import each other in one direction only."""
    graph = {name: imports(path, top_level_only=True) - {name} for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for other in graph[name]:
            # a package that only re-exports its own modules is no cycle of theirs
            if other != name.rpartition(".")[0]:
                visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    "code",
    [
        "import mapsight.geo.raster, mapsight.geo.network",
        "import mapsight.town",
        "import mapsight.cli.app",
        "import mapsight.cnn.metrics",
    ],
)
def test_torch_is_not_loaded(code):
    """Geo, town, metrics and `mapsight --help` start without torch."""
    script = f"import sys; {code}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "code",
    ["import mapsight.geo.sources.gather, mapsight.geo.sources.maps", "import mapsight.cli.app"],
)
def test_extras_of_gathering_are_not_loaded(code):
    """Without the extra `gather`, everything imports: its libraries are loaded when something is
    fetched.
    """
    extras = ["torch", "httpx2", "tenacity", "pystac_client", "morecantile"]
    script = f"import sys; {code}; sys.exit(' '.join(set({extras}) & sys.modules.keys()) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_nothing_inside_imports_the_front_door():
    """`mapsight/__init__` exports at most twelve names, and no module uses them."""
    for name, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = [
            n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "mapsight"
        ]
        rooms = {name.split(".")[0] for name in modules() if name}
        assert all(a.name in rooms or a.name == "__version__" for n in used for a in n.names), name
    import mapsight

    assert len(getattr(mapsight, "__all__", ())) <= 12


def test_only_commands_print():
    """The library logs; what a terminal shows is the command line's own."""
    for name, path in modules().items():
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert name.startswith("cli") or "print" not in called, name


def test_no_pickle_no_eval():
    """Nothing unpickles, evaluates or executes what comes out of a file."""
    banned = {"pickle", "marshal", "shelve", "dill", "joblib"}
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {a.name for a in node.names} | {getattr(node, "module", None)}
                assert not names & banned, name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in ("torch.load", "np.load", "numpy.load"), name

"""How much memory is left: the machine's, or the container's where that is less."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (  # (limit, used, its file of figures, the figure that can be given back)
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)
_CGROUP_ROOT = Path("/sys/fs/cgroup")


def measure_available() -> int | None:
    """Bytes that can be had without swapping, None where the system does not say."""
    known = [value for value in (_read_system(), _read_container(), _read_limit()) if value]
    return min(known) if known else None


def _read_system() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1024
    except (OSError, ValueError, StopIteration, IndexError):
        pass
    try:  # no Linux: what is free now, or a good part of what there is
        page = os.sysconf("SC_PAGE_SIZE")
        if "SC_AVPHYS_PAGES" in os.sysconf_names:
            return page * os.sysconf("SC_AVPHYS_PAGES")
        return page * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    except (AttributeError, ValueError, OSError):
        return None


def _read_container() -> int | None:
    """What the nearest limit of a container leaves."""
    left = []
    for folder in _find_cgroups():
        for limit_name, used_name, stat_name, cached_name in _CGROUPS:
            limit, used = _read_number(folder / limit_name), _read_number(folder / used_name)
            if limit is not None and used is not None:
                cached = _read_figure(folder / stat_name, cached_name)
                left.append(max(limit - used + cached, 1))
    return min(left) if left else None


def _find_cgroups() -> list[Path]:
    """The folders of this process's group and of those around it."""
    try:
        said = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        own = next((line.split("::", 1)[1] for line in said if line.startswith("0::")), "/")
    except OSError:
        own = "/"
    here = _CGROUP_ROOT / own.strip("/")
    around = [here, *here.parents]
    return [folder for folder in around if folder.is_relative_to(_CGROUP_ROOT)]


def _read_limit() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return max(limit - pages * os.sysconf("SC_PAGE_SIZE"), 1)
    except (ImportError, OSError, ValueError, IndexError):
        return None


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # 'max', or no such limit
        return None


def _read_figure(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[:1] == [name])
    except (OSError, ValueError, StopIteration, IndexError):
        return 0

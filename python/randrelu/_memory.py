"""How much memory is free, asked before anything large is allocated."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Return the bytes that can still be allocated without swapping, or None where nobody tells.

    On Linux the smaller of the kernel's estimate and what is left of a container's limit, elsewhere
    the whole physical memory.
    """
    free = [bytes_ for bytes_ in (_kernel_estimate(), _container_rest()) if bytes_ is not None]
    return min(free) if free else None


def _kernel_estimate() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _container_rest() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = (_CGROUP / "memory.current").read_text().strip()
        return None if limit == "max" else max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return None


def in_words(bytes_: int) -> str:
    """Return a number of bytes in a unit that reads well, such as '67.1 MB'."""
    size = float(bytes_)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} PB"


def require(bytes_: int, purpose: str, way_out: str) -> None:
    """Raise MemoryError, with the numbers, when `bytes_` are not free."""
    free = available_bytes()
    if free is not None and bytes_ > free:
        raise MemoryError(
            f"{purpose} takes {in_words(bytes_)}, and {in_words(free)} of memory are free; "
            f"{way_out}"
        )

"""What the command line exits with: commands take the codes from here, and the help says them."""

from __future__ import annotations

DONE, FAILED, NOT_DONE, VIOLATED, STOPPED = 0, 1, 2, 3, 130

MEANINGS = {
    DONE: "it is done",
    FAILED: "it is done but for what failed: trials of a sweep or study, runs or pictures of a "
    "reproduction",
    NOT_DONE: "it is not done: bad usage, a file that cannot be read or written, a missing extra, "
    "too little memory",
    VIOLATED: "a reproduction found a claim violated although its hypothesis is met",
    STOPPED: "Ctrl-C stopped it",
}


def in_words() -> str:
    """Return a paragraph for each code, for the end of the help."""
    return "\n\n".join(["Exit codes:", *(f"{code}: {m}" for code, m in MEANINGS.items())])

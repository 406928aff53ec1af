"""Run a study: its sweeps, what is concluded from them, and its page."""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import arguments, extras, files, versions
from randrelu._support.arguments import Progress, Rng
from randrelu.figures.style import require_matplotlib
from randrelu.pages.draw import draw
from randrelu.pages.folder import writable
from randrelu.studies import columns
from randrelu.studies.kind import Kind, Part
from randrelu.studies.named import named
from randrelu.studies.result import Study
from randrelu.sweeps import Sweep, sweep

if TYPE_CHECKING:
    from concurrent.futures import Executor

_RESULTS = "results.json"


def study(
    name: str,
    out: str | os.PathLike[str] | None = None,
    *,
    full: bool = False,
    rng: Rng = None,
    executor: Executor | int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Study:
    """Study one of the questions that the paper leaves open, and write a page about it.

    Parameters
    ----------
    name : str
        "depth": how the sensitivity falls with depth between Theorem 1.1 and Theorem 3.1.
        "width": what changes at very large width, up to infinite width.
        "training": whether trained networks stay nearly linear, and are attacked as random ones
        are.
    out : path, optional
        The folder to write to, by default "randrelu-" and the name; it is made if it does not
        exist. It gets ``study.html``, a page that needs no other file; ``results.json``;
        ``figures/``, which are PNG and SVG; ``tables/``, a Parquet file for each sweep; and
        ``sweeps/``, which holds the store of each sweep and its grid as a file for
        ``randrelu sweep``, so that a cluster can run it.
    full : bool, default False
        Whether to run at length: within two hours instead of four minutes on two cores. In the
        folder of a quick run, the full one adds to what is there.
    rng : None, int, SeedSequence or Generator
        Where the root seed comes from; by default that of the folder, if it has the same study.
    executor : int or concurrent.futures.Executor, optional
        How many processes to start, or an executor to run the trials, as for `sweep`.
    threads : int, optional
        The number of threads, by default OMP_NUM_THREADS or all.
    progress : callable, optional
        Called as ``progress(done, total)``, in trials of all sweeps. By default a terminal or
        a notebook shows a bar for each sweep.
    **options
        For "training": ``data``, "digits" or the path of images with labels; ``label_column``, the
        column of a .csv file that has the labels; ``trainer``, "sklearn" or "torch".

    Returns
    -------
    Study

    Raises
    ------
    BlockingIOError
        If another run is writing to the folder.
    ImportError
        If a package is missing: the extra ``study`` brings them.
    OSError
        If the folder cannot be written to; what was finished is kept.
    TypeError, ValueError
        If an argument is not as described, or the folder belongs to another study or seed.

    Notes
    -----
    However a study ended, Ctrl-C included, the same call runs what is missing.
    """
    kind = named(name)
    _require_options(kind, options)
    require_matplotlib("study")
    extras.require("Parquet files need pyarrow", "pyarrow", "study")
    extras.require("the page needs Jinja2", "jinja2", "study")
    from randrelu.studies import page  # here: it needs Jinja2

    parts = kind.parts(full, **options)
    folder = writable(
        Path(f"randrelu-{name}") if out is None else arguments.path("out", out),
        ("sweeps", "tables", "figures"),
    )
    seed = _claim(folder, kind, rng)
    date, began = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    sweeps = _run(parts, folder, seed, executor, threads, progress)
    tables = {slug: columns.of(found.to_arrow()) for slug, found in sweeps.items()}
    conclusion = kind.conclude(tables) if all(tables.values()) else None
    findings = () if conclusion is None else conclusion.findings
    figures = {finding.slug: draw(finding.figure) for finding in findings}
    installed = versions.facts("scipy", "matplotlib", "pyarrow", "scikit-learn", threads=threads)
    found = Study(
        kind, folder, seed, full, options, date, time.perf_counter() - began, installed, parts,
        sweeps, conclusion, figures,
    )  # fmt: skip
    for slug, figure in figures.items():
        for file, content in zip(found.files(slug), (figure.png, figure.svg.encode()), strict=True):
            files.write_whole(folder / file, content)
    _write_json(folder / _RESULTS, found.to_dict())
    files.write_whole(found.page, page.html(found).encode())
    return found


def _require_options(kind: Kind, options: Iterable[str]) -> None:
    """Raise TypeError for an option that the study does not have."""
    takes = [name for name in inspect.signature(kind.parts).parameters if name != "full"]
    for name in options:
        if name not in takes:
            has = ", ".join(takes) if takes else "no options of its own"
            raise TypeError(f"the study {kind.name!r} does not take {name!r}; it takes {has}")


def _claim(folder: Path, kind: Kind, rng: Rng) -> int:
    """Make the folder this study's, and return the root seed.

    Raises ValueError, before anything is written, where it belongs to another study or seed.
    """
    try:
        before = json.loads((folder / _RESULTS).read_bytes())
        theirs, root = before["study"], before["seed"]
    except FileNotFoundError:
        seed = arguments.seed_of(rng) >> 11 if rng is None else arguments.seed_of(rng)
        claimed = {"study": kind.name, "seed": seed, "finished": False}
        _write_json(folder / _RESULTS, claimed)
        return seed
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / _RESULTS} must be of a study, and is not; choose another folder"
        ) from None
    seed = root if rng is None else arguments.seed_of(rng)
    for what, has, wanted in (("study", theirs, kind.name), ("seed", root, seed)):
        if has != wanted:
            raise ValueError(
                f"the folder {str(folder)!r} belongs to the {what} {has!r}, got {wanted!r}; "
                "choose another folder"
            )
    return seed


def _run(
    parts: tuple[Part, ...],
    folder: Path,
    seed: int,
    executor: Executor | int | None,
    threads: int | None,
    progress: Progress | None,
) -> dict[str, Sweep]:
    """Run what is missing of every sweep, and write its table and its grid."""
    total = sum(len(part.points) * part.trials for part in parts)
    found, before = {}, 0
    for part in parts:
        store = folder / "sweeps" / part.slug
        grid = _toml(part, seed).encode()

        def tell(done: int, _: int, *, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        found[part.slug] = sweep(
            part.experiment,
            points=part.points,
            trials=part.trials,
            rng=seed,
            store=store,
            executor=executor,
            threads=threads,
            progress=None if progress is None else tell,
        )
        before += len(part.points) * part.trials
        files.write_whole(folder / "sweeps" / f"{part.slug}.toml", grid)
        table = extras.parquet_bytes(found[part.slug].to_arrow())
        files.write_whole(folder / "tables" / f"{part.slug}.parquet", table)
        if progress is not None:
            progress(before, total)
    return found


def _toml(part: Part, seed: int) -> str:
    """Return a part as a file for `randrelu sweep`: numbers, texts and lists are as in JSON."""
    lines = [f"experiment = {json.dumps(part.experiment)}", f"trials = {part.trials}"]
    lines.append(f"seed = {seed}")
    for point in part.points:
        lines += ["", "[[points]]"]
        lines += [
            f"{name} = {json.dumps(value, ensure_ascii=False)}"
            for name, value in point.items()
            if value is not None
        ]
    return "\n".join(lines) + "\n"


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(_finite(content), allow_nan=False, indent=2, ensure_ascii=False)
    files.write_whole(path, f"{text}\n".encode())


def _finite(value: Any) -> Any:
    """Return a value as JSON can hold it: numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(name): _finite(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value

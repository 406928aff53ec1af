"""Run a study: its sweeps, what is concluded from them, and its page."""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import arguments, extras, files, versions
from randrelu._support.arguments import Progress, Rng
from randrelu._support.locks import locked
from randrelu.figures.style import require_matplotlib
from randrelu.pages.draw import draw
from randrelu.pages.folder import writable
from randrelu.studies import columns
from randrelu.studies.kind import Kind, Part
from randrelu.studies.named import named
from randrelu.studies.result import Study
from randrelu.sweeps import Sweep, sweep
from randrelu.sweeps.grid import plain

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
        Whether to run at length: for about an hour instead of at most four minutes, on two
        cores. In the folder of a quick run the full one of "width" adds to what is
        there, and that of "depth" to most of it; that of "training" can use nothing, as it trains
        for more epochs on more images.
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
    options = _given(kind, options)
    require_matplotlib("study")
    extras.require("Parquet files need pyarrow", "pyarrow", "study")
    extras.require("the page needs Jinja2", "jinja2", "study")
    from randrelu.studies import page  # here: it needs Jinja2

    parts = kind.parts(full, **options)
    folder = Path(f"randrelu-{name}") if out is None else arguments.path("out", out)
    wanted = None if rng is None else arguments.seed_of(rng)
    _seed_of(folder, kind, wanted)  # before anything is made in the folder of something else
    writable(folder, ("sweeps", "tables", "figures"))
    with locked(folder / "sweeps", f"the folder {str(folder)!r}"):
        seed = _claim(folder, kind, wanted)
        date, began = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
        sweeps = _run(parts, folder, seed, executor, threads, progress)
        tables = {slug: columns.of(found.to_arrow()) for slug, found in sweeps.items()}
        conclusion = kind.conclude(tables) if all(tables.values()) else None
        findings = () if conclusion is None else conclusion.findings
        figures = {finding.slug: draw(finding.figure) for finding in findings}
        found = Study(
            kind, folder, seed, full, options, date, time.perf_counter() - began,
            versions.facts("scipy", "matplotlib", "pyarrow", "scikit-learn", threads=threads),
            parts, sweeps, conclusion, figures,
        )  # fmt: skip
        _write(found, page.html(found))
    return found


def _write(found: Study, page: str) -> None:
    """Write the figures, the results and the page."""
    for slug, figure in found.figures.items():
        for file, content in zip(found.files(slug), (figure.png, figure.svg.encode()), strict=True):
            files.write_whole(found.folder / file, content)
    _write_json(found.folder / _RESULTS, found.to_dict())
    files.write_whole(found.page, page.encode())


def _given(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given, in plain values; TypeError for what the study has not."""
    takes = [name for name in inspect.signature(kind.parts).parameters if name != "full"]
    for name in options:
        if name not in takes:
            has = ", ".join(takes) if takes else "no options of its own"
            raise TypeError(f"the study {kind.name!r} does not take {name!r}; it takes {has}")
    given = {name: value for name, value in options.items() if value is not None}
    paths = {n: os.fspath(value) for n, value in given.items() if isinstance(value, os.PathLike)}
    plain_options: dict[str, Any] = plain(given | paths)
    return plain_options


def _claim(folder: Path, kind: Kind, wanted: int | None) -> int:
    """Make the folder this study's, and return the root seed."""
    seed = _seed_of(folder, kind, wanted)
    if seed is None:
        seed = arguments.seed_of(wanted)
        _write_json(folder / _RESULTS, {"study": kind.name, "seed": seed, "finished": False})
    return seed


def _seed_of(folder: Path, kind: Kind, wanted: int | None) -> int | None:
    """Return the root seed of the study that a folder has, None where it has none.

    Raises ValueError where it belongs to another study or seed than is wanted.
    """
    try:
        before = json.loads((folder / _RESULTS).read_bytes())
        theirs, root = before["study"], int(before["seed"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / _RESULTS} must be of a study, and is not; choose another folder"
        ) from None
    seed = root if wanted is None else wanted
    for what, has, asked in (("study", theirs, kind.name), ("seed", root, seed)):
        if has != asked:
            raise ValueError(
                f"the folder {str(folder)!r} belongs to the {what} {has!r}, got {asked!r}; "
                "choose another folder"
            )
    return root


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

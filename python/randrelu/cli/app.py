"""The command line: randrelu check, reproduce, attack, flips, sweep, show, plot and info."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import randrelu as rr
from randrelu._support import arguments, files, versions
from randrelu.checks import STATEMENTS
from randrelu.cli import tables
from randrelu.reproduction.report import summary
from randrelu.reproduction.run import FOLDER, Standing
from randrelu.sweeps.run import contents
from randrelu.sweeps.spec import read_spec

app = typer.Typer(
    name="randrelu",
    help="See why random ReLU networks have adversarial examples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Widths = Annotated[
    str | None, typer.Option(help="d, the hidden widths and 1, such as 784,2048,2048,1.")
]
Delta = Annotated[float, typer.Option(help="The failure probability δ, in (0, 1).")]
Seed = Annotated[int | None, typer.Option(min=0, help="Repeat a run; by default a fresh one.")]
Threads = Annotated[int | None, typer.Option(help="Threads; by default OMP_NUM_THREADS or all.")]
Weights = Annotated[
    Path | None, typer.Option(help="Use this network instead: W_1, …, W_{ℓ+1} in a .npz.")
]
Init = Annotated[
    str | None, typer.Option(help="The weights' scale: paper (the default), he or unit.")
]
Storage = Annotated[
    str | None,
    typer.Option(help="How the network is held: auto (the default), stored, streamed or deferred."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"randrelu {rr.__version__}")
        raise typer.Exit


@app.callback()
def _all(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    """See why random ReLU networks have adversarial examples."""


@app.command()
def check(
    statement: Annotated[str, typer.Argument(help=f"One of {', '.join(STATEMENTS)}.")],
    widths: Widths = None,
    trials: Annotated[
        int | None, typer.Option(help="How many independent random networks, or draws.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="The failure probability δ, in (0, 1).")
    ] = None,
    eta: Annotated[
        str | None,
        typer.Option(
            help="theorem-1.1 and its scaling: exact (the shortest step that succeeds; the default "
            "up to 10 000 units a layer), shortest (of a few multiples of the linear step), "
            "linear, paper, or a number."
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="How networks are held: deferred, auto, stored or streamed."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", help="Any other parameter of the check, as name=value; repeatable."),
    ] = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Check one of the paper's statements, by default on deferred networks."""
    given = {
        "widths": None if widths is None else _widths(widths),
        "trials": trials,
        "delta": delta,
        "eta": None if eta is None else _eta(eta),
        "storage": storage,
        "threads": threads,
        **dict(_parameter(text) for text in parameter or ()),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    with _progress(statement) as progress:
        result = rr.check(statement, rng=seed, progress=progress, **chosen)
    if as_json:
        _print_json(result.to_dict())
    else:
        Console().print(tables.check_table(result))


@app.command()
def reproduce(
    out: Annotated[
        Path, typer.Option(help="The folder to write to; it is made if need be.")
    ] = Path(FOLDER),
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="In a minute, or in an hour.")
    ] = True,
    seed: Seed = None,
    threads: Threads = None,
) -> None:
    """Run every check and write a report; exit 1 if one failed, 3 if a claim is violated."""
    with _reproduction() as progress:
        try:
            report = rr.reproduce(out, full=not quick, rng=seed, threads=threads, progress=progress)
        except KeyboardInterrupt:
            print(f"stopped; what was finished is in {out}", file=sys.stderr)
            raise
    for line in (summary(report), f"The report is {report.page}"):
        print(line)
    if report.violated or report.failed:
        raise typer.Exit(3 if report.violated else 1)


@app.command()
def attack(
    widths: Widths = None,
    weights: Weights = None,
    points: Annotated[
        Path | None,
        typer.Option("--input", help="A point or points in a .npy or .csv; by default (1, …, 1)."),
    ] = None,
    eta: Annotated[str, typer.Option(help="linear, paper, exact, flip, or a number.")] = "linear",
    delta: Delta = 0.05,
    init: Init = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Take one gradient step from every point of one network."""
    if weights is not None and seed is not None:
        raise ValueError("--seed goes with --widths, not with --weights")
    net = _network(widths, weights, init, storage, seed, threads)
    dim = net.widths[0]
    x = np.ones(dim) if points is None else files.read_points(points, dim)
    with _progress("weights times points") as progress:
        result = rr.gradient_step(
            net, x, eta=_eta(eta), delta=delta, threads=threads, progress=progress
        )
    if as_json:
        network = {"widths": net.widths, "init": net.init, "seed": net.seed}
        columns = {name: values.tolist() for name, values in result.columns().items()}
        x_adv = result.x_adv.reshape(-1, dim).tolist()
        _print_json({"network": network, **columns, "x_adv": x_adv})
    else:
        Console().print(tables.attack_table(net, result))


@app.command()
def flips(
    widths: Widths = None,
    weights: Weights = None,
    point: Annotated[
        Path | None,
        typer.Option("--input", help="The point x in a .npy or .csv; by default (1, …, 1)."),
    ] = None,
    relative_radii: Annotated[
        str, typer.Option(help="Radii of the balls, as multiples of ‖x‖.")
    ] = "0.001,0.01,0.1",
    samples: Annotated[int, typer.Option(min=1, help="Points to sample from every ball.")] = 1000,
    surface: Annotated[bool, typer.Option("--surface", help="Sample the sphere instead.")] = False,
    init: Init = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw flips against radius into this .png, .svg or .pdf.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the units that flip in balls around a point, beside the prediction for wide layers."""
    radii = _radii(relative_radii)
    if plot is not None:
        from randrelu.figures import results  # first: it needs Matplotlib

        results.require_format(plot)
    seed = arguments.seed_of(seed)
    net = _network(widths, weights, init, storage, seed, threads)
    x = np.ones(net.widths[0]) if point is None else files.read_points(point, net.widths[0])
    if not x.any():
        raise ValueError("x must not be 0: the radii are multiples of ‖x‖")
    length = float(arguments.norms(x[np.newaxis])[0])
    found = []
    with _progress(f"{len(radii)} balls, samples") as progress:
        for k, radius in enumerate(radii):
            found.append(
                rr.flips(
                    net,
                    x,
                    radius * length,
                    samples,
                    rng=seed,
                    surface=surface,
                    remember=False,  # nobody asks this network again
                    threads=threads,
                    progress=lambda done, total, k=k: progress(  # type: ignore[misc]
                        k * total + done, len(radii) * total
                    ),
                )
            )
    if plot is not None:
        results.flips_figure(radii, found).savefig(plot)
    if as_json:
        rows = [
            {"relative_radius": r, **{k: v.tolist() for k, v in f.columns().items()}}
            for r, f in zip(radii, found, strict=True)
        ]
        network = {"widths": net.widths, "init": net.init}
        _print_json({"network": network, "seed": seed, "samples": samples, "balls": rows})
    else:
        Console().print(tables.flips_table(net, seed, samples, radii, found))


@app.command()
def sweep(
    spec: Annotated[Path, typer.Argument(help="The sweep, a .toml file.")],
    store: Annotated[
        Path | None, typer.Option(help="Keep it in this folder, and go on with what is there.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes to run on; by default this one.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Run on a Dask cluster instead: its scheduler's address."),
    ] = None,
    threads: Threads = None,
) -> None:
    """Run an experiment over a grid, and go on where a run was killed; exit 1 if trials failed."""
    if workers is not None and scheduler is not None:
        raise ValueError("give either --workers or --scheduler")
    wanted = read_spec(spec)
    folder = wanted.store if store is None else store
    if folder is None:
        raise ValueError(f"--store is missing, and {spec} has no store: where is it to be kept?")
    with _executor(workers, scheduler) as executor:
        try:
            found = rr.sweep(
                wanted.experiment,
                grid=wanted.grid,
                points=wanted.points,
                trials=wanted.trials,
                rng=wanted.rng,
                store=folder,
                executor=executor,
                threads=threads,
            )
        except KeyboardInterrupt:
            print(f"stopped; the same command goes on from {folder}", file=sys.stderr)
            raise
    print(found)
    if found.failures:
        Console(stderr=True, soft_wrap=True).print(tables.failures_text(found.failures))
        raise typer.Exit(1)


@app.command()
def show(
    store: Annotated[Path, typer.Argument(help="The folder of a sweep.")], as_json: Json = False
) -> None:
    """Say what a sweep's folder has: its points, how many trials are done, and what failed."""
    if as_json:
        _print_json(_finite(contents(store)))
    else:
        Console().print(tables.store_table(contents(store), rr.read_sweep(store).failures))


@app.command()
def plot(
    store: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    x: Annotated[str, typer.Option(help="The column to draw over.")],
    y: Annotated[str, typer.Option(help="The column to draw.")],
    by: Annotated[str | None, typer.Option(help="A curve for every value of this column.")] = None,
    log: Annotated[bool, typer.Option("--log", help="With logarithmic axes.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The .svg, .pdf or .png to write; by default y-x.svg.")
    ] = None,
) -> None:
    """Draw medians of a column of a sweep over another, beside the theory."""
    from randrelu.figures import results  # it needs Matplotlib

    path = Path(f"{y}-{x}.svg") if out is None else out
    results.require_format(path)
    rr.read_sweep(store).plot(x, y, by=by, log=log).savefig(path)
    print(path)


@app.command()
def info(as_json: Json = False) -> None:
    """Say what is installed: version, instruction set, threads, Eigen."""
    facts = versions.facts()
    if as_json:
        _print_json(facts)
    else:
        Console().print(tables.info_table(facts))


def main() -> None:
    """Run the command line; bad usage exits with 2, Ctrl-C with 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ∇ prints ? instead
    try:
        app(standalone_mode=True)
    except (
        ValueError, TypeError, MemoryError, OverflowError, OSError, ImportError, RuntimeError,
    ) as error:  # fmt: skip
        Console(stderr=True, soft_wrap=True).print(f"randrelu: {error}", markup=False)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@contextmanager
def _executor(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Give what a sweep runs on."""
    if scheduler is None:
        yield workers
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("--scheduler needs Dask: pip install 'randrelu[dask]'") from error
    with Client(scheduler) as client:  # type: ignore[no-untyped-call]
        yield client.get_executor()


def _network(
    widths: str | None,
    weights: Path | None,
    init: str | None,
    storage: str | None,
    seed: int | None,
    threads: int | None,
) -> rr.Network:
    if (widths is None) == (weights is None):
        raise ValueError("give either --widths, for a random network, or --weights")
    if weights is None:
        return rr.Network.random(
            _widths(widths),
            rng=seed,
            init=init or "paper",
            storage=storage or "auto",
            threads=threads,
        )
    for name, value in (("init", init), ("storage", storage)):
        if value is not None:
            raise ValueError(f"--{name} goes with --widths, not with --weights")
    return rr.Network.from_weights(files.read_weights(weights))


def _radii(text: str) -> list[float]:
    try:
        radii = [float(part) for part in text.split(",")]
    except ValueError:
        radii = []
    if not radii or not all(0 <= r < np.inf for r in radii):
        raise ValueError(
            f"relative-radii must be numbers of at least 0 separated by commas, got {text!r}"
        )
    return radii


def _widths(text: str | None) -> tuple[int, ...]:
    if text is None:
        raise ValueError("--widths is missing; give d, the hidden widths and 1: 784,2048,2048,1")
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"widths must be integers separated by commas, such as 784,2048,2048,1, got {text!r}"
        ) from None


def _parameter(text: str) -> tuple[str, Any]:
    """Return the name and value of name=value; numbers, tuples and the like, or plain text."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise ValueError(f"-p must be name=value, such as -p alpha=0.1, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _eta(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@contextmanager
def _progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while it is a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _reproduction() -> Iterator[Callable[[Standing], None]]:
    """Print a line for every run that has ended, above two bars where there is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(soft_wrap=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as bars:  # fmt: skip
        whole, part = (bars.add_task(name, total=None) for name in ("runs", ""))

        def show(standing: Standing) -> None:
            ended = standing.outcome is not None
            bars.update(whole, completed=standing.number - (not ended), total=standing.of)
            if standing.outcome is not None:
                console.print(tables.outcome_line(standing.outcome), markup=False)
            elif standing.total == 0:
                bars.reset(part, total=None, description=standing.run.name)
            else:
                bars.update(part, completed=standing.done, total=standing.total)

        yield show


def _finite(value: Any) -> Any:
    """Return a value as JSON can say it: what is not finite in words."""
    if isinstance(value, dict):
        return {name: _finite(v) for name, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, allow_nan=False))

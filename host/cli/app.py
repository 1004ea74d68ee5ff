"""The command line: the commands and their options."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli import options
from host.cli.terminal import (
    EXIT_DIFFERS,
    EXIT_MATCH,
    Failures,
    ignore_interrupts,
    print_json,
    print_rich,
    print_table,
    say,
)
from host.models.data_formats import described

if TYPE_CHECKING:  # the heavy modules are imported by the command that needs them
    from rich.console import RenderableType

    from host.deployment.request import Request

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does my board compute what I trained, and if not, why?",
    epilog="Exit: 0 match, 1 differs, 2 wrong input, 3 a tool, the link or the device failed.",
)


@app.command("flash-and-eval")
def flash_and_eval(
    board: options.Board = "qemu-m4",
    model: options.Model = None,
    data: options.Data = None,
    route: options.Route = "ptq-int8",
    engine: options.Engine = "auto",
    arena: options.Arena = None,
    samples: options.Samples = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    port: options.Port = None,
    no_flash: options.NoFlash = False,
    baud: options.Baud = 115200,
    link: options.Link = None,
    timeout: options.Timeout = 20.0,
    allow_unsafe_model: options.Unsafe = False,
    jobs: options.Jobs = 1,
    resume: options.Resume = False,
    as_json: options.Json = False,
) -> None:
    """Convert, build, start, stream samples, compare, report."""
    with Failures(as_json):
        from host.cli.progress import Bar
        from host.commands.evaluate.flow import flash_and_eval as run

        request = _request(
            *(board, model, data, route, engine, arena, samples, seed, out),
            *(port, no_flash, baud, link, timeout, allow_unsafe_model),
        )
        with Bar() as bar:
            evaluation = run(replace(request, jobs=jobs, resume=resume), bar)
        from host.commands.evaluate.text import summary

        _show(evaluation.folder / "report.json", as_json, lambda: summary(evaluation))
        raise typer.Exit(EXIT_MATCH if evaluation.verdict.match else EXIT_DIFFERS)


@app.command()
def trace(
    board: options.Board = "qemu-m4",
    model: options.Model = None,
    data: options.AnyData = None,
    sample: Annotated[int, typer.Option(min=0, help="Which one, counted from 0.")] = 0,
    tensor: Annotated[
        list[str] | None,
        typer.Option(help="Name or index of one whose values are wanted; may be repeated."),
    ] = None,
    route: options.Route = "ptq-int8",
    engine: options.Engine = "auto",
    arena: options.Arena = None,
    samples: options.Samples = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    port: options.Port = None,
    no_flash: options.NoFlash = False,
    baud: options.Baud = 115200,
    link: options.Link = None,
    timeout: options.Timeout = 20.0,
    allow_unsafe_model: options.Unsafe = False,
    as_json: options.Json = False,
) -> None:
    """Compare what every operator computes for a sample with TFLM on the host."""
    with Failures(as_json):
        from host.cli.progress import Bar
        from host.commands.trace.flow import trace as run

        request = _request(
            *(board, model, data, route, engine, arena, samples, seed, out),
            *(port, no_flash, baud, link, timeout, allow_unsafe_model),
        )
        with Bar() as bar:
            found = run(request, sample, tensor or (), bar)
        from host.commands.trace.text import summary

        _show(found.deployed.folder / "trace.json", as_json, lambda: summary(found))
        raise typer.Exit(EXIT_MATCH if found.match else EXIT_DIFFERS)


@app.command()
def profile(
    board: options.Board = "qemu-m4",
    model: options.Model = None,
    data: options.AnyData = None,
    route: options.Route = "ptq-int8",
    engine: options.Engine = "auto",
    arena: options.Arena = None,
    samples: Annotated[int, typer.Option(min=1, help="How many are run, for the median.")] = 5,
    seed: options.Seed = 0,
    out: options.Out = None,
    port: options.Port = None,
    no_flash: options.NoFlash = False,
    baud: options.Baud = 115200,
    link: options.Link = None,
    timeout: options.Timeout = 20.0,
    allow_unsafe_model: options.Unsafe = False,
    as_json: options.Json = False,
) -> None:
    """Tell what each operator costs on the board: ticks, multiply-accumulates, memory."""
    with Failures(as_json):
        from host.cli.progress import Bar
        from host.commands.profile.flow import profile as run

        request = _request(
            *(board, model, data, route, engine, arena, samples, seed, out),
            *(port, no_flash, baud, link, timeout, allow_unsafe_model),
        )
        with Bar() as bar:
            found = run(request, bar)
        from host.commands.profile.text import summary

        _show(found.deployed.folder / "report.json", as_json, lambda: summary(found))


@app.command()
def explain(
    a: Annotated[
        str, typer.Argument(help="The model taken as right: .tflite, a run's folder, or a route.")
    ],
    b: Annotated[str, typer.Argument(help="The model asked about: the same.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "--dataset", help="As in flash-and-eval. \\[default: the run's; the demo's]"
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="The trained Keras model: .h5, .keras, SavedModel.")
    ] = None,
    deployed_data: Annotated[
        Path | None,
        typer.Option(
            help="An .npz whose x is what B's deployment feeds, in the order of --data: real "
            "values, or int8 codes."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many are run at most.")] = 300,
    seed: options.Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="The report's folder. \\[default: in runs/]")
    ] = None,
    allow_unsafe_model: options.Unsafe = False,
    as_json: options.Json = False,
) -> None:
    """Say why int8 model B computes other things than int8 model A."""
    with Failures(as_json):
        from host.cli.progress import Bar
        from host.commands.explain.flow import explain as run
        from host.commands.explain.request import ExplainRequest

        request = ExplainRequest(
            a=a,
            b=b,
            data=data,
            reference=reference,
            deployed=deployed_data,
            samples=samples,
            seed=seed,
            folder=out,
            allow_unsafe=allow_unsafe_model,
            command=_command(),
        )
        with Bar() as bar:
            explanation = run(request, bar)
        from host.commands.explain.text import summary

        _show(explanation.folder / "explain.json", as_json, lambda: summary(explanation))


@app.command()
def study(
    data: Annotated[
        str | None,
        typer.Option("--dataset", "--data", help=f"{described(real=True)}."),
    ] = None,
    model_fn: Annotated[
        str | None,
        typer.Option(
            help="package.module:function that builds a tf_keras model; may take seed, "
            "input_shape, classes. \\[default: the data's demo model]"
        ),
    ] = None,
    routes: Annotated[
        str, typer.Option(help="Separated by commas, or all. \\[default: the eight main ones]")
    ] = "",
    runs: Annotated[int, typer.Option(help="How many, each with its seed.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the first run.")] = 0,
    jobs: Annotated[
        int | None, typer.Option(help="Runs at once. \\[default: one a processor]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of the plain training.")] = None,
    qat_epochs: Annotated[int | None, typer.Option(help="Of QAT.")] = None,
    samples: Annotated[int | None, typer.Option(help="How many to score. \\[default: all]")] = None,
    board: Annotated[
        str | None, typer.Option(help="Run the int8 models on this board as well.")
    ] = None,
    engine: Annotated[str, typer.Option(help="As in flash-and-eval.")] = "auto",
    board_routes: Annotated[
        str, typer.Option(help="Whose models go to the board. \\[default: all int8 routes]")
    ] = "",
    board_runs: Annotated[
        int | None, typer.Option(help="Only the models of so many runs go to the board.")
    ] = None,
    link: options.Link = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds without an answer of the board.")
    ] = 20.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Its folder. \\[default: in runs/, the same for a same study]"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the folder's runs, compute them again.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train many times, follow every quantization route, and say what can be told apart.

    Each run is kept as it ends: after an interruption the same command goes on.
    """
    with Failures(as_json):
        from host.cli.progress import Bar
        from host.commands.study.flow import study as run
        from host.commands.study.values import StudyRequest

        request = StudyRequest(
            data=data,
            model_function=model_fn,
            routes=_names(routes),
            runs=runs,
            jobs=jobs,
            seed=seed,
            epochs=epochs,
            qat_epochs=qat_epochs,
            samples=samples,
            board=board,
            engine=engine,
            board_routes=_names(board_routes),
            board_runs=board_runs,
            link=link,
            timeout=timeout,
            folder=out,
            fresh=fresh,
            command=_command(),
        )
        with Bar() as bar:
            found = run(request, bar)
        from host.commands.study.text import summary

        _show(found.folder / "study.json", as_json, lambda: summary(found))
        raise typer.Exit(found.exit_code)


@app.command()
def boards(as_json: options.Json = False) -> None:
    """List the boards."""
    with Failures(as_json):
        from host.firmware.boards import load_boards

        known = load_boards().values()
        if as_json:
            print_json({"boards": [{**vars(b), "options": dict(b.options)} for b in known]})
            return
        print_table(
            ("board", "what", "starts by", "flash, kB", "RAM, kB"),
            [
                (b.name, b.description, b.target, f"{b.flash // 1024:,}", f"{b.ram // 1024:,}")
                for b in known
            ],
        )


@app.command()
def doctor(as_json: options.Json = False) -> None:
    """Tell which tools and oracles are there, and what a missing one costs."""
    with Failures(as_json):
        from host.base.versions import tools
        from host.commands.doctor.flow import engines

        found = tools()
        if as_json:
            print_json({"tools": [vars(tool) for tool in found], "engines": engines()})
            return
        print_table(
            ("tool", "version", "what for"),
            [
                (
                    t.name,
                    t.version or "missing",
                    t.purpose if t.version else f"missing: {t.cost}",
                )
                for t in found
            ],
        )
        print_table(("board", "engine"), list(engines().items()))


def _request(
    board: str,
    model: Path | None,
    data: str | None,
    route: str,
    engine: str,
    arena: int | None,
    samples: int | None,
    seed: int,
    folder: Path | None,
    port: str | None,
    no_flash: bool,
    baud: int,
    link: str | None,
    timeout: float,
    allow_unsafe: bool,
) -> Request:
    """What flash-and-eval, trace and profile are asked, in the order of their options."""
    from host.deployment.request import Request

    return Request(
        board=board,
        model=model,
        data=data,
        route=route,
        engine=engine,
        arena=arena,
        samples=samples,
        seed=seed,
        folder=folder,
        port=port,
        flash=not no_flash,
        baud=baud,
        link=link,
        timeout=timeout,
        allow_unsafe=allow_unsafe,
        command=_command(),
    )


def _command() -> str:
    return shlex.join(["python", "-m", "host", *sys.argv[1:]])


def _show(document: Path, as_json: bool, summary: Callable[[], RenderableType]) -> None:
    """The JSON that is in the report's folder, or its summary on the terminal."""
    if as_json:
        say(document.read_text(), sys.stdout)
    else:
        print_rich(summary())


def _names(text: str) -> tuple[str, ...]:
    """What is separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main() -> None:
    """Run the command line."""
    try:
        app()
    finally:
        ignore_interrupts()  # Python's own clean-up would print a traceback

"""The command line: the commands and their options."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from host import __version__
from host.cli import terminal
from host.cli.options import Json, Open, with_options
from host.cli.progress import Bar
from host.commands.explain.options import ExplainRequest
from host.commands.study.options import StudyRequest
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.verdict.options import Limits, VerdictOptions

if TYPE_CHECKING:  # the heavy modules are imported by the command that needs them
    from rich.console import RenderableType

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit: 0 good, 1 bad verdict, 2 wrong input, 3 a tool, the link or the device failed.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.say(f"flash-and-eval {__version__}\n", sys.stdout)
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Does my board compute what I trained, and if not, why?"""


@app.command("flash-and-eval")
@with_options
def flash_and_eval(
    model: ModelOptions,
    device: DeviceOptions,
    verdict: VerdictOptions,
    limits: Limits,
    output: OutputOptions,
    jobs: Annotated[
        int, typer.Option(min=1, help="Emulators side by side, which share the samples.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --out, which did not finish.")
    ] = False,
    open_page: Open = False,
    build_only: Annotated[
        bool,
        typer.Option(
            "--build-only", help="Convert and build; the board need not be there. Starts nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Convert, build, start, stream samples, compare, report."""
    with terminal.Failures(as_json):
        from host.commands.evaluate.build_only import build_only as build
        from host.commands.evaluate.flow import flash_and_eval as run
        from host.commands.evaluate.text import build_summary, summary

        if build_only:
            with Bar() as bar:
                built = build(model, device, output, bar, jobs=jobs, resume=resume)
            _show(built.folder, as_json, lambda: build_summary(built))
        with Bar() as bar:
            evaluation = run(
                *(model, device, verdict, limits, output, bar), jobs=jobs, resume=resume
            )
        code = terminal.EXIT_MATCH if evaluation.verdict.match else terminal.EXIT_DIFFERS
        _show(evaluation.folder, as_json, lambda: summary(evaluation), code, open_page=open_page)


@app.command()
@with_options
def trace(
    model: ModelOptions,
    device: DeviceOptions,
    output: OutputOptions,
    sample: Annotated[int, typer.Option(min=0, help="Which one, counted from 0.")] = 0,
    tensor: Annotated[
        list[str] | None,
        typer.Option(help="Name or index of one whose values are wanted; may be repeated."),
    ] = None,
    open_page: Open = False,
    as_json: Json = False,
) -> None:
    """Compare what every operator computes for a sample with TFLM on the host."""
    with terminal.Failures(as_json):
        from host.commands.trace.flow import trace as run
        from host.commands.trace.text import summary

        with Bar() as bar:
            traced = run(model, device, output, bar, sample=sample, tensors=tensor or ())
        code = terminal.EXIT_MATCH if traced.verdict == "match" else terminal.EXIT_DIFFERS
        _show(traced.folder, as_json, lambda: summary(traced), code, open_page=open_page)


@app.command()
@with_options
def profile(
    model: ModelOptions,
    device: DeviceOptions,
    output: OutputOptions,
    open_page: Open = False,
    as_json: Json = False,
) -> None:
    """Tell what each operator costs on the board: ticks, multiply-accumulates, memory."""
    with terminal.Failures(as_json):
        from host.commands.profile.flow import profile as run
        from host.commands.profile.text import summary

        with Bar() as bar:
            profiled = run(model, device, output, bar)
        _show(profiled.folder, as_json, lambda: summary(profiled), open_page=open_page)


@app.command()
@with_options
def explain(request: ExplainRequest, open_page: Open = False, as_json: Json = False) -> None:
    """Say why int8 model B does not compute what int8 model A computes."""
    with terminal.Failures(as_json):
        from host.commands.explain.flow import explain as run
        from host.commands.explain.text import summary

        with Bar() as bar:
            explanation = run(request, bar)
        _show(explanation.folder, as_json, lambda: summary(explanation), open_page=open_page)


@app.command()
@with_options
def study(request: StudyRequest, open_page: Open = False, as_json: Json = False) -> None:
    """Train many times, follow every quantization route, and say which differ measurably.

    Each run is kept when it ends; after an interruption the same command continues.
    """
    with terminal.Failures(as_json):
        from host.commands.study.flow import study as run
        from host.commands.study.text import summary

        with Bar() as bar:
            result = run(request, bar)
        _show(
            result.folder, as_json, lambda: summary(result), result.exit_code, open_page=open_page
        )


@app.command()
def boards(as_json: Json = False) -> None:
    """List the boards."""
    with terminal.Failures(as_json):
        from host.commands.boards import flow

        if as_json:
            terminal.print_json(flow.document())
        else:
            terminal.print_table(flow.HEADER, flow.rows())


@app.command()
def doctor(
    board: Annotated[
        str | None, typer.Argument(help="A board: is all there that it needs?")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell which tools and oracles are there, and what a missing one costs."""
    with terminal.Failures(as_json):
        from host.commands.doctor import flow

        ready = None if board is None else flow.readiness(board)
        if as_json:
            terminal.print_json(flow.document(ready))
        else:
            terminal.print_table(flow.TOOLS, flow.tool_rows())
            terminal.print_table(flow.ENGINES, list(flow.engines(board).items()))
            if ready is not None:
                terminal.say(f"{ready.text}\n", sys.stdout)
        if ready is not None:
            raise typer.Exit(ready.exit)


def _show(
    folder: Path,
    as_json: bool,
    summary: Callable[[], RenderableType],
    code: int = 0,
    *,
    open_page: bool = False,
) -> NoReturn:
    """The JSON that is in the report's folder, or its summary on the terminal; and the exit."""
    from host.report.document import DOCUMENT, PAGE

    if as_json:
        terminal.say((folder / DOCUMENT).read_text(), sys.stdout)
    else:
        terminal.print_rich(summary())
    if open_page:
        webbrowser.open((folder / PAGE).resolve().as_uri())
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    try:
        app()
    finally:
        terminal.ignore_interrupts()  # Python's own clean-up would print a traceback

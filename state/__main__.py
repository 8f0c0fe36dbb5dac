"""Experiments without a browser: `python -m state train GanTraining --steps 2000 --seed 3`.

The same store, the same queue, the same processes as in the app: what is trained here is seen there. Options of
`train` are the knobs of the experiment, with their help, bounds and choices.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from functools import reduce
from json import dumps as to_json
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from models.catalogue import experiments
from models.experiment import BadExperiment, Experiment, Knob
from state.compiling import compile_ahead
from state.drain import drain
from state.export import FORMATS, CannotExport, export
from state.history import Cursor, Delta
from state.home import hold_server_lock
from state.links import change
from state.reasons import NO_SUCH_RUN
from state.runs import NoSuchRun, Refused, Run, Runs
from state.settings import settle
from state.supervisor import ensure_supervisor

Json = Annotated[bool, tyro.conf.arg(help="One JSON object per line instead of text.")]
Home = Annotated[Path | None, tyro.conf.arg(help="Where runs live, instead of TORCHLIGHT_HOME.")]
Key = Annotated[str, tyro.conf.Positional, tyro.conf.arg(help="The key of the run, as `list` shows it.")]
Title = Annotated[str, tyro.conf.Positional, tyro.conf.arg(help="What the run is called.")]
Tags = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(help="Words to find the run by.")]
POLL_S = 0.05


def told(value: Any) -> Any:
    """`value` for JSON, in which numbers that are not finite have no place: they become their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def line(run: Run) -> dict[str, Any]:
    """A run in one line."""
    status, reason = run.status(), run.unknown
    said = {"key": run.key, "name": run.name, "state": status.state, "step": status.step, "steps": status.steps}
    if run.row.title:
        said["title"] = run.row.title
    if run.tags:
        said["tags"] = list(run.tags)
    return said if reason is None else {**said, "unknown": str(reason)}


def say(run: Run, as_json: bool) -> None:
    said = line(run)
    rest = {"title": "", "unknown": "", **said}
    text = "{key}  {state:<11} {step:>8}/{steps:<8} {name}  {title}  {unknown}".format_map(rest).rstrip()
    print(to_json(said) if as_json else text)


def events(delta: Delta) -> Iterator[dict[str, Any]]:
    """What a delta says, as JSON objects."""
    for scalars in delta.scalars:
        values = {name: [told(float(value)) for value in column] for name, column in scalars.values.items()}
        yield {"event": "scalars", "first": scalars.first, "step": scalars.step, "values": values}
    for step in delta.moments:
        yield {"event": "snapshot", "step": int(step)}
    for note in delta.notes:
        yield {"event": "note", "step": note.step, "kind": note.kind, "text": str(note)}


def follow(run: Run, as_json: bool) -> int:
    """Tell what happens until the run ends; the exit code."""
    cursor: Cursor | None = None
    while True:
        status = run.status()
        delta = run.since(cursor)
        cursor = delta.cursor
        if as_json:
            for event in events(delta):
                print(to_json(event), flush=True)
        elif sys.stderr.isatty():
            print(
                f"\r{status.state} {status.step}/{status.steps}, {status.rate:.0f} steps/s  ", end="", file=sys.stderr
            )
        if status.ended or status.state == "paused":
            break
        ensure_supervisor(run.directory.parent.parent)
        run.look()
        time.sleep(POLL_S)
    end = {"event": "end", **line(run), "reason": str(status.reason) if status.reason else None}
    print(to_json(end) if as_json else f"{run.key}: {status.state} at step {status.step}. {status.reason or ''}")
    return 0 if status.state == "finished" else 1


def train(experiment: Experiment, at: Path | None, as_json: bool, resume: bool) -> int:
    with Runs(at) as store, closing(hold_server_lock(at)):
        run = store.open(experiment, resume=resume)
        try:
            return follow(run, as_json)
        except KeyboardInterrupt:
            print(f"\nThe run goes on. To end it: python -m state stop {run.key}", file=sys.stderr)
            return 130


def option(knob: Knob) -> Any:
    """A knob as the type of a command line option: its help, bounds and choices."""
    bounds = f" From {knob.low:g} to {knob.high:g}." if knob.low is not None and knob.high is not None else ""
    kinds: dict[str, Any] = {"int": int, "float": float, "bool": bool, "text": str}
    kind = Literal[knob.options] if knob.kind == "choice" else kinds[knob.kind]
    return Annotated[kind, tyro.conf.arg(help=knob.help + bounds)]


def trainer(cls: type[Experiment]) -> Callable[..., int]:
    """A function whose parameters are the experiment's knobs, for tyro to read."""

    def command(*, changes: str, json: bool, home: Path | None, resume: bool, **knobs: Any) -> int:
        experiment = reduce(change, filter(None, changes.split(",")), cls.of(knobs))
        return train(experiment, home, json, resume)

    during = Annotated[str, tyro.conf.arg(help="Knobs changed during training, as STEP:KNOB:VALUE,…")]
    again = Annotated[bool, tyro.conf.arg(help="Take a stopped, interrupted or failed run up again.")]
    parameters = [
        *((knob.name, option(knob), knob.default) for knob in cls.knobs().values()),
        ("changes", during, ""), ("json", Json, False), ("home", Home, None), ("resume", again, False),
    ]  # fmt: skip
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
         for name, kind, default in parameters]
    )  # fmt: skip
    command.__annotations__ = {name: kind for name, kind, _ in parameters}
    command.__doc__ = cls.__doc__
    return command


@contextmanager
def found(key: str, at: Path | None) -> Iterator[tuple[Runs, Run]]:
    """The store and the run, as long as the block lasts."""
    with Runs(at) as store:
        run = store.find(key)
        if run is None:
            sys.exit(NO_SUCH_RUN.format(key=key))
        yield store, run


def show_all(json: Json = False, home: Home = None) -> None:
    """List all runs, the newest first."""
    with Runs(home) as store:
        for run in store.list():
            with suppress(NoSuchRun):  # deleted since
                say(run, json)


def show(key: Key, json: Json = False, home: Home = None) -> None:
    """Tell what is known of a run: where it stands, its knobs, the last value of each column, its notes."""
    with found(key, home) as (_, run):
        status = run.status()
        last = {name: told(float(values[-1])) for name, (_, values) in run.columns().items()}
        experiment = None if run.unknown else repr(run.experiment)
        said = {**line(run), "experiment": experiment, "last": last, "signature": status.signature,
                "snapshots": len(run.moments()), "notes": [str(note) for note in run.notes()],
                "reason": str(status.reason) if status.reason else None, "damage": asdict(run.damage())}  # fmt: skip
    print(to_json(said) if json else "\n".join(f"{name:<11} {value}" for name, value in said.items()))


def stop(key: Key, home: Home = None) -> None:
    """End a run at a checkpoint; `train … --resume` takes it up again."""
    with found(key, home) as (_, run):
        run.stop()


def delete(key: Key, home: Home = None) -> None:
    """Delete an ended run for good."""
    with found(key, home) as (store, run):
        if not store.delete(run.key):
            sys.exit(f"The run is {run.status().state}: stop it first.")


def pin(key: Key, off: bool = False, home: Home = None) -> None:
    """Keep a run when the disk bound deletes others; `--off` takes the pin away."""
    with found(key, home) as (_, run):
        run.pin(not off)


def name(key: Key, title: Title, home: Home = None) -> None:
    """Give a run a name; an empty one takes it away."""
    with found(key, home) as (_, run):
        run.rename(title)


def tag(key: Key, tags: Tags = (), home: Home = None) -> None:
    """Set a run's tags; without any, it has none."""
    with found(key, home) as (_, run):
        run.tag(tags)


def write(
    key: Key,
    format: Annotated[Literal[tuple(FORMATS)], tyro.conf.arg(help="What kind of file.")] = "csv",  # type: ignore[valid-type]
    step: Annotated[int | None, tyro.conf.arg(help="For a picture or weights: not later than this step.")] = None,
    to: Annotated[Path | None, tyro.conf.arg(help="The file, or the directory for it; by default here.")] = None,
    home: Home = None,
) -> None:
    """Write a run as a file: numbers, pictures, weights, or Python that trains it again."""
    with found(key, home) as (_, run):
        try:
            file = export(run, format, step)
        except CannotExport as error:
            sys.exit(str(error))
        place = Path(file.name) if to is None else to / file.name if to.is_dir() else to
        place.write_bytes(file.data)
        print(place)


def warm(
    all: Annotated[bool, tyro.conf.arg(help="Every story of every family, not the first alone.")] = False,
    home: Home = None,
) -> None:
    """Train the stories into the store and pin them, so that the first visitor waits for nothing.

    With TORCHLIGHT_COMPILE=1 their steps are compiled as well.
    """
    stories = [story for cls in experiments().values() for story in (cls.stories() if all else cls.stories()[:1])]
    failed = 0
    with Runs(home) as store, closing(hold_server_lock(store.home)):
        for story in stories:
            run = store.open(story.experiment, resume=True)
            run.pin()
            while not run.status().ended:
                ensure_supervisor(store.home)
                time.sleep(POLL_S)
            failed += run.status().state != "finished"
            say(run, as_json=False)
        if compiled := compile_ahead(store.home, (story.experiment for story in stories)):
            print(f"{compiled} compiled steps are kept.")
    if failed:
        sys.exit(f"{failed} of {len(stories)} stories did not finish.")


def drained(home: Home = None) -> None:
    """End every run at a checkpoint, before the machine is stopped; the next server takes them up again."""
    with Runs(home) as store:
        keys = drain(store.home)
    print(f"{len(keys)} runs wait for the next start.")


def main(arguments: list[str]) -> int:
    """The command line; the exit code. A run that does not finish, and a mistake in the options, is not 0."""
    settle()
    try:
        return _main(arguments)
    except BadExperiment as error:
        for name, fault in error.faults.items():
            print(f"--{name.replace('_', '-')}: {fault}", file=sys.stderr)
    except Refused as error:
        print(error, file=sys.stderr)
    return 2


def _main(arguments: list[str]) -> int:
    if arguments[:1] != ["train"]:
        commands: dict[str, Callable[..., Any]] = {
            "list": show_all, "train": train_help, "show": show, "stop": stop, "delete": delete, "pin": pin,
            "name": name, "tag": tag, "export": write, "warm": warm,
            "drain": drained,
        }  # fmt: skip
        tyro.extras.subcommand_cli_from_dict(commands, args=arguments, prog="python -m state")
        return 0
    known = experiments()
    if len(arguments) < 2 or arguments[1] not in known:
        print(f"usage: python -m state train {{{','.join(known)}}} [options]", file=sys.stderr)
        return 0 if "--help" in arguments else 2
    command = trainer(known[arguments[1]])
    return tyro.cli(command, args=arguments[2:], prog=f"python -m state train {arguments[1]}")


def train_help() -> None:
    """Train an experiment, or follow the run that it already has: `train GanTraining --seed 3 --json`."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

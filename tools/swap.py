"""``visavis swap ACTOR --engine NAME``: another engine in the place of an actor's, unnoticed by the calls in progress.

A second process of the actor loads beside the first one. Once it has run on dummy data it asks for the work, gets it
between two turns, and the first one ends. Where it does not become ready the first one stays, and it is said why. What
was swapped stays until the supervisor ends; supervisord.conf says what it begins with.
"""

import argparse
import shlex
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from protocol.bus import Bus
from protocol.messages import Health
from protocol.run import run_folder
from protocol.topics import ACTORS
from tools.errors import ToolError
from tools.programs import Programs

READY_S = 120.0
BOUNDARY_S = 60.0  # until the calls are between two turns
LOOK_MS = 50
HEADROOM = 1.5  # so many times what the process before has must be free
LEAST_FREE_BYTES = 300_000_000
LOG_LINES = 5
CONF = """[program:{name}]
command={command}
directory={directory}
autostart=false
autorestart=true
stopwaitsecs=5
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
"""


class SwapFailed(ToolError):
    """The actor is as it was; the message says why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("actor", choices=[actor for actor in ACTORS if actor != "transport"])
    parser.add_argument("--engine", help="the new engine; without it the same one, in a new process")


def run(args: argparse.Namespace) -> int:
    began = time.monotonic()
    engine = swap(run_folder(), args.actor, args.engine)
    print(f"{args.actor} runs {engine or 'anew'} after {time.monotonic() - began:.1f} s")
    return 0


def swap(folder: Path, actor: str, engine: str | None = None) -> str:
    """Returns the name of the engine that runs now. Raises SwapFailed, NotRunning."""
    programs = Programs(folder)
    old = programs.of(actor)
    if not old.pid:
        raise SwapFailed(f"{actor} does not run: {old.words}")
    _check_memory(old.pid)
    command, directory = programs.command(old.name)
    number = old.name.rpartition("-")[2]
    name = f"{actor}-{int(number) + 1 if number.isdecimal() else 2}"
    (folder / "swap").mkdir(mode=0o700, exist_ok=True)
    conf, log = folder / "swap" / f"{name}.conf", folder / f"{name}.log"
    text = CONF.format(name=name, command=_with_engine(command, engine), directory=directory, log=log)
    with ExitStack() as undo:
        undo.callback(conf.unlink)
        conf.write_text(text.replace("%", "%%"))
        undo.callback(programs.remove, name)
        programs.add(name)
        engine = _wait(programs, folder, name, old.pid)
        undo.pop_all()
    programs.retire(old.name)
    if old.name != actor:
        (folder / "swap" / f"{old.name}.conf").unlink(missing_ok=True)
        programs.remove(old.name)
    return engine


def _check_memory(pid: int) -> None:
    wanted = max(int(HEADROOM * psutil.Process(pid).memory_info().rss), LEAST_FREE_BYTES)
    if (free := psutil.virtual_memory().available) < wanted:
        raise SwapFailed(f"{free / 1e6:.0f} MB of memory are free; a second process beside it needs {wanted / 1e6:.0f}")


def _with_engine(command: str, engine: str | None) -> str:
    words = shlex.split(command)
    if engine is not None:
        if "--engine" in words:
            words[words.index("--engine") + 1] = engine
        else:
            words += ["--engine", engine]
    return shlex.join(words)


def _wait(programs: Programs, folder: Path, name: str, old_pid: int) -> str:
    """Until the program is at work; returns its engine."""
    bus = Bus("swap", [Health], folder)
    try:
        messages, deadline = bus.connect(), time.monotonic() + READY_S
        pid, waits = 0, False
        while True:
            program = programs.all()[name]
            if program.state in ("BACKOFF", "FATAL", "EXITED") or program.pid not in (0, pid or program.pid):
                raise SwapFailed(f"{name} did not become ready; the process before goes on{_tail(folder, name)}")
            pid = pid or program.pid
            for _, health in messages:
                if health.pid == pid and health.state == "ready":
                    return health.engine
                if health.pid == pid and health.note and not waits:
                    waits, deadline = True, time.monotonic() + BOUNDARY_S
            if time.monotonic() > deadline:
                what = f"no end of a turn within {BOUNDARY_S:g} s" if waits else f"not ready after {READY_S:g} s"
                raise SwapFailed(f"{name}: {what}; process {old_pid} goes on")
            messages = bus.receive(LOOK_MS)
    finally:
        bus.close()


def _tail(folder: Path, name: str) -> str:
    log = folder / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
    return ":\n  " + "\n  ".join(lines) if lines else "; its log is empty"

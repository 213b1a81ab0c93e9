"""``visavis serve``: runs everything until Ctrl-C, and shows what the actors log."""

import argparse
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from protocol.run import data_folder, run_folder
from tools.errors import StackError
from tools.stack import Stack

LOOK_S = 0.3  # how often the logs are read


def _port(word: str) -> int:
    if not (word.isdecimal() and int(word) < 65536):
        raise argparse.ArgumentTypeError(f"{word} is no port: 0 to 65535")
    return int(word)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on; the deployment's where not given")
    parser.add_argument("--port", type=_port, help="port to listen on, 0 for any; the deployment's where not given")
    parser.add_argument("--record", action="store_true", help="keep traces of the last calls in .data/traces")


class Logs:
    """What is written to the logs of a run folder from now on."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[Path, TextIO] = {}
        for path in folder.glob("*.log"):
            self._open(path).seek(0, 2)

    def _open(self, path: Path) -> TextIO:
        self._files[path] = path.open(errors="replace")
        return self._files[path]

    def lines(self) -> list[str]:
        """The new lines, sorted by their time."""
        lines = []
        for path in self._folder.glob("*.log"):
            file = self._files.get(path) or self._open(path)
            lines += file.readlines()
            if path.stat().st_ino != Path(f"/proc/self/fd/{file.fileno()}").stat().st_ino:  # rotated away
                file.close()
                lines += self._open(path).readlines()
        return sorted(line.rstrip("\n") for line in lines)


class Recording:
    """``visavis record --ring`` beside the server, in a process of its own: what ends it does not end the calls."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tools.cli", "record", "--ring", data_folder() / "traces"]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # it ends last, by stop(), so that the trace has how the calls end
        )
        self._is_missed = False

    def failure(self) -> str | None:
        """Why nothing is recorded any more, once; None while all is well."""
        if self._is_missed or self._process.poll() is None:
            return None
        self._is_missed = True
        said = self._process.stderr.read().splitlines()
        return said[-1] if said else f"visavis: recording stopped: its process ended with {self._process.returncode}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stderr.close()


def _stop(*_) -> None:
    raise KeyboardInterrupt


def run(args: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    began = time.monotonic()
    folder = run_folder()
    print("starting", flush=True)
    try:
        # what is entered first is left last: the recorder hears how the calls end
        with (
            ExitStack() as after,
            Stack(folder, args.host, args.port, tell=lambda line: print(line, flush=True)) as stack,
        ):
            print(f"\nvisavis is ready after {time.monotonic() - began:.1f} s.  Open  {stack.url}\n", flush=True)
            print(f"Ctrl-C stops it. Logs, also in {folder}:", flush=True)
            logs = Logs(folder)
            recording = Recording() if args.record else None
            if recording:
                after.callback(recording.stop)
            while stack.is_running:
                for line in logs.lines():
                    print(line, flush=True)
                if recording and (reason := recording.failure()):
                    print(reason, flush=True)
                time.sleep(LOOK_S)
            raise StackError(f"supervisord is gone; see {folder / 'supervisord.log'}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 0

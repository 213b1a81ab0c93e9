"""``visavis serve``: runs everything until Ctrl-C, and shows what the actors log."""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from protocol.run import run_folder
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


def _stop(*_) -> None:
    raise KeyboardInterrupt


def run(args: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    began = time.monotonic()
    folder = run_folder()
    print("starting", flush=True)
    try:
        with Stack(folder, args.host, args.port, tell=lambda line: print(line, flush=True)) as stack:
            print(f"\nvisavis is ready after {time.monotonic() - began:.1f} s.  Open  {stack.url}\n", flush=True)
            print(f"Ctrl-C stops it. Logs, also in {folder}:", flush=True)
            logs = Logs(folder)
            while stack.is_running:
                for line in logs.lines():
                    print(line, flush=True)
                time.sleep(LOOK_S)
            raise StackError(f"supervisord is gone; see {folder / 'supervisord.log'}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 0

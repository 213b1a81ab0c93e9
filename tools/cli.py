"""The ``visavis`` command. Each of its commands is a module with ``arguments(parser)`` and ``run(args)``.

``run`` gives an exit status, or a dict of results: printed as one JSON object in the last line; a bench prints it line
by line where --json is not given.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

COMMANDS = {
    "serve": "run everything until Ctrl-C",
    "status": "show what every process is doing",
    "restart": "start one actor anew, under calls in progress",
    "swap": "put another engine in the place of an actor's, between two turns of the calls in progress",
    "talk": "speak a WAV into a running server and save what it answers",
    "record": "write what crosses the bus, with sound and pictures, into a trace",
    "trace": "what is in a trace, and its sound and pictures as files",
    "replay": "run an actor through a trace, and tell what it says differently",
    "bench": "measure",
    "doctor": "check what a first run needs, and say what to do about each failure",
    "models": "download weights for better engines",
    "avatar": "make a face, look at it, look into it",
}
AVATAR = {
    "build": "make a character",
    "info": "what is in a file",
    "validate": "whether files are avatars, and what makes them poor ones",
    "convert": "from a 3D Gaussian splatting scan to an avatar, or back to a plain one",
    "sheet": "a picture of a face from all sides, with its expressions and visemes",
    "film": "a face that says a text, as an MP4",
}


def _benches() -> dict[str, str]:
    folder = Path(__file__).with_name("bench")
    return {path.stem: "" for path in sorted(folder.glob("[a-z]*.py"))}


def _choose(parser: argparse.ArgumentParser, names: Mapping[str, str], words: list[str], package: str) -> None:
    """Gives the parser one command for each name. Only the module of the one in ``words`` is imported."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_text in names.items():
        command = commands.add_parser(name, help=help_text)
        if not words or words[0] != name:
            continue
        if package == "tools" and name in ("bench", "avatar"):
            _choose(command, _benches() if name == "bench" else AVATAR, words[1:], f"tools.{name}")
            continue
        if package == "tools.bench":
            command.add_argument("--json", action="store_true", help="print one JSON object as the last line")
        module = importlib.import_module(f"{package}.{name}")
        command.description = (module.__doc__ or "").strip()
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        module.arguments(command)
        command.set_defaults(run=module.run)


def _show(results: dict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(results))
        return
    width = max(map(len, results), default=0)
    for name, value in results.items():
        print(f"{name:{width}}  {value}")


def main(words: list[str] | None = None) -> int:
    from actors.engine import CannotStart
    from protocol.errors import ProtocolError
    from tools.errors import ToolError

    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(prog="visavis", description="Speak to a face that answers.")
    _choose(parser, COMMANDS, words, "tools")
    args = parser.parse_args(words)
    try:
        results = args.run(args)
    except (ToolError, ProtocolError, CannotStart, OSError) as error:
        print(f"visavis: {error}", file=sys.stderr)
        return 1
    if isinstance(results, dict):
        _show(results, getattr(args, "json", True))
        return 0
    return results


if __name__ == "__main__":
    sys.exit(main())

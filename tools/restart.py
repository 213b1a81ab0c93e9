"""``visavis restart ACTOR``: ends one actor of the running system and starts it again, under calls in progress."""

import argparse
import time

from protocol.run import run_folder
from tools import status
from tools.errors import ToolError
from tools.programs import Programs

READY_S = 30.0
LOOK_S = 0.05


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("actor", help="a name that `visavis status` lists")


def run(args: argparse.Namespace) -> int:
    folder = run_folder()
    began = time.monotonic()
    Programs(folder).restart(args.actor)
    while True:
        actor = next(one for one in status.read(folder) if one.name == args.actor and not one.waits)
        passed_s = time.monotonic() - began
        if actor.is_well:
            print(f"{args.actor} is ready again after {passed_s:.1f} s, process {actor.program.pid}")
            return 0
        if passed_s > READY_S or actor.state in ("backoff", "fatal", "exited"):
            raise ToolError(
                f"{args.actor} is {actor.state} after {passed_s:.1f} s: see {folder / actor.program.name}.log"
            )
        time.sleep(LOOK_S)

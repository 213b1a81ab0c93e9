"""``python -m tools.bench._late MS KIND actors.NAME ...``: an actor of this system whose engine takes so long.

The actor's own program runs, with its own engine; each message of KIND that its machine says is published exactly so
long after the step that led to it began, and all others at once. Deliberately a wrapper around the machine: nothing in
the product knows of it.
"""

import runpy
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import actors.actor
from actors.step import Input, Machine, Output
from protocol import messages
from protocol.clock import MS

KNOWN_ALREADY = "final"  # words that were said at the pause, and count now


class Late:
    """Machine. ``delay_ns``: for outputs whose message is a ``kind``."""

    def __init__(self, machine: Machine, kind: type, delay_ns: int):
        self._machine, self._kind, self._delay_ns = machine, kind, delay_ns
        self._waiting: deque[tuple[int, Output]] = deque()

    @property
    def wake_ns(self) -> int | None:
        due = [self._machine.wake_ns, self._waiting[0][0] if self._waiting else None]
        return min((ns for ns in due if ns is not None), default=None)

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        for output in self._machine.step(inputs, now_ns):
            if isinstance(output.message, self._kind) and getattr(output.message, "stage", None) != KNOWN_ALREADY:
                self._waiting.append((now_ns + self._delay_ns, output))
            else:
                yield output
        while self._waiting and self._waiting[0][0] <= now_ns:
            yield self._waiting.popleft()[1]


def main(milliseconds: str, kind: str, module: str, *words: str) -> None:
    run = actors.actor.run

    def run_late(actor: str, args, engines, hears, machine: Callable, **more) -> None:
        def late(chosen, session: str) -> Late:
            return Late(machine(chosen, session), getattr(messages, kind), int(milliseconds) * MS)

        run(actor, args, engines, hears, late, **more)

    actors.actor.run = run_late
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The one idea: an actor is ``step(inputs, now_ns) -> outputs`` over messages. No socket, clock or thread inside it.

The runtime (actor.py) makes one machine per call and feeds it; a test or a replay feeds it the same way.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from attrs import frozen

from protocol.envelope import Envelope


@frozen(eq=False)
class Input:
    """A message of this call, with the content behind its handle."""

    envelope: Envelope
    message: object
    content: np.ndarray | None = None


@frozen(eq=False)
class Output:
    """A message to publish; the runtime puts ``content`` into shared memory and the handle into the message.

    cause: the input that led to it; it also gives the turn where ``turn`` is None.
    """

    message: object
    content: np.ndarray | None = None
    cause: Input | None = None
    turn: int | None = None
    valid: bool = True


class Machine(Protocol):
    """The thinking of one actor in one call."""

    wake_ns: int | None  # step again at this time even without input; None waits for input

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterable[Output]:
        """Takes the inputs in the order they came. A generator's outputs are published as they are made."""
        ...


class Engine(Protocol):
    """What does the work behind a machine.

    One object per process, shared by its calls; heavy imports live inside load().
    """

    name: str

    def missing(self) -> str | None:
        """Why this engine cannot run here, in words; None where it can. Cheap: looks for files and hardware only."""
        ...

    def load(self) -> None:
        """Weights, kernels, files: everything that takes time. Called once, before any session."""
        ...

    def warm(self) -> None:
        """One run on dummy data, so that the first real one is as fast as the rest."""
        ...

    def close(self) -> None: ...

"""From the probability of each frame to beginnings, pauses and ends of speech."""

from collections.abc import Iterator
from typing import Literal

FRAME_MS = 32
START_PROBABILITY = 0.5  # Silero's own threshold
QUIET_PROBABILITY = 0.35  # below, it is silence; between the two nothing changes, so that a weak sound does not flicker
MIN_SPEECH_FRAMES = 3  # 96 ms: a key click or a knock is shorter, "yes" is longer
RESUME_FRAMES = 2  # 64 ms: in a pause, speech is likelier than a click
PAUSE_FRAMES = 2  # 64 ms: about a stop consonant's closure; an answer that is begun too early is only work in vain
END_FRAMES = 50  # 1.6 s: longer than the llm waits (actors/llm/patience.py), which ends an utterance with its turn
MAX_FRAMES = 937  # 30 s: what the recognisers take at once

State = Literal["started", "paused", "resumed", "ended"]


class Activity:
    """Speech against silence. Frames are numbered by the caller; a boundary lies at a frame's beginning."""

    def __init__(self):
        self._loud: int | None = None  # where the sound began that may become speech
        self._quiet: int | None = None  # while speaking: where the silence began
        self._began: int | None = None  # while speaking: where the speech began
        self._paused = False

    @property
    def speaking(self) -> bool:
        return self._began is not None

    def hear(self, frame: int, probability: float) -> Iterator[tuple[State, int]]:
        """Yields what this frame, the ``frame``-th, makes certain, and at the beginning of which frame it happened."""
        if probability >= START_PROBABILITY:
            self._loud = frame if self._loud is None else self._loud
        elif probability < QUIET_PROBABILITY:
            self._loud = None
            if self.speaking and self._quiet is None:
                self._quiet = frame
        silence_end = frame + 1 if self._loud is None else self._loud
        loud = frame + 1 - silence_end
        quiet = 0 if self._quiet is None else silence_end - self._quiet
        if not self.speaking:
            if loud >= MIN_SPEECH_FRAMES:
                self._began = self._loud
                yield "started", self._loud
        elif frame + 1 - self._began >= MAX_FRAMES:
            yield self.end(frame + 1)
        elif quiet and loud >= RESUME_FRAMES:
            self._quiet = None
            if self._paused:
                self._paused = False
                yield "resumed", self._loud
        elif quiet >= END_FRAMES:
            yield self.end(frame + 1)
        elif quiet >= PAUSE_FRAMES and not self._paused:
            self._paused = True
            yield "paused", self._quiet

    def end(self, frame: int) -> tuple[State, int]:
        """Speech is over, because nothing is heard any more from ``frame`` on."""
        at = self._quiet
        if at is None:  # cut off: what goes on is new speech
            at, self._loud = frame, None
        self._quiet = self._began = None
        self._paused = False
        return "ended", at

    def remember(self, state: State, frame: int) -> None:
        """What was made certain in a life before, and at the beginning of which frame it happened."""
        if state == "started" or self._began is None:
            self._began = frame
        self._quiet = frame if state == "paused" else None
        self._paused = state == "paused"
        if state == "ended":
            self._began = None

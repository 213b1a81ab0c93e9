"""The renderer's thinking: a picture for every face, of the size that the call asked for, or less where time is short.

30 Hz <- animator. Of several faces that wait, the bus hands on the newest and counts the others (protocol/topics.py).
"""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.renderer.ladder import Ladder
from actors.step import Input, Output
from protocol.messages import Face, Frame, Packet, Session

if TYPE_CHECKING:
    from actors.renderer.splats import SplatEngine
    from actors.renderer.stage import Stage

log = logging.getLogger(__name__)

HEARS = (Session, Face, Packet)


class Renderer:
    """One call. Hears Session, Face and Packet, says Frame; a face before the call's Session has no size and is left
    out.
    """

    wake_ns = None

    def __init__(self, engine: "SplatEngine"):
        self._engine = engine
        self._session: Session | None = None

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        """Raises BadPicture for a size that cannot be drawn."""
        for one in inputs:
            match one.message:
                case Session(state="open") as session if session != self._session:
                    self._session, self._ladder = session, Ladder(session.fps)
                    self._stages: dict[tuple, Stage] = {}
                    self._stage()
                case Face() as face if self._session and self._ladder.wants(face.frame):
                    self._ladder.drawn(face.frame, one.envelope.sent_ns)
                    yield self._frame(one, face)
                case Packet(frame=frame) if self._session and self._ladder.left(frame, one.envelope.sent_ns):
                    log.info("quality %d from here on: %s", self._ladder.quality, self._ladder.level.words)

    def _frame(self, one: Input, face: Face) -> Output:
        stage, (width, height) = self._stage()
        planes = stage.draw(face.weights, face.head_rad, face.head_m, face.gaze_rad)
        frame = Frame(
            frame=face.frame, offset_ns=face.offset_ns, width=width, height=height, quality=self._ladder.quality
        )
        return Output(frame, content=planes, cause=one)

    def _stage(self) -> tuple["Stage", tuple[int, int]]:
        """What the present level draws with; made when it is first needed. And its size."""
        level = self._ladder.level
        size = level.size(self._session.width, self._session.height)
        key = (level.coarse, size)
        if key not in self._stages:
            self._stages[key] = self._engine.open(*size, coarse=level.coarse)
        return self._stages[key], size

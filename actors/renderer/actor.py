"""The renderer's thinking: a picture for every face, of the size that the call asked for."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.step import Input, Output
from protocol.messages import Face, Frame, Session

if TYPE_CHECKING:
    from actors.renderer.splats import SplatEngine
    from actors.renderer.stage import Stage

HEARS = (Session, Face)


class Renderer:
    """One call. Hears Session and Face, says Frame; a face before the call's Session has no size and is left out."""

    wake_ns = None

    def __init__(self, engine: "SplatEngine"):
        self._engine = engine
        self._stage: Stage | None = None

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        """Raises BadPicture for a size that cannot be drawn."""
        for one in inputs:
            match one.message:
                case Session(state="open", width=width, height=height) as session:
                    self._stage, self._session = self._engine.open(width, height), session
                case Face() as face if self._stage:
                    yield self._frame(one, face)

    def _frame(self, one: Input, face: Face) -> Output:
        planes = self._stage.draw(face.weights, face.head_rad, face.head_m, face.gaze_rad)
        size = {"width": self._session.width, "height": self._session.height}
        return Output(Frame(frame=face.frame, offset_ns=face.offset_ns, **size), content=planes, cause=one)

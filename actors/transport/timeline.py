"""The playout clock as a machine of its own, for replays. Live, a call's tracks ask it for sound and pictures."""

from collections import Counter
from collections.abc import Iterator, Sequence

from actors.step import Input, Output
from actors.transport.media import PACKET_NS
from actors.transport.playout import Playout
from protocol.messages import Floor, Packet, Session, Turn, Voice


class Timeline:
    """One call's. The media clock begins with it."""

    HEARS = (Session, Voice, Packet, Turn, Floor)

    def __init__(self, session: str):
        self.wake_ns: int | None = None
        self._playout: Playout | None = None
        self._index = 0

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        for one in inputs:
            if not isinstance(one.message, Session):
                self._playout.take(one, now_ns)
            elif self._playout is None:
                self.wake_ns, self._playout = now_ns, Playout(now_ns, Counter())
        while self.wake_ns <= now_ns:
            self._playout.sound(self._index)
            self._playout.pictures(self.wake_ns)
            self._index += 1
            self.wake_ns += PACKET_NS
        yield from self._playout.said()

"""When each frame of the face is due, and which moment of the reply it shows.

Outside a reply frames lie on a grid that starts with the call. Inside one, frame k shows offset k / fps. Until the
voice plays, it follows the first frame by k / fps; from then on it is due at ``anchor + k / fps - LEAD``, so that its
picture is there in time.
"""

from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY

LEAD_NS = 50 * MS  # renderer, encoder and two hops of the bus take 25 to 40 ms; transport holds what comes early
LATE_FRAMES = 2  # later than this, the offsets between are left out
GAP = 0.45  # of a frame's time: two frames never follow each other faster, so a late face catches up in small steps


class Pace:
    """The frames' clock of one call. ``start_ns``: when the call began; ``due_ns``: when the next frame is wanted."""

    def __init__(self, start_ns: int, fps: int):
        self._fps = fps
        self._start_ns = start_ns
        self._gap_ns = int(GAP * SECOND / fps)
        self._last_ns = start_ns - SECOND // fps
        self._base_ns: int | None = None  # when offset 0 of the reply is, or was, due; None outside a reply
        self._frame = 0  # the reply's next one
        self.due_ns = start_ns

    @property
    def offset_ns(self) -> int:
        """What the next frame shows, if it is on time: its place in the reply, or OUTSIDE_REPLY."""
        return OUTSIDE_REPLY if self._base_ns is None else self._span_ns(self._frame)

    def begin(self, now_ns: int) -> None:
        """A reply starts: its first frame is due now, whatever went before."""
        self._base_ns, self._frame = now_ns, 0
        self.due_ns = now_ns

    def anchor(self, anchor_ns: int) -> None:
        """Offset 0 plays at ``anchor_ns``. Said again with another time where the voice ran dry."""
        self._base_ns = anchor_ns - LEAD_NS
        self._plan()

    def rejoin(self, anchor_ns: int, now_ns: int) -> None:
        """The reply goes on after it was left: in the middle, where its offset 0 would have played at ``anchor_ns``."""
        self._base_ns = anchor_ns - LEAD_NS
        self._frame = max(0, -((self._base_ns - now_ns) * self._fps // SECOND))  # rounded up
        self._plan()

    def end(self) -> None:
        """The reply is over: back to the grid."""
        self._base_ns = None
        self._plan()

    def take(self, now_ns: int) -> int:
        """The offset to show in a frame made now, at ``due_ns`` or later; plans the next one."""
        offset_ns = OUTSIDE_REPLY
        if self._base_ns is not None:
            since_ns = now_ns - self._base_ns
            if since_ns - self._span_ns(self._frame) > self._span_ns(LATE_FRAMES):
                self._frame = since_ns * self._fps // SECOND
            offset_ns = self._span_ns(self._frame)
            self._frame += 1
        self._last_ns = now_ns
        self._plan()
        return offset_ns

    def _span_ns(self, frames: int) -> int:
        return frames * SECOND // self._fps

    def _plan(self) -> None:
        soonest_ns = self._last_ns + self._gap_ns
        if self._base_ns is None:
            frames = -((self._start_ns - soonest_ns) * self._fps // SECOND)  # rounded up
            self.due_ns = self._start_ns + self._span_ns(frames)
        else:
            self.due_ns = max(self._base_ns + self._span_ns(self._frame), soonest_ns)

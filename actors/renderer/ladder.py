"""How good the pictures of a call may be, so that they are in time: quality is given up, sync never.

The one measure is how long a face took from the animator until its packet left the encoder, against the animator's lead
(actors/animator/pace.py): it shows a starved renderer, a starved encoder and a starved machine alike. A face that never
became a packet is worse than a late one. Nothing is judged while no packet comes: a silent encoder is no slow one.
"""

from attrs import frozen

from protocol.clock import MS, SECOND

LATE_NS = 45 * MS  # of the lead of 50: the way to transport takes some, and the animator is not always on time
ROOM_NS = 30 * MS  # a level higher takes up to 1.5 times as long
TROUBLE_S = 1 / 3  # of late pictures, from which a level is given up
RELIEF = 0.5  # of what a late picture counts, a timely one takes back: one late in three is borne
AT_ONCE = 3  # faces lost in a row that count: a pause, however long, is one hiccup
WAIT_S = 3.0  # of pictures with room, before the next level up ...
MOST_WAIT_S = 48.0  # ... twice as long after each climb that failed, but no longer than this
CRAMPED = 5  # a picture without room undoes so many with it: one in six is borne
PROBATION_NS = 30 * SECOND  # a climb that lasted so long did not fail
LEAST_PX = 64  # what protocol/messages.py allows
UNDER_WAY = 32  # faces waited for; of those that never come back, the oldest are given up


@frozen
class Level:
    """How a face is drawn: with fewer splats (coarse.py), at 2/3 of width and height, and every how many-th."""

    words: str
    coarse: bool = False
    small: bool = False
    every: int = 1

    def size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Even. The middle of the picture stays in the middle, to a thousandth of its width everything else as well."""
        return tuple(max(LEAST_PX, 2 * round(px / 3)) if self.small else px for px in (width_px, height_px))


LEVELS = (
    Level("everything"),
    Level("fewer splats", coarse=True),
    Level("fewer splats, 2/3 of the size", coarse=True, small=True),
    Level("fewer splats, 2/3 of the size, every second picture", coarse=True, small=True, every=2),
)


class Ladder:
    """One call's. ``quality`` is the place in LEVELS, 0 the best. Knows no clock: it hears times."""

    def __init__(self, fps: int):
        self.quality = 0
        self._fps = fps
        self._wait_s = [WAIT_S] * len(LEVELS)  # before a climb to each
        self._has_climbed = False  # to the present level, rather than come down to it
        self._last: int | None = None  # the latest face drawn
        self._begin(0)

    @property
    def level(self) -> Level:
        return LEVELS[self.quality]

    def wants(self, frame: int) -> bool:
        """Whether this face is to be drawn."""
        return self._last is None or not 1 <= frame - self._last < self.level.every

    def drawn(self, frame: int, sent_ns: int) -> None:
        """A face is drawn at this level. ``sent_ns``: when the animator sent it."""
        self._last = frame
        self._under_way[frame] = sent_ns
        if len(self._under_way) > UNDER_WAY:
            del self._under_way[next(iter(self._under_way))]

    def left(self, frame: int, sent_ns: int) -> bool:
        """Its packet left the encoder at ``sent_ns``. Whether the level changed."""
        if frame not in self._under_way:  # drawn at another level
            return False
        took_ns = sent_ns - self._under_way[frame]
        self._under_way = {later: sent for later, sent in self._under_way.items() if later > frame}
        every = self.level.every
        lost = 0 if self._judged is None else min(max(frame - self._judged - every, 0), AT_ONCE)
        self._judged = frame
        self._debt = max(0.0, self._debt + lost + (1 if took_ns > LATE_NS else -RELIEF))
        self._credit = max(0, self._credit + (every if not lost and took_ns < ROOM_NS else -CRAMPED))
        if self._debt >= TROUBLE_S * self._fps and self.quality < len(LEVELS) - 1:
            self._fall(sent_ns)
        elif self.quality and self._credit >= self._wait_s[self.quality - 1] * self._fps:
            self.quality -= 1
            self._has_climbed = True
        else:
            return False
        self._begin(sent_ns)
        return True

    def _fall(self, now_ns: int) -> None:
        if self._has_climbed:
            failed = now_ns - self._since_ns < PROBATION_NS
            wait_s = 2 * self._wait_s[self.quality] if failed else WAIT_S
            self._wait_s[self.quality] = min(wait_s, MOST_WAIT_S)
        self.quality += 1
        self._has_climbed = False

    def _begin(self, now_ns: int) -> None:
        self._since_ns = now_ns
        self._debt, self._credit = 0.0, 0  # in faces
        self._under_way: dict[int, int] = {}  # number to when it was sent
        self._judged: int | None = None  # the latest of this level whose packet left

"""The last value of every kept topic, for who joins late. The journal of the turns in flight will stand beside it."""

from protocol import codec, topics
from protocol.errors import Malformed
from protocol.messages import Session

MAX_KEPT = 4096  # messages; no honest system comes near, a flood of invented sessions must not fill the memory


class Snapshot:
    """A fold over the bus: ``take`` every message, ``frames`` at any time."""

    def __init__(self):
        self._kept: dict[tuple[str, str, str], list[bytes]] = {}

    def take(self, frames: list[bytes]) -> None:
        """Malformed messages are left to the subscribers, who count them."""
        topic = topics.BY_NAME.get(frames[0].partition(b"/")[0].decode("ascii", "replace"))
        if topic is None or not topic.kept:
            return
        try:
            envelope, message = codec.decode(frames)
        except Malformed:
            return
        if isinstance(message, Session) and message.state == "closed":
            self._kept = {key: kept for key, kept in self._kept.items() if key[1] != envelope.session}
        elif len(self._kept) < MAX_KEPT or (topic.name, envelope.session, envelope.actor) in self._kept:
            self._kept[topic.name, envelope.session, envelope.actor] = frames

    def frames(self) -> list[bytes]:
        """All kept messages, two frames each, oldest topic first."""
        return [frame for kept in self._kept.values() for frame in kept]

"""What happens to each type. Bus, runtime, status and the README's table of actors read this table."""

from attrs import frozen

from protocol import messages as m
from protocol.errors import ProtocolError

ANY_ACTOR = "*"
ACTORS = ("transport", "vad", "stt", "llm", "tts", "animator", "renderer", "encoder")  # in dataflow order


@frozen
class Topic:
    """A row of the table.

    rate_hz: messages a second in a call, 0 for events. kept: so many of a call the bus has for who joins late, starts
    again or missed one. recorded: part of a trace. dies_with_turn: dropped when its turn is dead. depth: so many may
    wait at a slow reader, 0 for any number; the oldest goes first and is counted. slots, slot_bytes: the ring of its
    content, one a call; slot_bytes 0 takes the size of the first content.
    """

    name: str
    type: type
    owner: str
    rate_hz: int = 0
    kept: int = 0
    recorded: bool = True
    dies_with_turn: bool = False
    depth: int = 0
    slots: int = 0
    slot_bytes: int = 0


TABLE = (
    Topic("session", m.Session, "transport", kept=1),
    Topic("mic", m.MicAudio, "transport", rate_hz=50, kept=1600, slots=1664, slot_bytes=640),  # 32 s, an utterance
    Topic("playout", m.Playout, "transport", rate_hz=10, kept=64),
    Topic("keyframe", m.KeyframeRequest, "transport"),
    Topic("bitrate", m.Bitrate, "transport", kept=1),
    Topic("speech", m.Speech, "vad", kept=64),
    Topic("transcript", m.Transcript, "stt", kept=64),
    Topic("turn", m.Turn, "llm", kept=64),
    Topic("reply", m.Reply, "llm", kept=64, dies_with_turn=True),
    Topic("exchange", m.Exchange, "llm", kept=100),  # two for each that is remembered
    Topic("floor", m.Floor, "llm", kept=16, dies_with_turn=True),
    Topic("dialogue", m.Dialogue, "llm", kept=1),
    Topic("phones", m.Phones, "tts", kept=128, dies_with_turn=True),
    Topic("voice", m.Voice, "tts", kept=480, dies_with_turn=True, slots=512, slot_bytes=9600),  # 100 ms at 48 kHz each
    Topic("face", m.Face, "animator", rate_hz=30, kept=1, depth=1),
    Topic("frame", m.Frame, "renderer", rate_hz=30, depth=1, slots=8),
    Topic("packet", m.Packet, "encoder", rate_hz=30, slots=64, slot_bytes=512 * 1024),
    Topic("health", m.Health, ANY_ACTOR, rate_hz=1, kept=2),
    Topic("handover", m.Handover, ANY_ACTOR),
    Topic("bus", m.BusUp, "bus", rate_hz=1, recorded=False),
    Topic("sync", m.Sync, ANY_ACTOR, recorded=False),
)

BY_NAME = {topic.name: topic for topic in TABLE}
BY_TYPE = {topic.type: topic for topic in TABLE}


def of(message_or_type) -> Topic:
    """The row of a message or a message type. Raises ProtocolError where there is none."""
    kind = message_or_type if isinstance(message_or_type, type) else type(message_or_type)
    if kind not in BY_TYPE:
        raise ProtocolError(f"{kind.__name__} is on no topic")
    return BY_TYPE[kind]

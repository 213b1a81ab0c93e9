"""What the bus remembers of the calls in progress."""

from protocol import codec, journal, topics
from protocol import messages as m
from protocol.envelope import Envelope
from protocol.journal import Journal


class Bus:
    """Says messages to a journal, each later than the one before."""

    def __init__(self):
        self.journal, self._sent = Journal(), 0

    def say(self, message, session="s", turn=0, seq=None, boot=1, sent_ns=None):
        self._sent += 1
        topic = topics.of(message)
        envelope = Envelope(
            topic=topic.name, actor=topic.owner, session=session, turn=turn, boot=boot,
            seq=seq or self._sent, sent_ns=self._sent if sent_ns is None else sent_ns,
        )  # fmt: skip
        self.journal.take(envelope, message, codec.encode(envelope, message))

    def past(self, *names):
        frames = self.journal.past(set(names))
        return [codec.decode(frames[i : i + 2]) for i in range(0, len(frames), 2)]


def speech(number):
    return m.Speech(state="started", utterance=number, at_sample=0, at_ns=0)


def test_only_as_many_of_a_topic_are_kept_as_its_row_says():
    bus = Bus()
    for number in range(100):
        bus.say(speech(number))
        bus.say(m.KeyframeRequest())
        bus.say(m.Dialogue(state="idle"))
    assert [message.utterance for _, message in bus.past("speech")] == list(range(36, 100))
    assert len(bus.past("dialogue")) == 1 and bus.past("keyframe") == []


def test_the_past_comes_in_the_order_in_which_it_was_sent_and_only_of_the_topics_asked_for():
    bus = Bus()
    bus.say(speech(1), sent_ns=30)
    bus.say(m.Transcript(utterance=1, stage="final", text="a"), sent_ns=10)
    bus.say(speech(2), sent_ns=20)
    assert [envelope.sent_ns for envelope, _ in bus.past("speech", "transcript")] == [10, 20, 30]
    assert len(bus.past("transcript")) == 1 and bus.past("nonsense") == []


def test_what_belongs_to_a_dead_turn_is_gone_and_comes_back_no_more():
    bus = Bus()
    for turn in (1, 2, 3):
        bus.say(m.Reply(sentence=0, text="a"), turn=turn)
    bus.say(m.Turn(state="committed"), turn=2)
    assert [envelope.turn for envelope, _ in bus.past("reply")] == [2, 3]
    bus.say(m.Turn(state="cancelled"), turn=2)
    bus.say(m.Reply(sentence=0, text="late"), turn=2)
    bus.say(m.Reply(sentence=0, text="elsewhere"), turn=2, session="other")
    assert sorted((envelope.session, envelope.turn) for envelope, _ in bus.past("reply")) == [("other", 2), ("s", 3)]


def test_nothing_is_left_of_a_call_that_is_over():
    bus = Bus()
    bus.say(m.Session(state="open"))
    bus.say(speech(1))
    bus.say(m.Session(state="open"), session="other")
    bus.say(m.Session(state="closed"))
    assert [envelope.session for envelope, _ in bus.past("session", "speech")] == ["other"]


def test_what_is_said_a_second_time_is_kept_once():
    bus = Bus()
    for _ in range(3):
        bus.say(speech(1), seq=7, sent_ns=5)
    assert len(bus.past("speech")) == 1


def test_missed_messages_are_found_by_their_numbers_and_their_boot():
    bus = Bus()
    for number in range(1, 10):
        bus.say(speech(number), seq=number)
    bus.say(speech(99), seq=4, boot=2)
    frames = bus.journal.missed("s", "speech", "vad", 1, 3, 5)
    found = [codec.decode(frames[i : i + 2])[1].utterance for i in range(0, len(frames), 2)]
    assert found == [3, 4, 5]
    assert bus.journal.missed("s", "speech", "vad", 1, 20, 10**15) == []
    assert bus.journal.missed("s", "speech", "stt", 1, 3, 5) == []


def test_a_flood_takes_the_oldest_of_the_longest_stream_and_leaves_the_rest(monkeypatch):
    monkeypatch.setattr(journal, "MOST_BYTES", 20_000)
    bus = Bus()
    bus.say(m.Session(state="open"))
    for number in range(60):
        bus.say(m.Transcript(utterance=number, stage="final", text="x" * 1000))
    kept = bus.past("session", "transcript")
    assert isinstance(kept[0][1], m.Session)
    assert 10 < len(kept) < 20 and kept[-1][1].utterance == 59

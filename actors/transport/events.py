"""What the page is told beside sound and picture: lines of JSON over the data channel that it opened."""

import json
from collections import Counter, deque

from aiortc import RTCDataChannel

from actors.step import Input
from protocol.clock import MS
from protocol.messages import Dialogue, Floor, Playout, Reply, Speech, Transcript, Turn

MOST_WAITING = 100  # lines before the channel is open
MOST_REMEMBERED = 16  # turns and utterances


class Events:
    """One per call. Sentences of a reply are told when their sound begins: the user reads what he hears."""

    def __init__(self, counts: Counter[str]):
        self._counts = counts
        self._channel: RTCDataChannel | None = None
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._texts: dict[tuple[int, int], str] = {}  # by turn and sentence
        self._words: dict[int, str] = {}  # the latest of each utterance
        self._final: dict[int, str] = {}  # those told as final
        self._utterances: dict[int, int] = {}  # by turn
        self._silent_ns: dict[int, int] = {}  # by utterance: when the user stopped speaking

    def attach(self, channel: RTCDataChannel) -> None:
        """The page's channel is open: it gets what waited."""
        self._channel = channel
        while self._waiting:
            channel.send(self._waiting.popleft())

    def tell(self, kind: str, **facts) -> None:
        line = json.dumps({"type": kind, **facts}, ensure_ascii=False)
        if self._channel is None:
            self._waiting.append(line)
        elif self._channel.readyState == "open":
            self._channel.send(line)
        else:
            self._counts["untold event"] += 1

    def take(self, one: Input) -> None:
        """Takes a Transcript, Dialogue, Floor, Reply, Turn or Speech."""
        turn = one.envelope.turn
        match one.message:
            case Transcript(utterance=utterance, stage="final", text=text):
                self._tell_final(utterance, text)
            case Transcript(utterance=utterance, stage=stage, text=text):
                _remember(self._words, utterance, text, MOST_REMEMBERED)
                self.tell("transcript", utterance=utterance, stage=stage, text=text)
            case Floor(state=state):
                self.tell("floor", turn=turn, state=state)
            case Dialogue(state=state):
                self.tell("state", state=state)
            case Reply(sentence=sentence, text=text):
                _remember(self._texts, (turn, sentence), text, MOST_REMEMBERED * 16)
            case Turn(state="committed", utterance=utterance):
                _remember(self._utterances, turn, utterance, MOST_REMEMBERED)
                if utterance in self._words:  # answered from now on, whatever the recogniser still makes of them
                    self._tell_final(utterance, self._words[utterance])
            case Speech(state="started", utterance=utterance):  # a restarted vad counts from 1 again
                self._words.pop(utterance, None)
                self._final.pop(utterance, None)
            case Speech(state="paused" | "ended", utterance=utterance, at_ns=at_ns):
                _remember(self._silent_ns, utterance, at_ns, MOST_REMEMBERED)

    def _tell_final(self, utterance: int, text: str) -> None:
        """Once, and again only where the text has changed."""
        if self._final.get(utterance) != text:
            _remember(self._final, utterance, text, MOST_REMEMBERED)
            self.tell("transcript", utterance=utterance, stage="final", text=text)

    def begun(self, turn: int, sentence: int) -> None:
        """The sentence's sound begins."""
        self.tell("reply", turn=turn, sentence=sentence, text=self._texts.pop((turn, sentence), ""))

    def played(self, turn: int, playout: Playout) -> None:
        """Tells how the reply goes, and at its start how long after the user's last word it came."""
        if playout.state == "started" and (silent_ns := self._silent_ns.get(self._utterances.get(turn, -1))):
            self.tell("latency", turn=turn, ms=round((playout.anchor_ns - silent_ns) / MS, 1))
        if playout.state != "playing":
            self.tell("playout", turn=turn, state=playout.state, heard_ms=round(playout.heard_ms))


def _remember(memory: dict, key, value, most: int) -> None:
    memory[key] = value
    while len(memory) > most:
        del memory[next(iter(memory))]

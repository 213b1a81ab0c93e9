"""The sound of one turn's reply: in as blocks at the voice's rate, out as packets at 48 kHz."""

from collections import Counter, deque

import numpy as np

from actors.step import Input
from actors.transport.media import PACKET_SAMPLES, SAMPLE_RATE_HZ
from actors.transport.resampler import Resampler
from protocol.messages import Voice

KEPT_SAMPLES = 3 * SAMPLE_RATE_HZ  # of what was handed out: a voice that was stopped goes on a word before
LONGEST_S = 300  # of a reply; what comes later is refused, so that a voice gone wild cannot fill the memory
WIDEST_GAP_S = 2  # between blocks; lost ones are filled with silence up to here


class Reply:
    """``position``: samples at 48 kHz handed out so far. ``cause``: the first block, which led to the sound."""

    def __init__(self, turn: int):
        self.turn = turn
        self.committed_ns: int | None = None  # when it became certain
        self.has_picture = False
        self.cause: Input | None = None
        self.first_ns: int | None = None
        self.complete = False
        self.position = 0
        self.length = 0
        self._sound: deque[np.ndarray] = deque()
        self._played: deque[np.ndarray] = deque()  # the latest that was handed out
        self._kept = 0  # samples in it
        self._sentences: deque[tuple[int, int]] = deque()  # where each begins, at 48 kHz
        self._last_sentence: int | None = None
        self._resampler: Resampler | None = None
        self._rate_hz = 0
        self._received = 0  # samples at the voice's rate

    def add(self, block: Input, now_ns: int, counts: Counter[str]) -> None:
        """Places a block of Voice by its start_sample: a gap becomes silence, what is there already is dropped."""
        voice: Voice = block.message
        if self.complete:
            return
        if self._resampler is None:
            self.cause, self.first_ns, self._rate_hz = block, now_ns, voice.sample_rate_hz
            self._resampler = Resampler(voice.sample_rate_hz, SAMPLE_RATE_HZ)
        if voice.sample_rate_hz != self._rate_hz or voice.start_sample + len(block.content) > LONGEST_S * self._rate_hz:
            counts["unusable voice"] += 1
            return
        gap = voice.start_sample - self._received
        if gap > WIDEST_GAP_S * self._rate_hz:
            counts["unusable voice"] += 1
            return
        if gap > 0:
            counts["missing voice"] += 1
            self._append(self._resampler.add(np.zeros(gap, np.int16)))
        if voice.sentence != self._last_sentence:
            self._last_sentence = voice.sentence
            self._sentences.append((voice.start_sample * SAMPLE_RATE_HZ // self._rate_hz, voice.sentence))
        self._append(self._resampler.add(block.content[max(0, -gap) :]))
        self._received = max(self._received, voice.start_sample + len(block.content))
        if voice.last:
            self._append(self._resampler.flush())
            self.complete = True

    def _append(self, sound: np.ndarray) -> None:
        self._sound.append(sound)
        self.length += len(sound)

    @property
    def is_ready(self) -> bool:
        """Whether a whole packet, or the end, is there."""
        return self.complete or self.length - self.position >= PACKET_SAMPLES

    @property
    def is_over(self) -> bool:
        return self.complete and self.position >= self.length

    @property
    def heard_ms(self) -> float:
        return self.position * 1000 / SAMPLE_RATE_HZ

    def take(self, samples: int) -> np.ndarray:
        """The next int16 [up to ``samples`` of what is there]."""
        taken = []
        while samples and self._sound:
            head = self._sound.popleft()
            if len(head) > samples:
                self._sound.appendleft(head[samples:])
                head = head[:samples]
            taken.append(head)
            samples -= len(head)
        sound = np.concatenate([np.empty(0, np.int16), *taken])
        self.position += len(sound)
        self._played.append(sound)
        self._kept += len(sound)
        while self._kept - len(self._played[0]) >= KEPT_SAMPLES:
            self._kept -= len(self._played.popleft())
        return sound

    def rewind(self, position: int) -> None:
        """The next to be handed out is sample ``position``, or the first after it that is kept; never a later one."""
        back = min(max(0, self.position - position), self._kept)
        self.position -= back
        self._kept -= back
        while back > 0:
            last = self._played.pop()
            if len(last) > back:
                self._played.append(last[:-back])
                last = last[-back:]
            self._sound.appendleft(last)
            back -= len(last)

    def sentences_begun(self) -> list[int]:
        """The sentences whose first sample was handed out since the last call."""
        begun = []
        while self._sentences and self._sentences[0][0] < self.position:
            begun.append(self._sentences.popleft()[1])
        return begun

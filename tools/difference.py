"""Where what an actor says in a replay differs from what it said before: field by field, with a tolerance and a reason
for each field that has one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

KEYS = {  # by which fields a message of a topic is the same as another, beside the turn and the how-manieth it is
    "speech": ("utterance", "state"),
    "transcript": ("utterance", "stage"),
    "turn": ("state",),
    "reply": ("sentence",),
    "exchange": ("state",),
    "floor": ("state",),
    "dialogue": ("state",),
    "phones": ("sentence", "start_ms"),
    "voice": ("start_sample",),
    "face": ("frame",),
    "frame": ("frame",),
    "packet": ("frame",),
    "playout": ("state",),
}


@frozen
class Tolerance:
    """least: a difference up to this much, or to ``share`` of the value, is none. reason: why it may be."""

    least: float
    reason: str
    share: float = 0.0


EXACT = Tolerance(0.0, "")
ANY = float("inf")
_LATER = "live, a message waits for the processor; in a replay nothing does"
_FRAMES = "live, a frame of the face is made a few ms after it is due, and shows the face as it is then"
_NOISE = "flite's breath noise comes from a generator that the process shares"
RECORDED: Mapping[tuple[str, str], Tolerance] = {  # against what was recorded of a live call
    ("*", "at_ms"): Tolerance(100.0, _LATER),
    ("speech", "at_ns"): Tolerance(5.0, "the microphone's clock is estimated from when blocks came"),
    ("reply", "token_ns"): Tolerance(ANY, "an engine's own time"),
    ("playout", "anchor_ns"): Tolerance(
        40.0, "the media clock of a replay begins with the call, live up to 20 ms later"
    ),
    ("playout", "heard_ms"): Tolerance(120.0, "said ten times a second, at other moments"),
    ("exchange", "heard_ms"): Tolerance(120.0, "said ten times a second, at other moments"),
    ("phones", "at_ms"): Tolerance(5000.0, "live, a voice takes its time to be made; in a replay the clock waits"),
    ("voice", "at_ms"): Tolerance(5000.0, "live, a voice takes its time to be made; in a replay the clock waits"),
    ("voice", "loudness"): Tolerance(20.0, _NOISE, share=0.1),
    ("voice", "crc"): Tolerance(ANY, _NOISE),
    ("face", "weights"): Tolerance(0.25, _FRAMES),
    ("face", "head_rad"): Tolerance(0.06, _FRAMES),
    ("face", "head_m"): Tolerance(0.01, _FRAMES),
    ("face", "gaze_rad"): Tolerance(0.35, _FRAMES),
    ("face", "offset_ns"): Tolerance(40e6, _FRAMES),
    ("frame", "luma"): Tolerance(ANY, "pictures are not recorded"),
    ("frame", "quality"): Tolerance(ANY, "live, quality is given up where time is short"),
    ("frame", "width"): Tolerance(ANY, "live, quality is given up where time is short"),
    ("frame", "height"): Tolerance(ANY, "live, quality is given up where time is short"),
    ("packet", "bytes"): Tolerance(ANY, "a replay encodes what a decoder made of the recorded packets"),
    ("packet", "crc"): Tolerance(ANY, "a replay encodes what a decoder made of the recorded packets"),
}

REPLAYED: Mapping[tuple[str, str], Tolerance] = {  # against a replay before, by the same code on another machine
    ("frame", "luma"): Tolerance(2.0, "floating point differs in the last bits from processor to processor"),
    ("frame", "crc"): Tolerance(ANY, "floating point differs in the last bits from processor to processor"),
}


@frozen
class Difference:
    """topic and key: of which message. field: "" where the whole message is missing ("before") or new ("now")."""

    topic: str
    key: tuple
    field: str
    before: object
    now: object

    def __str__(self) -> str:
        what = f"{self.topic} {' '.join(map(str, self.key))}".strip()
        if not self.field:
            return f"{what}: {'is said no more' if self.now is None else 'is new'}"
        return f"{what}: {self.field} was {_short(self.before)} and is {_short(self.now)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keyed(facts: Iterable[dict]) -> dict[tuple, dict]:
    keyed, seen = {}, Counter()
    for fact in facts:
        names = KEYS.get(fact["topic"], ())
        key = (fact["topic"], f"turn {fact['turn']}", *(f"{name} {fact[name]}" for name in names))
        seen[key] += 1
        keyed[(*key, f"number {seen[key]}") if seen[key] > 1 else key] = fact
    return keyed


def differences(
    before: Iterable[dict], now: Iterable[dict], tolerances: Mapping[tuple[str, str], Tolerance]
) -> Iterator[Difference]:
    """In the order of ``before``, then what is new. before, now: facts of said.py. No tolerance: exactly the same."""
    old, new = _keyed(before), _keyed(now)
    for key, fact in old.items():
        if key not in new:
            yield Difference(key[0], key[1:], "", fact, None)
            continue
        for name in sorted(fact.keys() | new[key].keys()):
            a, b = fact.get(name), new[key].get(name)
            tolerance = tolerances.get((fact["topic"], name)) or tolerances.get(("*", name), EXACT)
            if a != b and not _within(a, b, tolerance):
                yield Difference(key[0], key[1:], name, a, b)
    for key, fact in new.items():
        if key not in old:
            yield Difference(key[0], key[1:], "", None, fact)


def _within(a: object, b: object, tolerance: Tolerance) -> bool:
    if tolerance.least == ANY:
        return True
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_within(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (a, b)):
        return a == b
    return abs(a - b) <= max(tolerance.least, tolerance.share * max(abs(a), abs(b)))

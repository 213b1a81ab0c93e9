"""Whether what the user says into a reply wants the floor.

A sentence does; a cough, "mhm" and the face's own echo do not.
"""

from collections.abc import Sequence

from actors.words import NOISE, split
from protocol.clock import MS

LEAST_NS = 350 * MS  # of speech: in less, a recogniser hears words in a cough
COMMAND_NS = 200 * MS  # "stop"
LEAST_WORDS = 2

# said to go on listening
BACKCHANNELS = frozenset([
    "yes", "yeah", "okay", "right", "sure", "really", "wow", "aha", "alright", "all", "good", "great", "cool", "nice",
    "fine", "true", "exactly", "interesting", "i", "see", "got", "it", "of", "course", "ha", "haha", "funny", "lovely",
    "uh", "um", "oh", "ah", "hm", "mhm", "hmm", "huh", "well", "absolutely",
]) | NOISE  # fmt: skip
# each wants the floor by itself
COMMANDS = frozenset([
    "stop", "wait", "hold", "enough", "quiet", "silence", "shut", "hey", "listen", "sorry", "excuse", "pardon",
    "please", "what", "why", "who", "where", "when", "how", "repeat", "louder", "slower", "next", "skip", "cancel",
    "hello",
])  # fmt: skip


def interrupts(text: str, spoken_ns: int, least_words: int = LEAST_WORDS) -> bool:
    """``text``: the words so far. ``spoken_ns``: how long the user has spoken them."""
    words = [word for word in split(text) if word not in NOISE]
    if COMMANDS.intersection(words):
        return spoken_ns >= COMMAND_NS
    return not BACKCHANNELS.issuperset(words) and len(words) >= least_words and spoken_ns >= LEAST_NS


def is_echo(text: str, sentences: Sequence[str]) -> bool:
    """Whether the words are those that the face is just saying: its voice came back from the user's loudspeaker."""
    words = split(text)
    return len(words) > 1 and f" {' '.join(words)} " in f" {' '.join(split(' '.join(sentences)))} "

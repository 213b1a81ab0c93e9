"""When each sound and word of a stretch of speech is spoken."""

from attrs import frozen


@frozen(kw_only=True)
class Timing:
    """All times from the stretch's first sample.

    samples: its exact length, known before it is synthesised.
    names: ARPAbet in lower case, "pau" for silence; phone i lasts from ends_ms[i - 1] (0 for the first) to ends_ms[i].
    """

    samples: int
    names: tuple[str, ...]
    ends_ms: tuple[float, ...]
    words: tuple[str, ...] = ()
    word_starts_ms: tuple[float, ...] = ()
    word_ends_ms: tuple[float, ...] = ()

"""A handle: where content lies in shared memory, small enough to cross the bus."""

from attrs import field, frozen
from attrs.validators import ge, in_, matches_re, max_len

DTYPES = ("uint8", "int16", "float32")


@frozen
class Handle:
    """Points at one published slot of a ring.

    ring: path of the ring's memory, ``/proc/PID/fd/FD`` of the writer (see ring.py for why).
    generation: drawn at random when the ring was made; another value there means the writer restarted.
    seq: the slot's publication number; another value there means the slot was written again.
    """

    ring: str = field(validator=matches_re(r"/proc/\d{1,10}/fd/\d{1,7}"))
    generation: int = field(validator=ge(1))
    slot: int = field(validator=ge(0))
    seq: int = field(validator=ge(1))
    shape: tuple[int, ...] = field(validator=max_len(4))
    dtype: str = field(validator=in_(DTYPES))

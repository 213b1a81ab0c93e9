"""What can go wrong with shared memory. Overwritten and restarted are outcomes of a read, not errors: see ring.py."""


class ShmError(Exception):
    """Base of this package's errors."""


class BadHandle(ShmError):
    """A handle that cannot point into its ring: wrong path, slot, shape or dtype."""


class RingFull(ShmError):
    """Content larger than a slot of the ring."""

"""What can go wrong with messages."""


class ProtocolError(Exception):
    """Base of this package's errors."""


class Malformed(ProtocolError):
    """Bytes that are no message of the topic they came on."""


class NotOwner(ProtocolError):
    """An actor published on a topic that belongs to another one."""


class BusUnreachable(ProtocolError):
    """The bus process did not answer."""

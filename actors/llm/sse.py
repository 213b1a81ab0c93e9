"""Server-sent events, as in the HTML standard (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import codecs
import re

MAX_EVENT_CHARS = 1 << 20  # a chunk has some 300; a server that never ends a line must not fill the memory

_LINE_END = re.compile(r"\r\n|\n|\r")


class TooLong(ValueError):
    """An event longer than MAX_EVENT_CHARS."""


class Events:
    """Bytes in, in whatever parts they come; data of whole events out.

    Comments (keep-alives) and other fields are dropped.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # a line that is not complete
        self._data: list[str] = []
        self._chars = 0
        self._first = True

    def feed(self, data: bytes, end: bool = False) -> list[str]:
        """The data of the events that are now complete. ``end``: an event without its empty line counts, too.

        Raises TooLong.
        """
        text = self._utf8.decode(data, end)
        if self._first and text:
            text, self._first = text.removeprefix("\ufeff"), False
        text = self._rest + text
        held = text[-1:] == "\r" and not end  # perhaps the first half of "\r\n"
        lines = _LINE_END.split(text[:-1] if held else text)
        self._rest = lines.pop() + ("\r" if held else "")
        if end:
            lines += [self._rest, ""]
        found = []
        for line in lines:
            name, _, value = line.partition(":")
            if line == "":
                if self._data:
                    found.append("\n".join(self._data))
                self._data, self._chars = [], 0
            elif name == "data":
                self._data.append(value.removeprefix(" "))
                self._chars += len(value)
            if self._chars > MAX_EVENT_CHARS:
                raise TooLong
        if len(self._rest) > MAX_EVENT_CHARS:
            raise TooLong
        return found

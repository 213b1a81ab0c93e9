"""Sentences, so that the voice can begin with the first one."""

import re

_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')]))\s+(?=[\"'(]?[A-Z0-9])")


def split(text: str) -> list[str]:
    """The sentences of a text that is made to be read aloud: without abbreviations."""
    return [sentence for part in _END.split(text.strip()) if (sentence := " ".join(part.split()))]

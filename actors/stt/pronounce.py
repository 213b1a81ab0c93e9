"""How a word sounds that is in no dictionary but is made of words that are."""

from collections.abc import Callable

SHORTEST_PART = 3  # letters; shorter parts are words by accident
HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
VOICELESS = {"P", "T", "K", "F", "TH"}


def pronounce(word: str, phones: Callable[[str], str | None]) -> str | None:
    """ARPAbet of ``word``: a known word with "s" or "'s", or two known words written as one. None for any other.

    phones: looks a word up.
    """
    for ending in ("'s", "s"):
        if word.endswith(ending) and (stem := phones(word.removesuffix(ending))):
            return f"{stem} {_plural(stem.split()[-1])}"
    # The longest first part is the likeliest: "newspaperman" is not "new" and "spaperman".
    for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        if (first := phones(word[:cut])) and (second := phones(word[cut:])):
            return f"{first} {second}"
    return None


def _plural(last: str) -> str:
    if last in HISSING:
        return "IH Z"
    return "S" if last in VOICELESS else "Z"

"""What the skills are given and what they give back."""

from datetime import datetime

from attrs import frozen

from actors.memory.memory import Draft


@frozen(kw_only=True)
class Heard:
    """text: the user's words, as transcribed. now: local time."""

    text: str
    now: datetime
    memory: Draft


@frozen
class Said:
    """variants: ways to say the same, one of which is spoken. remember: the fact that the reply to it will be."""

    variants: tuple[str, ...]
    mood: str = "neutral"
    remember: str = ""

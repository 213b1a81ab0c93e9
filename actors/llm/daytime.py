"""Time, day, date and year, spoken."""

from actors.llm.number import say_ordinal, say_whole, say_year
from actors.llm.skill import Heard, Said

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_PARTS = (  # until hour
    (5, "at night"), (12, "in the morning"), (18, "in the afternoon"), (22, "in the evening"), (24, "at night"),
)  # fmt: skip


def time(heard: Heard) -> Said:
    hour, minute = heard.now.hour, heard.now.minute
    part = next(name for until, name in _PARTS if hour < until)
    clock = say_whole((hour - 1) % 12 + 1)
    clock += " o'clock" if minute == 0 else f" {'oh ' if minute < 10 else ''}{say_whole(minute)}"
    return Said((f"It is {clock} {part}.", f"My clock says {clock}.", f"It is {clock}, by the clock of this machine."))


def day(heard: Heard) -> Said:
    today, tomorrow = _DAYS[heard.now.weekday()], _DAYS[(heard.now.weekday() + 1) % 7]
    return Said((f"Today is {today}.", f"It is {today}, and tomorrow will be {tomorrow}."))


def date(heard: Heard) -> Said:
    now = heard.now
    spoken = f"{_DAYS[now.weekday()]}, the {say_ordinal(now.day)} of {_MONTHS[now.month - 1]}"
    return Said((f"Today is {spoken}.", f"It is {spoken}, {say_year(now.year)}."))


def year(heard: Heard) -> Said:
    spoken = say_year(heard.now.year)
    return Said((f"It is {spoken}.", f"The year is {spoken}, if this machine can be trusted."))

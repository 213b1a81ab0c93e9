"""Which engine an actor runs."""

import logging
from collections.abc import Sequence

from actors.step import Engine

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """Something an actor needs is missing or broken; the message says what, in words for the log."""


class EngineMissing(CannotStart):
    """The engine asked for cannot run here."""


def choose(engines: Sequence[Engine], wanted: str) -> Engine:
    """The engine named ``wanted``; for "auto" the first that can run here, best first. Logs which and why.

    Raises EngineMissing, with what is missing in words.
    """
    if wanted not in ("auto", *(engine.name for engine in engines)):
        raise EngineMissing(f"no engine {wanted!r}; there are auto, {', '.join(engine.name for engine in engines)}")
    reasons = []
    for engine in engines:
        if wanted not in ("auto", engine.name):
            continue
        if (reason := engine.missing()) is None:
            log.info(
                "engine %s (%s)",
                engine.name,
                "; ".join(reasons) or ("asked for" if wanted != "auto" else "the best there is"),
            )
            return engine
        reasons.append(f"{engine.name}: {reason}")
    raise EngineMissing("; ".join(reasons))

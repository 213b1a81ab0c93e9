"""python -m actors.transport: one process works; another one waits for its end, with all loaded."""

import time
from contextlib import suppress

from protocol.errors import ProtocolError
from protocol.lead import Lead
from protocol.run import run_folder

LOAD_AFTER_S = 2.0
LOOK_S = 0.05


def hold_back() -> None:
    """Where another process works: it may have taken over just now, from the one before this, and the calls that come
    back to it need the processor more than what is to be loaded here.
    """
    with suppress(ProtocolError):  # main says it
        lead, until = Lead(run_folder(), "transport"), time.monotonic() + LOAD_AFTER_S
        while not lead.is_free() and time.monotonic() < until:
            time.sleep(LOOK_S)


if __name__ == "__main__":
    hold_back()
    from actors.transport.main import main

    main()

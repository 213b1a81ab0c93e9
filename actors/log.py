"""Log lines of a process: time, actor, level, words. Supervisord writes them to the run folder."""

import logging


def setup(actor: str) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {actor} %(levelname)s %(message)s")

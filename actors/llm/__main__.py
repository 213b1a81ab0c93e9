from datetime import datetime, timedelta
from pathlib import Path

from actors.actor import arguments, run
from actors.llm.actor import Llm
from actors.llm.scripted import Scripted
from actors.persona import DEFAULT_PERSONA
from protocol.clock import now_ns

parser = arguments("llm", "Transcripts to turns and replies.")
parser.add_argument(
    "--persona", type=Path, default=DEFAULT_PERSONA, help="a persona file; vivi.toml documents the format"
)
args = parser.parse_args()


def local_time(at_ns: int) -> datetime:
    return datetime.now() - timedelta(microseconds=(now_ns() - at_ns) / 1000)


run(
    "llm",
    args.engine,
    [Scripted(args.persona)],
    Llm.HEARS,
    lambda engine, session: Llm(engine.open(session), local_time),
)

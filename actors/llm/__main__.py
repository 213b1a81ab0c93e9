import os
from datetime import datetime, timedelta
from pathlib import Path

from actors.actor import arguments, run
from actors.llm.actor import Llm
from actors.llm.model import LanguageModel
from actors.llm.scripted import Scripted
from actors.persona import DEFAULT_PERSONA
from protocol.clock import now_ns
from protocol.trace import TraceReader

parser = arguments("llm", "Transcripts to turns and replies.")
parser.add_argument(
    "--persona", type=Path, default=DEFAULT_PERSONA, help="a persona file; vivi.toml documents the format"
)
parser.add_argument("--base-url", help="of a server of the chat-completions protocol; else LLM_BASE_URL")
parser.add_argument("--model", help="the language model's name there; else LLM_MODEL. A key: LLM_API_KEY only")
args = parser.parse_args()
given = {"LLM_BASE_URL": args.base_url, "LLM_MODEL": args.model}
environment = {**os.environ, **{name: value for name, value in given.items() if value}}


def local_time(at_ns: int) -> datetime:
    return datetime.now() - timedelta(microseconds=(now_ns() - at_ns) / 1000)


run(
    "llm",
    args,
    [LanguageModel(Scripted(args.persona), environment), Scripted(args.persona)],
    Llm.HEARS,
    lambda engine, session: Llm(
        engine.open(session),
        engine.script.completeness,
        TraceReader(args.replay).metadata.local_time if args.replay else local_time,
    ),
    remembers=Llm.REMEMBERS,
)

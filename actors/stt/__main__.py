from pathlib import Path

from actors.actor import arguments, refuse, run
from actors.persona import DEFAULT_PERSONA, BadPersona, load_persona
from actors.stt.actor import Stt
from actors.stt.pocketsphinx_engine import Pocketsphinx
from actors.stt.whisper import FasterWhisper
from protocol.run import data_folder

parser = arguments("stt", "The microphone to words.")
parser.add_argument("--persona", type=Path, default=DEFAULT_PERSONA, help="whose questions are expected")
args = parser.parse_args()
try:
    persona = load_persona(args.persona)
except BadPersona as error:
    refuse("stt", error)
engines = [
    FasterWhisper(data_folder() / "models"),
    Pocketsphinx(persona.questions(), data_folder() / "stt", persona.pronunciations),
]
run("stt", args, engines, Stt.HEARS, lambda engine, session: Stt(engine.open()), remembers=Stt.REMEMBERS)

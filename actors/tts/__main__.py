from actors.actor import arguments, run
from actors.tts.actor import Tts
from actors.tts.flite import VOICES, Flite

parser = arguments("tts", "Sentences to sound, with the times of its phones.")
parser.add_argument("--voice", default="slt", choices=VOICES, help="the engine's voice")
args = parser.parse_args()
run(
    "tts",
    args,
    [Flite(args.voice)],
    Tts.HEARS,
    lambda engine, session: Tts(engine),
    remembers=Tts.REMEMBERS,
)

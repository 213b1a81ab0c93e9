from actors.actor import arguments, run
from actors.vad.actor import Vad
from actors.vad.silero import Silero

args = arguments("vad", "The microphone to speech against silence.").parse_args()
run(
    "vad",
    args,
    [Silero()],
    Vad.HEARS,
    lambda engine, session: Vad(engine.open()),
    remembers=Vad.REMEMBERS,
)

from actors.actor import arguments, run
from actors.encoder.actor import Encoder
from actors.encoder.x264 import X264

args = arguments("encoder", "Pictures to H.264 packets.").parse_args()
run("encoder", args, [X264()], Encoder.HEARS, lambda engine, session: Encoder(engine))

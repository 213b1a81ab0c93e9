from pathlib import Path

from actors.actor import arguments, run
from actors.renderer.actor import HEARS, Renderer
from actors.renderer.splats import SplatEngine
from protocol.messages import Packet
from protocol.run import data_folder

parser = arguments("renderer", "The face's motion to pictures.")
parser.add_argument("--avatar", type=Path, default=data_folder() / "avatar.ply", help="an avatar.ply")
args = parser.parse_args()
engines = [SplatEngine(args.avatar)]
run("renderer", args, engines, HEARS, lambda engine, session: Renderer(engine), unread=[Packet])

"""``visavis avatar build FILE``: a character, made by code alone."""

import argparse
import time
from pathlib import Path

from actors.renderer.avatar import save_avatar
from tools.character.look import LOOKS, VIVI, Look, named
from tools.character.person import SEED, SPLATS, build_character


def write_character(path: Path, splats: int, seed: int, look: Look) -> None:
    """Makes a character and says so, line by line; the file is there whole or not at all."""
    started = time.process_time()
    avatar = build_character(splats, seed, lambda line: print(f"avatar: {line} ...", flush=True), look)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    save_avatar(avatar, unfinished)
    unfinished.replace(path)
    megabytes, seconds = path.stat().st_size / 1e6, time.process_time() - started
    print(f"avatar: {len(avatar)} splats, {megabytes:.1f} MB in {path}, {seconds:.0f} s of CPU", flush=True)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to write it")
    parser.add_argument("--look", default=VIVI.name, help=f"one of {', '.join(LOOKS)} (default {VIVI.name})")
    parser.add_argument("--splats", type=int, default=SPLATS, help=f"about how many Gaussians (default {SPLATS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of everything by chance (default {SEED})")


def run(args: argparse.Namespace) -> int:
    """Raises ToolError for a look there is not, and for too few or too many splats."""
    write_character(args.file, args.splats, args.seed, named(args.look))
    return 0

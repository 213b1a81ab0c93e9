"""The JSON in an avatar's header: what a renderer and a voice must know beside the splats.

Everything is optional and filled from DEFAULTS. Lengths in metres of head space, colours sRGB 0..1. See FORMAT.md.
"""

import json
import math

from actors.renderer.errors import BadAvatar

LIMIT = 1000.0  # no number of the metadata means anything beyond it
VERSION = 1  # of the format: what an older reader can skip is added without a new one
DEFAULTS = {
    "name": "unnamed",
    "licence": "unknown",
    "neck": [0.0, -0.10, -0.03],  # pivot of the head's pose
    "eyes": {"left": [0.032, 0.0, 0.07], "right": [-0.032, 0.0, 0.07]},  # centres; left is the character's, image right
    "jaw": {
        "pivot": [0.0, -0.03, 0.0],  # the lower teeth turn about the x axis through it
        "open_rad": 0.30,  # at jawOpen 1
        "forward_m": 0.005,  # at jawForward 1
        "side_m": 0.006,  # at jawLeft or jawRight 1
    },
    "camera": {"position": [0.0, 0.0, 0.80], "look_at": [0.0, 0.0, 0.0], "fov_y_deg": 24.0},
    "background": {"centre": [0.36, 0.40, 0.46], "edge": [0.13, 0.15, 0.19]},  # radial gradient
    "voice": {},  # how this face should sound; read by those who choose a voice
}


def parsed(text: str) -> dict:
    """The metadata of a header's JSON. Raises BadAvatar."""
    try:
        return checked(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise BadAvatar(f"the metadata is no JSON: {error}") from None


def checked(given: object) -> dict:
    """``given`` with what is missing filled in; unknown keys at the top are kept. Raises BadAvatar naming the key."""
    version = given.get("version", VERSION) if isinstance(given, dict) else VERSION
    if type(version) is not int or not 1 <= version <= VERSION:
        raise BadAvatar(f"the format has version {str(version)[:40]}, this program reads up to {VERSION}")
    whole = _like(given, DEFAULTS, "metadata")
    if not 1 <= whole["camera"]["fov_y_deg"] <= 120:
        raise BadAvatar(f"camera.fov_y_deg is {whole['camera']['fov_y_deg']}, not within 1 and 120")
    away = math.dist(whole["camera"]["position"], whole["camera"]["look_at"])
    across = math.dist(whole["camera"]["position"][::2], whole["camera"]["look_at"][::2])
    if away < 0.01 or across < 0.01 * away:
        raise BadAvatar(
            f"the camera is {away} m from what it looks at, {across} m of it level: it needs 0.01 m, and not upright"
        )
    for key, colour in whole["background"].items():
        if not all(0 <= part <= 1 for part in colour):
            raise BadAvatar(f"background.{key} is {colour}, not within 0 and 1")
    whole = {"version": version, **given, **whole}
    try:
        json.dumps(whole, allow_nan=False)  # what is kept must be fit to be written again
    except (TypeError, ValueError) as error:
        raise BadAvatar(f"the metadata is no JSON: {error}") from None
    return whole


def _like(given: object, example: object, path: str) -> object:
    """``given`` where it has the example's form: an object with its keys, as many numbers, a number, or a text."""
    if isinstance(example, dict):
        if not isinstance(given, dict):
            raise BadAvatar(f"{path} is {type(given).__name__}, not an object")
        if not example:
            return given
        return {key: _like(given.get(key, inner), inner, f"{path}.{key}") for key, inner in example.items()}
    if isinstance(example, str):
        if not isinstance(given, str) or len(given) > LIMIT or not given.isprintable():
            raise BadAvatar(f"{path} is not a text of at most {LIMIT:.0f} printable characters")
        return given
    if isinstance(example, list):
        if not isinstance(given, list | tuple) or len(given) != len(example):
            raise BadAvatar(f"{path} is not a list of {len(example)} numbers")
        return [_like(part, inner, path) for part, inner in zip(given, example, strict=True)]
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LIMIT:
        raise BadAvatar(f"{path} has {str(given)[:40]}, not a number within {LIMIT:.0f}")
    return float(given)

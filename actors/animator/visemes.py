"""The mouth's shape for each of flite's phones (ARPAbet in lower case), in ARKit weights.

A viseme pulls the channels it names towards its own values, and the others towards 0. How strongly is its ``strength``:
a schwa or /h/ takes the shape of its neighbours, a rounded vowel does not. On its ``firm`` channels it gives way to
nobody: without closed lips there is no /p b m/, without the lip at the teeth no /f v/, without closed teeth no /s/.
"""

import numpy as np
from attrs import field, frozen

CHANNELS = (
    "jawOpen",
    "seal",  # 1: the lips touch however far the jaw is open; becomes mouthClose
    "mouthFunnel",
    "mouthPucker",
    "mouthSmile",
    "mouthStretch",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "jawForward",
    "tongueOut",
)
ROUNDING = ("mouthFunnel", "mouthPucker")
LIPS = ("seal", "mouthRollLower", "mouthRollUpper", "mouthPress", "mouthLowerDown", "mouthUpperUp")
CARRIED = (*ROUNDING, "mouthSmile", "mouthStretch")  # the vowels' channels, which go through consonants
YIELDING = 0.15  # of its strength: how little a consonant that says nothing of those holds against them


@frozen
class Viseme:
    """``shape``: weight of each channel, 0 to 1; those not named are 0."""

    shape: dict[str, float]
    strength: float = 1.0
    firm: tuple[str, ...] = ()
    vowel: bool = field(default=False, kw_only=True)


def _vowel(strength: float = 1.0, **shape: float) -> Viseme:
    return Viseme(shape, strength, vowel=True)


VISEMES = {
    "rest": Viseme({}, 0.8, vowel=True),
    "aa": _vowel(jawOpen=0.49, mouthLowerDown=0.16, mouthUpperUp=0.06),
    "ae": _vowel(jawOpen=0.45, mouthStretch=0.16, mouthSmile=0.08, mouthLowerDown=0.20, mouthUpperUp=0.12),
    "ah": _vowel(jawOpen=0.36, mouthLowerDown=0.12, mouthUpperUp=0.05),
    "ax": _vowel(0.5, jawOpen=0.19, mouthLowerDown=0.10),
    "ao": _vowel(1.2, jawOpen=0.46, mouthFunnel=0.28, mouthPucker=0.10),
    "eh": _vowel(jawOpen=0.36, mouthStretch=0.16, mouthLowerDown=0.17, mouthUpperUp=0.10),
    "ih": _vowel(0.8, jawOpen=0.19, mouthStretch=0.14, mouthLowerDown=0.12, mouthUpperUp=0.05),
    "iy": _vowel(jawOpen=0.11, mouthSmile=0.24, mouthStretch=0.20, mouthLowerDown=0.15, mouthUpperUp=0.07),
    "uh": _vowel(0.8, jawOpen=0.18, mouthFunnel=0.14, mouthPucker=0.30),
    "uw": _vowel(1.6, jawOpen=0.08, mouthFunnel=0.10, mouthPucker=0.66),
    "er": _vowel(jawOpen=0.18, mouthFunnel=0.16, mouthPucker=0.20, mouthUpperUp=0.05),
    "p": Viseme(
        {"jawOpen": 0.07, "seal": 1.0, "mouthPress": 0.22, "mouthRollLower": 0.14, "mouthRollUpper": 0.10},
        firm=("jawOpen", *LIPS, "tongueOut"),
    ),
    "f": Viseme(
        {"jawOpen": 0.11, "mouthRollLower": 0.42, "mouthUpperUp": 0.37},
        firm=("jawOpen", *LIPS, "tongueOut"),
    ),
    "th": Viseme(
        {"jawOpen": 0.17, "tongueOut": 0.16, "mouthLowerDown": 0.19, "mouthUpperUp": 0.10},
        firm=("jawOpen", "tongueOut"),
    ),
    "t": Viseme({"jawOpen": 0.08, "mouthLowerDown": 0.16, "mouthUpperUp": 0.05}, 1.2),
    "s": Viseme(
        {"jawOpen": 0.045, "mouthStretch": 0.14, "mouthSmile": 0.06, "mouthLowerDown": 0.24, "mouthUpperUp": 0.13},
        firm=("jawOpen", "tongueOut"),
    ),
    "sh": Viseme(
        {"jawOpen": 0.06, "mouthFunnel": 0.30, "mouthPucker": 0.14, "mouthLowerDown": 0.12, "mouthUpperUp": 0.12}
        | {"jawForward": 0.15},
        1.4,
        firm=("jawOpen", "tongueOut"),
    ),
    "l": Viseme({"jawOpen": 0.16, "mouthLowerDown": 0.12, "mouthUpperUp": 0.03}),
    "k": Viseme({"jawOpen": 0.13, "mouthLowerDown": 0.08}, 0.6),
    "hh": Viseme({"jawOpen": 0.16}, 0.15),
    "r": Viseme({"jawOpen": 0.09, "mouthFunnel": 0.16, "mouthPucker": 0.22}),
    "w": Viseme({"jawOpen": 0.05, "mouthFunnel": 0.12, "mouthPucker": 0.70}, 2.5),
    "y": Viseme({"jawOpen": 0.09, "mouthSmile": 0.18, "mouthStretch": 0.14}),
}
PHONES = {
    **{name: (name,) for name in ("aa", "ae", "ah", "ax", "ao", "eh", "ih", "iy", "uh", "uw", "er")},
    **{"aw": ("aa", "uh"), "ay": ("aa", "ih"), "ey": ("eh", "iy"), "ow": ("ao", "uw"), "oy": ("ao", "ih")},
    **{name: ("p",) for name in ("p", "b", "m")},
    **{name: ("f",) for name in ("f", "v")},
    **{name: ("th",) for name in ("th", "dh")},
    **{name: ("t",) for name in ("t", "d", "n")},
    **{name: ("s",) for name in ("s", "z")},
    **{name: ("sh",) for name in ("sh", "zh", "ch", "jh")},
    **{name: ("k",) for name in ("k", "g", "ng")},
    **{name: (name,) for name in ("l", "hh", "r", "w", "y")},
    "pau": ("rest",),
}  # phone to viseme; a diphthong moves from one to another

INDEX = {name: i for i, name in enumerate(VISEMES)}
REST = INDEX["rest"]


def _pull(viseme: Viseme, channel: str) -> float:
    yields = channel in CARRIED and channel not in viseme.shape and not viseme.vowel
    return viseme.strength * (YIELDING if yields else 1.0)


TARGET = np.array([[v.shape.get(c, 0.0) for c in CHANNELS] for v in VISEMES.values()])  # [visemes, channels]
STRENGTH = np.array([[_pull(v, c) for c in CHANNELS] for v in VISEMES.values()])
FIRM = np.array([[c in v.firm for c in CHANNELS] for v in VISEMES.values()])

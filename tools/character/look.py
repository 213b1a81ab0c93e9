"""How the characters differ: everything else of them is the same code."""

from collections.abc import Sequence

from attrs import frozen

from tools.character.bob import Bob
from tools.character.brows import Brows
from tools.character.crop import Crop
from tools.character.face import LIP_TONE, LIP_Y, SKIN_TONE
from tools.character.hoodie import Hoodie
from tools.character.sweater import Sweater
from tools.character.warp import Push, Warp
from tools.errors import ToolError

Colour = Sequence[float]  # linear albedo


@frozen
class Look:
    name: str
    skin: Colour
    blush: float  # how far cheeks, nose and ears are redder than the rest, of the model's
    lips: Colour
    lip_gloss: bool
    freckles: int  # of the default size
    iris: tuple[Colour, Colour]  # dark and light
    make_up: float  # lashes and the line they draw, 0..1
    stubble: float  # 0..1
    brows: Brows
    hair: Bob | Crop
    clothes: Sweater | Hoodie
    background: tuple[Colour, Colour]  # sRGB of the middle and the edge
    mouth: Warp = Warp()  # of the resting face, before the shapes are made
    head: Warp = Warp()  # of the finished head


VIVI = Look(
    name="vivi",
    skin=tuple(SKIN_TONE),
    blush=1.0,
    lips=tuple(LIP_TONE),
    lip_gloss=True,
    freckles=90,
    iris=((0.10, 0.042, 0.016), (0.42, 0.20, 0.06)),
    make_up=1.0,
    stubble=0.0,
    brows=Brows(tone=(0.040, 0.018, 0.010)),
    hair=Bob(root=(0.070, 0.029, 0.014), tip=(0.200, 0.085, 0.036)),
    clothes=Sweater(wool=(0.060, 0.185, 0.200)),
    background=((0.88, 0.84, 0.79), (0.62, 0.55, 0.51)),
)
LEO = Look(
    name="leo",
    skin=(0.49, 0.262, 0.160),
    blush=0.45,
    lips=(0.37, 0.138, 0.100),
    lip_gloss=False,
    freckles=0,
    iris=((0.050, 0.026, 0.014), (0.26, 0.150, 0.060)),
    make_up=0.35,
    stubble=0.6,
    brows=Brows(tone=(0.024, 0.013, 0.007), thick=1.25, arch=0.60, lower=0.25),
    hair=Crop(root=(0.024, 0.014, 0.010), tip=(0.090, 0.050, 0.030)),
    clothes=Hoodie(cloth=(0.36, 0.13, 0.035), shirt=(0.62, 0.60, 0.56)),
    background=((0.77, 0.81, 0.82), (0.36, 0.47, 0.54)),
    mouth=Warp(
        (
            Push((0, LIP_Y, 7.5), (3.2, 1.6, 4.0), grow=(0.0, -0.36, 0)),
            Push((2.2, LIP_Y + 0.3, 6.6), (1.7, 1.5, 3.0), move=(0.08, 0.13, -0.05)),
        )
    ),
    head=Warp(
        (
            Push((4.9, -6.3, 0.8), (4.5, 4.5, 5.5), move=(0.32, -0.20, 0)),
            Push((0, -8.9, 5.2), (5.0, 4.6, 6.0), move=(0, -0.55, 0.35), grow=(0.07, 0, 0)),
            Push((0, -2.6, 8.8), (2.4, 3.0, 3.2), move=(0, -0.10, 0.30), grow=(0.16, 0, 0)),
            Push((0, 0.9, 7.0), (2.4, 2.4, 3.0), move=(0, 0, 0.35), grow=(0.10, 0, 0)),
            Push((2.7, 2.7, 6.8), (3.6, 2.0, 3.4), move=(0, -0.20, 0.40)),
            Push((4.3, -3.2, 5.0), (3.0, 3.2, 3.8), move=(-0.20, 0, -0.25)),
            Push((0, -13.0, -3.0), (10.0, 8.5, 10.0), grow=(0.20, 0, 0.14)),
        ),
        eyes=0.93,
    ),
)  # fmt: skip
LOOKS = {look.name: look for look in (VIVI, LEO)}


def named(name: str) -> Look:
    """Raises ToolError for a name that is none of LOOKS."""
    if name not in LOOKS:
        raise ToolError(f"there is no look {name!r}, only {', '.join(sorted(LOOKS))}")
    return LOOKS[name]

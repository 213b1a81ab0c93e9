"""A look's skin, lips and make-up over those of the model."""

import numpy as np
from attrs import evolve

from tools.character.beard import shaded
from tools.character.cloud import Cloud
from tools.character.face import LIP_TONE, SKIN_TONE, in_mouth_patch, skin_colour
from tools.character.fields import smoothstep
from tools.character.light import LIP, SKIN
from tools.character.look import Look


def without_make_up(lids: Cloud, make_up: float) -> Cloud:
    """Eyelids whose lines are fainter."""
    return evolve(lids, albedo=lids.albedo * make_up + skin_colour(lids.position) * (1 - make_up))


def complexion(cloud: Cloud, look: Look) -> np.ndarray:
    """Albedo [n, 3] with the model's skin and lips in the look's colours, stubble, and the scalp under the hair."""
    p, albedo = cloud.position, cloud.albedo
    red = albedo[:, :1] / SKIN_TONE[0]
    skin = look.skin * red * (albedo / SKIN_TONE / np.maximum(red, 1e-6)) ** [0, look.blush, look.blush]
    skin = shaded(p, skin, look.stubble, look.hair.root)
    scalp = look.hair.on_scalp(p)[:, None]
    skin = skin * (1 - scalp) + np.asarray(look.hair.root) * scalp
    rosy = smoothstep(0.56, 0.44, albedo[:, 1] / np.maximum(albedo[:, 0], 1e-6))  # skin is above, lips are below
    rosy = (rosy * in_mouth_patch(p))[:, None]
    bare = skin * (1 - rosy) + albedo * np.divide(look.lips, LIP_TONE) * rosy
    return np.where(np.isin(cloud.material, (SKIN, LIP))[:, None], bare, albedo)

"""Soft studio light, baked into the colours: key from the upper left, cool fill, warm bounce, occlusion, skin glow."""

import numpy as np

from tools.character.cloud import Cloud
from tools.character.fields import Field, unit

SKIN, LIP, HAIR, CLOTH, EYE, ENAMEL, MOUTH, GLOW = range(8)
# per material: wrap of the light around the body, red of light through the skin, gloss, its power, occlusion
MATERIALS = np.array([
    (0.35, 0.20, 0.10, 14, 0.88),
    (0.35, 0.10, 0.30, 24, 0.9),
    (0.40, 0.00, 0.00, 1, 0.75),
    (0.25, 0.00, 0.02, 8, 1.0),
    (0.60, 0.00, 0.00, 1, 0.3),
    (0.70, 0.00, 0.20, 30, 0.1),
    (0.45, 0.06, 0.12, 24, 0.15),
    (0.00, 0.00, 0.00, 1, 0.0),
])  # fmt: skip
KEY = unit(np.array([-0.55, 0.62, 0.72]))
FILL = unit(np.array([0.80, 0.05, 0.62]))
RIM = unit(np.array([0.75, 0.45, -0.65]))
ABOVE = unit(np.array([0.0, 0.75, 0.65]))
VIEW = np.array([0.0, 0.0, 1.0])
KEY_COLOUR = np.array([1.00, 0.93, 0.84]) * 0.95
FILL_COLOUR = np.array([0.98, 0.90, 0.86]) * 0.46
RIM_COLOUR = np.array([1.00, 0.86, 0.70]) * 0.45
SKY_COLOUR = np.array([0.84, 0.92, 1.00]) * 0.22
BOUNCE_COLOUR = np.array([1.00, 0.72, 0.52]) * 0.20  # from chest and floor
OCCLUSION_STEPS_CM = (0.2, 0.5, 1.0, 1.8, 3.0)
SHADOW_STEPS_CM = (0.6, 1.0, 1.5, 2.2, 3.0, 4.0, 5.2, 6.6, 8.2, 10.0)
KEY_SOFTNESS, SKY_SOFTNESS = 0.32, 0.60  # radius of a light over its distance
STRAND_GLOSS = 1.1
EXPOSURE = 1.18
SHOULDER = 0.6  # linear; brighter light is compressed


def occlusion(scene: Field, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Open sky 0..1, from how fast the field opens along the normal (Evans 2006)."""
    shut = sum(np.clip(h - scene(p + normal * h), 0, None) / h * 1.6**-i for i, h in enumerate(OCCLUSION_STEPS_CM))
    return np.clip(1 - 0.50 * shut, 0.08, 1)


def shadow(scene: Field, p: np.ndarray, normal: np.ndarray, light: np.ndarray, softness: float) -> np.ndarray:
    """How much of a light arrives, 0..1, with a penumbra (Quilez, soft shadows)."""
    start = p + normal * 0.25
    lit = np.min([scene(start + light * h) / (softness * h) for h in SHADOW_STEPS_CM], axis=0)
    return np.clip(0.5 + 0.5 * lit, 0, 1)


def lit(cloud: Cloud, scene: Field) -> np.ndarray:
    """sRGB colours 0..1 [n, 3] of the cloud in the light. scene: everything that keeps light away."""
    wrap, through, gloss, power, shut = MATERIALS[cloud.material].T[:, :, None]
    p, normal, albedo = cloud.position, cloud.normal, cloud.albedo
    sky = 0.5 + 0.5 * shadow(scene, p, normal, ABOVE, SKY_SOFTNESS)
    near = occlusion(scene, p, normal)
    opening, aside = (1 - shut * (1 - free)[:, None] for free in (near * sky, near))
    arrives = 1 - np.minimum(1, 1.2 * shut) * (1 - shadow(scene, p, normal, KEY, KEY_SOFTNESS))[:, None] * 0.66
    facing = (normal @ KEY)[:, None]
    light = arrives * np.clip((facing + wrap) / (1 + wrap), 0, 1) ** 1.2 * KEY_COLOUR
    light = light + np.clip(((normal @ FILL)[:, None] + 0.3) / 1.3, 0, 1) * FILL_COLOUR * aside
    light = light + through * np.exp(-(((facing - 0.05) / 0.3) ** 2)) * (0.4 + 0.6 * arrives) * [1.0, 0.22, 0.10]
    up = normal[:, 1:2]
    light = light + opening * ((0.55 + 0.45 * up) * SKY_COLOUR + (0.5 - 0.5 * up) * BOUNCE_COLOUR)
    light = light + np.clip(normal @ RIM, 0, 1)[:, None] ** 1.5 * RIM_COLOUR * opening
    light = light + through * (1 - opening) * [0.9, 0.30, 0.18] * 0.5  # skin scatters red into its folds
    light = light + through * (1 - arrives) * [0.9, 0.40, 0.25] * 1.5  # and into shadows
    half = np.clip(normal @ unit(KEY + VIEW), 0, 1)[:, None]
    shine = gloss * (half**power + 0.35 * half ** (power / 4)) * arrives * KEY_COLOUR
    strand = np.clip(1 - (cloud.along @ unit(KEY + VIEW)) ** 2, 0, 1)[:, None]  # Kajiya and Kay 1989
    gleam = STRAND_GLOSS * (0.5 * strand**40 + 0.5 * strand**8) * np.clip(facing + 0.4, 0, 1) * arrives * opening
    shine = np.where((cloud.material == HAIR)[:, None], gleam * (albedo + 0.02), shine)
    colour = np.where((cloud.material == GLOW)[:, None], albedo, albedo * light + shine)
    return srgb(colour * EXPOSURE)


def srgb(linear: np.ndarray) -> np.ndarray:
    """Filmic shoulder, then the sRGB curve (IEC 61966-2-1): 0..1."""
    x = np.clip(linear, 0, None)
    x = np.where(x < SHOULDER, x, SHOULDER + (1 - SHOULDER) * np.tanh(0.9 * (x - SHOULDER) / (1 - SHOULDER)))
    return np.clip(np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), 0, 1)

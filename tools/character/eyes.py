"""The left eyeball, the lid's shadow on it, and its catch-lights. The right eye is its mirror."""

from collections.abc import Sequence

import numpy as np

from actors.renderer.avatar import LEFT_EYE
from tools.character.cloud import Cloud, joined
from tools.character.face import EYE, EYE_RADIUS
from tools.character.fields import noise, smoothstep, unit
from tools.character.lids import HALF_WIDTH, LID_MOVES, MIDDLE, edges
from tools.character.light import EYE as EYE_MATERIAL
from tools.character.light import GLOW
from tools.character.sampling import ball_cap

CAP_RAD = 1.75  # of the ball, around the gaze: enough for eyes that look far aside
FINE_RAD = 0.54
IRIS_RAD, PUPIL_RAD = 0.475, 0.21
GAZE = unit(np.array([-0.035, -0.01, 1.0]))  # a little inwards: at the viewer
WHITE = np.array([0.85, 0.82, 0.80])
SHADOW = np.array([0.05, 0.02, 0.02])


def make_eyeball(count: int, dark: Sequence[float], light: Sequence[float]) -> Cloud:
    """The ball, with half of its splats on the iris, whose fibres go from one linear albedo to the other."""
    fine, coarse = ball_cap(count // 2, FINE_RAD), ball_cap(count, CAP_RAD)
    coarse = coarse[coarse[:, 2] < np.cos(FINE_RAD)]
    cap = np.concatenate([fine, coarse])
    right = unit(np.cross([0, 1, 0], GAZE))
    d = cap @ np.stack([right, np.cross(GAZE, right), GAZE])
    angle, around = np.arccos(np.clip(cap[:, 2], -1, 1)), np.arctan2(cap[:, 1], cap[:, 0])
    colour = WHITE * (1 - smoothstep(0.55, 1.1, angle)[:, None] * [0.12, 0.26, 0.28])
    r = angle / IRIS_RAD
    ring = np.stack([np.cos(around), np.sin(around), r], 1)
    fibres = 0.55 * noise(ring, (9, 9, 1.3), 4) + 0.45 * noise(ring, (20, 20, 2), 5)
    gathered = np.clip(0.55 - 0.75 * cap[:, 1] / IRIS_RAD, 0.1, 1.4)  # light from above ends up in the lower half
    iris = np.multiply(dark, (0.5 + 0.8 * fibres)[:, None])
    iris = iris + np.multiply(light, (fibres * gathered * smoothstep(1.0, 0.5, r) * 1.5)[:, None])
    iris = iris * (1 - 0.8 * smoothstep(0.82, 1.0, r))[:, None]
    soft = smoothstep(1.06, 0.96, r)[:, None]
    colour = colour * (1 - soft) + iris * soft
    black = smoothstep(PUPIL_RAD + 0.03, PUPIL_RAD - 0.03, angle)[:, None]
    colour = colour * (1 - black) + 0.004 * black
    area = 2 * np.pi * (1 - np.cos([FINE_RAD, CAP_RAD])) * [2, 1]  # per splat, times count
    sigma = EYE_RADIUS * np.sqrt(area / count).repeat([len(fine), len(coarse)]) * 0.60
    return Cloud.make(EYE + EYE_RADIUS * d, d, sigma, colour, EYE_MATERIAL, part=LEFT_EYE)


def before_ball(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points just before the eyeball."""
    q = np.stack([x, y], -1) + MIDDLE - EYE[:2]
    depth = np.sqrt(np.clip((EYE_RADIUS + 0.03) ** 2 - (q**2).sum(-1), 0, None))
    return EYE + np.concatenate([q, depth[..., None]], -1)


def make_lights() -> Cloud:
    """Catch-lights and the upper lid's shadow: they stay with the head while the eyeball turns behind them.

    The catch-lights sink into the ball when the eye closes.
    """
    d = unit(np.array([[-0.17, 0.19, 0.96], [0.15, -0.19, 0.96]]))
    sigma = np.array([[0.115, 0.13, 0.01], [0.085, 0.06, 0.01]])
    lights = Cloud.make(
        EYE + d * (EYE_RADIUS + 0.05), d, sigma, [[1.3] * 3, [0.55, 0.6, 0.7]], GLOW, along=[[1.0, 0.3, 0]] * 2,
        opacity=[0.95, 0.38], own={"eyeBlinkLeft": np.tile([0, 0, -0.8], (2, 1))},
    )  # fmt: skip
    x, depth = (g.ravel() for g in np.meshgrid(HALF_WIDTH * np.linspace(-0.92, 0.92, 26), np.linspace(0.06, 0.46, 5)))
    upper, lower = edges(x)
    gap = upper - lower
    y = upper - depth * np.clip(gap / 1.5, 0, 1)
    p = before_ball(x, y)
    own = {name: before_ball(x, y + move * gap) - p for name, (move, _) in LID_MOVES.items()}
    sigma = np.tile([0.09, 0.075, 0.01], (len(p), 1))
    opacity = 0.30 * (1 - depth / 0.56)
    shadow = Cloud.make(p, unit(p - EYE), sigma, SHADOW, GLOW, along=[[1.0, 0, 0]], opacity=opacity, own=own)
    return joined([lights, shadow])

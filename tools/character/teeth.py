"""Upper and lower teeth with their gums: two rigid parts."""

import numpy as np

from actors.renderer.avatar import LOWER_TEETH, UPPER_TEETH
from tools.character.cloud import Cloud, joined
from tools.character.face import LIP_Y
from tools.character.fields import smoothstep
from tools.character.light import ENAMEL, MOUTH

WIDTHS = {UPPER_TEETH: (0.60, 0.48, 0.48, 0.46, 0.46, 0.60), LOWER_TEETH: (0.38, 0.40, 0.42, 0.46, 0.50, 0.60)}
HEIGHTS = {UPPER_TEETH: (0.46, 0.42, 0.44, 0.42, 0.40, 0.38), LOWER_TEETH: (0.42, 0.42, 0.44, 0.42, 0.38, 0.36)}
EDGE_Y = {UPPER_TEETH: LIP_Y - 0.26, LOWER_TEETH: LIP_Y - 0.22}  # where they bite; the upper ones stand in front
ARC = {UPPER_TEETH: (2.42, 5.05, 2.25), LOWER_TEETH: (2.15, 4.95, 2.1)}  # half width, z of its middle, depth
WHITE = np.array([0.84, 0.80, 0.74])
CHEEK = np.array([0.30, 0.13, 0.11])  # the shade at the corners of the mouth
GUM = np.array([0.48, 0.14, 0.13])


def make_teeth(part: int, side: int) -> Cloud:
    """One row. side: splats along the side of a tooth."""
    down = -1 if part == UPPER_TEETH else 1
    half_width, middle, depth = ARC[part]
    u, v = (g.ravel() for g in np.meshgrid(*[(np.arange(side) + 0.5) / side * 2 - 1] * 2))
    rounded = np.abs(u) ** 5 + np.clip(v * -1, 0, 1) ** 5 < 1.05  # v = -1 at the biting edge
    u, v = u[rounded], v[rounded]
    rows, at = [], 0.0
    for width, height in zip(WIDTHS[part], HEIGHTS[part], strict=True):
        turn = (at + width / 2 + u * width * 0.48) / half_width
        at += width
        swell = 0.09 * (1 - u**2) * (1 - 0.5 * v**2)
        for sign in (1, -1):
            p = np.stack([
                sign * np.sin(turn) * (half_width + swell),
                EDGE_Y[part] - down * (v + 1) * height,
                middle + np.cos(turn) * (depth + swell),
            ], 1)  # fmt: skip
            normal = np.stack([sign * (np.sin(turn) + 0.4 * u), 0.15 * v, np.cos(turn)], 1)
            tone = (1 - 0.22 * np.abs(u) ** 6) * (1 - 0.15 * smoothstep(-0.2, 1, v))
            aside = smoothstep(0.25, 1.25, turn)[:, None]
            colour = (WHITE * (1 - aside) + CHEEK * aside) * tone[:, None]
            sigma = np.array([width, 1.1 * height, 0.15]) / side * [1.2, 1.2, 1]
            rows.append(
                Cloud.make(
                    p,
                    normal,
                    np.tile(sigma, (len(p), 1)),
                    colour,
                    ENAMEL,
                    along=[[1.0, 0, 0]],
                    part=part,
                )  # fmt: skip
            )
    turn, v = (g.ravel() for g in np.meshgrid(np.linspace(-1.3, 1.3, 6 * side), np.linspace(0, 1, side)))
    scallop = 0.05 * np.cos(turn * 2 * np.pi / 0.21)
    p = np.stack([
        np.sin(turn) * (half_width + 0.06 + 0.10 * v),
        EDGE_Y[part] - down * (0.84 + scallop + 0.55 * v),
        middle + np.cos(turn) * (depth + 0.06 + 0.10 * v),
    ], 1)  # fmt: skip
    normal = np.stack([np.sin(turn), 0.3 * down * (1 - v), np.cos(turn)], 1)
    sigma = np.tile([0.6 * 2.6 * half_width / (6 * side), 0.55 / side * 0.7, 0.03], (len(p), 1))
    fade = (1 - 0.6 * smoothstep(0.5, 1.3, np.abs(turn)))[:, None]
    rows.append(Cloud.make(p, normal, sigma, GUM * fade, MOUTH, along=[[1.0, 0, 0]], part=part))
    return joined(rows)

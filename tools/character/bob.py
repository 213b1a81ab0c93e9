"""A side-parted bob: strands that flow from the parting over a shell around the skull."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from tools.character.cloud import Cloud, joined
from tools.character.face import head
from tools.character.fields import carve, ellipsoid, folded, gradient, projected, smoothstep, union, unit
from tools.character.hair import gathered, make_cap, make_strands, tones

STEP_CM = 1.0
STEPS = 32
CAP = 1_200  # splats under the strands, at least
USED = 0.80  # of the steps, before the strand ends
SCALP_GAP = 0.55  # between skin and the outermost strands
STRANDS, STRANDS_PER_LOCK, WIDTH_CM = 570, 9, 0.085  # of the default size
PARTING = np.array([  # from the forehead over the crown down the back
    (2.2, 8.7, 7.9), (1.9, 11.8, 4.8), (1.6, 13.4, 0.8), (1.0, 13.0, -3.6), (0.4, 10.6, -7.8), (0.0, 6.5, -10.4),
    (0.0, 2.0, -11.0),
])  # fmt: skip
END_Y = -11.0  # where the locks end
SEEN_FROM_INSIDE_Y = -6.0, 9.5  # below the first the far side shows past the neck, above the second over the crown
GLOSS_CM, GLOSS_WIDTH_CM = 6.2, 1.5  # from the parting: the band that shines
FRINGE_STEPS = 16
LOW, HIGH = (-10, -11, -12), (10, 14, 9)


def whole_shell(p: np.ndarray) -> np.ndarray:
    """Around the skull and down the sides, as if there were no face."""
    d = ellipsoid(p, (0, 4.7, -1.3), (8.45, 8.7, 9.7))
    d = union(d, ellipsoid(folded(p), (5.9, -4.9, -2.2), (3.3, 8.2, 4.7)), 4.0)
    return union(d, ellipsoid(p, (0, -2.5, -5.2), (7.0, 8.5, 5.0)), 2.0)


def _under(p: np.ndarray) -> np.ndarray:
    """Where the cap lies: under all strands, less deep at the parting, where they begin."""
    return whole_shell(p) + 0.75 - 0.55 * smoothstep(9, 12, p[:, 1])


def _flow(p: np.ndarray, side: np.ndarray, start_z: np.ndarray) -> np.ndarray:
    """Where a strand wants to go: away from the parting, then down; the front ones along the forehead first."""
    out = smoothstep(8.0, 4.5, np.abs(p[:, 0]))
    sweep = 0.12 + 0.88 * smoothstep(-10.5, -4.0, start_z)  # at the back hair falls straight
    front = smoothstep(2.0, 7.0, start_z) * smoothstep(1.0, 6.0, p[:, 1])
    return np.stack([
        side * (out * sweep + 0.02),
        -0.42 - 1.2 * (1 - out * sweep),
        0.20 * front - 0.16 * smoothstep(6.0, 1.0, p[:, 1]) * smoothstep(-6, 1, p[:, 1]) * (start_z > -2),
    ], 1)  # fmt: skip


def _grow(count: int, per_lock: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strands: points [n, STEPS, 3], their lock's number [n], and how deep they lie below the outermost, cm [n]."""
    locks = max(round(count / per_lock), 8)
    lock = np.repeat(np.arange(locks), per_lock)
    n = len(lock)
    side = np.where(lock % 2 == 0, 1.0, -1.0)
    along = (np.arange(locks) // 2 + rng.uniform(0.2, 0.8, locks)) / (locks / 2)
    along = np.clip(along[lock] + rng.uniform(-0.8, 0.8, n) / locks * 2, 0, 1) ** 1.15 * (len(PARTING) - 1)
    index = np.minimum(along.astype(int), len(PARTING) - 2)
    root = PARTING[index] + (PARTING[index + 1] - PARTING[index]) * (along - index)[:, None]
    root = root + np.stack([side * rng.uniform(0.0, 0.5, n), 0 * side, 0 * side], 1)
    depth = rng.uniform(0, 0.6, n) + 0.3 * rng.random(locks)[lock]
    phase, pace = rng.uniform(0, 2 * np.pi, locks)[lock], rng.uniform(6.5, 9.5, locks)[lock]
    wave = rng.uniform(0.12, 0.38, locks)[lock]
    p = projected(whole_shell, root, 4)
    start_z = p[:, 2].copy()
    points = np.zeros((n, STEPS, 3))
    for step in range(STEPS):
        normal = gradient(whole_shell, p)
        travelled = step * STEP_CM
        lift = -depth * (0.1 + 0.9 * smoothstep(1, 8, travelled)) + 0.30 * smoothstep(0, 6, travelled) * smoothstep(
            13, 7, travelled
        )
        sway = wave * smoothstep(2, 12, travelled) * np.sin(2 * np.pi * travelled / pace + phase)
        sway = sway * (1 - 0.7 * smoothstep(-6.0, END_Y, p[:, 1]))  # tips hang straight
        flow = _flow(p, side, start_z)
        flow = unit(flow - normal * (flow * normal).sum(1, keepdims=True))
        tuck = -1.3 * smoothstep(-6.5, END_Y - 0.5, p[:, 1]) ** 2
        points[:, step] = p + normal * (lift + 0.4 * sway + tuck)[:, None] + np.cross(normal, flow) * sway[:, None]
        p = projected(whole_shell, p + flow * STEP_CM, 1)
    return points, lock, depth


@frozen
class Bob:
    root: Sequence[float]  # linear albedo
    tip: Sequence[float]

    def shell(self, p: np.ndarray) -> np.ndarray:
        """The body of the hair, open for the face and cut at the ends: a distance field."""
        d = carve(whole_shell(p), ellipsoid(p, (-0.3, -2.5, 8.2), (7.2, 11.9, 7.6)), 0.8)
        return np.maximum(d, END_Y - 0.5 - p[:, 1])

    def hides(self, p: np.ndarray) -> np.ndarray:
        """Skin that nobody sees."""
        return self.shell(p) < -1.0

    def on_scalp(self, p: np.ndarray) -> np.ndarray:
        """How much of the skin's colour is that of roots, 0..1."""
        d = self.shell(p)
        return 0.75 * smoothstep(0.05, -0.5, d) + 0.25 * smoothstep(0.7, -0.3, d)

    def make(self, count: int, rng: np.random.Generator) -> Cloud:
        """About ``count`` splats."""
        shell, fringe = max(count // 9, min(CAP, count // 3)), count // 14
        strands = (count - shell - fringe) / (STEPS * USED)
        share = strands / STRANDS
        per_lock = int(np.clip(round(STRANDS_PER_LOCK * share**0.5), 4, 24))
        points, lock, depth = _grow(round(strands), per_lock, rng)
        end = END_Y + rng.normal(0, 0.35, lock.max() + 1)[lock] + rng.uniform(0, 1.0, len(lock)) ** 1.5
        nape = smoothstep(7.0, 5.0, np.abs(points[..., 0]))  # is shorter: its tips would stand out beside the neck
        left = points[..., 1] - end[:, None] - 1.2 - 1.6 * nape  # cm to the tip
        points = gathered(points, per_lock, 0.55 * smoothstep(4.0, -0.5, left))
        flat = points.reshape(-1, 3)
        sunk = np.clip(SCALP_GAP - 0.2 * depth[:, None] - head(flat).reshape(left.shape), 0, 2.0)
        points = points + gradient(head, flat).reshape(points.shape) * sunk[..., None]
        falling = np.gradient(points[..., 1], axis=1) < -0.5 * STEP_CM
        used = (left > 0) & (falling | (points[..., 1] > -4))
        travelled = np.arange(STEPS) * STEP_CM
        mix = 0.8 * smoothstep(1.0, 28.0, travelled)[None] + 0.2 * rng.random(len(lock))[:, None]
        colour = tones(self.root, self.tip, mix, lock, depth, rng)
        at = GLOSS_CM + rng.normal(0, 0.7, lock.max() + 1)[lock] + rng.normal(0, 0.35, len(lock))
        gloss = np.exp(-(((travelled[None] - at[:, None]) / GLOSS_WIDTH_CM) ** 2)) * (depth < 0.45)[:, None]
        colour = colour * (1 + 1.3 * gloss[..., None])
        turn = 0.25 * rng.normal(size=(lock.max() + 1, 3))[lock]
        strands = make_strands(
            points, used, left, colour, WIDTH_CM * np.clip(share**-0.55, 0.5, 2.0), whole_shell, turn,
        )  # fmt: skip

        def above_skin(p: np.ndarray) -> np.ndarray:
            return (head(p) > np.where(p[:, 2] > 1, 0.1, -0.3)) & (p[:, 1] > END_Y + 2.4)

        near_cm = max(1.0, 0.9 * share**-0.5)
        cap = make_cap(shell, _under, LOW, HIGH, strands.position, near_cm, above_skin, self.root, rng)
        hair = joined([cap, strands, self._fringe(fringe, rng)])
        y = hair.position[:, 1]
        hair.two_sided = (y < SEEN_FROM_INSIDE_Y[0]) | (y > SEEN_FROM_INSIDE_Y[1])
        return hair

    def _fringe(self, count: int, rng: np.random.Generator) -> Cloud:
        """Fine single strands along the forehead and the temples, before the edge of the hair."""
        n = count // FRINGE_STEPS
        side = np.where(rng.random(n) < 0.6, -1.0, 1.0)
        root = PARTING[0] + np.stack([0.3 * side, rng.uniform(0.4, 1.7, n), rng.uniform(-1.6, 0.2, n)], 1)
        p = projected(whole_shell, root, 4)
        apart, wave = rng.normal(0, 0.05, n), rng.uniform(0, 2 * np.pi, n)
        size = rng.uniform(9, 17, n)
        step_cm = size / FRINGE_STEPS
        points = np.zeros((n, FRINGE_STEPS, 3))
        for step in range(FRINGE_STEPS):
            normal = gradient(whole_shell, p)
            flow = _flow(p, side, np.full(n, 7.0)) + np.stack([0 * apart, apart - 0.03, 0.04 + 0 * apart], 1)
            flow = unit(flow - normal * (flow * normal).sum(1, keepdims=True))
            sway = 0.05 * np.sin(0.6 * step * step_cm + wave)
            points[:, step] = p + normal * (0.06 + sway)[:, None] + np.cross(normal, flow) * sway[:, None]
            p = projected(whole_shell, p + flow * step_cm[:, None], 1)
        left = size[:, None] - step_cm[:, None] * np.arange(FRINGE_STEPS)
        colour = tones(self.root, self.tip, np.full(left.shape, 0.45), np.arange(n), np.zeros(n), rng)
        used, turn = np.ones(left.shape, bool), np.zeros((n, 3))
        return make_strands(points, used, left, colour, 0.5 * WIDTH_CM, whole_shell, turn)

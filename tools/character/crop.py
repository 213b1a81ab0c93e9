"""Short hair that shows the ears: tufts on top, brushed up and aside at the forehead, cropped sides."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from tools.character.cloud import Cloud, joined
from tools.character.ears import ear
from tools.character.face import head
from tools.character.fields import ellipsoid, gradient, smoothstep, unit
from tools.character.hair import gathered, make_cap, make_strands, tones
from tools.character.sampling import spread

STEPS = 7
STRANDS, STRANDS_PER_LOCK, WIDTH_CM = 2_000, 14, 0.060  # of the default size
SKULL = ((0, 4.2, -0.9), (7.3, 7.8, 8.9))
LOW, HIGH = (-8.5, -6, -10.5), (8.5, 13, 9)
HAIRLINE_RAD, HAIRLINE_Y = np.array([  # around the head from the forehead, and how high hair begins there
    (0.00, 7.5), (0.35, 7.6), (0.62, 7.9), (0.85, 6.6), (1.02, 4.2), (1.14, 2.6), (1.22, 0.2), (1.30, -1.6),
    (1.46, -1.7), (1.54, 1.0), (1.60, 2.9), (1.80, 3.1), (1.95, 2.3), (2.06, -0.6), (2.30, -3.6), (np.pi, -5.2),
]).T  # fmt: skip


def above_hairline(p: np.ndarray) -> np.ndarray:
    """cm; negative on bare skin."""
    return p[:, 1] - np.interp(np.arctan2(np.abs(p[:, 0]), p[:, 2]), HAIRLINE_RAD, HAIRLINE_Y)


def on_top(p: np.ndarray) -> np.ndarray:
    """0 at the cropped sides, 1 where hair is long."""
    return smoothstep(5.0, 9.0, p[:, 1] + 0.12 * p[:, 2])


@frozen
class Crop:
    root: Sequence[float]  # linear albedo
    tip: Sequence[float]

    def shell(self, p: np.ndarray) -> np.ndarray:
        """The body of the hair: a distance field, rough beyond the hairline."""
        return np.maximum(ellipsoid(p, *SKULL) - 0.05 - 0.55 * on_top(p), -0.6 * above_hairline(p))

    def hides(self, p: np.ndarray) -> np.ndarray:
        """Skin that nobody sees."""
        return (above_hairline(p) > 2.0) & (on_top(p) > 0.5) & (p[:, 2] < 6)

    def on_scalp(self, p: np.ndarray) -> np.ndarray:
        """How much of the skin's colour is that of roots, 0..1: it fades at the hairline."""
        near = (ear(p) < 0.2) & (head(p) < 0.15)
        fade = smoothstep(-0.5, 1.4, above_hairline(p) + 0.25 * np.sin(3 * p[:, 0]) * np.sin(2 * p[:, 1]))
        return (0.62 + 0.3 * on_top(p)) * fade * near * (ellipsoid(p, *SKULL) < 0.4)

    def make(self, count: int, rng: np.random.Generator) -> Cloud:
        """About ``count`` splats."""
        under = count // 7
        strands = (count - under) // STEPS
        share = strands / STRANDS
        per_lock = int(np.clip(round(STRANDS_PER_LOCK * share**0.5), 4, 16))
        points, lock, depth, size = self._grow(strands, per_lock, rng)
        n = len(lock)
        t, sides = np.linspace(0, 1, STEPS), 1 - on_top(points[:, 0])[:, None]
        fine = smoothstep(1.2, 0.0, above_hairline(points[:, 0]))[:, None]  # hair at the edge lets skin through
        mix = 0.10 + 0.2 * fine + 0.55 * t[None] ** 1.3 * smoothstep(0.1, 1.6, size)[:, None]
        colour = tones(self.root, self.tip, mix + (0.30 + 0.50 * sides) * rng.random((n, 1)), lock, depth, rng)
        left = size[:, None] * (1 - t)[None] + 0.4 + 0.8 * sides
        turn = 0.18 * rng.normal(size=(lock.max() + 1, 3))[lock]
        hair = make_strands(
            points, np.ones((n, STEPS), bool), left, colour, WIDTH_CM * np.clip(share**-0.4, 0.6, 1.6),
            lambda p: ellipsoid(p, *SKULL), turn,
        )  # fmt: skip
        cap = make_cap(
            under, lambda p: ellipsoid(p, *SKULL) - 0.04 - 0.18 * on_top(p), LOW, HIGH, hair.position, 1.0,
            lambda p: above_hairline(p) > 0.5, self.root, rng,
        )  # fmt: skip
        hair.two_sided = on_top(hair.position) > 0.5
        return joined([cap, hair])

    def _grow(self, count: int, per_lock: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Strands [n, STEPS, 3] sorted by lock, their lock, how deep they lie, and how long they are, cm [n]."""

        def density(p: np.ndarray) -> np.ndarray:
            return 0.8 + 0.8 * on_top(p) + 0.8 * smoothstep(2.0, 0.2, above_hairline(p))

        def keep(p: np.ndarray) -> np.ndarray:
            return above_hairline(p) > 0.12 - 0.25 * np.abs(np.sin(7 * p[:, 0] + 5 * p[:, 1]))

        root = spread(lambda p: ellipsoid(p, *SKULL) - 0.05, count, LOW, HIGH, rng, density, keep)
        locks = len(root) // per_lock
        root = root[np.concatenate(_runs(root, np.arange(locks * per_lock), per_lock))]
        lock = np.repeat(np.arange(locks), per_lock)
        n = len(lock)
        top, front = on_top(root), smoothstep(1.0, 6.5, root[:, 2])
        edge = smoothstep(0.0, 1.5, above_hairline(root))
        size = (0.75 + top * (2.0 + 1.5 * front)) * (0.35 + 0.65 * edge)
        size = size * np.exp(rng.normal(0, 0.16, locks))[lock] * rng.uniform(0.8, 1.1, n)
        normal = gradient(lambda p: ellipsoid(p, *SKULL), root)
        side = np.tanh((root[:, 0] - 1.6) / 2.5)  # parted over the left eye, without a line
        up = front * (0.15 + 0.3 * (1 - edge)) - 0.9 * (1 - top)
        combed = np.stack([0.75 * side * (1 - 0.3 * front) - 0.15 * front, up, 0.5 * top - 0.55 * (1 - top)], 1)
        combed = combed + 0.10 * rng.normal(size=(locks, 3))[lock] + 0.06 * rng.normal(size=(n, 3))
        combed = unit(combed - normal * (combed * normal).sum(1, keepdims=True))
        rise = (0.22 + top * (0.12 + 0.36 * front)) * rng.uniform(0.8, 1.2, locks)[lock]
        bend = rng.uniform(0.8, 1.6, locks)[lock] * top
        phase = rng.uniform(0, 2 * np.pi, locks)[lock]
        across = np.cross(normal, combed)
        p, points = root.copy(), np.zeros((n, STEPS, 3))
        for step in range(STEPS):
            t = step / (STEPS - 1)
            points[:, step] = p
            sway = 0.35 * top * edge * np.sin(4.5 * t + phase)
            go = combed * (0.8 + 0.5 * t) + normal * (rise * (1.5 - bend * t * 1.1))[:, None] + across * sway[:, None]
            p = p + unit(go) * (size / (STEPS - 1))[:, None]
        t = np.linspace(0, 1, STEPS)[None]
        points = gathered(points, per_lock, 0.50 * t**1.5 * smoothstep(0.9, 2.0, size)[:, None])
        depth = rng.uniform(0, 0.5, n) + 0.3 * rng.random(locks)[lock]
        return points, lock, depth, size


def _runs(p: np.ndarray, index: np.ndarray, per_run: int) -> list[np.ndarray]:
    """Neighbours together: ``index`` split by halves along the widest axis into runs of ``per_run``."""
    if len(index) <= per_run:
        return [index]
    index = index[np.argsort(p[index, np.ptp(p[index], axis=0).argmax()], kind="stable")]
    half = len(index) // per_run // 2 * per_run or per_run
    return _runs(p, index[:half], per_run) + _runs(p, index[half:], per_run)

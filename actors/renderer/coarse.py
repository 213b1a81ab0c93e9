"""An avatar of about two thirds of the splats, for when time is short: neighbours that look and move alike become one.

A pair becomes the Gaussian with the mean and the covariance of both, weighted by opacity times area, as in B. Kerbl et
al., "A hierarchical 3D Gaussian representation for real-time rendering of very large datasets", 2024. Pairs are found
without a tree: in each round the splats that are left lie along a Z-order curve (G. Morton, 1966), turned another way
each time, and two that prefer each other among the next few become one.
"""

import numpy as np

from actors.arkit import ARKIT
from actors.renderer.avatar import MAX_OPACITY, MIN_SCALE_M, SKIN, TORSO, Avatar, Shapes

MERGED = (SKIN, TORSO)  # teeth and eyes are few, small, and looked at most
REACH = 3  # neighbours along the curve that are looked at, to either side
CURVE_CELLS = 1 << 10  # along each axis
ROUNDS = (1, 2, 4, 8, 16, 16)  # the highest cost of a pair, see _costs(): the best find each other first
GROWTH = 0.25  # what costs 1: the area of both in one, over the sum of their areas, above the 0.5 of two that coincide
COLOUR = 0.15  # ... a distance in sRGB
TURN = 0.45  # ... a distance of unit normals
FOLLOW = 0.1  # ... a difference of Avatar.follow
MOTION = 0.1  # ... a distance of their movements, all blendshapes at 1, in sizes of the smaller: saves lids and lips
MOST_SCALE_M = 1000.0  # what an Avatar may have
SKETCHES = 4  # random projections of the 52 shapes that stand for all of them in MOTION (Johnson and Lindenstrauss)
ROWS, COLUMNS = np.triu_indices(3)  # a covariance is held as xx xy xz yy yz zz


def coarse(avatar: Avatar) -> Avatar:
    """About two thirds of the splats, drawn in 0.7 of the time; those that stand alone stay as they are.

    The same avatar always gives the same one.
    """
    covariance = avatar.covariances()[:, ROWS, COLUMNS]
    area = _area(covariance)
    mass = avatar.opacity * area
    first, second = _pairs(avatar, covariance, area, mass)
    share = np.ones(len(avatar))  # of each in what it becomes
    share[first] = mass[first] / (mass[first] + mass[second])
    share[second] = 1 - share[first]
    kept = np.ones(len(avatar), bool)
    kept[second] = False
    place = np.cumsum(kept) - 1  # of each in the result
    place[second] = place[first]
    merged = place[first]

    def mean(values: np.ndarray) -> np.ndarray:
        both = values.astype(np.float64)
        both[first] = (both[first].T * share[first] + both[second].T * share[second]).T
        return both[kept]

    apart = avatar.position[first].astype(np.float64) - avatar.position[second]
    both = mean(covariance)[merged] + _outer(apart) * (share[first] * share[second])[:, None]
    opacity = (mass[first] + mass[second]) / _area(both)
    both *= np.sqrt(np.maximum(opacity / MAX_OPACITY, 1))[:, None]  # what opacity cannot hold covers more, in part
    scale, quaternion, opacities = (
        column[kept].astype(np.float64) for column in (avatar.scale, avatar.quaternion, avatar.opacity)
    )
    scale[merged], quaternion[merged] = _axes(both)
    opacities[merged] = np.minimum(opacity, MAX_OPACITY)
    normal = mean(avatar.normal)
    lengths = np.linalg.norm(normal, axis=1, keepdims=True)
    return Avatar(
        position=mean(avatar.position),
        normal=np.where(lengths > 1e-3, normal / np.maximum(lengths, 1e-3), 0.0),
        quaternion=quaternion,
        scale=scale,
        opacity=opacities,
        colour=mean(avatar.colour),
        part=avatar.part[kept],
        follow=mean(avatar.follow),
        shapes=_shapes(avatar.shapes, share, place),
        metadata=avatar.metadata,
    )


def _pairs(avatar: Avatar, covariance: np.ndarray, area: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the splats that become one, none twice."""
    random = np.random.default_rng(0)
    sketch = random.choice([-1.0, 1.0], (SKETCHES, len(ARKIT))) / np.sqrt(SKETCHES)
    shape = _shape_of_each(avatar.shapes)
    motion = [
        np.bincount(avatar.shapes.index, signs[shape] * avatar.shapes.delta[:, axis], len(avatar))
        for signs in sketch
        for axis in range(3)
    ]
    features = np.column_stack(
        [
            avatar.colour / COLOUR,
            avatar.normal / TURN,
            avatar.follow / FOLLOW,
            avatar.part * 1e3,  # those of two parts never meet
        ]
    )
    columns = [avatar.position, covariance, area, mass, features, np.stack(motion, 1) / MOTION]
    pairs = []
    left = np.flatnonzero(np.isin(avatar.part, MERGED))
    for most in ROUNDS:
        turned = avatar.position[left] @ np.linalg.qr(random.normal(size=(3, 3)))[0]
        left = left[np.argsort(_along_curve(turned))]
        first, second = _mutual([values[left] for values in columns], most)
        pairs.append(left[np.stack([first, second])])
        left = np.delete(left, np.concatenate([first, second]))
    return tuple(np.concatenate(pairs, axis=1))


def _along_curve(position: np.ndarray) -> np.ndarray:
    """Int64 [n]: where each lies on a Z-order curve through all."""
    if not len(position):
        return np.zeros(0, np.int64)
    cells = ((position - position.min(0)) / max(np.ptp(position), 1e-9) * (CURVE_CELLS - 1)).astype(np.int64)
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
        cells = (cells | cells << shift) & mask
    return cells @ np.array([1, 2, 4])


def _mutual(columns: list[np.ndarray], most: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows that prefer each other among the REACH next to them, at a cost below ``most``."""
    n = len(columns[0])
    best, mate = np.full(n, float(most)), np.arange(n)
    for step in range(1, REACH + 1):
        cost = _costs([values[:-step] for values in columns], [values[step:] for values in columns])
        row = np.arange(len(cost))
        for own, other in ((row, row + step), (row + step, row)):
            better = cost < best[own]
            best[own[better]], mate[own[better]] = cost[better], other[better]
    first = np.flatnonzero((mate > np.arange(n)) & (mate[mate] == np.arange(n)))
    return first, mate[first]


def _costs(one: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
    """What is lost where each row of ``one`` becomes one splat with that of ``other``: sums of squares."""
    position, covariance, area, mass, features, motion = one
    position2, covariance2, area2, mass2, features2, motion2 = other
    share = mass / (mass + mass2)
    both = (covariance.T * share + covariance2.T * (1 - share)).T
    both += _outer(position - position2) * (share * (1 - share))[:, None]
    growth = np.maximum(_area(both) / (area + area2) - 0.5, 0) / GROWTH
    drift = ((motion - motion2) ** 2).sum(1) / np.minimum(area, area2)
    return growth**2 + ((features - features2) ** 2).sum(1) + drift


def _outer(vectors: np.ndarray) -> np.ndarray:
    """[n, 6] of [n, 3]: each times itself."""
    return vectors[:, ROWS] * vectors[:, COLUMNS]


def _area(covariance: np.ndarray) -> np.ndarray:
    """About the product of the two largest sigmas: the root of the sum of the principal 2 x 2 minors. m^2 [n]."""
    xx, xy, xz, yy, yz, zz = covariance.T
    minors = xx * yy + xx * zz + yy * zz - xy * xy - xz * xz - yz * yz
    return np.sqrt(np.maximum(minors, MIN_SCALE_M**4))


def _axes(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scales [n, 3] and quaternions [n, 4], wxyz, of covariances [n, 6].

    A quaternion is the eigenvector of a symmetric matrix made from the rotation (I. Bar-Itzhack, 2000).
    """
    whole = np.empty((len(covariance), 3, 3))
    whole[:, ROWS, COLUMNS] = whole[:, COLUMNS, ROWS] = covariance
    squares, axes = np.linalg.eigh(whole)
    axes[np.linalg.det(axes) < 0, :, 0] *= -1  # a rotation, no mirror
    k = np.zeros((len(axes), 4, 4))
    k[:, 1:, 1:] = axes + axes.transpose(0, 2, 1)
    trace = np.trace(axes, axis1=1, axis2=2)
    k[:, 0, 0] = trace
    k[:, 1:, 1:] -= trace[:, None, None] * np.eye(3)
    for column, (row, other) in enumerate(((2, 1), (0, 2), (1, 0)), start=1):
        k[:, 0, column] = k[:, column, 0] = axes[:, row, other] - axes[:, other, row]
    return np.sqrt(np.clip(squares, MIN_SCALE_M**2, MOST_SCALE_M**2)), np.linalg.eigh(k)[1][:, :, 3]


def _shape_of_each(shapes: Shapes) -> np.ndarray:
    """The shape that each delta belongs to."""
    return np.repeat(np.arange(len(ARKIT)), np.diff(shapes.start))


def _shapes(shapes: Shapes, share: np.ndarray, place: np.ndarray) -> Shapes:
    """The same movements of fewer splats: those of a pair are added, each by its share."""
    n = int(place.max()) + 1
    key = _shape_of_each(shapes) * n + place[shapes.index]
    order = np.argsort(key, kind="stable")
    key, delta = key[order], (shapes.delta * share[shapes.index, None])[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(first):
        return shapes
    key = key[first]
    start = np.searchsorted(key, np.arange(len(ARKIT) + 1) * n)
    return Shapes(start, key % n, np.add.reduceat(delta, first))

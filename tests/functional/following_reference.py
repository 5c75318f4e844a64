"""What `follow` should say, in plain NumPy and one sample at a time, and cases to ask it about."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas

FITTED = LUNG_ZONES.with_geometry(rows=(0.3125, 0.384))


def atlas_of(*boxes: tuple[float, float, float, float]) -> Atlas:
    """An atlas of plain boxes."""
    names = tuple(f"region {k}" for k in range(len(boxes)))
    return dataclasses.replace(QUADRANTS, names=names, mirror=tuple(range(len(boxes))), cells=boxes, sides=())


# A flip exchanges the boxes of the first, but not which of them is painted over the other; the second leaves gaps.
CROSSED = atlas_of((0.0, 1.0, 0.0, 0.6), (0.0, 1.0, 0.4, 1.0))
SPARSE = atlas_of((0.1, 0.3, 0.1, 0.4), (0.5, 0.9, 0.5, 0.9), (0.6, 0.8, 0.0, 0.2))
ATLASES = [LUNG_ZONES, FITTED, LUNG_ZONES.with_geometry(laterality="patient"), QUADRANTS, CROSSED, SPARSE]

H, V, T = np.diag([-1.0, 1, 1]), np.diag([1.0, -1, 1]), np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
H[0, 2] = V[1, 2] = 1
SYMMETRIES: dict[str, tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]] = {
    "identity": (np.eye(3), lambda image: image),
    "horizontal flip": (H, lambda image: image[:, ::-1]),
    "vertical flip": (V, lambda image: image[::-1]),
    "half turn": (H @ V, lambda image: image[::-1, ::-1]),
    "transposition": (T, lambda image: image.T),
    "turn clockwise": (H @ T, lambda image: np.rot90(image, -1)),
    "turn anticlockwise": (V @ T, np.rot90),
    "other transposition": (H @ V @ T, lambda image: image.T[::-1, ::-1]),
}


def paint(atlas: Atlas, size: tuple[int, int]) -> np.ndarray:
    """Region of each pixel, -1 where there is none, painted in order."""
    owner = np.full(size, -1)
    for region, (y0, y1, x0, x1) in enumerate(atlas.boxes):
        owner[round(y0 * size[0]) : round(y1 * size[0]), round(x0 * size[1]) : round(x1 * size[1])] = region
    return owner


def place(atlas: Atlas, point: np.ndarray) -> int:
    """Region painted last at a point (x, y)."""
    return max(
        (k for k, (y0, y1, x0, x1) in enumerate(atlas.boxes) if y0 <= point[1] < y1 and x0 <= point[0] < x1), default=-1
    )


def through(matrix: np.ndarray, point: object) -> np.ndarray | None:
    """Where a matrix takes a point (x, y); None behind the viewer."""
    x, y, scale = matrix @ np.array([*point, 1.0])
    return np.array([x, y]) / scale if scale > 0 else None


def in_view(point: np.ndarray | None) -> bool:
    return point is not None and bool((point >= 0).all() and (point < 1).all())


def spread(atlas: Atlas, region: int) -> list[np.ndarray]:
    y0, y1, x0, x1 = atlas.boxes[region]
    steps = (np.arange(32) + 0.5) / 32
    return [np.array([x0 + (x1 - x0) * a, y0 + (y1 - y0) * d]) for d in steps for a in steps]


def warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What each pixel of the result shows; -1 from outside."""
    height, width = image.shape
    inverse, out = np.linalg.inv(matrix), np.full_like(image, -1, dtype=int)
    for row, column in np.ndindex(height, width):
        source = through(inverse, ((column + 0.5) / width, (row + 0.5) / height))
        if in_view(source):
            out[row, column] = image[int(source[1] * height), int(source[0] * width)]
    return out


def on_a_border(matrix: np.ndarray, size: tuple[int, int], within: float = 1e-9) -> bool:
    """Whether a pixel of the result lies between two of the source, and the last digit decides which one it shows."""
    centres = np.stack([(axis + 0.5) / n for axis, n in zip(np.indices(size), size, strict=True)][::-1], axis=-1)
    across, down, scale = np.moveaxis(
        np.concatenate((centres, np.ones((*size, 1))), -1) @ np.linalg.inv(matrix).T, -1, 0
    )
    places = np.stack((across / scale * size[1], down / scale * size[0]))
    return bool((abs(places - places.round()) < within).any())


def corners(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    return [(x, y) for y in box[:2] for x in box[2:]]


def permutation(matrix: np.ndarray, atlas: Atlas) -> list[int] | None:
    """Region that each one becomes under a symmetry of the atlas; None for any other matrix."""
    homes = {frozenset((round(x, 5), round(y, 5)) for x, y in corners(box)): k for k, box in enumerate(atlas.boxes)}
    becomes = []
    for box in atlas.boxes:
        mapped = [through(matrix, corner) for corner in corners(box)]
        if any(point is None for point in mapped):
            return None
        key = frozenset((round(float(x), 5) + 0.0, round(float(y), 5) + 0.0) for x, y in mapped)
        becomes.append(homes.get(key, -1))
    if sorted(becomes) != list(range(len(atlas))):
        return None
    covered = [paint(dataclasses.replace(atlas, cells=(box,), names=("x",)), (100, 100)) == 0 for box in atlas.boxes]
    for below in range(len(atlas)):
        for above in range(below):
            if (covered[below] & covered[above]).any() and (becomes[above] > becomes[below]):
                return None
    return becomes


def reference(
    matrix: np.ndarray, named: list[bool], atlas: Atlas, lesion: np.ndarray | None, frame: str
) -> tuple[list[bool], bool]:
    """The docstring of `follow`, for one sample."""
    matrix = matrix / (matrix @ [0.5, 0.5, 1])[2]
    before = {k for k, bit in enumerate(named) if bit}
    result = (in_body if frame == "body" else in_image)(matrix, before, atlas, lesion)
    return (named, False) if result is None else ([k in result for k in range(len(atlas))], True)


def in_image(matrix: np.ndarray, before: set[int], atlas: Atlas, lesion: np.ndarray | None) -> set[int] | None:
    becomes = permutation(matrix, atlas)
    if becomes is not None:
        return {becomes[k] for k in before}
    if lesion is not None:
        return by_evidence(matrix, before, atlas, lesion)
    after = set()
    for region in before:
        own = [point for point in spread(atlas, region) if place(atlas, point) == region]
        seen = [point for point in (through(matrix, one) for one in own) if in_view(point)]
        if not seen or len(seen) < 0.5 * len(own):
            return None
        lands = [place(atlas, point) for point in seen]
        best = max(range(len(atlas)), key=lands.count)
        if lands.count(best) < 0.9 * len(seen):
            return None
        after.add(best)
    return after


def by_evidence(matrix: np.ndarray, before: set[int], atlas: Atlas, lesion: np.ndarray) -> set[int] | None:
    owner, shown = paint(atlas, lesion.shape), warp(lesion, matrix) == 1
    if lesion.any() and not shown.any():
        return None
    after = set(owner[shown]) - {-1}
    listed = after if set(owner[lesion]) - {-1} == before and (after or not lesion.any()) else None
    pointed = by_middle(matrix, before, atlas, lesion, shown) if lesion.any() else None
    if listed is not None and pointed is not None and is_one_place(before, atlas):
        return listed if listed == pointed else None
    return pointed if listed is None else listed


def by_middle(
    matrix: np.ndarray, before: set[int], atlas: Atlas, lesion: np.ndarray, shown: np.ndarray
) -> set[int] | None:
    if not before & boxes_at(atlas, middle(lesion)):
        return None
    # Of the eight flips and turns the one whose unit vectors are most like those of the matrix at the centre.
    height, width = lesion.shape
    here = through(matrix, (0.5, 0.5))
    steps = [(through(matrix, (0.5 + dx, 0.5 + dy)) - here) * (width, height) for dx, dy in ((1e-6, 0), (0, 1e-6))]
    linear = np.stack([steps[0] / width, steps[1] / height], axis=1) / 1e-6
    likeness = {name: float((turn[:2, :2] * linear).sum()) for name, (turn, _) in SYMMETRIES.items()}
    becomes = permutation(SYMMETRIES[max(likeness, key=likeness.__getitem__)][0], atlas)
    turned = before if becomes is None else {becomes[k] for k in before}
    if turned & boxes_at(atlas, middle(shown)):
        return turned
    region = place(atlas, middle(shown))
    return {region} if is_one_place(before, atlas) and region >= 0 else None


def is_one_place(before: set[int], atlas: Atlas) -> bool:
    y0, y1, x0, x1 = np.array([atlas.boxes[k] for k in before]).T
    return abs((y1.max() - y0.min()) * (x1.max() - x0.min()) - ((y1 - y0) * (x1 - x0)).sum()) < 1e-6


def middle(lesion: np.ndarray) -> np.ndarray:
    rows, columns = lesion.nonzero()
    return np.array([(columns + 0.5).mean() / lesion.shape[1], (rows + 0.5).mean() / lesion.shape[0]])


def boxes_at(atlas: Atlas, point: np.ndarray) -> set[int]:
    return {k for k, (y0, y1, x0, x1) in enumerate(atlas.boxes) if y0 <= point[1] < y1 and x0 <= point[0] < x1}


def in_body(matrix: np.ndarray, before: set[int], atlas: Atlas, lesion: np.ndarray | None) -> set[int] | None:
    height, width = (1, 1) if lesion is None else lesion.shape
    step, centre = 1e-6, np.array([0.5, 0.5])
    pixels = np.array([width, height])
    # The derivative at the centre, in pixels, by differences; then its polar factor.
    here = through(matrix, centre)
    linear = np.stack(
        [(through(matrix, centre + step * axis / pixels) - here) * pixels / step for axis in np.eye(2)], axis=1
    )
    mirrored = np.linalg.det(linear) < 0
    left, _, right = np.linalg.svd(linear @ np.diag([-1, 1]) if mirrored else linear)
    turned = np.degrees(np.arctan2((left @ right)[1, 0], (left @ right)[0, 0]))
    if abs(turned) > 45.01:
        return None
    owner = np.array([]) if lesion is None else np.where(lesion, paint(atlas, lesion.shape), -2)
    shown = np.array([]) if lesion is None else np.where(warp(lesion, matrix) == 1, warp(owner, matrix), -2)
    if (owner >= -1).any() and not (shown >= -1).any():
        return None
    held, remains = set(owner.flatten()), set(shown.flatten())
    for region in before - held:
        if not any(in_view(through(matrix, point)) for point in spread(atlas, region)):
            return None
    after = {region for region in before if region not in held or region in remains}
    if before and not after:
        return None
    return {atlas.mirror[region] for region in after} if mirrored else after


def some_matrix(rng: np.random.Generator) -> np.ndarray:
    """A flip or a turn, now and then exact, more often with a shift, a scale, a shear or a perspective on top."""
    matrix = list(SYMMETRIES.values())[int(rng.integers(8))][0] if rng.random() < 0.5 else np.eye(3)
    kind = rng.integers(6)
    middle, back = np.eye(3), np.eye(3)
    middle[:2, 2], back[:2, 2] = 0.5, -0.5
    change = np.eye(3)
    if kind in (1, 2):
        angle = np.radians(rng.uniform(-60, 60) if kind == 1 else rng.uniform(-180, 180))
        change[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    if kind in (2, 3):
        change[:2, :2] *= rng.uniform(0.4, 2.5)
    if kind in (3, 4):
        change[:2, 2] = rng.uniform(-0.4, 0.4, 2)
    if kind == 4:
        change[0, 1] = rng.uniform(-0.3, 0.3)
    if kind == 5:
        change[2, :2] = rng.uniform(-2.5, 2.5, 2)  # part of the image may lie behind the viewer
    return middle @ change @ back @ matrix * rng.choice([1.0, 1.0, -2.0])


def some_case(seed: int, frame: str, *, with_evidence: bool) -> tuple:
    """A batch of one atlas; lesions often lie in the named regions."""
    rng = np.random.default_rng(seed)
    atlas = ATLASES[int(rng.integers(len(ATLASES)))]
    size = (int(rng.integers(3, 11)), int(rng.integers(3, 11)))
    matrices = np.stack([some_matrix(rng) for _ in range(4)])
    named = rng.random((4, len(atlas))) < 0.35
    lesion = None
    if with_evidence:
        lesion = (rng.random((4, *size)) < rng.choice([0.05, 0.3])) & (rng.random((4, 1, 1)) < 0.9)
        for sample in range(4):
            if rng.random() < 0.7:  # the caption is true
                named[sample] = [(lesion[sample] & (paint(atlas, size) == k)).any() for k in range(len(atlas))]
    return matrices, named, atlas, lesion, frame


def expected(
    matrices: np.ndarray, named: np.ndarray, atlas: Atlas, lesion: np.ndarray | None, frame: str
) -> list[tuple[list[bool], bool] | None]:
    """What the reference says of each sample; None where a last digit decides."""
    maps = [None] * len(matrices) if lesion is None else lesion
    return [
        None if mask is not None and on_a_border(matrix, mask.shape) else reference(matrix, row, atlas, mask, frame)
        for matrix, row, mask in zip(matrices, named.tolist(), maps, strict=True)
    ]


def came(
    matrices: np.ndarray, named: np.ndarray, atlas: Atlas, lesion: np.ndarray | None, frame: str
) -> list[tuple[list[bool], bool]]:
    evidence = None if lesion is None else torch.from_numpy(lesion).unsqueeze(1)
    positions, kept = CF.follow(torch.from_numpy(matrices), torch.from_numpy(named), atlas, evidence, frame)
    return list(zip(positions.tolist(), kept.tolist(), strict=True))


def agree(wanted: list, rows: list) -> bool:
    return all(want is None or want == row for want, row in zip(wanted, rows, strict=True))


CASES = [(frame, with_evidence) for frame in ("image", "body") for with_evidence in (False, True)]

"""The published choice of labelled samples (METHOD of Semi-MedRef, arXiv 2605.15720)."""

import hashlib
import math
import random
from collections.abc import Sequence
from typing import Literal

from crossmodal_aug.errors import InvalidValueError

QATA_TRAINING_SET = 5716
"""Training images of QaTa-COV19 v2."""

QATA_ORDER_DIGEST = "8df3bb6a677d892a0e89b8b86a4a3eb26f97f272a3d43890dd75e8e7e00deee7"
"""SHA-256 of the first 57 mask names in the published order, one a line: tells a file that is in this order already."""


class ShareError(InvalidValueError):
    """A share of labels cannot be taken of a training set."""


Rule = Literal["qata", "mosmed"]


def labelled_names(
    names: Sequence[str],
    ratio: float,
    *,
    split: str = "auto",
    total: int = 0,
    rule: Rule = "qata",
    draw: int = 0,
) -> list[str]:
    """Choose the labelled samples of a training set, by the published rule, or by another draw.

    The distinct names, in the order of the file (QaTa-COV19) or sorted (MosMedData+), are shuffled by
    `random.Random(42)`; the first total x ratio are labelled, rounded (QaTa-COV19) or rounded down (MosMedData+). So
    the choices are nested: each ratio contains all smaller ones.

    Args:
        names: Names of all training samples, in the order of the file: of the images, or all of the masks.
        ratio: Share that is labelled, in (0, 1].
        split: "shuffle", or "file-order" where the file is in shuffled order already; "auto" tells the published
            order of QaTa-COV19 by its first 57 names and shuffles anything else.
        total: Size of the training set that ``ratio`` refers to, where the file is an excerpt of it. 0 takes the
            size of QaTa-COV19 where "auto" found its published order, and the number of distinct names otherwise.
        rule: Whose rule it is.
        draw: 0 for the published choice. Any other number shuffles its order once more, by ``random.Random(draw)``:
            as many samples, and other ones, to tell what the choice of the labelled samples does.

    Returns:
        The labelled names, in order.

    Raises:
        ShareError: The ratio gives no sample, or more than there are.

    Example:
        >>> labelled_names(["a", "b", "c", "d", "a"], 0.5)
        ['c', 'b']
        >>> labelled_names(["a", "b", "c", "d", "a"], 0.5, split="file-order")
        ['a', 'b']
        >>> labelled_names(["a", "b", "c", "d", "a"], 0.5, split="file-order", draw=1)
        ['d', 'a']
    """
    order = list(dict.fromkeys(names))
    published = rule == "qata" and split == "auto" and is_published_order(order)
    if split == "shuffle" or (split == "auto" and not published):
        if rule == "mosmed":
            order.sort()
        random.Random(42).shuffle(order)
    if draw:
        random.Random(draw).shuffle(order)
    total = total or (QATA_TRAINING_SET if published else len(order))
    # 100 x 0.29 is a little less than 29 in floating point, and means 29.
    count = round(total * ratio) if rule == "qata" else math.floor(total * ratio + 1e-9)
    if not 1 <= count <= len(order):
        raise ShareError(
            f"Expected a share of labels that gives 1 to {len(order)} samples, the number there is, but "
            f"{ratio:g} of {total} gives {count}."
        )
    return order[:count]


def is_published_order(names: Sequence[str]) -> bool:
    """Return whether names, of images or masks, begin with the first 57 of the published order of QaTa-COV19."""
    masks = (f"mask_{name.removeprefix('mask_')}" for name in names[:57])
    return hashlib.sha256("\n".join(masks).encode()).hexdigest() == QATA_ORDER_DIGEST

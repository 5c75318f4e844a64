"""What SyncGeometry writes where nothing was: in the pixels, the target, and to the next op of a sequence."""

import pytest
import torch

from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    PositionParser,
    SyncGeometry,
    ZoneMix,
)
from crossmodal_aug.augment import Augmented
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

LUNGS = PositionParser(LUNG_ZONES)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_fill() -> None:
    images, labels = torch.ones(8, 1, 9, 9), torch.ones(8, 9, 9, dtype=torch.long)
    op = SyncGeometry(LUNGS, p=1.0, horizontal=False, translate=0.4, fill=-1.0, target_fill=255)
    out = op(
        images,
        ["Opacity in both lungs."] * 8,
        labels,
        evidence=torch.ones(8, 1, 9, 9),
        maps=(images,),
        generator=seeded(),
    )
    assert out.accepted.all()
    assert set(out.target.unique().tolist()) == {1, 255}
    assert set(out.evidence.unique().tolist()) == {0.0, 1.0}
    assert out.maps[0].min() == -1
    assert out.images.min() == pytest.approx(-1)


@pytest.mark.parametrize("donors", [False, True])
def test_what_fills_the_target_is_no_lesion_to_the_next_op_of_any_sequence(donors: bool) -> None:
    shrink = SyncGeometry(LUNGS, p=1.0, horizontal=False, scale=(0.5, 0.6), frame="body", target_fill=255)
    masks = torch.zeros(2, 1, 24, 24, dtype=torch.int64)
    masks[0, 0, 18:22, 16:20] = masks[1, 0, 18:22, 16:20] = 1
    texts = ["Opacity in the left upper lung and the right lower lung."] * 2
    images = torch.rand(2, 1, 24, 24)
    second = Augmented(images.flip(0), texts, masks) if donors else None
    for later in (
        Focus(LUNGS, p=1.0, unit="region", target_fill=0, ignore_index=255),
        ZoneMix(LUNGS, p=1.0, max_cut=0.1),
    ):
        flat, nested = CrossModalSequential(shrink, later), CrossModalSequential(CrossModalSequential(shrink), later)
        for seed in range(4):
            one = flat(images, texts, masks, donors=second, generator=seeded(seed))
            other = nested(images, texts, masks, donors=second, generator=seeded(seed))
            assert one.texts == other.texts
            assert torch.equal(one.target, other.target)
            assert one.evidence is None and other.evidence is None
            if isinstance(later, Focus):
                assert torch.equal(one.target == 255, shrink.replay(masks, one.params[0], role="target") == 255)
                assert (one.target == 1).flatten(1).any(dim=1).all()


def test_fills_that_cannot_be_are_refused() -> None:
    images, masks = torch.rand(1, 1, 24, 24), torch.zeros(1, 1, 24, 24, dtype=torch.uint8)
    with pytest.raises(InvalidTypeError, match="`fill` to be a number"):
        SyncGeometry(LUNGS, fill=None)
    with pytest.raises(InvalidValueError, match="`target_fill` to be finite"):
        SyncGeometry(LUNGS, target_fill=float("nan"))
    for fill, target in ((-1, masks), (256, masks), (0.5, masks), (255, masks.bool())):
        op = SyncGeometry(LUNGS, p=1.0, scale=(0.5, 0.6), target_fill=fill)
        with pytest.raises(InvalidValueError, match="fill that torch"):
            op(images, ["Opacity in the left lung."], target)

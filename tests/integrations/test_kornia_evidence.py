"""KorniaSync with evidence: the target where none is given apart, and what it does not read."""

from collections.abc import Callable

import kornia.augmentation as K
import pytest
import torch

from crossmodal_aug import QUADRANTS
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import follow, region_evidence
from crossmodal_aug.integrations.kornia import KorniaSync


def lesions_of(*rows_and_columns: tuple[int, int]) -> torch.Tensor:
    masks = torch.zeros(len(rows_and_columns), 1, 20, 20, dtype=torch.int64)
    for mask, (row, column) in zip(masks, rows_and_columns, strict=True):
        mask[0, row : row + 3, column : column + 3] = 1
    return masks


def test_the_target_is_the_evidence_where_none_is_given_apart(lung_parser, quadrant_parser) -> None:
    """As in SyncGeometry: what left the view is no longer named, and what nobody sees has no caption."""
    crop = K.AugmentationSequential(K.CenterCrop((10, 20)), data_keys=["input", "mask"])
    texts, masks = ["Opacity in the upper left and lower right lung."] * 2, lesions_of((1, 2), (1, 2))
    masks[:, :, 12:14, 15:17] = 1  # stays
    images = torch.rand(2, 1, 20, 20)
    out = KorniaSync(crop, lung_parser)(images, texts, masks)
    assert out.texts == ["Opacity in the lower right lung."] * 2
    apart = KorniaSync(crop, lung_parser)(images, texts, masks * 7, evidence=masks)
    assert apart.texts == out.texts
    gone = KorniaSync(K.CenterCrop((4, 4)), lung_parser)
    with pytest.raises(InvalidValueError, match="no caption survives"):
        gone(images, texts, masks)
    # A picture's words speak of where the lesion lies afterwards.
    shift = K.RandomTranslate((0.55, 0.56), (0.0, 0.0), p=1.0)
    moved = KorniaSync(shift, quadrant_parser)(images[:1], ["Polyp in the top left."], lesions_of((2, 2)))
    assert moved.texts == ["Polyp in the top right."]


@pytest.mark.parametrize("seed", range(4))
def test_it_judges_as_the_rule_does_on_the_mask_that_kornia_moves(seed, quadrant_parser) -> None:
    generator = torch.Generator().manual_seed(seed)
    masks = lesions_of(*torch.randint(1, 16, (12, 2), generator=generator).tolist())
    named = region_evidence(masks, QUADRANTS, reduce="count") > 0
    pipeline = K.RandomAffine(30.0, translate=(0.3, 0.3), scale=(0.7, 1.6), p=0.8)
    torch.manual_seed(seed)
    out = KorniaSync(pipeline, quadrant_parser, on_break="skip")(
        torch.rand(12, 1, 20, 20), None, masks, positions=named
    )
    wanted, kept = follow(out.params.matrices, named, QUADRANTS, masks)
    assert torch.equal(out.accepted, kept)
    assert torch.equal(out.positions, torch.where(kept.unsqueeze(1), wanted, named))
    assert kept.any()
    assert not kept.all()


FLIPS: dict[str, Callable[[], torch.nn.Module]] = {
    "a flip": lambda: K.RandomHorizontalFlip(p=1.0),
    "flips and turns": lambda: K.ImageSequential(
        K.RandomHorizontalFlip(p=1.0), K.RandomVerticalFlip(p=1.0), K.RandomRotation90((2, 2), p=1.0)
    ),
    "values": lambda: K.AugmentationSequential(K.RandomGaussianNoise(p=1.0), data_keys=["input", "mask"]),
}


@pytest.mark.parametrize("name", FLIPS)
def test_flips_and_turns_alone_read_no_target(name, lung_parser) -> None:
    """They exchange regions exactly, so that a target may hold what it likes: logits, several channels."""
    logits = torch.randn(1, 3, 20, 20) * 9
    out = KorniaSync(FLIPS[name](), lung_parser)(torch.rand(1, 1, 20, 20), ["Opacity in the upper left lung."], logits)
    assert out.accepted.all()


def test_a_target_that_cannot_be_evidence_is_refused_by_name(lung_parser) -> None:
    sync = KorniaSync(K.RandomAffine(5.0, p=1.0), lung_parser)
    images, texts, masks = torch.rand(1, 1, 20, 20), ["Opacity in the upper left lung."], lesions_of((2, 2))
    for target, words in (
        (torch.cat((masks, 1 - masks), dim=1), "give `evidence` apart where the target holds more"),
        (masks.float() * 9 - 4, r"`target` to hold values in \[0, 1\]"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            sync(images, texts, target)
        assert sync(images, texts, target, evidence=masks).accepted.all()

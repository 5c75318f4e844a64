"""The ops in a kornia pipeline, and kornia geometry with words that follow: python docs/examples/kornia_pipeline.py."""

import kornia.augmentation as K
import torch
from drawn import Chests, draw_chests
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.augment import Turned
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.integrations.kornia import KorniaMix, KorniaSync

# Say whose left "left" is. In these drawings, as in QaTa-COV19, it is the left of the image.
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))


def occupied(masks: Tensor) -> Tensor:
    """(B, K) bool: the regions that hold a mask pixel, to compare captions with."""
    return CF.region_evidence(masks, PARSER.atlas, reduce="count") > 0


def agreement(texts: list[str], masks: Tensor) -> str:
    """How many captions name just the regions that their masks occupy."""
    agree = (PARSER.encode(texts) == occupied(masks)).all(dim=1)
    return f"captions agree with masks in {int(agree.sum())} of {len(agree)} samples"


def flip_without_words(chests: Chests) -> None:
    """What goes wrong: kornia moves image and mask, and no one tells the caption."""
    torch.manual_seed(0)
    flip = K.AugmentationSequential(K.RandomHorizontalFlip(p=0.5), data_keys=["input", "mask"])
    _, masks = flip(chests.images, chests.masks)
    print(f"kornia's flip alone: {agreement(chests.captions, masks)}")
    assert not torch.equal(PARSER.encode(chests.captions), occupied(masks))


def ops_as_children(chests: Chests) -> None:
    """Our ops as one child of a kornia container, with kornia's own replay."""
    # kornia allows one mix augmentation a pipeline, so several ops go in as a sequence.
    mix = KorniaMix(
        CrossModalSequential(
            ZoneMix(PARSER, unit="side", p=0.5),
            TPatchMix(PARSER, patch_size=14, p=0.5, where="donor"),
            SyncFlip(PARSER, p=0.5),
        ),
        generator=torch.Generator().manual_seed(1),
    )
    assert isinstance(mix, K.MixAugmentationBaseV2)
    # Only what leaves pixels where they are may stand before it: geometry would move them under the words.
    pipeline = K.AugmentationSequential(K.RandomGaussianNoise(std=0.02, p=1.0), mix, data_keys=["input", "mask"])

    mix.feed(chests.captions)  # kornia's pipelines carry tensors only: the words travel beside them
    images, masks = pipeline(chests.images, chests.masks)
    texts = mix.texts
    print(f"KorniaMix: {int(mix.accepted.sum())} altered; {agreement(texts, masks)}")
    print(f'  "{chests.captions[0]}"\n  "{texts[0]}"')
    assert torch.equal(PARSER.encode(texts), occupied(masks))
    assert masks.dtype == torch.int64

    # Replay is kornia's. Texts that are fed before it are rewritten too.
    recorded = pipeline._params
    mix.feed(chests.captions)
    again, masks_again = pipeline(chests.images, chests.masks, params=recorded)
    assert torch.equal(again, images)
    assert torch.equal(masks_again, masks)
    assert mix.texts == texts
    print("  replay: images, masks and texts are the same")


def words_follow_geometry(chests: Chests) -> None:
    """A pipeline of kornia's own geometry, whose matrices say what became of left and right."""
    torch.manual_seed(2)  # kornia draws from the global generator
    pipeline = K.AugmentationSequential(
        K.RandomHorizontalFlip(p=0.5),
        K.RandomAffine(degrees=3.0, translate=(0.02, 0.02), p=0.8),
        K.ColorJitter(brightness=0.2, contrast=0.2, p=0.8),
        data_keys=["input", "mask"],
    )
    sync = KorniaSync(pipeline, PARSER)
    colour = chests.images.expand(-1, 3, -1, -1)  # ColorJitter takes three channels
    out = sync(colour, chests.captions, chests.masks)
    print(
        f"KorniaSync: {int((out.params.turn == Turned.EXCHANGED).sum())} mirrored; {agreement(out.texts, out.target)}"
    )
    assert torch.equal(PARSER.encode(out.texts), occupied(out.target))

    # The matrices, read by hand: a mirroring has a negative determinant.
    mirrored = torch.linalg.det(out.params.matrices) < 0
    assert torch.equal(mirrored, out.params.turn == Turned.EXCHANGED)
    for before, after, flipped in zip(chests.captions, out.texts, mirrored.tolist(), strict=True):
        assert after == PARSER.mirror(before) if flipped else after is before

    # Replay: hand the parameters back.
    again = sync(colour, chests.captions, chests.masks, params=out.params)
    assert torch.equal(again.images, out.images)
    assert again.texts == out.texts


def no_caption_survives_a_vertical_flip(chests: Chests) -> None:
    """Upper and lower are not exchanged by any rewriting that is true of a chest, so such samples are refused."""
    flip = K.RandomVerticalFlip(p=0.5)
    torch.manual_seed(3)
    try:
        KorniaSync(flip, PARSER)(chests.images, chests.captions, chests.masks)
    except InvalidValueError as error:
        print(f"a vertical flip raises: {error}")
    else:
        raise AssertionError("a vertical flip passed")

    torch.manual_seed(3)
    out = KorniaSync(flip, PARSER, on_break="skip")(chests.images, chests.captions, chests.masks)
    skipped = ~out.params.accepted
    print(f"on_break='skip': {int(skipped.sum())} left as they were; {agreement(out.texts, out.target)}")
    assert skipped.any()
    assert torch.equal(out.images, chests.images)
    assert out.texts == chests.captions


def main() -> None:
    """Run the four parts on the same drawn chests."""
    chests = draw_chests(16, PARSER, seed=0)
    print(f"as drawn: {agreement(chests.captions, chests.masks)}")
    flip_without_words(chests)
    ops_as_children(chests)
    words_follow_geometry(chests)
    no_caption_survives_a_vertical_flip(chests)


if __name__ == "__main__":
    main()

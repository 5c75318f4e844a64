"""KorniaSync with evidence: the target where none is given apart, and what steps on the way cut off."""

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


def there_and_back(*ways: dict) -> K.AugmentationSequential:
    return K.AugmentationSequential(*(K.RandomAffine(0.0, p=1.0, **way) for way in ways), data_keys=["input"])


GROWN_AND_SHRUNK = ({"scale": (2.0, 2.0)}, {"scale": (0.5, 0.5)})


def blob(rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(1, 1, 48, 48)
    mask[..., rows, columns] = 1
    return mask


@pytest.mark.parametrize("frame", ["body", "image"])
@pytest.mark.parametrize("given", ["target", "evidence", None])
def test_what_a_step_on_the_way_cut_off_is_not_in_view_though_the_product_of_all_says_so(
    frame, given, lung_parser
) -> None:
    mask = blob(slice(2, 10), slice(2, 10))
    text, maps = ["Opacity in the upper left lung."], {} if given is None else {given: mask}
    sync = KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, frame=frame, on_break="skip")
    out = sync(mask, text, **maps)
    torch.testing.assert_close(out.params.matrices, torch.eye(3).unsqueeze(0))
    assert not out.accepted.any()
    assert torch.equal(out.images, mask)
    assert out.texts[0] is text[0]
    with pytest.raises(InvalidValueError, match="no caption survives the geometry"):
        KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, frame=frame)(mask, text, **maps)
    # The same steps the other way round lose nothing.
    again = KorniaSync(there_and_back(*reversed(GROWN_AND_SHRUNK)), lung_parser, frame=frame)(mask, text, **maps)
    assert again.accepted.all()
    assert again.images.sum().item() == pytest.approx(64)


def test_what_is_left_of_a_region_is_enough_for_a_body_and_not_for_a_picture(lung_parser) -> None:
    """Half of a lesion leaves its region named; where in the picture it lies now, half of it does not tell."""
    mask, text = blob(slice(6, 18), slice(6, 18)), ["Opacity in the upper left lung."]
    for frame, kept in (("body", True), ("image", False)):
        sync = KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, frame=frame, on_break="skip")
        assert sync(mask, text, mask).accepted.item() == kept
    inside = blob(slice(14, 16), slice(14, 22))
    for frame in ("body", "image"):
        sync = KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, frame=frame)
        assert sync(inside, text, inside).accepted.all()


def test_one_lost_region_of_two_is_noticed(lung_parser) -> None:
    mask = blob(slice(2, 8), slice(2, 8)) + blob(slice(20, 28), slice(28, 34))
    sync = KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, on_break="skip")
    assert not sync(mask, ["Opacity in the upper left lung and middle right lung."], mask).accepted.any()
    # Of what the caption does not name nothing is asked.
    assert sync(mask, ["Opacity in the middle right lung."], mask).accepted.all()


def test_samples_of_a_batch_are_judged_one_by_one_and_replayed(lung_parser) -> None:
    masks = torch.cat([blob(slice(2, 8), slice(2, 8)), blob(slice(14, 16), slice(14, 22))] * 2)
    sync = KorniaSync(there_and_back(*GROWN_AND_SHRUNK), lung_parser, on_break="skip")
    out = sync(masks, ["Opacity in the upper left lung."] * 4, masks)
    assert out.accepted.tolist() == [False, True, False, True]
    again = sync(masks, ["Opacity in the upper left lung."] * 4, masks, params=out.params)
    assert torch.equal(again.images, out.images)
    assert again.accepted.tolist() == out.accepted.tolist()


def test_a_result_of_another_size_is_judged_too(lung_parser) -> None:
    mask, text = blob(slice(2, 10), slice(2, 10)), ["Opacity in the upper left lung."]
    steps = (K.CenterCrop((24, 24)), K.RandomAffine(0.0, scale=(0.5, 0.5), p=1.0))
    pipeline = K.AugmentationSequential(*steps, data_keys=["input"])
    with pytest.raises(InvalidValueError, match="no caption survives the geometry"):
        KorniaSync(pipeline, lung_parser)(mask, text, mask)
    inside = blob(slice(13, 16), slice(14, 22))
    out = KorniaSync(pipeline, lung_parser)(inside, text, inside)
    assert out.images.shape[-2:] == (24, 24)
    assert out.accepted.all()


CUT_AND_PADDED: dict[str, Callable[[], tuple[torch.nn.Module, ...]]] = {
    "border": lambda: grown_and_shrunk(padding_mode="border"),
    "reflection": lambda: grown_and_shrunk(padding_mode="reflection"),
    "fill": lambda: grown_and_shrunk(padding_mode="fill", fill_value=1.0),
    "shift": lambda: tuple(
        K.RandomTranslate((shift, shift), (shift, shift), padding_mode="border", p=1.0) for shift in (-0.25, 0.25)
    ),
    "shear": lambda: tuple(
        K.RandomShear((angle, angle, 0.0, 0.0), padding_mode="reflection", p=1.0) for angle in (-50.0, 50.0)
    ),
    "constant": lambda: cropped_and_padded(fill=1.0),
    "reflect": lambda: cropped_and_padded(padding_mode="reflect"),
    "replicate": lambda: cropped_and_padded(padding_mode="replicate"),
    "replicate, resampled": lambda: cropped_and_padded(padding_mode="replicate", cropping_mode="resample"),
    "in a container": lambda: (K.ImageSequential(*grown_and_shrunk(padding_mode="border")),),
    "after values": lambda: (K.RandomGaussianNoise(p=1.0), *grown_and_shrunk(padding_mode="border")),
    "three steps": lambda: (*grown_and_shrunk(padding_mode="border"), K.RandomHorizontalFlip(p=0.0)),
}


def grown_and_shrunk(**padding) -> tuple[torch.nn.Module, ...]:
    return tuple(K.RandomAffine(0.0, p=1.0, **way, **padding) for way in GROWN_AND_SHRUNK)


def cropped_and_padded(**padding) -> tuple[torch.nn.Module, ...]:
    return K.CenterCrop((24, 24)), K.RandomCrop((48, 48), padding=12, **padding)


@pytest.mark.parametrize("given", ["target", "evidence", None])
@pytest.mark.parametrize("name", CUT_AND_PADDED)
def test_a_cut_on_the_way_is_noticed_however_the_step_pads(name, given, lung_parser) -> None:
    mask, text = blob(slice(2, 10), slice(2, 10)), ["Opacity in the upper left lung."]
    sync = KorniaSync(K.ImageSequential(*CUT_AND_PADDED[name]()), lung_parser, on_break="skip")
    out = sync(mask, text, **({} if given is None else {given: mask}))
    assert not out.accepted.any()
    assert torch.equal(out.images, mask)
    assert out.texts[0] is text[0]
    again = sync(mask, text, **({} if given is None else {given: mask}), params=out.params)
    assert not again.accepted.any()
    # What no step has cut off is kept by the same steps.
    inside = blob(slice(14, 16), slice(14, 22))
    kept = sync(inside, text, inside)
    assert kept.accepted.all()
    assert kept.target[0, 0, 14:16, 14:22].all()


@pytest.mark.parametrize("padding", [{"pad_value": 1.0}, {"pad_mode": "replicate"}])
def test_a_crop_that_is_padded_on_one_side_is_noticed(padding, lung_parser) -> None:
    mask, text = blob(slice(38, 46), slice(38, 46)), ["Opacity in the lower right lung."]
    steps = K.ImageSequential(K.CenterCrop((24, 24)), K.PadTo((48, 48), **padding))
    assert not KorniaSync(steps, lung_parser, on_break="skip")(mask, text, mask).accepted.any()


def test_a_single_step_cuts_nothing_on_the_way_however_it_pads(lung_parser) -> None:
    mask, text = blob(slice(2, 10), slice(2, 10)), ["Opacity in the upper left lung."]
    for way in ({"scale": (0.5, 0.5)}, {"translate": (0.1, 0.1)}):
        for padding_mode in ("zeros", "border", "reflection"):
            pipeline = K.RandomAffine(0.0, p=1.0, padding_mode=padding_mode, **way)
            assert KorniaSync(pipeline, lung_parser)(mask, text, mask).accepted.all()
    padded = K.RandomCrop((48, 48), padding=4, padding_mode="reflect")
    assert KorniaSync(padded, lung_parser)(mask, text, blob(slice(14, 16), slice(14, 22))).accepted.all()

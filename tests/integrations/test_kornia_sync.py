"""KorniaSync: captions right for every sample, checked against kornia's matrices and against the pixels."""

from collections.abc import Callable

import kornia.augmentation as K
import pytest
import torch

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.augment.turned_texts import Turned
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import follow, region_evidence
from crossmodal_aug.integrations.kornia import KorniaSync

MIRROR = list(LUNG_ZONES.mirror)
PIPELINES: dict[str, Callable[[], torch.nn.Module]] = {
    "RandomHorizontalFlip": lambda: K.RandomHorizontalFlip(p=0.5),
    "RandomAffine": lambda: K.RandomAffine(8.0, translate=(0.03, 0.03), scale=(0.95, 1.1), p=0.7),
    "three ops": lambda: K.AugmentationSequential(
        K.RandomHorizontalFlip(p=0.5),
        K.RandomAffine(5.0, translate=(0.02, 0.02), p=0.5),
        K.RandomPerspective(0.1, p=0.5),
        data_keys=["input"],
    ),
    "ImageSequential": lambda: K.ImageSequential(
        K.RandomHorizontalFlip(p=0.5), K.RandomGaussianBlur((3, 3), (0.1, 1.0)), K.RandomRotation(5.0)
    ),
    "nested and drawn repeatedly": lambda: K.AugmentationSequential(
        K.ImageSequential(K.RandomHorizontalFlip(p=0.5)), K.RandomRotation(3.0), random_apply=5, data_keys=["input"]
    ),
}


def kornia_matrices(pipeline: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    if isinstance(pipeline, K.ImageSequential) and not isinstance(pipeline, K.AugmentationSequential):
        return pipeline.get_transformation_matrix(images, pipeline._params, recompute=True)
    return pipeline.transform_matrix


@pytest.mark.parametrize("name", ["RandomHorizontalFlip", "RandomAffine", "three ops"])
@pytest.mark.parametrize("seed", range(5))
def test_captions_follow_the_matrices_that_kornia_reports(name, seed, phantoms, lung_parser) -> None:
    pipeline, batch = PIPELINES[name](), phantoms(batch=16, seed=seed)
    torch.manual_seed(seed)
    out = KorniaSync(pipeline, lung_parser)(batch.images, batch.texts, batch.masks)
    matrices = kornia_matrices(pipeline, batch.images)
    height, width = batch.images.shape[-2:]
    to_pixels = torch.tensor([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(to_pixels @ out.params.matrices @ to_pixels.inverse(), matrices, atol=1e-4, rtol=1e-4)
    turned_over = torch.linalg.det(matrices[:, :2, :2]) < 0
    for index, flipped in enumerate(turned_over.tolist()):
        bits = batch.positions[index, MIRROR] if flipped else batch.positions[index]
        assert torch.equal(out.positions[index], bits)
        assert lung_parser(out.texts[index]).bits == tuple(bits.tolist())
        assert flipped or out.texts[index] is batch.texts[index]
    assert torch.equal(out.params.turn == Turned.EXCHANGED, turned_over)
    assert name == "RandomAffine" or (turned_over.any() and not turned_over.all())


@pytest.mark.parametrize("name", PIPELINES)
def test_captions_agree_with_the_masks_that_come_out(name, phantoms, lung_parser) -> None:
    # Each lesion covers the middle of its region, so a small turn or shift leaves most of it there.
    batch = phantoms(batch=32, size=(96, 80), seed=1)
    torch.manual_seed(3)
    out = KorniaSync(PIPELINES[name](), lung_parser)(batch.images, batch.texts, batch.masks)
    inside = region_evidence(out.target, LUNG_ZONES) > 0
    assert torch.equal(inside & out.positions, out.positions)
    assert torch.equal(lung_parser.encode(out.texts), out.positions)
    assert out.target.dtype == torch.int64


def test_a_flip_that_kornia_leaves_out_of_its_own_matrix_is_seen(phantoms, lung_parser) -> None:
    batch = phantoms(batch=4)
    pipeline = K.AugmentationSequential(K.ImageSequential(K.RandomHorizontalFlip(p=1.0)), K.RandomRotation(1.0))
    out = KorniaSync(pipeline, lung_parser)(batch.images, batch.texts)
    assert (out.params.turn == Turned.EXCHANGED).all()
    assert torch.equal(out.positions, batch.positions[:, MIRROR])


@pytest.mark.parametrize("shape", [(6, 1), (6,), (6, 2, 3)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.float32])
def test_target_and_maps_keep_shape_and_dtype(shape, dtype, phantoms, lung_parser) -> None:
    batch = phantoms(batch=6)
    target = (torch.rand(*shape, 48, 40) > 0.5).to(dtype)
    out = KorniaSync(K.RandomHorizontalFlip(p=1.0), lung_parser)(batch.images, batch.texts, target, maps=[target])
    assert torch.equal(out.target, target.flip(-1))
    assert torch.equal(out.maps[0], target.flip(-1))
    assert out.target.dtype == out.maps[0].dtype == dtype
    torch.testing.assert_close(out.images, batch.images.flip(-1))


@pytest.mark.parametrize("pipeline", [K.RandomHorizontalFlip(p=1.0), K.RandomAffine(10.0, p=1.0)])
def test_an_empty_batch_comes_back_empty(pipeline, lung_parser) -> None:
    images, masks = torch.zeros(0, 1, 12, 10), torch.zeros(0, 12, 10, dtype=torch.uint8)
    out = KorniaSync(pipeline, lung_parser)(images, [], masks, maps=[torch.zeros(0, 2, 3, 12, 10)])
    assert out.images.shape == images.shape
    assert out.target.shape == masks.shape
    assert out.target.dtype == torch.uint8
    assert out.maps[0].shape == (0, 2, 3, 12, 10)
    assert list(out.texts) == []


def test_positions_alone_are_enough(phantoms, lung_parser) -> None:
    batch = phantoms()
    sync = KorniaSync(K.RandomHorizontalFlip(p=1.0), lung_parser)
    out = sync(batch.images, None, positions=batch.positions, maps=[batch.masks])
    assert out.texts is None
    assert out.target is None
    assert torch.equal(out.positions, batch.positions[:, MIRROR])
    assert torch.equal(out.maps[0], batch.masks.flip(-1))


def test_a_call_replays_and_rewrites_other_texts(phantoms, lung_parser) -> None:
    batch = phantoms(batch=8)
    sync = KorniaSync(PIPELINES["three ops"](), lung_parser)
    torch.manual_seed(0)
    out = sync(batch.images, batch.texts, batch.masks)
    again = sync(batch.images, batch.texts, batch.masks, params=out.params)
    assert torch.equal(out.images, again.images)
    assert torch.equal(out.target, again.target)
    assert out.texts == again.texts
    assert sync.rewrite(batch.texts, out.params) == out.texts


BREAKING = {
    "vertical flip": lambda p: K.RandomVerticalFlip(p=p),
    "quarter turn": lambda p: K.RandomRotation90((1, 1), p=p),
    "turned too far": lambda p: K.RandomRotation((46.0, 47.0), p=p),
    "out of view": lambda p: K.RandomTranslate((1.0, 1.0), (0.0, 0.0), p=p),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_caption_raises_and_says_why(name, phantoms, lung_parser) -> None:
    batch = phantoms(size=(40, 40))
    with pytest.raises(InvalidValueError, match="sample 0: no caption survives"):
        KorniaSync(BREAKING[name](1.0), lung_parser)(batch.images, batch.texts)


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_caption_is_skipped_sample_by_sample(name, phantoms, lung_parser) -> None:
    batch = phantoms(batch=24, size=(40, 40))
    breaking = BREAKING[name](0.5)
    sync = KorniaSync(
        K.AugmentationSequential(K.RandomHorizontalFlip(p=0.5), breaking, data_keys=["input"]),
        lung_parser,
        on_break="skip",
    )
    torch.manual_seed(1)
    out = sync(batch.images, batch.texts, batch.masks, maps=[batch.images])
    applied = breaking._params["batch_prob"] > 0.5
    assert torch.equal(out.params.accepted, ~applied)
    assert applied.any()
    assert not applied.all()
    for index in applied.nonzero().flatten().tolist():
        assert torch.equal(out.images[index], batch.images[index])
        assert torch.equal(out.target[index], batch.masks[index])
        assert torch.equal(out.maps[0][index], batch.images[index])
        assert torch.equal(out.positions[index], batch.positions[index])
        assert out.texts[index] is batch.texts[index]
    for index in (~applied).nonzero().flatten().tolist():
        flipped = out.params.turn[index] == Turned.EXCHANGED
        torch.testing.assert_close(out.images[index], batch.images[index].flip(-1) if flipped else batch.images[index])


def test_upside_down_passes_in_the_image_frame(lung_parser) -> None:
    texts = ["Upper left lung opacity.", "Opacity in the right lower lung."]
    out = KorniaSync(K.RandomVerticalFlip(p=1.0), lung_parser, frame="image")(torch.rand(2, 1, 20, 20), texts)
    assert out.params.accepted.all()
    assert out.texts == ["Lower left lung opacity.", "Opacity in the right upper lung."]


def test_a_shift_moves_no_words_of_a_body_and_those_of_a_picture(lung_parser, quadrant_parser) -> None:
    images, lesion = torch.rand(1, 1, 20, 20), torch.zeros(1, 1, 20, 20)
    lesion[..., 2:5, 2:5] = 1
    pipeline = K.RandomTranslate((0.55, 0.56), (0.0, 0.0), p=1.0)
    text = ["Upper left lung opacity."]
    assert KorniaSync(pipeline, lung_parser)(images, text, evidence=lesion).texts == text
    moved = KorniaSync(pipeline, quadrant_parser)(images, ["Polyp in the top left."], evidence=lesion)
    assert moved.texts == ["Polyp in the top right."]
    assert moved.evidence[..., 2:5, 13:16].all()
    with pytest.raises(InvalidValueError, match="does not say where"):
        KorniaSync(pipeline, quadrant_parser)(images, ["Polyp."], evidence=lesion)


def test_crops_that_change_the_size_are_judged_and_cannot_be_skipped(phantoms, lung_parser) -> None:
    batch = phantoms(size=(40, 40))
    narrow = KorniaSync(K.CenterCrop((36, 36)), lung_parser)(batch.images, batch.texts, batch.masks)
    assert narrow.images.shape[-2:] == narrow.target.shape[-2:] == (36, 36)
    assert narrow.params.spatial == (36, 36)
    with pytest.raises(InvalidValueError, match="no caption survives"):
        KorniaSync(K.CenterCrop((10, 10)), lung_parser)(batch.images, batch.texts)
    with pytest.raises(InvalidValueError, match="keeps the size of images"):
        KorniaSync(K.CenterCrop((36, 36)), lung_parser, on_break="skip")(batch.images, batch.texts)


def test_quadrants_follow_a_flip(quadrant_parser: PositionParser) -> None:
    sync = KorniaSync(K.RandomHorizontalFlip(p=1.0), quadrant_parser)
    out = sync(torch.rand(1, 3, 8, 8), ["One polyp in the top left of the image."])
    assert out.texts == ["One polyp in the top right of the image."]
    assert out.positions.tolist() == [[bool(i == QUADRANTS.index("top-right")) for i in range(5)]]


@pytest.mark.parametrize(
    "pipeline",
    [
        K.RandomElasticTransform(),
        K.RandomMixUpV2(),
        K.AugmentationSequential(K.RandomHorizontalFlip(), K.RandomTransplantation(), data_keys=["input", "mask"]),
        K.ImageSequential(torch.nn.Identity()),
        K.PatchSequential(K.RandomHorizontalFlip(), patchwise_apply=False),
        K.VideoSequential(K.RandomHorizontalFlip()),
        "flip",
    ],
    ids=["elastic", "mix-up", "nested mix", "plain module", "patches", "video", "no module"],
)
def test_pipelines_that_cannot_be_read_are_refused(pipeline, lung_parser) -> None:
    with pytest.raises(InvalidTypeError, match="cannot be read"):
        KorniaSync(pipeline, lung_parser)


def test_intensity_modules_and_policies_are_read(phantoms, lung_parser) -> None:
    import kornia
    from kornia.augmentation.auto import TrivialAugment

    batch = phantoms(channels=3)
    for pipeline in (
        K.ImageSequential(kornia.filters.GaussianBlur2d((3, 3), (1.0, 1.0)), K.RandomHorizontalFlip(p=1.0)),
        K.AugmentationSequential(TrivialAugment(), K.RandomHorizontalFlip(p=1.0), data_keys=["input"]),
    ):
        torch.manual_seed(0)
        out = KorniaSync(pipeline, lung_parser, on_break="skip")(batch.images.clamp(0, 1), batch.texts)
        assert out.accepted.any()
        assert (out.params.turn[out.accepted] == Turned.EXCHANGED).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"frame": "picture"}, InvalidValueError, "`frame`"),
        ({"on_break": "ignore"}, InvalidValueError, "`on_break`"),
        ({"parser": "lung"}, InvalidTypeError, "`parser`"),
    ],
)
def test_settings_are_checked(change, error, words, lung_parser) -> None:
    with pytest.raises(error, match=words):
        KorniaSync(**{"pipeline": K.RandomHorizontalFlip(), "parser": lung_parser, **change})


def test_inputs_are_checked(phantoms, lung_parser) -> None:
    batch = phantoms(batch=2)
    sync = KorniaSync(K.RandomHorizontalFlip(), lung_parser)
    with pytest.raises(InvalidValueError, match="floating dtype"):
        sync(batch.images.byte(), batch.texts)
    with pytest.raises(InvalidValueError, match=r"\(B, C, H, W\)"):
        sync(torch.rand(2, 1, 4, 4, 4), batch.texts)
    with pytest.raises(InvalidValueError, match="`target`"):
        sync(batch.images, batch.texts, batch.masks[..., :-1])
    with pytest.raises(InvalidTypeError, match="`params`"):
        sync(batch.images, batch.texts, params={})
    with pytest.raises(InvalidTypeError, match="`params`"):
        sync.rewrite(batch.texts, None)


def test_a_module_that_erases_lesions_is_refused(lung_parser) -> None:
    for pipeline in (K.RandomErasing(p=1.0), K.AugmentationSequential(K.RandomErasing(p=1.0), data_keys=["input"])):
        with pytest.raises(InvalidTypeError, match="RandomErasing"):
            KorniaSync(pipeline, lung_parser)


def test_autocast_moves_nothing(lung_parser) -> None:
    images, texts = torch.rand(4, 1, 256, 256), ["Opacity in the lower left lung."] * 4
    sync = KorniaSync(K.RandomAffine(10.0, translate=(0.1, 0.1), p=1.0), lung_parser, on_break="skip")
    torch.manual_seed(0)
    plain = sync(images, texts)
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        other = sync(images, texts)
    assert other.params.matrices.dtype == torch.float32
    assert torch.equal(plain.params.matrices, other.params.matrices)
    assert torch.equal(plain.images, other.images)


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

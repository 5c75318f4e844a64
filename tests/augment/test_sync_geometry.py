"""SyncGeometry against torch's flips and turns and other captions; what it refuses, and its way back."""

import pytest
import torch

from crossmodal_aug import (
    LUNG_ZONES,
    QUADRANTS,
    CrossModalSequential,
    PosAug,
    PositionParser,
    SyncFlip,
    SyncGeometry,
)
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

LUNGS, PICTURES = PositionParser(LUNG_ZONES), PositionParser(QUADRANTS)
PLACES = ("top left", "top right", "bottom left", "bottom right")
SILENT = "COVID-19 pneumonia."


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def corners(batch=16, size=12):
    """Polyps in a corner each, with masks and captions."""
    masks = torch.zeros(batch, 1, size, size)
    texts = []
    for index in range(batch):
        row, column = divmod(index % 4, 2)
        masks[index, 0, row * (size - 3) : row * (size - 3) + 3, column * (size - 3) : column * (size - 3) + 3] = 1
        texts.append(f"One polyp at the {PLACES[index % 4]}.")
    return torch.rand(batch, 3, size, size, generator=seeded(1)), texts, masks


def test_flips_and_turns_are_those_of_torch() -> None:
    images, texts, masks = corners(64)
    op = SyncGeometry(PICTURES, p=1.0, vertical=True, quarter_turns=True)
    out = op(images, texts, masks, generator=seeded())
    motions = out.params.motions
    seen = set()
    for b in out.accepted.nonzero().flatten().tolist():
        image = images[b]
        across, down = motions.flips[b].tolist()
        image = image.flip(-1) if across else image
        image = image.flip(-2) if down else image
        image = image.rot90(int(motions.quarters[b]), (-2, -1))
        assert torch.equal(out.images[b], image)
        assert not torch.equal(image, images[b])
        seen.add((across, down, int(motions.quarters[b])))
        lesion = out.target[b, 0].nonzero().double().mean(dim=0)
        place = PLACES[2 * int(lesion[0] > 6) + int(lesion[1] > 6)]
        assert out.texts[b] == f"One polyp at the {place}."
    assert len(seen) == 14  # 16 less nothing, and both flips with a half turn
    assert set(out.params.reason.tolist()) == {Reason.ALTERED, Reason.NOT_DRAWN}


def test_a_flip_is_that_of_sync_flip() -> None:
    texts = ["Right clavicle fracture. Opacity in the left base.", "RUL nodule.", SILENT, "The right lung is clear."]
    images = torch.rand(4, 1, 6, 8, generator=seeded())
    flip, geometry = SyncFlip(LUNGS, p=1.0), SyncGeometry(LUNGS, p=1.0)
    out = geometry(images, texts, generator=seeded(3))
    assert 0 < out.accepted.sum() < 4 or out.accepted.all()
    wanted = flip(images, texts)
    for b in range(4):
        if out.accepted[b]:
            assert torch.equal(out.images[b], wanted.images[b])
            assert out.texts[b] == wanted.texts[b]
            assert torch.equal(out.positions[b], wanted.positions[b])


def test_the_way_back() -> None:
    size = 64
    ramp = torch.linspace(0, 1, size)
    images = (ramp + 2 * ramp.unsqueeze(1)).expand(8, 1, size, size).contiguous()
    texts = ["Opacity in the left lung."] * 8
    op = SyncGeometry(LUNGS, p=1.0, degrees=10, scale=(1.0, 1.1), translate=0.02)
    out = op(images, texts, generator=seeded(5))
    assert out.accepted.sum() > 4
    back = op.inverse(out.images, out.params)
    middle = slice(size // 4, 3 * size // 4)
    assert (back - images)[..., middle, middle].abs().max() < 0.02
    exact = SyncGeometry(PICTURES, p=1.0, vertical=True, quarter_turns=True)
    images, texts, masks = corners()
    out = exact(images, texts, masks, generator=seeded(2))
    assert torch.equal(exact.inverse(out.images, out.params), images)
    assert torch.equal(exact.inverse(out.target, out.params, role="target"), masks)
    with pytest.raises(InvalidTypeError, match="params"):
        exact.inverse(out.images, None)


def test_frames_of_the_lungs() -> None:
    """Upside down is refused for a body, and exchanges upper and lower in the image frame."""
    images, texts = torch.rand(32, 1, 6, 6, generator=seeded()), ["Opacity in the left upper lung."] * 32
    body = SyncGeometry(LUNGS, p=1.0, horizontal=False, vertical=True)(images, texts, generator=seeded())
    assert not body.accepted.any()
    assert set(body.params.reason.tolist()) == {Reason.NOT_DRAWN, Reason.NO_CAPTION}
    image = SyncGeometry(LUNGS, p=1.0, horizontal=False, vertical=True, frame="image")(
        images, texts, generator=seeded()
    )
    assert {text for text, yes in zip(image.texts, image.accepted, strict=True) if yes} == {
        "Opacity in the left lower lung."
    }
    # A quarter turn is no symmetry of three rows and two columns.
    turned = SyncGeometry(LUNGS, p=1.0, horizontal=False, quarter_turns=True, frame="image")
    out = turned(images, texts, generator=seeded())
    for b in out.accepted.nonzero().flatten().tolist():
        assert out.params.motions.quarters[b] == 2


def test_a_region_whose_evidence_left_the_view_is_dropped_with_its_words() -> None:
    masks = torch.zeros(64, 1, 24, 24)
    masks[:, :, 5, 6] = masks[:, :, 12, 18] = 1
    texts = ["Opacities in the left upper lung and the right mid lung."] * 64
    op = SyncGeometry(LUNGS, p=1.0, horizontal=False, crop=(0.5, 0.9))
    out = op(masks, texts, masks, generator=seeded())
    said = {out.texts[b] for b in out.accepted.nonzero().flatten().tolist()}
    assert said == {texts[0], "Opacities in the right mid lung.", "Opacities in the left upper lung."}
    for b in out.accepted.nonzero().flatten().tolist():
        left = out.target[b, 0].nonzero()
        assert (out.positions[b].sum() == 2) == (
            len(left) > 1 and bool((left[:, 1] > 11).any() and (left[:, 1] < 12).any())
        )


def test_silent_texts() -> None:
    images, masks = torch.rand(16, 1, 8, 8, generator=seeded()), torch.ones(16, 1, 8, 8)
    body = SyncGeometry(LUNGS, p=1.0, degrees=5)(images, [SILENT] * 16, masks, generator=seeded())
    assert body.accepted.all()  # nothing that it says was moved
    assert set(body.texts) == {SILENT}
    picture = SyncGeometry(LUNGS, p=1.0, degrees=5, frame="image")(images, [SILENT] * 16, masks, generator=seeded())
    assert not picture.accepted.any()
    assert set(picture.params.reason.tolist()) == {Reason.SILENT}


@pytest.mark.parametrize(
    ("text", "turned"),
    [("Lesion at the top, not at the left.", False), ("Lesion at the top.", True), ("Lesion at the top left.", True)],
)
def test_where_nothing_is_cannot_be_turned_sideways(text: str, turned: bool) -> None:
    masks = torch.zeros(32, 1, 8, 8)
    masks[:, :, 1, 1:7] = 1
    op = SyncGeometry(PICTURES, p=1.0, horizontal=False, quarter_turns=True)
    out = op(masks, [text] * 32, masks, generator=seeded())
    sideways = out.params.motions.quarters % 2 == 1
    assert bool(sideways.any()) == turned
    if not turned:
        assert Reason.CANNOT_SAY in out.params.reason.tolist()


def test_volumes_and_odd_dtypes() -> None:
    texts = ["Opacity in both lungs."] * 4
    volume = torch.randint(0, 250, (4, 1, 3, 8, 8), dtype=torch.uint8, generator=seeded())
    op = SyncGeometry(LUNGS, p=1.0, degrees=20)
    out = op(volume, texts, generator=seeded())
    for depth in range(3):
        assert torch.equal(op.replay(volume, out.params)[:, :, depth], out.images[:, :, depth])
    for dtype in (torch.float8_e4m3fn, torch.uint16, torch.bfloat16):
        same = op(volume.to(dtype), texts, generator=seeded())
        assert same.images.dtype == dtype
        assert (same.images.float() - out.images.float()).abs().max() <= (16 if dtype == torch.float8_e4m3fn else 1)
    with pytest.raises(InvalidTypeError, match="complex64"):
        op(volume.to(torch.complex64), texts, generator=seeded())


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"horizontal": False}, InvalidValueError, "settings"),
        ({"degrees": 200}, InvalidValueError, "degrees"),
        ({"degrees": "ten"}, InvalidTypeError, "degrees"),
        ({"scale": (1.2, 0.8)}, InvalidValueError, "scale"),
        ({"scale": 1.2}, InvalidTypeError, "scale"),
        ({"translate": 1.5}, InvalidValueError, "translate"),
        ({"crop": 0.0}, InvalidValueError, "crop"),
        ({"crop": (0.5, 1.2)}, InvalidValueError, "crop"),
        ({"frame": "picture"}, InvalidValueError, "frame"),
        ({"p": 2}, InvalidValueError, "p"),
    ],
)
def test_bad_settings(settings: dict, error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=name):
        SyncGeometry(LUNGS, **settings)


def test_quarter_turns_need_squares() -> None:
    with pytest.raises(InvalidValueError, match="6 x 8"):
        SyncGeometry(PICTURES, quarter_turns=True)(torch.zeros(1, 1, 6, 8), ["left"])


def test_the_tensor_path_compiles() -> None:
    op = SyncGeometry(LUNGS, p=1.0, vertical=True, degrees=8, crop=0.8)
    positions = torch.eye(6, dtype=torch.bool)
    images, masks = torch.rand(6, 1, 12, 12), torch.ones(6, 1, 12, 12)

    def call(images: torch.Tensor, masks: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = op(images, None, masks, positions=positions)
        return out.images, out.target, out.positions

    torch.manual_seed(0)
    eager = call(images, masks, positions)
    torch.manual_seed(0)
    compiled = torch.compile(call, fullgraph=True)(images, masks, positions)
    assert [one.shape for one in compiled] == [one.shape for one in eager]


def test_in_a_sequence() -> None:
    images, texts, masks = corners()
    op = CrossModalSequential(
        SyncGeometry(PICTURES, p=1.0, vertical=True), SyncGeometry(PICTURES, p=1.0, degrees=8, crop=0.8)
    )
    out = op(images, texts, masks, generator=seeded(), maps=(masks,))
    assert torch.equal(op.replay(images, out.params), out.images)
    assert torch.equal(op.replay(masks, out.params, role="map"), out.maps[0])
    assert torch.equal(PICTURES.encode(out.texts), out.positions)


def test_two_masks_of_words_in_a_strict_sequence() -> None:
    ops = [PosAug(LUNGS, phrase_p=1.0, mode="mask", strict=True) for _ in range(2)]
    assert CrossModalSequential(*ops)(None, ["Opacity in the left lung."]).accepted.all()
    images = torch.rand(1, 1, 24, 24)
    assert CrossModalSequential(*ops)(images, ["Opacity in the left lung."]).accepted.all()
    with pytest.raises(InvalidTypeError, match="`texts` to be a sequence of strings"):
        CrossModalSequential(SyncFlip(LUNGS)).rewrite("ab", (None,))


@pytest.mark.parametrize("build", [SyncFlip, SyncGeometry])
def test_labels_and_channels_that_mean_a_side_are_exchanged_by_a_mirror(build: type) -> None:
    labels = torch.tensor([[[[1, 0, 2, 255]]]]).repeat(8, 1, 1, 1)
    one_hot = torch.stack([labels[:, 0] == value for value in (0, 1, 2)], dim=1)
    texts = ["Opacity in the left lung."] * 8
    op = build(LUNGS, p=1.0, sided_labels=((1, 2),))
    out = op(torch.zeros(8, 1, 1, 4), texts, labels, maps=(labels,), evidence=labels == 2, generator=seeded())
    channels = build(LUNGS, p=1.0, sided_channels=((1, 2),))
    parted = channels(torch.zeros(8, 1, 1, 4), texts, one_hot, evidence=labels == 2, generator=seeded())
    assert out.accepted.any()
    for b in range(8):
        wanted = [255, 1, 0, 2] if out.accepted[b] else [1, 0, 2, 255]
        assert out.target[b].flatten().tolist() == wanted
        assert out.maps[0][b].flatten().tolist() == ([255, 2, 0, 1] if out.accepted[b] else [1, 0, 2, 255])
        assert parted.target[b, :, 0].int().tolist() == [[int(one == value) for one in wanted] for value in (0, 1, 2)]
    assert torch.equal(op.replay(labels, out.params, role="target"), out.target)
    if build is SyncGeometry:
        assert torch.equal(op.inverse(out.target, out.params, role="target"), labels)
    with pytest.raises(InvalidValueError, match="sided_labels"):
        build(LUNGS, sided_labels=((1, 2), (2, 3)))
    with pytest.raises(InvalidTypeError, match="sided_channels"):
        build(LUNGS, sided_channels=(1, 2))
    with pytest.raises(InvalidValueError, match="3 channels"):
        build(LUNGS, p=1.0, sided_channels=((1, 7),))(torch.zeros(8, 1, 1, 4), texts, one_hot, evidence=labels == 2)

"""albumentations and cv2: the words follow the matrix that a data set draws by itself."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import tests.dropin.stand_in as stand_in
from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from tests.dropin.pages import before, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, evident

__all__ = ["folder"]

PAGE = "albumentations-cv2.md"
LUNGS, PICTURE = PositionParser(LUNG_ZONES), PositionParser(QUADRANTS)
MISSING = importlib.util.find_spec("albumentations") is None
BOTH = pytest.mark.parametrize(
    "albumentations",
    ["stand-in", pytest.param("real", marks=pytest.mark.skipif(MISSING, reason="albumentations is not installed"))],
)


@pytest.fixture(scope="module")
def cv2(folder: Path) -> ModuleType:
    return dropped_in(PAGE, "cv2_affine", folder, section="cv2")


@pytest.fixture
def library(albumentations: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """albumentations: as installed, or the stand-in."""
    if albumentations == "stand-in":
        monkeypatch.setitem(sys.modules, "albumentations", stand_in)
        return stand_in
    return importlib.import_module("albumentations")


def lies(parser: PositionParser, texts: list[str], masks: torch.Tensor) -> int:
    return int((parser.encode(texts) != evident(masks, parser.atlas)).any(dim=1).sum())


def test_cv2_captions_say_what_the_masks_show(folder: Path, cv2: ModuleType) -> None:
    steps = cv2.train(0)
    check_steps(steps, PICTURE)
    turned = moved = 0
    # The same draws without the lines: most pictures move as they did, and half of the sentences are other ones.
    for step, unsaid in zip(steps, before("cv2_affine", folder).train(0), strict=True):
        turned += sum(one != other for one, other in zip(step.texts, unsaid.texts, strict=True))
        moved += int((step.images == unsaid.images).flatten(1).all(dim=1).sum())
    assert turned > 24
    assert moved > 64


def test_cv2_without_the_lines_captions_lie(folder: Path) -> None:
    steps = before("cv2_affine", folder).train(0, epochs=1)
    assert sum(lies(PICTURE, step.texts, step.masks) for step in steps) > 16


def test_cv2_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(cv2: ModuleType) -> None:
    check_repeats(cv2.train)


def followed(cv2: ModuleType, parser: PositionParser, text: str, matrix: np.ndarray, mask: np.ndarray) -> str | None:
    return cv2.followed(parser, text, matrix, mask, cv2.warp_affine(mask, matrix, mask.shape[::-1]))


FLIP = np.array([[-1.0, 0.0, 63.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize("sentence", ["the yellow ball", "second ball from left", "man with his right arm up", ""])
def test_a_sentence_without_a_place_keeps_its_picture(cv2: ModuleType, sentence: str) -> None:
    """`kept` alone says yes: positions that are empty follow any matrix, and a crop would leave "second" a lie."""
    assert followed(cv2, PICTURE, sentence, FLIP, cv2.SCENES[0].mask) is None


def test_words_beside_the_place_are_mirrored_too(cv2: ModuleType) -> None:
    mask = np.zeros((48, 64), dtype=np.uint8)
    mask[4:10, 4:10] = 255
    turned = followed(cv2, PICTURE, "ball at the top left, its right half in shadow", FLIP, mask)
    assert turned == "ball at the top right, its left half in shadow"


def test_a_quarter_turn_is_not_followed(cv2: ModuleType) -> None:
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[4:10, 4:10] = 255
    turn = np.array([[0.0, -1.0, 47.0], [1.0, 0.0, 0.0]])
    assert followed(cv2, PICTURE, "ball at the top left", turn, mask) is None


def test_a_chest_upside_down_has_no_caption(cv2: ModuleType) -> None:
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[36:44, 4:12] = 255
    text, down = "Opacity in the lower left lung.", np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 47.0]])
    assert followed(cv2, LUNGS, text, down, mask) is None
    assert followed(cv2, LUNGS, text, np.eye(2, 3), mask) == text


@BOTH
def test_albumentations_captions_say_what_the_masks_show(folder: Path, library: ModuleType) -> None:
    module = dropped_in(PAGE, "albumentations_set", folder, section="albumentations")
    assert library.Compose is type(module.transform)
    images, masks, texts = module.all_of(0)
    assert lies(LUNGS, texts, masks) == 0
    assert (images[masks.unsqueeze(1)] > 0.4).float().mean() > 0.9
    again = module.all_of(0)
    assert torch.equal(images, again[0])
    assert texts == again[2]
    moved = [text != chest.text for text, chest in zip(texts, module.CHESTS, strict=True)]
    assert sum(moved) > 8


@BOTH
@pytest.mark.parametrize("corner", ["upper left", "lower right"])
def test_what_is_cut_off_by_a_step_on_the_way_has_no_caption(folder: Path, library: ModuleType, corner: str) -> None:
    """Twice as large and then half as large is no motion at all by its matrix, and yet all but the middle is gone."""
    module = dropped_in(PAGE, "albumentations_set", folder, section="albumentations")
    grow, shrink = (
        library.Affine(rotate=(0, 0), scale=(scale, scale), p=1.0, mask_interpolation=0) for scale in (2.0, 0.5)
    )
    keypoints = library.KeypointParams(format="xy", remove_invisible=False)
    mask, text = np.zeros((48, 48), dtype=np.uint8), f"Opacity in the {corner} lung."
    mask[(slice(2, 10),) * 2 if corner == "upper left" else (slice(38, 46),) * 2] = 255
    for steps, says in (([grow, shrink], None), ([shrink], text)):
        out = library.Compose(steps, keypoint_params=keypoints)(image=mask, mask=mask, keypoints=module.corners(mask))
        matrix = module.matrix_of(mask, out["keypoints"])
        assert module.followed(LUNGS, text, matrix, mask, out["mask"]) == says
    assert np.allclose(module.matrix_of(mask, module.corners(mask)), np.eye(2, 3))


@BOTH
def test_albumentations_without_the_lines_captions_lie(folder: Path, library: ModuleType) -> None:
    _, masks, texts = before("albumentations_set", folder).all_of(0)
    assert lies(LUNGS, texts, masks) > 8


@BOTH
def test_the_corners_tell_the_matrix_that_moved_the_mask(folder: Path, library: ModuleType) -> None:
    module = dropped_in(PAGE, "albumentations_set", folder, section="albumentations")
    image, mask = module.CHESTS[0].image, module.CHESTS[0].mask
    pipeline = library.Compose(
        [
            library.VerticalFlip(p=1.0),
            library.Affine(rotate=(9, 9), scale=(1.2, 1.2), p=1.0, mask_interpolation=0),
            library.HorizontalFlip(p=1.0),
        ],
        keypoint_params=library.KeypointParams(format="xy", remove_invisible=False),
    )
    out = pipeline(image=image, mask=mask, keypoints=module.corners(mask))
    matrix = module.matrix_of(mask, out["keypoints"])
    warped = stand_in.warp_affine(mask, matrix, (48, 48))
    assert ((warped > 0) == (out["mask"] > 0)).mean() > 0.995
    assert (warped > 0).any()
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(1.2**2)


@pytest.mark.parametrize("moved", [[(47.0, 0.0), (0.0, 0.0), (47.0, 47.0)], [(0, 0), (47, 0), (0, 47), (40, 40)]])
def test_corners_that_no_matrix_moved_are_refused(cv2: ModuleType, moved: list) -> None:
    from follow_words import matrix_of

    with pytest.raises(ValueError, match="Expected a pipeline of flips"):
        matrix_of(np.zeros((48, 48)), moved)

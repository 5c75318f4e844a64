"""Matrices in pixels brought to shares of the image: against explicit warps, kornia's, PIL's and torchvision's."""

import math

import numpy as np
import pytest
import torch
from kornia.geometry.transform import warp_affine, warp_perspective
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError

SIZE = (23, 30)


def turned(degrees: float, centre: tuple[float, float], scale: float = 1.0, shift=(0.0, 0.0)) -> np.ndarray:
    """Turned about a centre (x, y), clockwise as seen, magnified and shifted: from source to result."""
    cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    x, y = centre
    return np.array(
        [
            [cosine, -sine, x + shift[0] - cosine * x + sine * y],
            [sine, cosine, y + shift[1] - sine * x - cosine * y],
            [0.0, 0.0, 1.0],
        ]
    )


def some_matrix(seed: int, *, bends: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = turned(rng.uniform(-40, 40), (14.3, 11.2), rng.uniform(0.7, 1.4), rng.uniform(-5, 5, 2))
    if rng.random() < 0.5:
        matrix = matrix @ np.array([[-1.0, 0, SIZE[1] - 1], [0, 1, 0], [0, 0, 1]])
    if bends:
        matrix = np.array([[1, 0, 0], [0, 1, 0], [*rng.uniform(-0.01, 0.01, 2), 1]]) @ matrix
    return matrix


def by_hand(image: np.ndarray, matrix: np.ndarray, first: float) -> np.ndarray:
    """The nearest pixel, one by one; the centre of the first pixel lies at `first`."""
    out, inverse = np.zeros_like(image), np.linalg.inv(matrix)
    for row, column in np.ndindex(*image.shape):
        x, y, scale = inverse @ [column + first, row + first, 1.0]
        column_there, row_there = (int(np.floor(one / scale - first + 0.5)) for one in (x, y))
        if 0 <= row_there < image.shape[0] and 0 <= column_there < image.shape[1]:
            out[row, column] = image[row_there, column_there]
    return out


IMAGE = np.arange(1, SIZE[0] * SIZE[1] + 1, dtype=np.float32).reshape(SIZE)


def by_shares(matrix: np.ndarray, **convention: object) -> np.ndarray:
    shares = CF.matrices_from_pixels(torch.from_numpy(matrix)[None], SIZE, **convention)
    return CF.warp(torch.from_numpy(IMAGE)[None, None], shares, nearest=True)[0, 0].numpy()


@pytest.mark.parametrize("bends", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("origin", "first"), [("centre", 0.0), ("corner", 0.5)])
def test_explicit_warps_in_either_convention(origin, first, seed, bends) -> None:
    matrix = some_matrix(seed, bends=bends)
    wanted = by_hand(IMAGE, matrix, first)
    assert (wanted > 0).mean() > 0.2
    assert np.array_equal(by_shares(matrix, origin=origin), wanted)
    assert np.array_equal(by_shares(np.linalg.inv(matrix), origin=origin, inverse=True), wanted)
    other = {"centre": "corner", "corner": "centre"}[origin]
    assert not np.array_equal(by_shares(matrix, origin=other), wanted)


@pytest.mark.parametrize("seed", range(6))
def test_kornias_warps_have_the_convention_of_cv2(seed) -> None:
    image = torch.from_numpy(IMAGE)[None, None].double()
    affine, bent = (torch.from_numpy(some_matrix(seed, bends=bends))[None] for bends in (False, True))
    for matrix, warped in (
        (affine[:, :2], warp_affine(image, affine[:, :2], SIZE, mode="bilinear", align_corners=True)),
        (bent, warp_perspective(image, bent, SIZE, mode="bilinear", align_corners=True)),
    ):
        shares = CF.matrices_from_pixels(matrix, SIZE)
        torch.testing.assert_close(CF.warp(image, shares), warped, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_pil_takes_the_inverse_between_corners(seed) -> None:
    picture = Image.fromarray(IMAGE)
    data = np.linalg.inv(some_matrix(seed, bends=False))[:2]
    moved = picture.transform(SIZE[::-1], Image.Transform.AFFINE, data.flatten().tolist(), Image.Resampling.NEAREST)
    assert np.array_equal(by_shares(data, origin="corner", inverse=True), np.asarray(moved))
    bent = np.linalg.inv(some_matrix(seed, bends=True))
    data = (bent / bent[2, 2]).flatten().tolist()[:8]
    moved = picture.transform(SIZE[::-1], Image.Transform.PERSPECTIVE, data, Image.Resampling.NEAREST)
    assert np.array_equal(by_shares(bent, origin="corner", inverse=True), np.asarray(moved))


@pytest.mark.parametrize(
    ("angle", "translate", "scale"), [(20.0, [0, 0], 1.0), (-33.0, [4, -3], 1.3), (7.0, [-6, 2], 0.8)]
)
def test_torchvisions_affine_turns_about_the_middle_between_corners(angle, translate, scale) -> None:
    moved = TF.affine(torch.from_numpy(IMAGE)[None], angle, translate, scale, [0.0, 0.0], InterpolationMode.NEAREST)
    matrix = turned(angle, (SIZE[1] / 2, SIZE[0] / 2), scale, translate)
    same = (by_shares(matrix, origin="corner") == moved[0].numpy()).mean()
    assert same > 0.99  # torchvision works in float32, so that a pixel on a border may fall to either side
    assert (by_shares(matrix, origin="centre") == moved[0].numpy()).mean() < 0.9


def test_a_result_of_another_size() -> None:
    """A crop of 10 x 6 pixels from (8, 4) on, enlarged to 40 x 36: the window's edges become those of the image."""
    window = {"centre": (8 - 0.5, 4 - 0.5), "corner": (8.0, 4.0)}
    for origin, (x, y) in window.items():
        first = -0.5 if origin == "centre" else 0.0
        matrix = torch.tensor([[[4.0, 0.0, first - 4 * x], [0.0, 6.0, first - 6 * y]]])
        shares = CF.matrices_from_pixels(matrix, SIZE, (36, 40), origin=origin)
        wanted = torch.tensor([[[30 / 10, 0.0, -8 / 10], [0.0, 23 / 6, -4 / 6], [0.0, 0.0, 1.0]]])
        torch.testing.assert_close(shares, wanted)
        back = torch.linalg.inv(torch.cat((matrix, torch.tensor([[[0.0, 0.0, 1.0]]])), dim=1))
        torch.testing.assert_close(
            CF.matrices_from_pixels(back, SIZE, (36, 40), origin=origin, inverse=True), wanted, atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("size", [(5, 7), (224, 225), (4095, 4097), (1, 3)])
def test_flips_stay_exact_symmetries(size) -> None:
    """Also in single precision, and at odd sizes."""
    height, width = size
    flip = torch.tensor([[[-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0]]])
    corner = torch.tensor([[[-1.0, 0.0, float(width)], [0.0, -1.0, float(height)]]])
    named = torch.tensor([[True, False, False, False, False]])
    for shares in (CF.matrices_from_pixels(flip, size), CF.matrices_from_pixels(corner, size, origin="corner")):
        assert shares.dtype == torch.float32
        positions, kept = CF.follow(shares, named, QUADRANTS, frame="image")
        assert [QUADRANTS.names[int(positions.int().argmax())], kept.tolist()] == ["bottom-right", [True]]
    half = CF.matrices_from_pixels(flip[:, :, :].to(torch.bfloat16), (5, 7))
    assert half.dtype == torch.float32
    assert CF.matrices_from_pixels(flip.double(), size).dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(CF.matrices_from_pixels(flip, size), CF.matrices_from_pixels(flip, size))
        torch.testing.assert_close(CF.matrices_from_pixels(flip, size)[0, 0, 2], torch.tensor(1.0), atol=1e-6, rtol=0)


GOOD = {"matrices": torch.eye(3).expand(2, 3, 3), "size": (4, 6)}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"matrices": np.eye(3)}, InvalidTypeError, "Expected `matrices`.*ndarray"),
        ({"matrices": torch.eye(3).long().expand(2, 3, 3)}, InvalidTypeError, "Expected `matrices`.*int64"),
        ({"matrices": torch.eye(3)}, InvalidValueError, r"`matrices` of shape \(B, 3, 3\) or \(B, 2, 3\).*\(3, 3\)"),
        ({"matrices": torch.rand(2, 3, 2)}, InvalidValueError, r"`matrices` of shape.*\(2, 3, 2\)"),
        ({"matrices": torch.zeros(2, 2, 3)}, InvalidValueError, "`matrices` to be finite and invertible.*sample 0"),
        ({"size": 4}, InvalidTypeError, "`size` to be two integers.*4"),
        ({"size": (4, 6, 8)}, InvalidTypeError, "`size` to be two integers"),
        ({"size": (4.0, 6)}, InvalidTypeError, "`size` to be two integers"),
        ({"size": (4, 0)}, InvalidValueError, r"`size` of at least one pixel.*\(4, 0\)"),
        ({"result_size": (-1, 2)}, InvalidValueError, "`result_size` of at least one pixel"),
        ({"origin": "center"}, InvalidValueError, "Expected `origin`.*'center'"),
    ],
)
def test_errors(change: dict, error: type[CrossModalError], message: str) -> None:
    with pytest.raises(error, match=message):
        CF.matrices_from_pixels(**{**GOOD, **change})


NAMED = torch.tensor([[True, False, False, False, False, False]])
IN_PIXELS = {
    "a flip": np.array([[-1.0, 0, 223], [0, 1, 0], [0, 0, 1]]),
    "a turn": turned(10.0, (111.5, 111.5)),
    "a crop": np.array([[2.0, 0, -100], [0, 2, -120], [0, 0, 1]]),
    "a shift": np.array([[1.0, 0, 20], [0, 1, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("name", IN_PIXELS)
def test_matrices_in_pixels_are_refused_by_name(name) -> None:
    matrix = torch.from_numpy(IN_PIXELS[name])[None]
    still = torch.cat((matrix, torch.eye(3, dtype=torch.float64)[None]))
    for matrices in (matrix, matrix.float(), still):
        named = NAMED.expand(len(matrices), 6)
        for call in (
            lambda matrices=matrices, named=named: CF.follow(matrices, named, LUNG_ZONES),
            lambda matrices=matrices: CF.warp(torch.zeros(len(matrices), 1, 4, 4), matrices),
        ):
            with pytest.raises(InvalidValueError, match=r"on shares of the image.*matrices_from_pixels"):
                call()
    shares = CF.matrices_from_pixels(matrix, (224, 224))
    assert CF.follow(shares, NAMED, LUNG_ZONES)[1].shape == (1,)


LEGAL = {
    "out of view": np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 1]]),
    "far out of view": np.array([[1.0, 0, 3], [0, 1, -4], [0, 0, 1]]),
    "a tiny window": np.array([[1000.0, 0, -999], [0, 1000, -500], [0, 0, 1]]),
    "a tiny window beside the image": np.array([[100.0, 0, -150], [0, 100, 20], [0, 0, 1]]),
    "a speck": np.array([[0.001, 0, 0.5], [0, 0.001, 0.2], [0, 0, 1]]),
    "a speck beside the view": np.array([[0.01, 0, 2.5], [0, 0.01, 0.2], [0, 0, 1]]),
    "behind the viewer": np.array([[2.2, 1.2, -1.2], [1.2, 2.2, -1.2], [2.4, 2.4, -1.4]]),
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_shows_nothing_or_nearly_nothing_is_legal(name) -> None:
    matrix = torch.from_numpy(LEGAL[name])[None]
    for frame in ("body", "image"):
        CF.follow(matrix, NAMED, LUNG_ZONES, frame=frame)
        CF.follow(matrix, NAMED, LUNG_ZONES, torch.ones(1, 1, 6, 6), frame=frame)
    CF.warp(torch.zeros(1, 1, 4, 4), matrix)


def test_one_that_is_far_off_beside_one_that_is_not_is_legal() -> None:
    matrices = torch.from_numpy(np.stack((IN_PIXELS["a shift"], LEGAL["out of view"])))
    assert CF.follow(matrices, NAMED.expand(2, 6), LUNG_ZONES)[1].tolist() == [False, False]


HORIZON = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, -0.5]]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1 / 3])
def test_a_horizon_through_the_centre_is_refused_by_name(dtype: torch.dtype, scale: float) -> None:
    """No sign tells which half of the image lies in front."""
    matrices = torch.cat((torch.eye(3)[None], HORIZON * scale)).to(dtype)
    images = torch.rand(2, 1, *SIZE)
    for nearest in (False, True):
        with pytest.raises(InvalidValueError, match=r"`matrices` that keep the centre .* horizon.* for sample 1\."):
            CF.warp(images, matrices, nearest=nearest)
    named = torch.eye(6, dtype=torch.bool)[:2]
    for frame in ("body", "image"):
        for evidence in (None, torch.ones(2, 1, *SIZE)):
            positions, kept = CF.follow(matrices, named, LUNG_ZONES, evidence, frame)
            assert kept.tolist() == [True, False]
            assert torch.equal(positions, named)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("shares", [HORIZON.double(), torch.linalg.inv(HORIZON.double())])
def test_matrices_with_a_horizon_through_the_centre_are_brought_there(shares: torch.Tensor, inverse: bool) -> None:
    to_pixels = torch.diag(torch.tensor([SIZE[1], SIZE[0], 1.0], dtype=torch.float64))
    pixels = to_pixels @ (torch.linalg.inv(shares) if inverse else shares) @ torch.linalg.inv(to_pixels)
    ours = CF.matrices_from_pixels(pixels, SIZE, origin="corner", inverse=inverse)
    torch.testing.assert_close(ours / ours[0, 2, 0], shares / shares[0, 2, 0])


@pytest.mark.parametrize("seed", range(4))
def test_an_interpolated_image_shows_nothing_beyond_the_horizon(seed: int) -> None:
    """Where the nearest pixel is that of no place in front, nothing is shown by interpolation either."""
    fall = np.random.default_rng(seed).uniform(1.5, 2.5)
    back = np.array([[1.0, 0, -0.5], [0, 1, -0.5], [fall, fall, 1 - fall]])  # from result to source
    matrices = torch.from_numpy(np.linalg.inv(back))[None]
    image = torch.ones(1, 1, *SIZE, dtype=torch.float64)
    shown = CF.warp(image, matrices, nearest=True)
    smooth = CF.warp(image, matrices)
    outside = torch.nn.functional.max_pool2d(shown, 3, 1, 1) == 0
    assert outside.any() and shown.any()
    assert not smooth[outside].any()


def test_sizes_of_numpy() -> None:
    matrix = torch.eye(3)[None]
    wanted = CF.matrices_from_pixels(matrix, SIZE, (10, 20))
    assert torch.equal(CF.matrices_from_pixels(matrix, tuple(np.array(SIZE)), list(np.array((10, 20)))), wanted)

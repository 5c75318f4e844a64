"""Regions after a geometry: exact symmetries, an independent NumPy reference, and real masks."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import regions
from tests.functional.following_reference import (
    ATLASES,
    CASES,
    FITTED,
    SYMMETRIES,
    H,
    agree,
    came,
    expected,
    is_one_place,
    paint,
    some_case,
    some_matrix,
)


@pytest.mark.parametrize(("frame", "with_evidence"), CASES)
@given(seed=st.integers(0, 2**31))
def test_agrees_with_the_reference(frame: str, with_evidence: bool, seed: int) -> None:
    case = some_case(seed, frame, with_evidence=with_evidence)
    assert agree(expected(*case), came(*case))


@pytest.mark.parametrize("name", SYMMETRIES)
@pytest.mark.parametrize("atlas", ATLASES)
def test_symmetries_are_found_by_checking(atlas: Atlas, name: str) -> None:
    """A matrix is a symmetry where it takes the painted picture of the atlas to itself, up to names."""
    matrix, turn = SYMMETRIES[name]
    before, after = paint(atlas, (250, 250)), turn(paint(atlas, (250, 250)))
    pairs = set(zip(before.flatten().tolist(), after.flatten().tolist(), strict=True)) - {(-1, -1)}
    # Boxes by count of pixels are the same picture if each region now lies exactly where one lay before.
    exact = len(pairs) == len(atlas) and all(-1 not in pair for pair in pairs)
    becomes = {came_from: now for now, came_from in pairs}
    named = torch.eye(len(atlas), dtype=torch.bool)
    # A lesion far from what the caption names would tell nothing, and need not.
    lesion = torch.zeros(len(atlas), 1, 7, 7)
    for region, (y0, y1, x0, x1) in enumerate(atlas.boxes):
        lesion[region, 0, 0 if y0 + y1 > 1 else 6, 0 if x0 + x1 > 1 else 6] = 1
    for dtype in (torch.float32, torch.float64, torch.float16):
        matrices = torch.from_numpy(matrix).to(dtype).expand(len(atlas), 3, 3)
        positions, kept = CF.follow(matrices, named, atlas, lesion, "image")
        assert kept.tolist() == [exact] * len(atlas)
        expected = [[becomes[k] == j for j in range(len(atlas))] for k in range(len(atlas))] if exact else named
        assert positions.tolist() == torch.as_tensor(expected).tolist()


def of(*rows: list[float]) -> torch.Tensor:
    return torch.tensor([*rows, [0, 0, 1]][:3], dtype=torch.float32).unsqueeze(0)


def names(atlas: Atlas, positions: torch.Tensor) -> list[str]:
    return [name for name, bit in zip(atlas.names, positions[0].tolist(), strict=True) if bit]


def said(atlas: Atlas, *regions: str) -> torch.Tensor:
    return torch.tensor([[name in regions for name in atlas.names]])


RIGHT_HALF = of([2, 0, -1], [0, 1, 0])


def test_the_frame_of_an_atlas() -> None:
    shift = of([1, 0, 0.5], [0, 1, 0])  # the left half moves over to the right
    assert names(QUADRANTS, CF.follow(shift, said(QUADRANTS, "top-left"), QUADRANTS, frame="body")[0]) == ["top-left"]
    assert not CF.follow(shift, said(QUADRANTS, "center"), QUADRANTS)[1]
    assert names(LUNG_ZONES, CF.follow(shift, said(LUNG_ZONES, "left upper"), LUNG_ZONES)[0]) == ["left upper"]
    moved, kept = CF.follow(shift, said(LUNG_ZONES, "left upper"), LUNG_ZONES, frame="image")
    assert (names(LUNG_ZONES, moved), kept.tolist()) == (["right upper"], [True])

    own = LUNG_ZONES.with_geometry(frame="image")
    assert names(own, CF.follow(shift, said(own, "left upper"), own)[0]) == ["right upper"]


@pytest.mark.parametrize(
    ("degrees", "flipped", "expected"),
    [(44, False, True), (45, False, True), (46, False, False), (90, False, False), (180, False, False),
     (-45, True, True), (-46, True, False), (180, True, False)],
)  # fmt: skip
def test_how_far_a_body_may_be_turned(degrees: float, flipped: bool, expected: bool) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = 0.5, -0.5
    matrix = there @ turn @ back @ (H if flipped else np.eye(3))
    positions, kept = CF.follow(torch.from_numpy(matrix)[None].float(), said(LUNG_ZONES, "left lower"), LUNG_ZONES)
    assert kept.tolist() == [expected]
    assert names(LUNG_ZONES, positions) == ["right lower" if flipped and expected else "left lower"]


def test_a_turn_of_a_wide_image_is_measured_in_pixels() -> None:
    angle = np.radians(40)  # of an image four times as wide as high
    turn = of([np.cos(angle), -np.sin(angle) / 4, 0.2], [4 * np.sin(angle), np.cos(angle), -1])
    named = said(LUNG_ZONES, "left upper")
    assert CF.follow(turn, named, LUNG_ZONES, torch.ones(1, 1, 8, 32))[1].tolist() == [True]
    assert CF.follow(turn, named, LUNG_ZONES, torch.ones(1, 1, 32, 32))[1].tolist() == [False]


def test_what_a_crop_does_to_a_body() -> None:
    named = said(LUNG_ZONES, "left lower", "right lower")
    evidence = torch.zeros(1, 1, 6, 4)
    evidence[..., 5, 3] = 1
    # The right lung has evidence, which stays; the left has none, and its place has left the view.
    assert CF.follow(RIGHT_HALF, named, LUNG_ZONES, evidence)[1].tolist() == [False]
    most = of([1.25, 0, -0.25], [0, 1.25, 0])
    assert names(LUNG_ZONES, CF.follow(most, named, LUNG_ZONES, evidence)[0]) == ["left lower", "right lower"]
    evidence[..., 5, 0] = 1
    positions, kept = CF.follow(RIGHT_HALF, named, LUNG_ZONES, evidence)
    assert (names(LUNG_ZONES, positions), kept.tolist()) == (["right lower"], [True])
    assert CF.follow(RIGHT_HALF, said(LUNG_ZONES, "left lower"), LUNG_ZONES, evidence)[1].tolist() == [False]
    evidence[..., 5, 3] = 0
    assert CF.follow(RIGHT_HALF, named, LUNG_ZONES, evidence)[1].tolist() == [False]
    assert CF.follow(RIGHT_HALF, said(LUNG_ZONES), LUNG_ZONES)[1].tolist() == [True]


def test_what_a_crop_does_to_a_picture() -> None:
    evidence = torch.zeros(1, 1, 8, 8)
    evidence[..., 0, 5] = 1
    positions, kept = CF.follow(RIGHT_HALF, said(QUADRANTS, "top-right"), QUADRANTS, evidence)
    assert (names(QUADRANTS, positions), kept.tolist()) == (["top-left"], [True])
    positions, kept = CF.follow(RIGHT_HALF, said(QUADRANTS, "center"), QUADRANTS, evidence)  # another habit
    assert (names(QUADRANTS, positions), kept.tolist()) == (["center"], [False])
    evidence = evidence.flip(-1)  # leaves the view
    assert CF.follow(RIGHT_HALF, said(QUADRANTS, "top-left"), QUADRANTS, evidence)[1].tolist() == [False]
    empty = CF.follow(RIGHT_HALF, said(QUADRANTS), QUADRANTS, torch.zeros(1, 1, 8, 8))
    assert (names(QUADRANTS, empty[0]), empty[1].tolist()) == ([], [True])
    assert CF.follow(RIGHT_HALF, said(QUADRANTS, "top-left"), QUADRANTS)[1].tolist() == [False]


def test_small_shifts_of_a_picture_without_evidence() -> None:
    for shift, kept in [(0.02, True), (0.1, False)]:
        matrix = of([1, 0, shift], [0, 1, shift])
        positions, clear = CF.follow(matrix, said(QUADRANTS, "center", "top-left"), QUADRANTS)
        assert (names(QUADRANTS, positions), clear.tolist()) == (["top-left", "center"], [kept])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_of_evidence_and_volumes(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    lesion = torch.rand(9, 1, 3, 7, 8, generator=generator) < 0.03
    matrices = torch.stack([torch.from_numpy(some_matrix(np.random.default_rng(i))) for i in range(9)])
    named = CF.region_evidence(lesion, QUADRANTS) > 0
    flat = CF.follow(matrices, named, QUADRANTS, lesion.any(dim=2))
    typed = lesion.to(dtype) * 0.2 + 0.4 if dtype.is_floating_point else lesion.to(dtype) * (1 + (dtype == torch.uint8))
    call = [matrices, named.long(), QUADRANTS, typed.to(dtype)]
    before = [one.clone() if isinstance(one, torch.Tensor) else one for one in call]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        positions, kept = CF.follow(*call)
    assert torch.equal(positions, flat[0])
    assert torch.equal(kept, flat[1])
    assert 0 < kept.sum() < 9
    assert all(torch.equal(a, b) for a, b in zip(before, call, strict=True) if isinstance(a, torch.Tensor))
    assert torch.equal(CF.follow(matrices, named, QUADRANTS, lesion[:, 0])[0], flat[0])


def test_no_trip_to_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors without values cannot be looked at."""
    monkeypatch.setattr(regions, "full_precision", lambda device: nullcontext())  # there is no autocast for them
    matrices, positions, evidence = torch.rand(20, 3, 3), torch.rand(20, 5) < 0.5, torch.rand(20, 1, 9, 7)
    for frame in ("body", "image"):
        for maps in (None, evidence.to("meta")):
            out = CF.follow(matrices.to("meta"), positions.to("meta"), QUADRANTS, maps, frame)
            assert [tuple(one.shape) for one in out] == [(20, 5), (20,)]
            assert all(one.dtype == torch.bool for one in out)


@pytest.mark.parametrize(("frame", "with_evidence"), CASES)
def test_compiles_whole(frame: str, with_evidence: bool) -> None:
    torch.compiler.reset()
    compiled = torch.compile(CF.follow, fullgraph=True, backend="aot_eager")
    for seed in range(40):
        matrices, named, atlas, lesion, _ = some_case(seed, frame, with_evidence=with_evidence)
        if atlas is not QUADRANTS or (lesion is not None and lesion.shape[1] > 6):
            continue
        maps = None if lesion is None else torch.from_numpy(lesion).unsqueeze(1)
        call = torch.from_numpy(matrices).float(), torch.from_numpy(named), atlas, maps, frame
        assert all(map(torch.equal, compiled(*call), CF.follow(*call)))


def test_a_batch_is_its_samples_and_may_be_empty() -> None:
    matrices, named, atlas, lesion, frame = some_case(3, "body", with_evidence=True)
    many = [torch.from_numpy(np.concatenate([one] * 6)) for one in (matrices, named, lesion)]
    positions, kept = CF.follow(many[0], many[1], atlas, many[2], frame)
    one = CF.follow(many[0][:4], many[1][:4], atlas, many[2][:4], frame)
    assert torch.equal(positions, one[0].repeat(6, 1))
    assert torch.equal(kept, one[1].repeat(6))
    none = CF.follow(many[0][:0], many[1][:0], atlas, many[2][:0], frame)
    assert [tuple(rows.shape) for rows in none] == [(0, len(atlas)), (0,)]


GOOD = {"matrices": torch.eye(3).expand(2, 3, 3), "positions": torch.ones(2, 5).bool(), "atlas": QUADRANTS}
SINGULAR = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"atlas": "quadrants"}, InvalidTypeError, "Expected `atlas`.*str"),
        ({"matrices": [[1]]}, InvalidTypeError, "Expected `matrices`.*list"),
        ({"matrices": torch.eye(3).long().expand(2, 3, 3)}, InvalidTypeError, "Expected `matrices`.*int64"),
        ({"matrices": torch.eye(3)}, InvalidValueError, r"Expected `matrices`.*\(3, 3\)"),
        ({"matrices": torch.rand(2, 2, 3)}, InvalidValueError, r"Expected `matrices`.*\(2, 2, 3\)"),
        ({"matrices": torch.stack((torch.eye(3), SINGULAR))}, InvalidValueError, "`matrices` .*invertible.*sample 1"),
        ({"matrices": torch.full((2, 3, 3), torch.nan)}, InvalidValueError, "`matrices` to be finite.*nan.*sample 0"),
        ({"matrices": torch.eye(3).expand(2, 3, 3) * torch.inf}, InvalidValueError, "`matrices` to be finite"),
        ({"positions": torch.ones(2, 6).bool()}, InvalidValueError, r"Expected `positions`.*\(2, 5\).*\(2, 6\)"),
        ({"positions": torch.ones(3, 5).bool()}, InvalidValueError, r"Expected `positions`.*\(2, 5\).*\(3, 5\)"),
        ({"positions": torch.ones(2, 5)}, InvalidTypeError, "Expected `positions`.*float32"),
        ({"positions": torch.ones(2, 5).bool().to("meta")}, InvalidValueError, "Expected `positions` on cpu.*meta"),
        ({"evidence": 1}, InvalidTypeError, "Expected `evidence`.*int"),
        ({"evidence": torch.ones(2, 4)}, InvalidValueError, r"Expected `evidence`.*\(2, 4\)"),
        ({"evidence": torch.ones(3, 1, 4, 4)}, InvalidValueError, r"Expected `evidence`.*\(3, 1, 4, 4\)"),
        ({"evidence": torch.ones(2, 1, 4, 0)}, InvalidValueError, r"Expected `evidence`.*\(2, 1, 4, 0\)"),
        ({"evidence": torch.ones(2, 1, 4, 4) * 2}, InvalidValueError, r"Expected `evidence`.*\[0, 1\]"),
        ({"evidence": torch.ones(2, 1, 4, 4).to("meta")}, InvalidValueError, "Expected `evidence` on cpu.*meta"),
        ({"frame": "patient"}, InvalidValueError, "Expected `frame`.*'patient'"),
        ({"frame": ""}, InvalidValueError, "Expected `frame`.*''"),
    ],
)
def test_errors(change: dict, error: type[CrossModalError], message: str) -> None:
    with pytest.raises(error, match=message):
        CF.follow(**{**GOOD, **change})


@pytest.mark.parametrize(("folder", "frame"), [("kvasir", "image"), ("busi", "image"), ("qata", "body")])
def test_real_masks_under_crops(folder: str, frame: str, data_root: Path) -> None:
    """Crops and flips by array slicing: what is kept says what the regions of the result hold."""
    rows = json.loads((data_root / folder / "annotation.json").read_text())["train"][:120]
    key, atlas = ("image_path", FITTED) if folder == "qata" else ("mask", QUADRANTS)
    masks = np.stack(
        [np.array(Image.open(data_root / folder / "train" / "masks" / row[key]).convert("L")) > 127 for row in rows]
    )
    owner = paint(atlas, (224, 224))
    rule = torch.tensor([[bool((owner[mask] == k).any()) for k in range(len(atlas))] for mask in masks])
    named = PositionParser(atlas).encode([row["caption"] for row in rows]) if frame == "body" else rule
    rng = np.random.default_rng(0)
    matrices, results = [], []
    for mask in masks:
        top, left = rng.integers(0, 113, 2)
        height, width = rng.integers(40, 113, 2)
        scale = np.diag([224 / width, 224 / height, 1])
        scale[:2, 2] = -left / width, -top / height
        seen = mask[top : top + height, left : left + width]
        # The pixel in which the centre of each of 224 lines comes to lie.
        seen = seen[((2 * np.arange(224) + 1) * height // 448)[:, None], (2 * np.arange(224) + 1) * width // 448]
        flip = rng.random() < 0.5
        matrices.append(H @ scale if flip else scale)
        results.append(seen[:, ::-1] if flip else seen)
    positions, kept = CF.follow(
        torch.from_numpy(np.stack(matrices)), named, atlas, torch.from_numpy(masks).unsqueeze(1), frame
    )
    visible = torch.from_numpy(np.stack(results)).flatten(1).any(dim=1)
    assert 0.2 < kept.double().mean() < 0.95
    assert not (kept & ~visible & named.any(dim=1)).any()
    assert torch.equal(positions[~kept], named[~kept])
    if frame == "image":
        after = CF.region_evidence(torch.from_numpy(np.stack(results)), atlas, reduce="count") > 0
        assert torch.equal(positions[kept], after[kept])
        # One place may be meant by the other habit, which must then say the same.
        several = torch.tensor(
            [not row.any() or not is_one_place(set(row.nonzero().flatten().tolist()), atlas) for row in rule]
        )
        assert torch.equal(kept[several], (visible | ~rule.any(dim=1))[several])
        assert kept[~several].any()
    else:
        back = torch.tensor([matrix[0, 0] < 0 for matrix in matrices])
        unflipped = torch.where(back.unsqueeze(1), positions[:, list(atlas.mirror)], positions)
        assert not (unflipped[kept] & ~named[kept]).any()
        assert (unflipped[kept] != named[kept]).any()

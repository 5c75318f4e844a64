"""Masks against captions: known readings of phantoms, an independent reference, and the real data sets."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser
from crossmodal_aug.errors import AlignmentError, InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import alignment
from crossmodal_aug.functional.alignment import TELLS, nearer_when

FITTED = LUNG_ZONES.with_geometry(rows=(0.3125, 0.384))
TURNS = {
    "mirrored": lambda masks: masks.flip(-1),
    "upside down": lambda masks: masks.flip(-2),
    "mirrored and upside down": lambda masks: masks.flip(-2, -1),
    "transposed": lambda masks: masks.mT,
    # Masks that were mirrored after their axes were exchanged are put right by doing the same in the other order.
    "transposed and upside down": lambda masks: masks.mT.flip(-1),
    "transposed and mirrored": lambda masks: masks.mT.flip(-2),
    "transposed, mirrored and upside down": lambda masks: masks.mT.flip(-2, -1),
}


def found(atlas: Atlas, masks: torch.Tensor, positions: torch.Tensor) -> str:
    """What the masks look like, or "fine"."""
    try:
        CF.check_alignment(atlas, masks, positions)
    except AlignmentError as error:
        return re.search(r"but they look (.*?): ", str(error)).group(1)
    return "fine"


def phantoms(atlas: Atlas, count: int, size: tuple[int, int] = (48, 48), seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Masks that fill half of each named region, one or two of them."""
    rng = torch.Generator().manual_seed(seed)
    order = torch.rand(count, len(atlas), generator=rng).argsort(dim=1)
    positions = order < 1 + torch.randint(0, 2, (count, 1), generator=rng)
    return CF.union_mask(positions, atlas, size) & (torch.rand(count, *size, generator=rng) < 0.5), positions


@pytest.mark.parametrize("atlas", [LUNG_ZONES, FITTED, QUADRANTS], ids=["thirds", "fitted", "quadrants"])
@pytest.mark.parametrize("size", [(48, 48), (36, 60), (6, 9)])
def test_each_reading_of_phantoms_is_named(atlas: Atlas, size: tuple[int, int]) -> None:
    masks, positions = phantoms(atlas, 64, size)
    assert found(atlas, masks, positions) == "fine"
    for name, turn in TURNS.items():
        assert found(atlas, turn(masks), positions) == name


def test_messages_say_what_to_do() -> None:
    masks, positions = phantoms(QUADRANTS, 64)
    with pytest.raises(AlignmentError, match=r"^Expected `masks`.*but they look transposed: .*reverse_indexing=False"):
        CF.check_alignment(QUADRANTS, masks.mT, positions)
    with pytest.raises(AlignmentError, match=r"look mirrored: .*\d of 64 samples tell.*with_geometry"):
        CF.check_alignment(QUADRANTS, masks.flip(-1), positions)
    with pytest.raises(AlignmentError, match=r"look unrelated: over 64 samples.*same order"):
        CF.check_alignment(QUADRANTS, masks.roll(1, 0), positions)


def test_the_other_laterality_is_a_mirror() -> None:
    masks, positions = phantoms(LUNG_ZONES, 64)
    assert found(LUNG_ZONES.with_geometry(laterality="patient"), masks, positions) == "mirrored"


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_few_samples_say_nothing(count: int) -> None:
    masks, positions = phantoms(LUNG_ZONES, count)
    assert all(found(LUNG_ZONES, turn(masks), positions) == "fine" for turn in TURNS.values())
    assert found(LUNG_ZONES, masks.roll(1, 0), positions) == "fine"


def alike() -> tuple[torch.Tensor, torch.Tensor]:
    """Samples with one caption, and their lesions where QaTa has those of "lower right lung": above the lower third."""
    masks = torch.zeros(64, 48, 48, dtype=torch.bool)
    masks[:, 19:32, 29:44] = True
    return masks, torch.tensor([0, 0, 0, 0, 0, 1]).bool().expand(64, 6)


def test_captions_that_are_all_alike_say_nothing() -> None:
    masks, positions = alike()
    for turn in (torch.clone, *TURNS.values()):
        assert found(LUNG_ZONES, turn(masks), positions) == "fine"


def test_samples_that_are_their_own_mirror_say_nothing() -> None:
    masks, positions = phantoms(LUNG_ZONES, 64)
    both = positions | positions[:, list(LUNG_ZONES.mirror)]
    masks = masks | masks.flip(-1)
    assert found(LUNG_ZONES, masks.flip(-1), both) == "fine"
    assert found(LUNG_ZONES, masks.mT, both) == "transposed"


def test_masks_without_lesion_and_captions_without_region_are_left_out() -> None:
    masks, positions = phantoms(QUADRANTS, 64)
    blank, silent = torch.zeros_like(masks), torch.zeros_like(positions)
    assert CF.check_alignment(QUADRANTS, blank, positions) == 1.0
    assert CF.check_alignment(QUADRANTS, masks, silent) == 1.0
    assert CF.check_alignment(QUADRANTS, masks[:0], positions[:0]) == 1.0
    padded = torch.cat((masks, masks, blank)), torch.cat((positions, silent, positions))
    assert CF.check_alignment(QUADRANTS, *padded) == CF.check_alignment(QUADRANTS, masks, positions)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_and_shapes(dtype: torch.dtype) -> None:
    masks, positions = phantoms(QUADRANTS, 40)
    expected = CF.check_alignment(QUADRANTS, masks, positions)
    typed = masks.to(dtype) if dtype != torch.uint8 else masks.to(dtype) * 255
    if typed.is_floating_point():
        typed = typed * 0.2 + 0.4  # 0.6 is lesion, 0.4 none
    before = typed.clone()
    assert CF.check_alignment(QUADRANTS, typed.unsqueeze(1), positions.long()) == expected
    assert torch.equal(typed, before)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert CF.check_alignment(QUADRANTS, typed, positions) == expected


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"atlas": "lungs"}, InvalidTypeError, "Expected `atlas`.*str"),
        ({"masks": [[0]]}, InvalidTypeError, "Expected `masks`.*list"),
        ({"masks": torch.zeros(2, 3, 8, 8)}, InvalidValueError, r"Expected `masks`.*\(2, 3, 8, 8\)"),
        ({"masks": torch.zeros(2, 0, 8)}, InvalidValueError, r"Expected `masks`.*\(2, 0, 8\)"),
        ({"masks": torch.full((2, 8, 8), 255.0)}, InvalidValueError, "Expected `masks`.*255"),
        ({"masks": torch.full((2, 8, 8), torch.nan)}, InvalidValueError, "Expected `masks`.*nan"),
        ({"positions": torch.zeros(2, 6).bool()}, InvalidValueError, r"Expected `positions`.*\(2, 5\).*\(2, 6\)"),
        ({"positions": torch.zeros(2, 5)}, InvalidTypeError, "Expected `positions`.*float32"),
        ({"positions": torch.zeros(2, 5).bool().to("meta")}, InvalidValueError, "Expected `positions` on cpu.*meta"),
    ],
)
def test_errors(change: dict, error: type, message: str) -> None:
    call = {"atlas": QUADRANTS, "masks": torch.ones(2, 8, 8).bool(), "positions": torch.ones(2, 5).bool(), **change}
    with pytest.raises(error, match=message):
        CF.check_alignment(**call)


def reference(atlas: Atlas, masks: np.ndarray, positions: np.ndarray) -> tuple[str, float]:
    """The docstring in plain NumPy, sample by sample; masks of 32 x 32 pixels, which are then the grid itself."""
    steps = (np.arange(32) + 0.5) / 32
    owner = np.full((32, 32), -1)
    for region, (y0, y1, x0, x1) in enumerate(atlas.boxes):
        owner[round(y0 * 32) : round(y1 * 32), round(x0 * 32) : round(x1 * 32)] = region

    def distance(mask: np.ndarray, caption: np.ndarray) -> float:
        ways = [
            np.sqrt((steps[:, None] - (y0 + y1) / 2) ** 2 + (steps[None] - (x0 + x1) / 2) ** 2)
            for named, (y0, y1, x0, x1) in zip(caption, atlas.boxes, strict=True)
            if named
        ]
        return float(np.min(ways, axis=0)[mask].mean())

    def gain(drawn: list[np.ndarray]) -> float:
        own = others = 0.0
        for mask, caption in zip(drawn, positions, strict=True):
            for other in positions:
                if (other != caption).any():
                    own, others = own + distance(mask, caption), others + distance(mask, other)
        return 1 - own / others if others else 0.0

    touched = np.array([[(owner[mask] == k).mean() >= 0.03 for k in range(len(atlas))] for mask in masks])
    jaccard = float(((touched & positions).sum(1) / (touched | positions).sum(1)).mean())
    turned = {"fine": masks}
    for name, back in {
        "mirrored": lambda mask: mask[:, ::-1],
        "upside down": lambda mask: mask[::-1],
        "mirrored and upside down": lambda mask: mask[::-1, ::-1],
        "transposed": lambda mask: mask.T,
        "transposed and mirrored": lambda mask: mask.T[:, ::-1],
        "transposed and upside down": lambda mask: mask.T[::-1],
        "transposed, mirrored and upside down": lambda mask: mask.T[::-1, ::-1],
    }.items():
        turned[name] = np.array([back(mask) for mask in masks])
    ways = {name: np.array(list(map(distance, seen, positions))) for name, seen in turned.items()}
    best = min(ways, key=lambda name: ways[name].mean())
    told = [(d, tuple(q)) for d, q in zip(ways["fine"] - ways[best], positions, strict=True) if abs(d) >= 0.02]
    captions = [caption for _, caption in told]
    if (
        ways[best].mean() <= 0.85 * ways["fine"].mean()
        and len(told) >= 10
        and sum(d for d, _ in told) >= 2.5 * np.sqrt(sum(d**2 for d, _ in told))
        and max(map(captions.count, captions)) <= 0.75 * len(told)
        and (
            len(masks) < 96
            or best not in ("mirrored", "upside down", "transposed")
            or sum(d**2 for d, _ in told if d < 0) < 0.2 * sum(d**2 for d, _ in told)
        )
    ):
        return best, jaccard
    alike = max(max(np.unique(rows, axis=0, return_counts=True)[1]) for rows in (positions, touched))
    possible = gain([np.isin(owner, np.flatnonzero(caption)) for caption in positions])
    if len(masks) < 48 or alike > 0.75 * len(masks) or possible < 0.25:
        return "fine", jaccard
    if max(gain(list(seen)) for seen in turned.values()) / possible < 0.25:
        return "unrelated", jaccard
    if len(masks) >= 96:
        motions = ("mirrored", "upside down", "transposed")
        part = min(motions, key=lambda name: np.minimum(ways["fine"], ways[name]).mean())
        told = [(d, tuple(q)) for d, q in zip(ways["fine"] - ways[part], positions, strict=True) if abs(d) >= 0.02]
        against = [(d, caption) for d, caption in told if d > 0]
        captions = [caption for _, caption in against]
        if (
            len(told) >= 10
            and sum(d**2 for d, _ in against) >= 0.2 * sum(d**2 for d, _ in told)
            and sum(d for d, _ in against) >= 2.5 * np.sqrt(sum(d**2 for d, _ in against))
            and max(map(captions.count, captions)) <= 0.75 * len(against)
        ):
            return f"{part} in part", jaccard
    return "fine", jaccard


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_reference_where_some_are_turned(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks, positions = phantoms([LUNG_ZONES, QUADRANTS][seed % 2], [96, 95][seed == 5], (32, 32), seed)
    masks[:, 0, 0] |= ~masks.flatten(1).any(dim=1)
    some = torch.from_numpy(rng.random(len(masks)) < [0.0, 0.05, 0.4, 0.4, 0.5, 0.5, 0.6, 0.98][seed]).view(-1, 1, 1)
    turn = TURNS[("mirrored", "upside down", "transposed")[seed % 3]]
    masks = torch.where(some, turn(masks), masks)
    said, _ = reference([LUNG_ZONES, QUADRANTS][seed % 2], masks.numpy(), positions.numpy())
    assert found([LUNG_ZONES, QUADRANTS][seed % 2], masks, positions) == said
    assert (said != "fine") == (seed not in (0, 1, 5))
    assert said.endswith("in part") == (seed in (2, 3, 4, 6))


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atlas = [LUNG_ZONES, FITTED, QUADRANTS][seed % 3]
    masks, positions = phantoms(atlas, int(rng.choice([12, 24, 50, 56])), (32, 32), seed)
    masks[:, 0, 0] |= ~masks.flatten(1).any(dim=1)
    others = torch.from_numpy(rng.random(len(masks)) < rng.choice([0.0, 0.4, 0.8, 1.0]))
    masks = torch.where(others.view(-1, 1, 1), masks.roll(1, 0), masks)
    turn = list(TURNS.values())[int(rng.integers(len(TURNS)))] if rng.random() < 0.5 else torch.clone
    said, jaccard = reference(atlas, turn(masks).numpy(), positions.numpy())
    assert found(atlas, turn(masks), positions) == said
    if said == "fine":
        assert CF.check_alignment(atlas, turn(masks), positions) == pytest.approx(jaccard)


@given(st.integers(0, 2**31), st.integers(1, 64), st.sampled_from([LUNG_ZONES, FITTED, QUADRANTS]))
def test_exact_phantoms_never_raise(seed: int, count: int, atlas: Atlas) -> None:
    assert found(atlas, *phantoms(atlas, count, seed=seed)) == "fine"


@pytest.mark.parametrize(
    ("guard", "without", "expected"),
    [("_TELLING", 3, "mirrored"), ("_ONE_CAPTION", 1.0, "transposed"), ("_MANY", 1, "unrelated")],
)
def test_without_its_guards_it_would_cry_wolf(
    guard: str, without: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, some = phantoms(LUNG_ZONES, 9, seed=1), phantoms(LUNG_ZONES, 40)
    masks, positions = {
        "_TELLING": (few[0].flip(-1), few[1]),
        "_ONE_CAPTION": alike(),
        "_MANY": (some[0].roll(1, 0), some[1]),
    }[guard]
    assert found(LUNG_ZONES, masks, positions) == "fine"
    monkeypatch.setattr(alignment, guard, without)
    assert found(LUNG_ZONES, masks, positions) == expected


@pytest.mark.parametrize(
    "fault",
    [
        ("_SCORE", 1e9),
        ("_MARGIN", 1.0),
        ("TELLS", 1.0),
        ("_ways", lambda atlas, captions: torch.ones(len(captions), 32 * 32).double()),
        ("_of_own", lambda distances, own: distances[:, :, 0]),
        ("_READINGS", {"as they are": lambda grid: grid, "upside down": lambda grid: grid.flip(-2)}),
    ],
    ids=lambda fault: fault[0],
)
def test_planted_faults_turn_the_readings_red(fault: tuple[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    masks, positions = phantoms(LUNG_ZONES, 64)
    monkeypatch.setattr(alignment, *fault)
    assert found(LUNG_ZONES, masks.flip(-1), positions) != "mirrored"


@pytest.fixture(
    scope="module",
    params=[("qata", LUNG_ZONES), ("qata", FITTED), ("kvasir", QUADRANTS), ("busi", QUADRANTS)],
    ids=["qata", "qata fitted", "kvasir", "busi"],
)
def real(request: pytest.FixtureRequest, data_root: Path) -> tuple[Atlas, torch.Tensor, torch.Tensor]:
    """An atlas, up to 1500 real masks at half their size, and what their captions name."""
    folder, atlas = request.param
    key = "image_path" if folder == "qata" else "mask"
    rows = [
        (data_root / folder / split / "masks" / row[key], row["caption"])
        for split, part in json.loads((data_root / folder / "annotation.json").read_text()).items()
        for row in part
    ][:1500]
    masks = [torch.from_numpy(np.array(Image.open(file).convert("L"))[::2, ::2] > 127) for file, _ in rows]
    return atlas, torch.stack(masks), PositionParser(atlas).encode([caption for _, caption in rows])


def batches(count: int, sizes: tuple[int, ...], total: int) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randperm(total, generator=rng)[: sizes[i % len(sizes)]] for i in range(count)]


def test_untouched_real_data_never_raises(real: tuple[Atlas, torch.Tensor, torch.Tensor]) -> None:
    atlas, masks, positions = real
    in_order = (*torch.arange(len(masks)).split(64), *torch.arange(len(masks)).split(128))
    for rows in (*batches(350, (16, 24, 32, 48, 64, 96, 128), len(masks)), *in_order):
        assert 0.3 < CF.check_alignment(atlas, masks[rows], positions[rows]) <= 1.0
    assert 0.5 < CF.check_alignment(atlas, masks, positions) < 0.9


@pytest.mark.parametrize("name", ["mirrored", "transposed", "upside down"])
def test_turned_real_data_raises(real: tuple[Atlas, torch.Tensor, torch.Tensor], name: str) -> None:
    atlas, masks, positions = real
    turned = TURNS[name](masks)
    names = [found(atlas, turned[rows], positions[rows]) for rows in batches(100, (64,), len(masks))]
    assert names.count(name) >= 95
    assert found(atlas, turned, positions) == name


@pytest.mark.parametrize("name", ["mirrored", "transposed", "upside down"])
def test_a_random_turn_that_the_captions_did_not_follow_raises(
    real: tuple[Atlas, torch.Tensor, torch.Tensor], name: str
) -> None:
    atlas, masks, positions = real
    some = torch.rand(len(masks), generator=torch.Generator().manual_seed(1)) < 0.5
    half = torch.where(some.view(-1, 1, 1), TURNS[name](masks), masks)
    names = [found(atlas, half[rows], positions[rows]) for rows in batches(60, (128,), len(masks))]
    assert sum(said != "fine" for said in names) >= 57
    assert names.count(f"{name} in part") >= 50
    assert found(atlas, half, positions) == f"{name} in part"


def test_real_captions_of_other_masks_are_unrelated(real: tuple[Atlas, torch.Tensor, torch.Tensor]) -> None:
    atlas, masks, positions = real
    names = [found(atlas, masks[rows], positions[rows.roll(1)]) for rows in batches(100, (128,), len(masks))]
    assert names.count("unrelated") >= 90


def test_how_much_nearer_a_lesion_lies_in_another_reading_tells_which_are_turned() -> None:
    masks, positions = phantoms(LUNG_ZONES, 40)
    turned = torch.arange(40) % 4 == 0
    masks = torch.where(turned.view(-1, 1, 1), masks.flip(-1), masks)
    nearer = nearer_when("mirrored", LUNG_ZONES, masks, positions)
    assert not ((nearer >= TELLS) & ~turned).any()
    assert ((nearer >= TELLS) & turned).sum() > 5
    assert torch.allclose(nearer_when("mirrored", LUNG_ZONES, masks.flip(-1), positions), -nearer)

"""The promises can fail: each fault of the published code, planted one at a time, turns its promise red."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pytest
import torch

from crossmodal_aug import LUNG_ZONES, Augmented, Focus, PosAug, PositionParser, Reword, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.augment import focus, sync_flip, t_patch_mix, zone_mix
from crossmodal_aug.augment.replaying import HostRow
from crossmodal_aug.functional import grid, pasting, patches, regions
from tests import promises
from tests.strategies import Case

PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "unilateral pulmonary infection, one infected area, lower left lung.",
    "Opacity in the right upper lobe and the left lower lobe.",
    "bilateral pulmonary infection, three infected areas, middle lower left lung and upper right lung.",
]


def batches() -> Iterator[Case]:
    """Batches whose lesions lie in the named regions, and a little beyond."""
    boxes = promises.region_owner(Case(PARSER, torch.zeros(1, 1, 18, 12), [], torch.zeros(0), (), None, 0))
    for seed in range(12):
        rng = torch.Generator().manual_seed(seed)
        named = PARSER.encode(TEXTS)
        inside = torch.stack([torch.stack([boxes == k for k in row.nonzero().flatten()]).any(dim=0) for row in named])
        target = (inside & (torch.rand(4, 18, 12, generator=rng) < 0.7)).float().unsqueeze(1)
        images = torch.rand(4, 2, 18, 12, generator=rng)
        yield Case(PARSER, images, list(TEXTS), target, (target.clone(),), None, seed)


def breaks(op: torch.nn.Module, promise: object) -> bool:
    """Whether some batch makes ``op`` break ``promise``."""
    for case in batches():
        try:
            promise(op, case, case.run(op))
        except AssertionError:
            return True
    return False


PATCH = {"patch_size": 5, "p": 0.9, "gate_threshold": 0.5}
UNGATED = {"patch_size": 5, "p": 0.9, "gate": None}


@pytest.mark.parametrize(
    "op",
    [
        TPatchMix(PARSER, **PATCH, gate="lesion"),
        TPatchMix(PARSER, **PATCH, where="shared"),
        ZoneMix(PARSER, p=0.7),
        Focus(PARSER, p=0.7),
        SyncFlip(PARSER),
        PosAug(PARSER),
        Reword(PARSER),
    ],
    ids=lambda op: type(op).__name__,
)
def test_sound_ops_break_nothing(op: torch.nn.Module) -> None:
    assert not any(breaks(op, promise) for promise in promises.ALL)


def test_image_mixed_before_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image takes the patch of a rejected sample, as in the released code."""
    op, ungated = TPatchMix(PARSER, **PATCH, gate="lesion"), TPatchMix(PARSER, **UNGATED)
    sample = TPatchMix.sample

    def mixed_first(self: TPatchMix, batch: object, donors: object, generator: torch.Generator) -> object:
        state = generator.get_state()
        params = sample(self, batch, donors, generator)
        drawn = sample(ungated, batch, donors, generator.set_state(state))
        return replace(params, boxes=drawn.boxes)

    monkeypatch.setattr(TPatchMix, "sample", mixed_first)
    assert breaks(op, promises.nothing_orphaned)


def test_target_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    alter = ZoneMix.alter
    monkeypatch.setattr(
        ZoneMix,
        "alter",
        lambda self, tensor, params, role, donors: (
            tensor if role == "target" else alter(self, tensor, params, role, donors)
        ),
    )
    assert breaks(ZoneMix(PARSER, p=0.7), promises.one_alteration)


def test_donors_whole_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text claims all that the donor names, wherever the patch lies."""
    monkeypatch.setattr(
        t_patch_mix,
        "evident_positions",
        lambda mine, theirs, *evidence: (mine | theirs, mine, torch.zeros(len(mine), dtype=torch.bool)),
    )
    assert breaks(TPatchMix(PARSER, **PATCH), promises.words_follow_pixels)


@pytest.mark.parametrize("op", [ZoneMix(PARSER, p=0.7, unit="region"), Focus(PARSER, p=0.7)], ids=["ZoneMix", "Focus"])
def test_transposed_regions(op: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    paint = grid._paint

    def transposed(boxes: object, size: tuple[int, int], device: torch.device) -> torch.Tensor:
        return paint(boxes, size[::-1], device).T.contiguous()

    monkeypatch.setattr(grid, "_cached", lambda make, *about: make(*about))
    monkeypatch.setattr(grid, "_paint", transposed)
    monkeypatch.setattr(grid, "_firsts", lambda edges, length: tuple(range(length)))
    monkeypatch.setattr(grid, "labels", lambda atlas, size, device: transposed(grid.boxes(atlas, size), size, device))
    monkeypatch.setattr(grid, "common_stretch", lambda atlas, width: 1)
    assert breaks(op, promises.words_follow_pixels)


def test_transposed_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = grid.bounds
    monkeypatch.setattr(grid, "bounds", lambda atlas, size, device: bounds(atlas, size[::-1], device).flip(1))
    assert breaks(TPatchMix(PARSER, **UNGATED, text="union"), promises.words_follow_pixels)


@pytest.mark.parametrize("build", [ZoneMix, TPatchMix], ids=["ZoneMix", "TPatchMix"])
def test_only_the_first_phrase_is_read(build: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions of a text are those of its first phrase alone."""
    encode = PositionParser.encode

    def first_only(self: PositionParser, texts: list[str]) -> torch.Tensor:
        return encode(self, [report.mentions[0].text if report.mentions else "" for report in self.parse_many(texts)])

    op = build(PARSER, p=0.9)
    outputs = []
    with monkeypatch.context() as planted:
        planted.setattr(PositionParser, "encode", first_only)
        outputs = [(case, case.run(op)) for case in batches()]

    def judged_by_the_real_parser() -> bool:
        for case, out in outputs:
            try:
                promises.words_follow_pixels(op, case, out)
            except AssertionError:
                return True
        return False

    assert judged_by_the_real_parser()


def test_flip_that_forgets_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SyncFlip, "_written", lambda self, texts, params: list(texts))
    assert breaks(SyncFlip(PARSER), promises.words_follow_pixels)


def test_focus_that_keeps_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Focus, "alter", lambda self, tensor, params, role, donors: tensor)
    assert breaks(Focus(PARSER, p=0.9), promises.words_follow_pixels)


def test_text_without_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = PosAug.forward

    def stale(self: PosAug, images: object, texts: list[str], *args: object, **kwargs: object) -> Augmented:
        return replace(forward(self, images, texts, *args, **kwargs), positions=self.parser.encode(texts))

    monkeypatch.setattr(PosAug, "forward", stale)
    assert breaks(PosAug(PARSER), promises.words_follow_pixels)


def test_count_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clause changes, count and laterality do not."""

    def only_the_clause(self: ZoneMix, texts: list[str], params: object) -> list[str]:
        names = self.atlas.names
        rows = zip(texts, params.positions.tolist(), strict=True)
        return [
            text.rsplit(",", 1)[0]
            + ", "
            + " and ".join(f"{n.split()[1]} {n.split()[0]} lung" for n, b in zip(names, bits, strict=True) if b)
            for text, bits in rows
        ]

    monkeypatch.setattr(ZoneMix, "_written", only_the_clause)
    assert breaks(ZoneMix(PARSER, p=1.0), promises.text_stays_text)


def spilled() -> Iterator[Case]:
    """Batches whose lesions go beyond the named regions, beside a text that denies all and one that says nothing."""
    texts = [TEXTS[1], "No pulmonary infection.", "COVID-19 pneumonia.", TEXTS[2]]
    for seed in range(40):
        rng = torch.Generator().manual_seed(seed)
        target = torch.zeros(4, 1, 18, 12)
        target[0, :, 12:, :5] = 1.0
        target[torch.tensor([0, 2, 3]), :, :5, 3:10] = 1.0
        images = torch.rand(4, 2, 18, 12, generator=rng)
        yield Case(PARSER, images, list(texts), torch.full((4, 1, 18, 12), 7), (), None, seed, target)


def guessed(op: torch.nn.Module, planted: Callable[[], object]) -> bool:
    """Whether outputs made under a planted fault break the promise on silent texts, judged without the fault."""
    with planted() as _:
        outputs = [(case, case.run(op)) for case in spilled()]
    for case, out in outputs:
        try:
            promises.nothing_guessed(op, case, out)
        except AssertionError:
            return True
    return False


GUESSING = [
    ZoneMix(PARSER, p=1.0),
    ZoneMix(PARSER, p=1.0, unit="subset"),
    TPatchMix(PARSER, patch_size=12, p=1.0, where="anywhere", gate=None),
]


@pytest.mark.parametrize("op", GUESSING, ids=repr)
def test_a_silent_text_taken_for_an_empty_one(op: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def planted() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(PositionParser, "placed", lambda self, texts: torch.ones(len(texts), dtype=torch.bool))
            yield

    assert not guessed(op, nullcontext)
    assert guessed(op, planted)


@pytest.mark.parametrize("op", GUESSING, ids=repr)
def test_nothing_there_said_over_lesion(op: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def planted() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(ZoneMix, "_lesion", lambda self, *about: None)
            evident = patches.evident_positions
            patch.setattr(
                t_patch_mix,
                "evident_positions",
                lambda *about: (*evident(*about)[:2], torch.zeros(4, dtype=torch.bool)),
            )
            yield

    assert guessed(op, planted)


@pytest.mark.parametrize("text", ["No opacity in the left lung.", "The left lung is clear."])
@pytest.mark.parametrize("op", GUESSING, ids=repr)
def test_a_place_called_clear_over_lesion_that_came(
    op: torch.nn.Module, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a text denies of one place is not looked at when lesion is put there."""

    def run() -> list[tuple[Case, Augmented]]:
        texts = [*TEXTS[:2], f"Opacity in the right upper lobe. {text}", TEXTS[3]]
        cases = [replace(case, texts=texts) for case in spilled()]
        return [(case, case.run(op)) for case in cases]

    def breaks_it(outputs: list[tuple[Case, Augmented]]) -> bool:
        for case, out in outputs:
            try:
                promises.nothing_guessed(op, case, out)
            except AssertionError:
                return True
        return False

    sound = run()
    assert any(bool(out.params.accepted[2]) for _, out in sound)
    assert not breaks_it(sound)
    monkeypatch.setattr(HostRow, "denied_by", lambda self, *about: False)
    assert breaks_it(run())


def test_evidence_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence that is given apart stays where it was, while the image moves."""
    alter = ZoneMix.alter
    monkeypatch.setattr(
        ZoneMix,
        "alter",
        lambda self, tensor, params, role, donors: (
            tensor if role == "evidence" else alter(self, tensor, params, role, donors)
        ),
    )
    op = ZoneMix(PARSER, p=0.7)
    for case in batches():
        beside = replace(case, target=case.target.long() * 3, evidence=case.target)
        out = beside.run(op)
        if out.accepted.any():
            with pytest.raises(AssertionError):
                promises.one_alteration(op, beside, out)


def test_modules_under_test_are_the_ones_patched() -> None:
    """The faults above reach the ops through these names; a rename must not make them harmless."""
    assert zone_mix.grid is grid
    assert focus.grid is grid
    assert patches.grid is grid
    assert t_patch_mix.evident_positions is patches.evident_positions
    assert pasting.grid is grid
    assert regions.grid is grid
    assert sync_flip.SyncFlip is SyncFlip

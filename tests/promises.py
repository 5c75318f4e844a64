"""The promises of the library, each as a function that raises AssertionError for an output that breaks it.

They know nothing of how an op works: they trace where each pixel came from by sending sample numbers and pixel numbers
through ``op.replay``, and judge the texts by parsing them again.
"""

import numpy as np
import torch
from torch import Tensor

from crossmodal_aug import (
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)
from tests.functional.following_reference import on_a_border, warp
from tests.strategies import IGNORED, Case

LESION = 0.5


def as_map(target: Tensor, axes: int) -> Tensor:
    """Evidence as (B, *spatial) float, written out apart from the library's own reading."""
    target = target[:, 0] if target.ndim == axes + 2 else target
    return target.float() if target.is_floating_point() else (target != 0).float()


def nothing_orphaned(op, case: Case, out: Augmented) -> None:
    """Promise 1: a sample that was not accepted is bit for bit what it was, and its text the same object."""
    altered = torch.stack([one.accepted for one in calls(out.params)]).any(dim=0)
    assert torch.equal(altered, out.accepted)
    before = case.parser.encode(case.texts)
    for b in (~altered).nonzero().flatten().tolist():
        assert torch.equal(out.images[b], case.images[b])
        assert torch.equal(out.target[b], case.target[b])
        assert case.evidence is None or torch.equal(out.evidence[b], case.evidence[b])
        assert all(torch.equal(new[b], old[b]) for new, old in zip(out.maps, case.maps, strict=True))
        assert out.texts[b] is case.texts[b]
        assert torch.equal(out.positions[b], before[b])


def calls(params: object) -> list:
    """The parameters of each op, sequences in sequences laid out."""
    return [call for one in params for call in calls(one)] if isinstance(params, tuple) else [params]


def nothing_guessed(op, case: Case, out: Augmented) -> None:
    """Promise 3 on texts that say little or deny: silent is not empty, and no place is called clear over lesion."""
    for one in calls(out.params):
        assert torch.equal(one.reason == 0, one.accepted)
    ops = flat(op)
    placed = case.parser.placed(case.texts)
    if len(ops) == 1 and isinstance(op, (ZoneMix, TPatchMix, Focus)) and getattr(op, "text", None) != "keep":
        assert not bool((out.params.accepted & ~placed).any())
        if not isinstance(op, Focus):
            assert not bool((out.params.accepted & ~case.parser.placed(case.source.texts)[out.params.donors]).any())
    if any(isinstance(one, PosAug) or getattr(one, "text", None) in ("keep", "union") for one in ops):
        return
    before, says = case.parser.encode(case.texts), case.parser.placed(out.texts)
    lesion = as_map(out.target if out.evidence is None else out.evidence, case.images.ndim - 2) >= LESION
    for b in (before.any(dim=1) & ~out.positions.any(dim=1) & says).nonzero().flatten().tolist():
        assert not bool(lesion[b].any()), (case.texts[b], out.texts[b])
    if len(ops) == 1 and isinstance(op, (ZoneMix, TPatchMix)) and lesion.shape[0]:
        _no_new_denial(op, case, out, lesion)


def _no_new_denial(op: ZoneMix | TPatchMix, case: Case, out: Augmented, lesion: Tensor) -> None:
    """No region is called clear that holds lesion, but by the sample's own words over its own lesion."""
    owner, foreign = region_owner(case), traced_samples(op, case, out)
    for b in out.params.accepted.nonzero().flatten().tolist():
        was, says = case.parser(case.texts[b]).negated, case.parser(out.texts[b]).negated
        for name in says:
            held = lesion[b] & (owner == case.parser.atlas.names.index(name))
            if name in was:
                held &= foreign[b] != b
            assert not bool(held.any()), (name, case.texts[b], out.texts[b])


def flat(op) -> list:
    """The single ops of an op, sequences in sequences laid out."""
    return [one for part in op.ops for one in flat(part)] if isinstance(op, CrossModalSequential) else [op]


def one_alteration(op, case: Case, out: Augmented) -> None:
    """Promise 2: every pixel of image, target and maps comes from one source, and replay gives the same again."""
    batch, spatial = case.images.shape[0], case.images.shape[2:]
    source = case.source
    pool = source.images.shape[0]
    pixels = torch.arange(spatial.numel()).view(spatial)
    donor_pixels = None if case.donors is None else pixels.expand(pool, *spatial).contiguous()
    second = case.donors or Augmented()
    if case.evidence is not None:
        again = op.replay(case.evidence, out.params, role="evidence", donors=second.evidence)
        assert torch.equal(again, out.evidence)
        assert out.evidence.dtype == case.evidence.dtype
    assert torch.equal(op.replay(case.images, out.params, donors=second.images), out.images)
    assert torch.equal(op.replay(case.target, out.params, role="target", donors=second.target), out.target)
    assert op.rewrite(case.texts, out.params) == out.texts
    if isinstance(op, SyncGeometry) and op.bends:
        _one_matrix(case, out)
        return
    whose = traced_samples(op, case, out)
    which = op.replay(pixels.expand(batch, *spatial).contiguous(), out.params, donors=donor_pixels)

    def traced(mine: Tensor, theirs: Tensor) -> Tensor:
        both = mine if case.donors is None else torch.cat((mine, theirs))
        flat = both.reshape(both.shape[0], mine.shape[1:].numel() // spatial.numel(), spatial.numel())
        rows = [flat[whose[b].flatten(), :, which[b].flatten()].T.reshape(mine.shape[1:]) for b in range(batch)]
        return torch.stack(rows) if rows else mine

    assert torch.equal(out.images, traced(case.images, source.images))
    for new, mine, theirs in zip(out.maps, case.maps, source.maps, strict=True):
        assert torch.equal(new, traced(mine, theirs))
    empties = torch.stack([case.empty(one) for one in case.target]) if batch else case.target
    for new, mine, theirs, empty in (
        (out.target, case.target, source.target, empties),
        (out.evidence, case.evidence, source.evidence, torch.zeros(())),
    ):
        if mine is None:
            continue
        moved = traced(mine, theirs)
        if narrows(op):
            assert bool(((new == moved) | (new == empty)).all())
        else:
            assert torch.equal(new, moved)
    assert out.images.dtype == case.images.dtype
    assert out.target.dtype == case.target.dtype


def _one_matrix(case: Case, out: Augmented) -> None:
    """Target and maps show the pixel in which the centre of theirs comes to lie by the sample's matrix, or nothing."""
    height, width = case.images.shape[-2:]
    numbers = np.arange(height * width).reshape(height, width)
    for b, matrix in enumerate(out.params.matrices.double().numpy()):
        if on_a_border(matrix, (height, width), within=1e-4):
            continue  # the last digit decides
        shown = (
            torch.from_numpy(warp(numbers, matrix)).flatten() if out.params.accepted[b] else torch.arange(numbers.size)
        )
        pairs = [(out.target[b], case.target[b], case.empty(case.target[b]))]
        if case.evidence is not None:
            pairs.append((out.evidence[b], case.evidence[b], torch.zeros_like(case.evidence[b])))
        pairs += [(n[b], o[b], torch.zeros_like(o[b])) for n, o in zip(out.maps, case.maps, strict=True)]
        for new, old, empty in pairs:
            wanted = torch.where(shown >= 0, old.flatten(-2)[..., shown.clamp_min(0)], empty.flatten(-2))
            assert torch.equal(new.flatten(-2), wanted)


def narrows(op) -> bool:
    """Whether ``op`` empties targets."""
    return any(isinstance(one, Focus) for one in flat(op))


def words_follow_pixels(op, case: Case, out: Augmented) -> None:
    """Promise 3, in general and for each op."""
    if getattr(op, "text", None) != "keep" and getattr(op, "mode", None) != "mask":
        assert torch.equal(case.parser.encode(out.texts), out.positions)
    special = {
        ZoneMix: _zones_change_hands,
        Focus: _focus_narrows,
        SyncFlip: _flip_mirrors,
        SyncGeometry: _geometry_follows,
        TPatchMix: _patch_brings_words,
        PosAug: _pixels_untouched,
        Reword: _only_the_words_are_others,
    }.get(type(op))
    if special is not None:
        special(op, case, out)


def _zones_change_hands(op: ZoneMix, case: Case, out: Augmented) -> None:
    mine, theirs = case.parser.encode(case.texts), case.parser.encode(case.source.texts)
    owner = region_owner(case)
    whose = traced_samples(op, case, out)
    for b in range(len(case.texts)):
        from_donor = torch.zeros_like(owner, dtype=torch.bool)
        for region in out.params.regions[b].nonzero().flatten().tolist():
            from_donor |= owner == region
        assert torch.equal(whose[b] != b, from_donor.expand(case.images.shape[2:]))
        donor = theirs[out.params.donors[b]]
        assert torch.equal(out.positions[b], torch.where(out.params.regions[b], donor, mine[b]))
        assert bool(out.params.accepted[b]) == bool(out.params.regions[b].any())


def _geometry_follows(op: SyncGeometry, case: Case, out: Augmented) -> None:
    """In the body frame no region appears that was not there; a half turn is refused, and so is a vertical flip."""
    if op.frame == "image":
        return
    before = case.parser.encode(case.texts)
    mirror = list(case.parser.atlas.mirror)
    for b in out.params.accepted.nonzero().flatten().tolist():
        matrix = out.params.matrices[b]
        assert matrix[1, 1] > 0
        was = before[b][mirror] if matrix[0, 0] < 0 else before[b]
        assert not bool((out.positions[b] & ~was).any())
        assert bool(out.positions[b].any()) or not bool(was.any())


def traced_samples(op, case: Case, out: Augmented) -> Tensor:
    """Number of the sample that each pixel comes from, (B, *spatial); donors are numbered after the batch."""
    batch, spatial = case.images.shape[0], case.images.shape[2:]
    first, pool = (0, batch) if case.donors is None else (batch, case.source.images.shape[0])

    def numbers(start: int, count: int) -> Tensor:
        return (start + torch.arange(count)).view(-1, *[1] * len(spatial)).expand(-1, *spatial).contiguous()

    donors = None if case.donors is None else numbers(first, pool)
    return op.replay(numbers(0, batch), out.params, donors=donors)


def _focus_narrows(op: Focus, case: Case, out: Augmented) -> None:
    before = case.parser.encode(case.texts)
    boxes = region_owner(case)
    for b in out.params.accepted.nonzero().flatten().tolist():
        kept = out.positions[b]
        assert bool(kept.any())
        assert not bool((kept & ~before[b]).any())
        assert bool((before[b] & ~kept).any())
        outside = torch.ones_like(boxes, dtype=torch.bool)
        for region in kept.nonzero().flatten().tolist():
            outside &= boxes != region
        left, empty = out.target[b][..., outside], case.empty(case.target[b])[..., outside]
        kept_value = (case.target[b][..., outside] == IGNORED) & (case.apart == "ignored border")
        assert torch.equal(left, torch.where(kept_value, case.target[b][..., outside], empty))
        assert case.evidence is None or not bool(out.evidence[b][..., outside].any())
        assert torch.equal(out.target[b][..., ~outside], case.target[b][..., ~outside])
        assert torch.equal(out.images[b], case.images[b])


def _flip_mirrors(op: SyncFlip, case: Case, out: Augmented) -> None:
    again = SyncFlip(op.parser, p=1.0)
    twice = case.run(again, **vars_of(case.run(again)))
    assert torch.equal(twice.images, case.images)
    assert torch.equal(twice.target, case.target)
    assert list(twice.texts) == case.texts
    assert torch.equal(twice.positions, case.parser.encode(case.texts))
    for b in range(len(case.texts)):
        flipped = case.images[b].flip(-1) if out.params.accepted[b] else case.images[b]
        assert torch.equal(out.images[b], flipped)


def vars_of(out: Augmented) -> dict[str, object]:
    """An output as the input of another call."""
    return {"images": out.images, "texts": out.texts, "target": out.target, "evidence": out.evidence, "maps": out.maps}


def _patch_brings_words(op: TPatchMix, case: Case, out: Augmented) -> None:
    mine, theirs = case.parser.encode(case.texts), case.parser.encode(case.source.texts)
    axes = case.images.ndim - 2
    source = case.source
    theirs_shown = source.target if source.evidence is None else source.evidence
    own, given = as_map(case.shown, axes), as_map(theirs_shown, axes)
    boxes = region_owner(case)
    for b in out.params.accepted.nonzero().flatten().tolist():
        donor = theirs[out.params.donors[b]]
        inside = torch.zeros(case.images.shape[2:], dtype=torch.bool)
        inside[tuple(slice(int(s), int(e)) for s, e in out.params.boxes[b])] = True
        assert bool(inside.any())
        options = {"anchor": mine[b], "donor": donor, "shared": mine[b] & donor}.get(op.where)
        if options is not None and case.parser.atlas.name == "lung_zones":  # elsewhere boxes lie over one another
            touched = boxes[inside.reshape(-1, *boxes.shape).any(dim=0)].unique()
            assert len(touched) == 1
            assert bool(options[touched].all())
        if op.gate == "lesion":
            assert float(given[out.params.donors[b]][inside].mean()) >= op.gate_threshold - 1e-5
        if op.text == "keep":
            assert torch.equal(out.positions[b], mine[b])
            assert out.texts[b] == case.texts[b]
        elif op.text == "union":
            assert torch.equal(out.positions[b], mine[b] | donor)
        else:
            brought = (given[out.params.donors[b]] >= op.threshold) & inside
            left, had = (own[b] >= op.threshold) & ~inside, own[b] >= op.threshold
            for region in range(mine.shape[1]):
                here = boxes == region
                says, said = bool(out.positions[b, region]), bool(mine[b, region])
                if says and not said:
                    assert bool(donor[region])
                    assert bool(brought[..., here].any())
                if said and not says:
                    assert not bool(left[..., here].any())
                    assert bool(had[..., here].any())
                if bool(donor[region]) and bool(brought[..., here].any()):
                    assert says


def _pixels_untouched(op: PosAug | Reword, case: Case, out: Augmented) -> None:
    assert out.images is case.images
    assert out.target is case.target
    changed = [new != old for new, old in zip(out.texts, case.texts, strict=True)]
    assert out.params.accepted.tolist() == changed


def _only_the_words_are_others(op: Reword, case: Case, out: Augmented) -> None:
    _pixels_untouched(op, case, out)
    assert out.positions is out.params.positions
    assert torch.equal(out.positions, case.parser.encode(case.texts))
    assert torch.equal(case.parser.placed(out.texts), case.parser.placed(case.texts))


def region_owner(case: Case) -> Tensor:
    """Region of each pixel (H, W), painted from the boxes by hand."""
    height, width = case.images.shape[-2:]
    owner = torch.full((height, width), -1)
    for region, (y0, y1, x0, x1) in enumerate(case.parser.atlas.boxes):
        owner[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = region
    return owner


def text_stays_text(op, case: Case, out: Augmented) -> None:
    """Promise 4: count and uni-/bilateral words agree with the regions, where the source text had them."""
    mixes = isinstance(op, (TPatchMix, ZoneMix, Focus, SyncFlip)) and getattr(op, "text", None) != "keep"
    if not mixes:
        return
    for new, old in zip(out.texts, case.texts, strict=True):
        before, after = case.parser(old), case.parser(new)
        if not before.conflicts and new != old:
            assert not after.conflicts, (old, new, after.conflicts)
        sides = sum(any(i in side for i, bit in enumerate(after.bits) if bit) for side in case.parser.atlas.sides)
        if before.laterality is not None and not before.conflicts and sides:
            assert after.laterality == ("bilateral" if sides == 2 else "unilateral")
        if before.count is not None and after.count is not None and not before.conflicts:
            assert after.count >= sides
            assert (after.count == 0) == (sides == 0)


def inputs_unchanged(case: Case, copies: dict[str, object]) -> None:
    """No input is changed."""
    assert torch.equal(case.images, copies["images"])
    assert torch.equal(case.target, copies["target"])
    assert case.texts == copies["texts"]
    assert all(torch.equal(a, b) for a, b in zip(case.maps, copies["maps"], strict=True))


ALL = (nothing_orphaned, one_alteration, words_follow_pixels, nothing_guessed, text_stays_text)

"""What an op made of each sample, as the pairs that a page shows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import calls_of
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.functional.grid import labels
from crossmodal_aug.preview.changes import Change, change_of
from crossmodal_aug.preview.outlines import outline
from crossmodal_aug.preview.pictures import Brightness, picture_uri

_FIRST = 1000
"""Where the numbers of samples and regions begin in the maps that travel with a batch: no op fills with these."""


@dataclass(frozen=True)
class Area:
    """The place of a region in a picture.

    Attributes:
        name: Its name.
        outline: SVG path.
        corner: (x, y) of its upper left corner, in pixels.
        named: Whether the caption names it.
    """

    name: str
    outline: str
    corner: tuple[int, int]
    named: bool


@dataclass(frozen=True)
class Picture:
    """An image and what is drawn on it.

    Attributes:
        uri: The image as a data URI.
        target: SVG path around the lesion, or between the labels of the target.
        foreign: SVG path around the pixels that come from other samples.
        areas: The regions.
    """

    uri: str
    target: str
    foreign: str
    areas: tuple[Area, ...]


@dataclass(frozen=True)
class Donor:
    """Another sample whose pixels came in: its name, its caption, and the share of the pixels."""

    name: str
    text: str
    share: float


@dataclass(frozen=True)
class Step:
    """What an op of a call did to a sample: its name, and why it left the sample alone, "" where it did not."""

    op: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """A sample before and after an op.

    Attributes:
        op: The name of the op.
        name: The name of the sample.
        accepted: Whether it was altered.
        steps: What each op of a sequence did; one for an op by itself.
        added: Regions that hold after the op and did not before.
        removed: Regions that held before and do not after.
        donors: Where pixels came from, most pixels first.
        caption: What became of the caption.
        before: The sample as it was.
        after: The sample as it is.
    """

    op: str
    name: str
    accepted: bool
    steps: tuple[Step, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    donors: tuple[Donor, ...]
    caption: Change
    before: Picture
    after: Picture

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the sample was left alone, each reason once; none where it was altered."""
        return () if self.accepted else tuple(dict.fromkeys(step.reason for step in self.steps))


def pairs_of(
    ops: Mapping[str, CrossModalOp],
    images: Tensor,
    texts: Sequence[str],
    target: Tensor | None,
    *,
    evidence: Tensor | None = None,
    names: Sequence[str],
    seed: int = 0,
) -> Iterator[Pair]:
    """Run each op by itself on the batch.

    Args:
        ops: The ops by their names; each starts from the same seed.
        images: (B, C, H, W).
        texts: B captions.
        target: As of an op, or None.
        evidence: As of an op, or None.
        names: B names.
        seed: Where the randomness starts.

    Yields:
        The pairs, op by op, in the order of the batch.
    """
    brightness, size = Brightness.of(images), (images.shape[-2], images.shape[-1])
    uris = [picture_uri(image, brightness) for image in images]
    numbers = torch.arange(_FIRST, _FIRST + len(images), dtype=torch.int32)
    own = numbers.view(-1, 1, 1, 1).expand(-1, 1, *size)
    for op_name, op in ops.items():
        painted = (labels(op.atlas, size, torch.device("cpu")).int() + _FIRST).expand(len(images), 1, *size)
        out = op(
            images,
            texts,
            target,
            evidence=evidence,
            maps=(own.to(images.device), painted.to(images.device)),
            generator=torch.Generator(images.device).manual_seed(seed),
        )
        calls, accepted = calls_of(out.params), out.accepted.tolist()
        named, holding = calls[0].before.cpu(), calls[-1].positions.cpu()
        sources, painted_after = (one[:, 0].cpu() for one in out.maps)
        painted = painted[:, 0]
        # In the body frame regions travel with the tissue, in the image frame they stay where they are.
        travels = all(getattr(one, "frame", op.atlas.frame) == "body" for one in _leaves(op))
        painted_after = _as_named(painted_after, painted, op.atlas) if travels else painted
        for index, name in enumerate(names):
            foreign = (sources[index] != numbers[index]) & (sources[index] >= _FIRST)
            moved = not torch.equal(out.images[index], images[index])
            yield Pair(
                op=op_name,
                name=name,
                accepted=accepted[index],
                steps=_steps(op, calls, index),
                added=_names(op.atlas, holding[index] & ~named[index]),
                removed=_names(op.atlas, named[index] & ~holding[index]),
                donors=_donors(sources[index][foreign], foreign.numel(), names, texts),
                caption=change_of(texts[index], out.texts[index]),
                before=Picture(
                    uri=uris[index],
                    target=_target_outline(target, index),
                    foreign="",
                    areas=_areas(op.atlas, painted[index], named[index]),
                ),
                after=Picture(
                    uri=picture_uri(out.images[index], brightness) if moved else uris[index],
                    target=_target_outline(out.target, index),
                    foreign=outline(foreign.numpy()),
                    areas=_areas(op.atlas, painted_after[index], holding[index]),
                ),
            )


def _leaves(op: CrossModalOp) -> list[CrossModalOp]:
    """The ops of a sequence, sequences inside laid out, in the order of `calls_of`."""
    return [leaf for one in op for leaf in _leaves(one)] if isinstance(op, CrossModalSequential) else [op]


def _as_named(painted: Tensor, own: Tensor, atlas: Atlas) -> Tensor:
    """Name regions (B, H, W) that travelled with the tissue by where they are now: a mirror exchanges sides."""
    regions = torch.tensor([*atlas.mirror, len(atlas)], dtype=painted.dtype) + _FIRST
    within = (painted >= _FIRST) & (painted <= _FIRST + len(atlas))
    mirrored = torch.where(within, regions[(painted - _FIRST).clamp(0, len(atlas)).long()], painted)
    exchanged = (mirrored == own).sum(dim=(1, 2)) > (painted == own).sum(dim=(1, 2))
    return torch.where(exchanged.view(-1, 1, 1), mirrored, painted)


def _steps(op: CrossModalOp, calls: Sequence[Params], index: int) -> tuple[Step, ...]:
    return tuple(
        Step(type(leaf).__name__, "" if call.accepted[index] else Reason(int(call.reason[index])).words)
        for leaf, call in zip(_leaves(op), calls, strict=True)
    )


def _names(atlas: Atlas, bits: Tensor) -> tuple[str, ...]:
    return tuple(name for name, bit in zip(atlas.names, bits.tolist(), strict=True) if bit)


def _donors(sources: Tensor, pixels: int, names: Sequence[str], texts: Sequence[str]) -> tuple[Donor, ...]:
    counts = Counter((sources - _FIRST).tolist())
    return tuple(Donor(names[index], texts[index], count / pixels) for index, count in counts.most_common())


def _target_outline(target: Tensor | None, index: int) -> str:
    if target is None:
        return ""
    values = target[index].cpu()
    return outline((values.double() >= 0.5 if values.is_floating_point() else values).numpy())


def _areas(atlas: Atlas, painted: Tensor, named: Tensor) -> tuple[Area, ...]:
    areas = []
    for number, (name, says) in enumerate(zip(atlas.names, named.tolist(), strict=True)):
        pixels = painted == number + _FIRST
        if pixels.any():
            y, x = (int(one.min()) for one in pixels.nonzero().unbind(dim=1))
            areas.append(Area(name, outline(pixels.numpy()), (x, y), says))
    return tuple(areas)

"""Hypothesis strategies: captions in several styles, and whole batches of every shape and dtype that the ops accept."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from crossmodal_aug import LUNG_ZONES, QUADRANTS, Augmented, PositionParser

PARSERS = {"lung": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}
SPELLED = ("zero", "one", "two", "three", "four", "five", "six")
ROWS = ("upper", "middle", "lower")


@st.composite
def template_captions(draw: st.DrawFn) -> str:
    """Captions in the style of the chest X-ray data set: stacked zones, a count, uni- or bilateral."""
    rows = {side: [r for r in ROWS if draw(st.booleans())] for side in ("left", "right")}
    named = [f"{' '.join(zones)} {side} lung" for side, zones in rows.items() if zones]
    if not named:
        return draw(st.sampled_from(["No pulmonary infection, zero infected areas.", "no findings"]))
    laterality = "bilateral" if len(named) == 2 else "unilateral"
    count = draw(st.integers(len(named), 6))
    noun = "area" if count == 1 else "areas"
    text = f"{laterality} pulmonary infection, {SPELLED[count]} infected {noun}, {' and '.join(named)}."
    return text[0].upper() + text[1:] if draw(st.booleans()) else text


LUNG_PROSE = st.sampled_from(
    [
        "Opacity in the lower left lung.",
        "Patchy consolidation in the right upper lobe and the left lower lobe.",
        "Bibasilar atelectasis.",
        "The right lung is clear. Left lower lobe pneumonia.",
        "Heart size is normal.",
        "All left lung and middle right lung are involved, as before",
        "COVID-19 pneumonia.",
        "Patchy opacities are seen.",
        "No pulmonary infection.",
        "",
    ]
)
QUADRANT_CAPTIONS = st.sampled_from(
    [
        "One polyp in the top left of the image.",
        "Two lesions, top left and bottom right.",
        "A mass in the center.",
        "The lesion lies on the right side of the image.",
        "No lesion.",
        "One polyp.",
    ]
)


@dataclass
class Case:
    """One call of an op: the batch as keyword arguments, and what its parser is."""

    parser: PositionParser
    images: torch.Tensor
    texts: list[str]
    target: torch.Tensor
    maps: tuple[torch.Tensor, ...]
    donors: Augmented | None
    seed: int
    evidence: torch.Tensor | None = None
    apart: str | None = None

    def suit(self, op: torch.nn.Module) -> torch.nn.Module:
        """Tell an op, and those inside it, what empties a target of this kind."""
        for one in op.modules():
            if hasattr(one, "target_fill"):
                one.target_fill = None if self.apart is None else APART[self.apart]
            if hasattr(one, "ignore_index"):
                one.ignore_index = IGNORED if self.apart == "ignored border" else None
        return op

    def empty(self, like: torch.Tensor) -> torch.Tensor:
        """A target of this kind with nothing in it, of the shape of a sample (C, *spatial)."""
        fill = torch.tensor(0.0 if self.apart is None else APART[self.apart]).to(like.dtype)
        return fill.view(-1, *[1] * (like.ndim - 1)).expand_as(like) if fill.ndim else fill.expand_as(like)

    def run(self, op: torch.nn.Module, **changes: object) -> Augmented:
        """Call ``op`` on this batch with this case's seed."""
        call = {"images": self.images, "texts": self.texts, "target": self.target, **changes}
        return op(
            call.pop("images"),
            call.pop("texts"),
            call.pop("target"),
            **{
                "maps": self.maps,
                "donors": self.donors,
                "evidence": self.evidence,
                "generator": torch.Generator().manual_seed(self.seed),
                **call,
            },
        )

    @property
    def source(self) -> Augmented:
        """The batch that pixels come from."""
        own = Augmented(self.images, self.texts, self.target, None, self.maps, evidence=self.evidence)
        return self.donors or own

    @property
    def shown(self) -> torch.Tensor:
        """What says where lesion is: the evidence that is given apart, or else the target."""
        return self.target if self.evidence is None else self.evidence


IMAGE_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int16)
TARGETS = ("mask int64", "mask bool", "mask uint8 without channel", "probability", "probability float64")
# What a target may hold where the evidence is given apart, and what empties it.
APART = {"class ids": 0.0, "ignored border": 0.0, "logits": -9.0, "one-hot": (1.0, 0.0, 0.0)}
IGNORED = 255


def _images(rng: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.randint(0, 200, shape, generator=rng).to(dtype)


def _target(rng: torch.Generator, batch: int, spatial: tuple[int, ...], kind: str) -> torch.Tensor:
    # Blobs rather than noise: a coarse random grid, enlarged, so that patches can lie inside lesions.
    coarse = torch.rand(batch, 1, *[max(1, n // 3) for n in spatial], generator=rng)
    smooth = torch.nn.functional.interpolate(coarse, size=spatial, mode="nearest")
    smooth = torch.where(torch.rand(batch, *[1] * (len(spatial) + 1), generator=rng) < 0.2, 0.0, smooth)
    if kind == "mask int64":
        return (smooth > 0.5).long()
    if kind == "mask bool":
        return smooth > 0.5
    if kind == "mask uint8 without channel":
        return (smooth > 0.5).to(torch.uint8)[:, 0] * 255
    return smooth.double() if kind.endswith("float64") else smooth


def _apart(rng: torch.Generator, evidence: torch.Tensor, spatial: tuple[int, ...], kind: str) -> torch.Tensor:
    """A target that is no evidence: labels of two kinds, labels with a border to ignore, logits, or channels."""
    shape = (evidence.shape[0], 1, *spatial)
    lesion = (evidence > 0).view(shape) if not evidence.is_floating_point() else (evidence >= 0.5).view(shape)
    if kind == "logits":
        return torch.randn(shape, generator=rng) + 4 * lesion.float() - 2
    labels = torch.where(lesion, torch.randint(1, 3, shape, generator=rng), 0)
    if kind == "ignored border":
        return torch.where(torch.rand(shape, generator=rng) < 0.2, IGNORED, lesion.long()).to(torch.uint8)
    if kind == "one-hot":
        return torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1).float()
    return labels


@st.composite
def cases(draw: st.DrawFn, atlas: str | None = None, min_batch: int = 0) -> Case:
    """Batches over shapes, dtypes, memory layouts, atlases, captions, donors and seeds."""
    atlas = atlas or draw(st.sampled_from(["lung", "lung", "quadrants"]))
    texts = st.one_of(template_captions(), LUNG_PROSE) if atlas == "lung" else QUADRANT_CAPTIONS
    rng = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    size = st.integers(3, 14)
    spatial = tuple(draw(st.lists(size, min_size=2, max_size=3)))
    channels = draw(st.integers(1, 3))
    dtype, kind = draw(st.sampled_from(IMAGE_DTYPES)), draw(st.sampled_from(TARGETS))
    with_maps = draw(st.booleans())
    layout = draw(st.sampled_from(["contiguous", "strided", "channels last"]))
    apart = draw(st.one_of(st.none(), st.none(), st.sampled_from(list(APART))))

    def batch(count: int) -> Augmented:
        images = _images(rng, (count, channels, *spatial), dtype)
        if layout == "strided":
            images = _images(rng, (count, channels, *spatial[:-1], 2 * spatial[-1]), dtype)[..., ::2]
        elif layout == "channels last" and len(spatial) == 2:
            images = images.contiguous(memory_format=torch.channels_last)
        maps: tuple[torch.Tensor, ...] = ()
        if with_maps:
            maps = (_images(rng, (count, *spatial), torch.int64), _images(rng, (count, 2, 1, *spatial), torch.float32))
        captions = draw(st.lists(texts, min_size=count, max_size=count))
        target, evidence = _target(rng, count, spatial, kind), None
        if apart is not None:
            evidence, target = target, _apart(rng, target, spatial, apart)
        return Augmented(images, captions, target, None, maps, evidence=evidence)

    mine = batch(draw(st.integers(min_batch, 5)))
    donors = batch(draw(st.integers(1, 4))) if draw(st.booleans()) else None
    return Case(
        PARSERS[atlas],
        mine.images,
        list(mine.texts),
        mine.target,
        tuple(mine.maps),
        donors,
        draw(st.integers(0, 2**31)),
        mine.evidence,
        apart,
    )

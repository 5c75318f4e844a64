"""Draw the gallery of all ops, on drawn chests, and write its page: python docs/draw_gallery.py.

Pictures and captions come from the ops themselves; `docs/gallery.md` is written by this script and by nothing else.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

import crossmodal_aug
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Augmented, CrossModalSequential, PositionParser
from crossmodal_aug.augment import CrossModalOp, Reason

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.captions import compared_words  # noqa: E402  (the example is a script's folder, not a package)
from semimedref.data.phantom import ROWS, Phantom, draw_phantom  # noqa: E402

DOCS = ROOT / "docs"
SIZE = 256
ANCHOR, DONOR, RESULT, SEAM = (76, 201, 240), (255, 183, 3), (247, 37, 133), (255, 255, 255)
CHESTS = PositionParser(LUNG_ZONES.with_geometry(rows=ROWS, laterality="viewer"))
INTRODUCTION = """\
# Gallery

Every op on drawn chests: what goes in, what comes out, and the words that changed. ~~Struck through~~ is what the
caption lost, **bold** is what it gained. The outline is the mask; a white line is where pixels changed hands. In these
drawings, as in QaTa-COV19, "left" is the left of the image.
"""


@dataclass(frozen=True)
class Example:
    """An op and the samples that it is shown on.

    Attributes:
        name: Of the pictures' files.
        about: What to look at, in Markdown.
        calls: The ops as they are written in Python; for ops on text alone several, one caption each.
        zones: Of the anchor and of the donor, the zones (numbers in the order of the atlas) that hold an opacity.
        seeds: Of the generators of the calls.
        parser: What `parser` stands for in the calls.
        captions: Instead of those of the drawings.
    """

    name: str
    about: str
    calls: tuple[str, ...]
    zones: tuple[list[int], list[int]] = ([0, 4], [1, 5])
    seeds: tuple[int, ...] = (0,)
    parser: PositionParser = CHESTS
    captions: tuple[str, str] | None = None


SECTIONS: dict[tuple[str, str], tuple[Example, ...]] = {
    ("SyncFlip", "sync-flip"): (
        Example("sync-flip", "Left and right change places, in pixels and in words.", ("SyncFlip(parser, p=1.0)",)),
    ),
    ("SyncGeometry", "sync-geometry"): (
        Example(
            "sync-geometry",
            "In the [frame of the body](concepts/regions-and-frames.md) words travel with the tissue: a small turn "
            "and a zoom change none.",
            ("SyncGeometry(parser, p=1.0, horizontal=False, degrees=10.0, scale=(1.1, 1.2))",),
            seeds=(3,),
        ),
        Example(
            "sync-geometry-crop",
            "What a crop has cut off is no longer named.",
            ("SyncGeometry(parser, p=1.0, horizontal=False, crop=0.5)",),
            seeds=(5,),
        ),
        Example(
            "sync-geometry-image",
            "In the frame of the image, here with the atlas `QUADRANTS`, every geometry changes the words.",
            ("SyncGeometry(parser, p=1.0, horizontal=False, quarter_turns=True)",),
            zones=([0], [2]),
            seeds=(2,),
            parser=PositionParser(QUADRANTS),
            captions=("One opacity, at the top left of the image.", "One opacity, at the bottom left of the image."),
        ),
    ),
    ("T-PatchMix", "t-patch-mix"): (
        Example(
            "t-patch-mix",
            "The patch brings a lesion of the donor, and the caption names it.",
            ('TPatchMix(parser, patch_size=72, p=1.0, where="donor", gate=None)',),
            zones=([0], [4]),
            seeds=(2,),
        ),
        Example(
            "t-patch-mix-covered",
            "The patch covers a lesion of the anchor, and the caption forgets it.",
            ('TPatchMix(parser, patch_size=96, p=1.0, where="anchor", gate=None)',),
            zones=([0, 4], [2, 5]),
        ),
    ),
    ("ZoneMix", "zone-mix"): (
        Example(
            "zone-mix",
            "One side is the donor's, with its words.",
            ('ZoneMix(parser, unit="side", p=1.0)',),
            seeds=(1,),
        ),
    ),
    ("Focus", "focus"): (
        Example(
            "focus",
            "The caption keeps one side, and the target follows. The image stays: only the words say which lesion is "
            "meant.",
            ('Focus(parser, unit="side", p=1.0)',),
        ),
    ),
    ("PosAug", "pos-aug"): (
        Example(
            "pos-aug",
            "Positions become wider and stay true, become vague, or are hidden. Image and target stay.",
            tuple(f'PosAug(parser, phrase_p=1.0, mode="{mode}")' for mode in ("coarsen", "fuzz", "mask")),
            seeds=(0, 0, 0),
        ),
    ),
    ("Reword", "reword"): (
        Example(
            "reword",
            "The same regions in other words. Image and target stay.",
            ("Reword(parser, p=1.0)",) * 3,
            seeds=(1, 2, 4),
        ),
    ),
    ("CrossModalSequential", "sequential"): (
        Example(
            "sequential",
            "Several ops in a row are one op, with one replay.",
            ("CrossModalSequential(ZoneMix(parser, p=1.0), SyncFlip(parser, p=1.0))",),
            seeds=(1,),
        ),
        Example(
            "left-alone",
            "A caption that does not say where cannot follow, so nothing is moved: "
            "[what is left alone, and why](concepts/left-alone.md).",
            ('ZoneMix(parser, unit="side", p=1.0)',),
            seeds=(1,),
            captions=("COVID-19 pneumonia.", "bilateral pulmonary infection, two infected areas, lower lungs."),
        ),
    ),
}
"""All that is shown: the name of an op and its page of the reference, and its examples."""


def draw(page: Path, assets: Path) -> None:
    """Draw all pictures and write the page.

    Args:
        page: The Markdown file to write.
        assets: The folder of the pictures, which is made; below the folder of the page.
    """
    assets.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION]
    for (title, reference), examples in SECTIONS.items():
        parts.append(f"## {title}\n\nIts page: [{title}](reference/{reference}.md).\n")
        for example in examples:
            code = "\n".join(f"    {call}" for call in dict.fromkeys(example.calls))
            parts.append(f"{example.about}\n\n{code}\n\n{_table(example, page, assets)}")
    page.write_text("\n".join(parts), encoding="utf-8")


def _table(example: Example, page: Path, assets: Path) -> str:
    """Draw the pictures of an example, and return its table."""
    anchor, donor = (draw_phantom(SIZE, (3, 4 + 5 * place), zones) for place, zones in enumerate(example.zones))
    captions = list(example.captions or (anchor.caption, donor.caption))
    images, masks = _stacked(anchor, donor)
    names = {name: getattr(crossmodal_aug, name) for name in crossmodal_aug.__all__} | {"parser": example.parser}
    ops: list[CrossModalOp] = [
        eval(call, names)  # noqa: S307  (what is printed is what is run)
        for call in example.calls
    ]
    outs = [
        op(images, captions, masks, generator=torch.Generator().manual_seed(seed))
        for op, seed in zip(ops, example.seeds, strict=True)
    ]
    told = [_told(captions[0], out) for out in outs]

    def save(name: str, picture: Image.Image) -> str:
        path = assets / f"{example.name}-{name}.webp"
        picture.save(path, quality=80, method=6)
        return f"![{example.name}, {name}]({path.relative_to(page.parent).as_posix()})"

    before = save("before", _drawn(images[0], masks[0], ANCHOR))
    if len(ops) > 1:  # on text alone, so that the picture stands once
        return "\n".join([before, "", *(f"- {text}" for text in (captions[0], *told)), ""])
    columns = [("before", before, captions[0])]
    seam = None
    if _mixes(ops[0]):
        columns.append(("donor", save("donor", _drawn(images[1], masks[1], DONOR)), captions[1]))
        seam = ops[0].replay(torch.arange(2).view(-1, 1, 1, 1).expand_as(masks), outs[0].params)[0] != 0
    after = _drawn(outs[0].images[0], outs[0].target[0], RESULT, seam)
    columns.append(("after", save("after", after), told[0]))
    heads, pictures, texts = (f"| {' | '.join(row)} |" for row in zip(*columns, strict=True))
    return "\n".join([heads, "|---" * len(columns) + "|", pictures, texts, ""])


def _told(before: str, out: Augmented) -> str:
    """Return a caption with the words set off that it lost and gained; why it is the same, where it was left alone."""
    after = out.texts[0]
    if not out.accepted[0]:
        return f"{after}<br>*left alone: {Reason(int(out.params.reason[0])).words}*"
    marks = {"kept": "", "gone": "~~", "new": "**"}
    words: list[str] = []
    fates: list[str] = []
    for word, fate in compared_words(before, after):
        if fates and fates[-1] == fate:
            words[-1] += f" {word}"
        else:
            words.append(word)
            fates.append(fate)
    return " ".join(f"{marks[fate]}{word}{marks[fate]}" for word, fate in zip(words, fates, strict=True))


def _mixes(op: CrossModalOp) -> bool:
    return any(one.mixes for one in op) if isinstance(op, CrossModalSequential) else op.mixes


def _stacked(*chests: Phantom) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(np.stack([one.image for one in chests]))[:, None]
    return images, torch.from_numpy(np.stack([one.mask for one in chests]))[:, None]


def _drawn(image: Tensor, mask: Tensor, colour: tuple[int, int, int], seam: Tensor | None = None) -> Image.Image:
    """Return an image (1, S, S) with the outline of its mask, and where pixels changed hands."""
    picture = Image.fromarray(image[0].numpy()).convert("RGB")
    for area, shade in ((seam, SEAM), (mask, colour)):
        if area is not None:
            picture.paste(shade, mask=_outline(area[0].numpy()))
    return picture


def _outline(area: NDArray[np.bool_]) -> Image.Image:
    filled = Image.fromarray(area.astype(np.uint8) * 255)
    inner = np.asarray(filled.filter(ImageFilter.MinFilter(3))) > 0
    outer = np.asarray(filled.filter(ImageFilter.MaxFilter(3))) > 0
    return Image.fromarray((outer & ~inner).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(0.4))


def main() -> None:
    """Draw the gallery in its place."""
    draw(DOCS / "gallery.md", DOCS / "assets" / "gallery")


if __name__ == "__main__":
    main()

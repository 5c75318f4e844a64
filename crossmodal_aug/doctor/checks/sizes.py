"""Sizes and depths: masks that do not fit their image, images of another kind than the rest, blank ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crossmodal_aug.doctor.findings import Finding, Level, listed, several
from crossmodal_aug.doctor.study import Study


def check_sizes(study: Study) -> Iterator[Finding]:
    """Say what sizes and kinds of pictures there are, and which do not fit."""
    images = {index: one for index, one in enumerate(study.images) if one is not None and not one.error}
    if not images:
        return
    masks = {index: one for index, one in enumerate(study.masks) if one is not None and not one.error}
    wrong = [index for index, mask in masks.items() if index in images and images[index].size != mask.size]
    found = bool(wrong)
    if wrong:
        first = wrong[0]
        turned = all(images[index].size == masks[index].size[::-1] for index in wrong)
        text = (
            f"{several(len(wrong), 'mask')} of another size than the image"
            f"{', with rows and columns exchanged' if turned else ''}: {study.rows[first].name} has "
            f"{_by(images[first].size)} and its mask {_by(masks[first].size)} pixels."
        )
        yield Finding("sizes", Level.MEND, "mask-sizes", text, tuple(wrong))
    blank = [index for index, one in images.items() if one.blank]
    if blank:
        found = True
        text = f"{several(len(blank), 'image')} of one value throughout: {listed([study.rows[i].name for i in blank])}."
        yield Finding("sizes", Level.MEND, "blank-images", text, tuple(blank))
    turned_rows = [index for index, one in images.items() if one.turned]
    if turned_rows:
        found = True
        text = (
            f"{several(len(turned_rows), 'image')} with an EXIF orientation that turns what viewers show; many readers "
            "do not heed it. Store them upright."
        )
        yield Finding("sizes", Level.LOOK, "exif-orientation", text, tuple(turned_rows))
    kinds, sizes = Counter(one.kind for one in images.values()), Counter(one.size for one in images.values())
    figures = {"kinds": dict(kinds), "sizes": {_by(size): times for size, times in sizes.most_common(20)}}
    if len(kinds) > 1:
        found = True
        common = kinds.most_common(1)[0][0]
        odd = [index for index, one in images.items() if one.kind != common]
        told = ", ".join(f"{kind} ({times:,})" for kind, times in kinds.most_common(4))
        yield Finding(
            "sizes", Level.LOOK, "image-kinds", f"Images of several kinds: {told}.", tuple(odd), figures=figures
        )
    told = (
        _by(sizes.most_common(1)[0][0])
        if len(sizes) == 1
        else f"{len(sizes):,} sizes, from {_by(min(sizes))} to {_by(max(sizes))}"
    )
    if not found:
        text = f"Images are {next(iter(kinds))}, {told} pixels{', and masks have their size' if masks else ''}."
        yield Finding("sizes", Level.GOOD, "sizes", text, figures=figures)


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"

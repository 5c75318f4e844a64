"""Mask values: which of them is lesion, and whether all files mean the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from crossmodal_aug.doctor.findings import Finding, Level, listed, several
from crossmodal_aug.doctor.pictures import MaskFacts
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.doctor.values import MaskValues

_GREY = 0.25
"""Share of what is not background that lies between the levels, where it is no border any more."""

UNCLEAR = ("mask-classes", "mask-background", "mask-values-differ", "grey-masks")
"""Findings for which nobody but the user can say what is lesion."""


def check_mask_values(study: Study) -> Iterator[Finding]:
    """Say what the values of the masks mean, and which files mean something else."""
    yield from findings_of([row.name for row in study.rows], study.masks, study.settings.mask_values)


def findings_of(names: Sequence[str], masks: Sequence[MaskFacts | None], given: MaskValues) -> Iterator[Finding]:
    """Say what the values of some masks mean.

    Args:
        names: The name of each, for messages.
        masks: What is kept of each; None where there is none.
        given: Values that the user says are lesion.
    """
    there = {index: one for index, one in enumerate(masks) if one is not None and not one.error}
    if there:
        yield from _findings(names, there, given)


def _findings(names: Sequence[str], masks: Mapping[int, MaskFacts], given: MaskValues) -> Iterator[Finding]:
    findings = list(_listed(masks, given.text) if given.text else _told(names, masks))
    yield from findings
    full = [index for index, one in masks.items() if one.area == 1]
    if full:
        text = f"{several(len(full), 'mask')} of lesion throughout: {listed([names[index] for index in full])}."
        yield Finding("masks", Level.LOOK, "full-masks", text, tuple(full))
    lesions = sorted(one.area for one in masks.values() if one.area > 0)
    if not lesions:
        yield Finding("masks", Level.MEND, "no-lesion", f"None of {several(len(masks), 'mask')} holds lesion.")
    elif lesions[len(lesions) // 2] > 0.5:
        text = "Half of the masks call more than half of the image lesion: are lesion and background exchanged?"
        yield Finding("masks", Level.LOOK, "inverted-masks", text, figures={"median-area": lesions[len(lesions) // 2]})
    if not findings:
        empty = len(masks) - len(lesions)
        levels = sorted({level for one in masks.values() for level in one.levels})
        text = f"{_values(levels)}: {levels[-1]:g} is lesion, in {several(len(lesions), 'mask')}"
        text += f"; {empty:,} hold none." if empty else "."
        yield Finding("masks", Level.GOOD, "mask-values", text, figures={"levels": levels, "empty": empty})


def _advice(levels: Sequence[float], many: bool = False) -> str:
    """What to say of a mask with some values, of which the lowest is taken for background."""
    above = levels[1:] or levels
    if many:
        said = f"--mask-values {levels[-1] / 2:.0f}-{levels[-1]:g}, if the brighter half is"
    elif len(above) == 1:
        said = f"--mask-values {above[0]:g}, if that is"
    else:
        each = ",".join(f"{level:g}" for level in above)
        said = f"--mask-values {each}, if {'both' if len(above) == 2 else 'all'} are, or those that are"
    return f"Say which values are lesion ({said}), or store two values."


def _told(names: Sequence[str], masks: Mapping[int, MaskFacts]) -> Iterator[Finding]:
    """What the files tell by themselves."""
    exact = {index: one for index, one in masks.items() if not (one.many or one.lossy)}
    classes = [index for index, one in exact.items() if len(one.levels) > 2]
    if classes:
        kinds = Counter(masks[index].levels for index in classes)
        every = sorted({level for kind in kinds for level in kind})
        text = (
            f"{several(len(classes), 'mask')} of more than two values, such as "
            f"{_values(max(kinds, key=kinds.__getitem__))} ({names[classes[0]]} first). {_advice(every)}"
        )
        yield Finding("masks", Level.MEND, "mask-classes", text, tuple(classes))
    shifted = [index for index, one in masks.items() if len(one.levels) > 1 and one.levels[0] > 0.25 * one.levels[-1]]
    if shifted:
        text = (
            f"{several(len(shifted), 'mask')} whose background is not 0: {names[shifted[0]]} holds "
            f"{_values(masks[shifted[0]].levels)}. {_advice(masks[shifted[0]].levels, masks[shifted[0]].many)}"
        )
        yield Finding("masks", Level.MEND, "mask-background", text, tuple(shifted))
    bright = Counter(one.levels[-1] for one in exact.values() if len(one.levels) <= 2 and one.levels[-1] > 0)
    if len(bright) > 1:
        common = bright.most_common(1)[0][0]
        odd = [i for i, one in exact.items() if len(one.levels) <= 2 and one.levels[-1] not in (0, common)]
        told = ", ".join(f"{level:g} in {times:,}" for level, times in bright.most_common(4))
        text = f"Masks mean different things: lesion is {told}; {listed([names[i] for i in odd])} differ."
        yield Finding("masks", Level.MEND, "mask-values-differ", text, tuple(odd))
    soft = [index for index, one in masks.items() if one.many or (one.lossy and len(one.levels) > 2)]
    grey = [index for index in soft if masks[index].between > _GREY]
    if grey:
        text = (
            f"{several(len(grey), 'mask')} of many greys, no border alone: {names[grey[0]]}. "
            f"{_advice(masks[grey[0]].levels, many=True)}"
        )
        yield Finding("masks", Level.MEND, "grey-masks", text, tuple(grey))
    if len(soft) > len(grey):
        rest = [index for index in soft if index not in set(grey)]
        text = (
            f"{several(len(rest), 'mask')} with soft borders or noise of JPEG; cut them at half of the brightest value "
            "before training."
        )
        yield Finding("masks", Level.LOOK, "soft-masks", text, tuple(rest))
    coloured = [index for index, one in masks.items() if one.coloured]
    if coloured:
        text = f"{several(len(coloured), 'mask')} in colours; any that is not black is taken for lesion."
        yield Finding("masks", Level.LOOK, "coloured-masks", text, tuple(coloured))


def _listed(masks: Mapping[int, MaskFacts], text: str) -> Iterator[Finding]:
    """What the values do that the user listed."""
    levels = Counter(level for one in masks.values() for level in one.levels)
    if not any(one.area for one in masks.values()):
        there = _values(sorted(levels)[:8])
        yield Finding("masks", Level.MEND, "mask-values-absent", f"No mask holds {text}; they hold {there}.")
        return
    without = sum(one.area == 0 for one in masks.values())
    told = f"{text} is lesion, as you said; {without:,} of {several(len(masks), 'mask')} hold none of it."
    yield Finding("masks", Level.GOOD, "mask-values", told, figures={"levels": sorted(levels)[:16]})


def _values(levels: list[float] | tuple[float, ...]) -> str:
    return listed([f"{level:g}" for level in levels], most=6)

"""Wording: from regions to the phrases that name them."""

from __future__ import annotations

from dataclasses import dataclass

from crossmodal_aug.anatomy.atlas.atlas import Atlas


@dataclass(frozen=True, slots=True)
class Style:
    """How a source text lists regions.

    Args:
        stacked: "upper middle left lung", as captions do; else "upper and middle left lung".
        whole: "all left lung" for a whole side.
    """

    stacked: bool
    whole: bool


def position_phrase(atlas: Atlas, mask: int, style: Style) -> str:
    """Name regions in words.

    Args:
        atlas: The atlas.
        mask: Bits of the regions, at least one.
        style: How the source text lists them.

    Returns:
        A phrase such as "upper and middle left lung and lower right lung".
    """
    return atlas.phrasing.join.join(position_phrases(atlas, mask, style))


def position_phrases(atlas: Atlas, mask: int, style: Style) -> list[str]:
    """Name regions in words, one phrase per side where a side can be named at once.

    Args:
        atlas: The atlas.
        mask: Bits of the regions, at least one.
        style: How the source text lists them.

    Returns:
        Phrases such as "upper and middle left lung" and "lower right lung".
    """
    words = atlas.phrasing
    phrases: list[str] = []
    grouped: set[int] = set()
    for name, side in zip(words.sides, atlas.sides, strict=True):
        chosen = [index for index in side if mask >> index & 1]
        if len(chosen) < 2 or not all(words.parts[index] for index in chosen):
            continue
        grouped.update(chosen)
        if len(chosen) == len(side) and style.whole and words.whole:
            phrases.append(words.whole.format(side=name))
        elif len(chosen) == len(side) and not style.stacked:
            phrases.append(words.coarse.format(side=name))
        else:
            parts = [words.parts[index] for index in chosen]
            listed = " ".join(parts) if style.stacked else ", ".join(parts[:-1]) + " and " + parts[-1]
            phrases.append(words.some.format(parts=listed, side=name))
    single = {index: words.regions[index] for index in range(len(atlas)) if mask >> index & 1}
    # Sides keep the order of the atlas, so a phrase of several regions stands where its first one would.
    ordered: list[str] = []
    rest = iter(phrases)
    for side in (*atlas.sides, tuple(i for i in single if not any(i in side for side in atlas.sides))):
        inside = [index for index in side if index in single]
        if inside and inside[0] in grouped:
            ordered.append(next(rest))
        else:
            ordered += [single[index] for index in inside]
    return ordered


def present_sentence(atlas: Atlas, mask: int) -> str:
    """Return a sentence that places something in these regions."""
    return atlas.phrasing.present.format(positions=position_phrase(atlas, mask, Style(False, False)))


def sides_named(atlas: Atlas, mask: int) -> int:
    """Return how many sides of the atlas a set of regions touches."""
    return sum(any(mask >> index & 1 for index in side) for side in atlas.sides)

"""Naming: from regions to the words of a style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import lexicon_for
from crossmodal_aug.anatomy.writing.number import plural_of
from crossmodal_aug.anatomy.writing.styles import Style, styles_for, word_list
from crossmodal_aug.anatomy.writing.wording import Style as AtlasStyle
from crossmodal_aug.anatomy.writing.wording import position_phrases

# "The upper, mid and lower zones of both lungs" would be both lungs.
_MOST_SHARED = 2


@dataclass(frozen=True, slots=True)
class Item:
    """One place in words.

    Args:
        words: The words.
        many: Whether they are a plural.
        article: Whether they take "the".
    """

    words: str
    many: bool = False
    article: bool = True


def listed(words: Sequence[str]) -> str:
    """Join words to a list.

    Args:
        words: At least one.

    Returns:
        "a", "a and b", "a, b and c".
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def articled(items: Sequence[Item]) -> str:
    """Join places to a list in which each has its article.

    Args:
        items: At least one place.

    Returns:
        "both bases and the left apex".
    """
    return listed([f"the {item.words}" if item.article else item.words for item in items])


def preposition(items: Sequence[Item]) -> str:
    """Return the preposition that leads to a list of places.

    Args:
        items: At least one place.

    Returns:
        "at" before "the left base", "in" before all others.
    """
    return "at" if all(item.words.rpartition(" ")[2] in word_list("bonds", "at") for item in items) else "in"


def atlas_items(atlas: Atlas, mask: int) -> list[Item]:
    """Name regions in the words of the atlas.

    Args:
        atlas: The atlas.
        mask: Bits of the regions, at least one.

    Returns:
        One item a phrase; one article stands before them all.
    """
    phrases = position_phrases(atlas, mask, AtlasStyle(stacked=False, whole=False))
    return [Item(words, article=not order) for order, words in enumerate(phrases)]


def items_of(atlas: Atlas, mask: int, style: Style, sides: Sequence[int], *, attribute: bool) -> list[Item] | None:
    """Name regions in a style.

    Args:
        atlas: The atlas.
        mask: Bits of the regions, at least one.
        style: The style.
        sides: Numbers of the sides of the atlas, in the order to name them in.
        attribute: Whether they stand before a finding.

    Returns:
        The places, or None where the style has no words for one of them.
    """
    namer = _Namer(atlas, style, attribute=attribute)
    even = mask & lexicon_for(atlas).mirrored_mask(mask)
    rest = mask & ~even
    if even.bit_count() == 2 and rest.bit_count() == 1:  # "both bases and the left apex"
        parts = namer.items(even, sides), namer.items(rest, sides)
        if parts[0] is not None and parts[1] is not None and len(parts[0]) == 1:
            return parts[0] + parts[1]
    return namer.items(mask, sides)


class _Namer:
    def __init__(self, atlas: Atlas, style: Style, *, attribute: bool) -> None:
        self.atlas = atlas
        self.style = style
        self.attribute = attribute
        self.entries = style.attributes if attribute else style.nouns
        self.spare = styles_for(atlas).side
        self.lexicon = lexicon_for(atlas)
        one, several = style.whole
        self.both_sides = several if several in self.lexicon.own else ""
        self.whole = one if one in self.lexicon.own else ""

    def items(self, mask: int, sides: Iterable[int]) -> list[Item] | None:
        is_even = mask == self.lexicon.mirrored_mask(mask)
        even = self._even_items(mask) if is_even and len(self.atlas.sides) == 2 else None
        if even is not None:
            return even
        found: list[Item] = []
        for number in sides:
            chosen = [index for index in self.atlas.sides[number] if mask >> index & 1]
            if len(chosen) == len(self.atlas.sides[number]) and not self.style.bound:
                found.append(self._whole_side(number))
                continue
            if any(index not in self.entries for index in chosen):
                return None
            found += self._side_items(chosen)
        inside = sum(1 << index for side in self.atlas.sides for index in side)
        return None if mask & ~inside else found

    def _even_items(self, mask: int) -> list[Item] | None:
        """Name what lies on both sides alike: "both bases", "bilateral upper lobe"."""
        if mask == self.lexicon.full and not self.style.bound:
            if self.attribute:
                return [Item("bilateral", many=True)]
            return [Item(f"both {self.both_sides}", many=True, article=False)] if self.both_sides else None
        stems, others = ([self._stem(index) for index in side if mask >> index & 1] for side in self.atlas.sides)
        if stems != others or not all(stems) or not 0 < len(stems) <= _MOST_SHARED:
            return None
        return self._even_attribute(stems) if self.attribute else self._even_noun(stems)

    def _stem(self, index: int) -> str:
        entry = self.entries.get(index)
        return entry.stem if entry is not None and entry.side else ""

    def _even_attribute(self, stems: list[str]) -> list[Item]:
        known = [self.style.both.get(stem, "") for stem in stems]
        words = listed(known) if all(known) else f"bilateral {_shared(stems) or listed(stems)}"
        return [Item(words, many=True)]

    def _even_noun(self, stems: list[str]) -> list[Item] | None:
        several = self.style.several
        if len(stems) > 1:  # "both upper and lower lobes" would not tell what both are
            zones = _shared(stems, several and "zone")
            return (
                [Item(f"{plural_of(zones)} of both {self.both_sides}", many=True)]
                if zones and self.both_sides
                else None
            )
        # "both upper lung zones", not "both upper lungs"
        words = f"{stems[0].rpartition(' ')[0]} {several}".strip() if several else plural_of(stems[0])
        return [Item(f"both {words}", many=True, article=False)]

    def _whole_side(self, number: int) -> Item:
        side = self.atlas.phrasing.sides[number]
        return Item(f"{side} {self.whole}" if self.whole else self.atlas.phrasing.coarse.format(side=side))

    def _side_items(self, chosen: list[int]) -> list[Item]:
        entries = [self.entries[index] for index in chosen]
        stems = [entry.stem for entry in entries]
        if len(entries) < 2 or not all(entry.side for entry in entries):
            return [Item(str(entry) if entry.side else entry.stem.upper()) for entry in entries]
        side = entries[0].side
        spare: list[str] = []
        if any(" " in stem for stem in stems) and all(index in self.spare.nouns for index in chosen):
            # "the left upper lobe and mid lung" would read as two kinds of things
            spare = [self.spare.nouns[index].stem for index in chosen]
        if self.attribute:
            return [Item(f"{side} {_shared(stems) or _shared(spare) or listed(stems)}")]
        shared = _shared(stems, self.style.several)
        if shared and not self.style.several:
            shared = plural_of(shared)
        shared = shared or _shared(spare, self.spare.several)
        if shared:
            return [Item(f"{side} {shared}", many=True)]
        return [Item(str(entry)) for entry in entries]


def _shared(stems: list[str], several: str = "") -> str:
    """Join places that end in the same noun: "upper and lower lung zone"; "" where they do not.

    Args:
        stems: Places without their side.
        several: What to end with where there is more than one, instead of that noun.
    """
    if len(stems) < 2:
        return "".join(stems)
    words = [stem.split() for stem in stems]
    size = 0
    while size < min(map(len, words)) - 1 and len({tuple(own[-size - 1 :]) for own in words}) == 1:
        size += 1
    if not size:
        return ""
    levels = [" ".join(own[:-size]) for own in words]
    return f"{listed(levels)} {several or ' '.join(words[0][-size:])}"

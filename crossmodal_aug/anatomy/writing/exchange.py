"""Exchange: other regions in the place of those that a place of the text names."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.agreement import article_edits, subject_edits
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.naming import Item, articled, atlas_items, items_of, listed, preposition
from crossmodal_aug.anatomy.writing.places import FINDINGS, VERBS, Place, Sentence, head_of
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.spread import single_edits, spread_edits
from crossmodal_aug.anatomy.writing.styles import word_list
from crossmodal_aug.anatomy.writing.swapping import is_swapped, swapped_edits
from crossmodal_aug.errors import shown

# Words that stand for an article, so that what takes their place needs one.
_ARTICLED = frozenset({"both", "all", "bilateral", "each", "either"})
_STUB_LEADS = FINDINGS | {"comma", "dash"}
_DESCRIBING = frozenset({"modifier", "unknown"})
_COMPLETE = frozenset({"noun", "zone", "place"})


def exchange_edits(source: Source, sentence: Sentence, place: Place, mask: int) -> list[Edit]:
    """Put other regions in the place of those that a place names.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: The place.
        mask: Bits of the regions that it should name, at least one.

    Returns:
        The edits of the place and of the words that agree with it.

    Raises:
        CannotSay: The sentence would not read well.
    """
    if place.borrowed:
        raise declined(f"other words say a part of {shown(source.said(place))}")
    if is_swapped(source, place, mask):
        return swapped_edits(source, range(place.first, place.last + 1))
    stop = place.head if place.head >= 0 else min(place.last + 2, sentence.end)
    is_noun = source.words(place.start - 1, place.start) in (["on"], ["to"])  # "on the left following trauma"
    if source.is_bare_side(place) and not is_noun and "unknown" in source.kinds[place.last + 1 : stop]:
        # "left parotid effusion", "bilateral LL opacities": what is not known may say more of the place
        raise declined(f"{shown(source.word(place.last + 1))} is not known")
    edits: list[Edit] = []
    if not place.negated:
        edits += spread_edits(source, sentence, place, mask)
        edits += single_edits(source, sentence, place, mask)
    head = place.head
    if place.part == "heading" and "colon" in source.kinds[place.first : place.last + 1]:
        parts = _heading_edits(source, sentence, place, mask)
        if parts is not None:
            return edits + parts
        head = head_of(source.statement, place.last + 1, sentence.end, led=False)
    if head >= 0:
        return edits + _attribute_edits(source, sentence, place, mask, head)
    return edits + _noun_edits(source, sentence, place, mask)


def _items(source: Source, place: Place, mask: int, *, attribute: bool) -> list[Item] | None:
    style = source.style_of(place)
    if style is None:
        return None
    items = items_of(source.atlas, mask, style, source.side_order(place), attribute=attribute)
    if items is None and style.bound:
        raise declined(f"{shown(source.said(place))} is found at one level alone")
    return items


def _attribute_edits(source: Source, sentence: Sentence, place: Place, mask: int, head: int) -> list[Edit]:
    """Exchange a place before its finding: "[left basal] opacity"."""
    items = _bare_items(source, place, mask) or _items(source, place, mask, attribute=True)
    if items is None or _is_heavy(items):
        nouns = _items(source, place, mask, attribute=False) or atlas_items(source.atlas, mask)
        if items is not None or len(nouns) > 1 or " of " in nouns[0].words:
            return _behind_edits(source, place, nouns, head)
        items = nouns
    words = listed([item.words for item in items])
    following = source.word(place.last + 1).split()[0]
    words = words.removesuffix(f" {following}")  # "left lower | lung volume loss"
    new = source.fitted(words, place.first, place.last)
    edits = [source.edit(place.first, place.last, new)]
    if place.first > sentence.begin:
        edits += article_edits(source, place.first - 1, new)
    return edits


def _is_heavy(items: list[Item]) -> bool:
    """Return whether places are too many to stand before a noun."""
    return len(items) > 2 or (len(items) > 1 and any(" and " in item.words for item in items))


def _bare_items(source: Source, place: Place, mask: int) -> list[Item] | None:
    """Name a whole side by its word alone: "left-sided" becomes "right-sided"."""
    if not source.is_bare_side(place) or not source.is_whole_side(mask):
        return None
    first = place.first
    tail = source.text[source.terms[first].end : source.terms[place.last].end] if source.kinds[first] == "side" else ""
    return [Item(source.atlas.phrasing.sides[source.sides.index(mask)] + tail.lower())]


def _behind_edits(source: Source, place: Place, items: list[Item], head: int) -> list[Edit]:
    """Say the place behind the finding: "UOQ mass" becomes "mass in the upper outer quadrant of the left breast"."""
    shares_head = source.kinds[place.last + 1] in ("and", "or")
    if shares_head or source.kinds[head + 1 : head + 2] in (["in"], ["of"]):
        raise declined("so many places cannot stand before one finding")
    words = f" in {articled(items)}"
    end = source.terms[head].end
    gone = (source.terms[place.first].start, source.terms[place.last + 1].start, "")
    return [gone, (end, end, words.upper() if source.is_loud(place.first) else words)]


def _noun_edits(source: Source, sentence: Sentence, place: Place, mask: int) -> list[Edit]:
    """Exchange a place that is a noun or an adverb: "in [the left base]", "opacities [bilaterally]"."""
    is_side = source.word(place.last).endswith("side")
    if source.kinds[place.last] == "sided" and not (place.led and is_side):
        raise declined(f"{shown(source.said(place))} stands without its finding")
    _check_adverb(source, sentence, place)
    adjectives = word_list("adjectives", "words")
    if place.part == "noun" and adjectives & set(source.word(place.last).replace("-", " ").split()):
        raise declined(f"{shown(source.said(place))} stands without its noun")
    items = _kept_items(source, place, mask) or _items(source, place, mask, attribute=False)
    items = items or atlas_items(source.atlas, mask)
    if place.qualified and (len(items) > 1 or not items[0].article):
        raise declined(f"{shown(source.word(place.first - 1))} stands before the place")
    start, words = _with_lead(source, sentence, place, mask, items)
    edits = [source.edit(start, place.last, source.fitted(words, start, place.last))]
    if place.part != "adverb" and (not place.led or _opens(source, sentence, place)):
        edits += subject_edits(source, sentence, place, many=len(items) > 1 or items[0].many)
    return edits


def _check_adverb(source: Source, sentence: Sentence, place: Place) -> None:
    """Refuse what stands for an adverb in a note, "Effusions bilat, small", and what has an adjective of its own."""
    before = source.kinds[place.first - 1] if place.first else ""
    if place.part == "noun" and source.kinds[place.first : place.last + 1] == ["both"] and before in FINDINGS:
        raise declined(f"{shown(source.said(place))} stands without its noun")
    if "degree" in source.kinds[max(sentence.begin, place.start - 2) : place.start]:
        raise declined(f"{shown(source.said(place))} says where it is more")  # "emphysema, worst in the upper lobes"
    if before in _DESCRIBING and place.is_plural and not place.qualified and not place.negated:
        raise declined(f"{shown(source.word(place.first - 1))} stands before the place")  # "with elevated hila"


def _opens(source: Source, sentence: Sentence, place: Place) -> bool:
    """Return whether a place is the subject behind an adjective: "Consolidated lung at the right base contains ..."."""
    return place.start - 1 == sentence.begin and place.lead in _DESCRIBING | {"state"}


def _is_articled(source: Source, sentence: Sentence, place: Place, items: list[Item]) -> bool:
    """Return whether places without an article of their own need one now."""
    is_stub = VERBS.isdisjoint(source.kinds[sentence.begin : sentence.end])
    if source.word(place.first).split()[0] in _ARTICLED:
        return not (is_stub and place.lead in _STUB_LEADS)  # "atelectasis both bases" has no room for it
    is_one = len(items) == 1 and not items[0].many
    return is_one and place.is_plural and not (is_stub or place.led)  # "upper zones are clear"


def _with_lead(source: Source, sentence: Sentence, place: Place, mask: int, items: list[Item]) -> tuple[int, str]:
    """Return places with their articles and the preposition that they need, and the first term that these replace."""
    bare = source.is_bare_side(place) and place.led
    adverb = place.part == "adverb"
    takes_article = place.article >= 0 or adverb or bare or _is_articled(source, sentence, place, items)
    words = articled(items) if takes_article else listed([item.words for item in items])
    lead = place.start - 1
    if adverb:
        return place.start, f"{preposition(items)} {words}"
    if bare and source.is_whole_side(mask):  # "on the left" becomes "on the right"
        name = source.atlas.phrasing.sides[source.sides.index(mask)]
        return place.start, f"the {name}" if place.article >= 0 else name
    if place.led and source.word(lead) in (("on", "to", "at") if bare else ("at",)):
        return lead, f"{preposition(items)} {words}"
    return place.start, words


def _kept_items(source: Source, place: Place, mask: int) -> list[Item] | None:
    """Name regions in the words of the text where its phrases are worded differently: "the RUL and the left base"."""
    phrases = place.phrases
    styles = [source.style_of_phrase(phrase, place) for phrase in phrases]
    differ = any(style is not styles[0] for style in styles) or any(phrase.whole for phrase in phrases)
    kept = [phrase for phrase in phrases if not phrase.mask & ~mask]
    complete = all(source.kinds[phrase.last] in _COMPLETE for phrase in phrases)
    if len(phrases) < 2 or not (differ and kept and complete):
        return None
    items = []
    rest = mask
    for phrase in kept:
        words = source.statement.said(phrase.first, phrase.last)
        takes_article = words.split()[0].lower() not in _ARTICLED
        items.append(Item(words, phrase.plural or phrase.both or bool(phrase.members), takes_article))
        rest &= ~phrase.mask
    if not rest:
        return items
    style = next((own for own, phrase in zip(styles, phrases, strict=True) if phrase not in kept), styles[-1])
    order = source.side_order(place)
    more = items_of(source.atlas, rest, style, order, attribute=False) if style is not None else None
    return None if more is None else items + more


def _heading_edits(source: Source, sentence: Sentence, place: Place, mask: int) -> list[Edit] | None:
    """Exchange "Left lung: upper zone" part by part, the side in front and the rest behind the colon.

    Returns:
        The edits, or None where not one part of one side is asked for.
    """
    touched = source.sides_of(mask)
    colon = source.kinds.index("colon", place.first, place.last)
    side = next((at for at in range(place.first, colon) if source.kinds[at] == "side"), -1)
    style = source.style_of(place)
    if len(touched) != 1 or side < 0 or style is None or source.is_whole_side(mask):
        return None
    attribute = head_of(source.statement, place.last + 1, sentence.end, led=False) >= 0
    items = items_of(source.atlas, mask, style, touched, attribute=attribute)
    name = source.atlas.phrasing.sides[touched[0]]
    if items is None or len(items) > 1 or not items[0].words.startswith(f"{name} "):
        return None
    first = colon + 1
    while source.kinds[first] == "article":
        first += 1
    words = source.fitted(items[0].words.removeprefix(f"{name} "), first, place.last)
    edits = [source.edit(first, place.last, words)]
    if source.word(side) != name:
        edits.append(source.edit(side, side, source.fitted(name, side, side)))
    return edits

"""Denials without a place: "No pneumonia." becomes "Pneumonia in the right lower lung." where something is placed."""

from __future__ import annotations

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.writing.claims import tells
from crossmodal_aug.anatomy.writing.cutting import Chunks, stands
from crossmodal_aug.anatomy.writing.naming import articled, atlas_items, items_of
from crossmodal_aug.anatomy.writing.number import is_discrete, number_of, plural_of
from crossmodal_aug.anatomy.writing.places import POSITION, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined

_INSIDE = frozenset({"modifier", "unknown", "article", "hyphen", "state"})
_PLACED = POSITION | {"in", "of", "article", "and", "or", "noun"}
_SEEN = frozenset({"agreeing verb", "verb", "unknown", "affirmation"})


def denial_turned(source: Source, target: int) -> str:
    """Turn the denial of a text that places nothing into a statement.

    Args:
        source: The text.
        target: Bits of the regions to state, at least one.

    Returns:
        The text.

    Raises:
        CannotSay: No sentence denies one finding, and nothing else.
    """
    for sentence in source.sentences:
        if sentence.number not in source.statement.silent:
            turned = _turned(source, sentence, target)
            if turned is not None:
                others = [own for own in source.sentences if own is not sentence]
                if any(tells(source, own) or not stands(source, own, target) for own in others):
                    raise declined("it tells of a finding beside what it denies")
                return Chunks(source).joined({sentence.number: turned})
    raise declined("it places nothing, and denies no single finding that could be placed")


def _turned(source: Source, sentence: Sentence, target: int) -> str | None:
    """Return the statement that a sentence denies, placed; None where it is not a denial of one finding."""
    kinds, begin, end = source.kinds, sentence.begin, sentence.end
    inside = kinds[begin:end]
    first = begin + inside.index("colon") + 1 if "colon" in inside else begin
    opening = first + 1
    finding = opening
    while finding < end and kinds[finding] in _INSIDE:
        finding += 1
    while finding + 1 < end and kinds[finding] == kinds[finding + 1] == "finding":
        finding += 1
    if kinds[first : first + 1] != ["denies"] or finding >= end or kinds[finding] != "finding":
        return None
    rest = kinds[finding + 1 : end]
    lies_in = rest[:1] == ["in"]
    if lies_in and sentence.denied and _PLACED.issuperset(rest):
        lies_in, rest = False, []  # "no opacity in the left lung": the place is exchanged too
    if not (lies_in or _SEEN.issuperset(rest)):
        return None
    if kinds[opening] == "article":
        opening += 1
    text, terms = source.text, source.terms
    words = text[terms[opening].start : terms[finding].start] + _noun(source, finding, target)
    words += _positions(source, target, lies_in=lies_in)
    if lies_in:
        words += text[terms[finding].end : terms[end - 1].end]
    if source.is_loud(begin):
        words = words.upper()
    words = capitalised(words) if text[terms[first].start].isupper() else words
    return text[terms[begin].start : terms[first].start] + words


def _noun(source: Source, finding: int, target: int) -> str:
    """Return the finding, in the plural where one thing would lie at several places."""
    word = source.word(finding)
    is_picture = source.atlas.bare == "locative"
    if target.bit_count() > 1 and not is_picture and number_of(word) == "one" and is_discrete(word):
        return source.fitted(plural_of(word), finding, finding)
    return source.text[source.terms[finding].start : source.terms[finding].end]


def _positions(source: Source, target: int, *, lies_in: bool) -> str:
    """Return where something is: " in the left upper lung", in the atlas's words beside its own sentence."""
    atlas, phrasing = source.atlas, source.atlas.phrasing
    words = phrasing.join.join(item.words for item in atlas_items(atlas, target))
    if lies_in:
        return f" at the {words}"
    is_own = source.text.strip().rstrip(".").lower() == phrasing.absent.rstrip(".").lower()
    order = range(len(atlas.sides))
    is_picture = atlas.bare == "locative"  # whose own words are the only ones known
    items = None if is_own or is_picture else items_of(atlas, target, source.styles.side, order, attribute=False)
    if items is not None:
        return f" in {articled(items)}"
    before, _, behind = phrasing.present.partition("{positions}")
    led = before.split()
    at = max((order for order, word in enumerate(led) if word in ("in", "at", "on")), default=0)
    return f" {' '.join(led[at:])} {words}{behind.rstrip('.')}"

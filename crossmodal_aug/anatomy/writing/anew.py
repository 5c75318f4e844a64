"""Anew: what a text tells of, said of other places in a short sentence, where its own sentences cannot follow.

"Large left effusion with collapse of the left lung" becomes "Effusions at the left base and the right base". Only a
finding that may lie anywhere and that has no one place is said so; `styles.toml` lists them.
"""

from __future__ import annotations

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.writing.cutting import Chunks, stands, with_what_hangs
from crossmodal_aug.anatomy.writing.lesion import Lesion
from crossmodal_aug.anatomy.writing.naming import Item, articled, items_of, preposition
from crossmodal_aug.anatomy.writing.number import is_discrete, number_of, plural_of, singular_of
from crossmodal_aug.anatomy.writing.places import FINDINGS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import word_list

_GONE = frozenset({"absent", "resolved"})
_SINGLE = frozenset({"number", "unit"})


def said_anew(source: Source, target: int) -> str:
    """Say what a text tells of in the regions that are asked for, in place of all sentences that tell where it is.

    Args:
        source: The text.
        target: Bits of the regions to state, at least one.

    Returns:
        The text: what else it denies, calls clear or tells of other things stays.

    Raises:
        CannotSay: It tells of nothing that could be said of these regions.
    """
    home, words = _first_said(source, target)
    results: dict[int, str | None] = {home.number: _opened(source, home, words)}
    for sentence in source.sentences:
        if sentence is not home and not stands(source, sentence, target):
            results[sentence.number] = None
    cut = {number for number, result in results.items() if result is None}
    hanging = with_what_hangs(source, cut | {home.number}) - {home.number}
    results.update(dict.fromkeys(hanging))
    return Chunks(source).joined(results)


def _first_said(source: Source, target: int) -> tuple[Sentence, str]:
    """Return the first sentence whose finding can be said of the target, and the words that say it.

    Raises:
        CannotSay: None can; what lies in the pleura is not said where the text tells of the lung.
    """
    pleural = word_list("findings", "pleural")
    found: list[tuple[Sentence, Place, str]] = []
    is_pleural = True
    for sentence in source.sentences:
        for place in sentence.affirmed:
            first, last = _finding_at(source, sentence, place)
            is_pleural &= first > last or source.word(last).rpartition(" ")[2] in pleural
            words = _numbered(source, sentence, first, last, target) if first <= last else ""
            if words and _GONE.isdisjoint(source.kinds[sentence.begin : sentence.end]):
                found.append((sentence, place, words))
    # What is there already goes first, so that nothing is told of the place of another finding.
    found.sort(key=lambda own: -(own[1].mask & target).bit_count())
    for sentence, place, words in found:
        if is_pleural or words.rpartition(" ")[2] not in pleural:
            return sentence, f"{words} {_placed(source, place, words, target)}"
    raise declined("it tells of nothing that could be said of these regions")


def _finding_at(source: Source, sentence: Sentence, place: Place) -> tuple[int, int]:
    """Return the first and the last term of the finding at a place, the last before the first where none is."""
    last = Lesion(source, sentence, place).term
    first = last
    while sentence.begin < first and source.kinds[first - 1] in FINDINGS:
        first -= 1
    if source.kinds[first - 1 : first] == ["hyphen"]:
        first = last  # "high-density shadows"
    return (first, last) if last >= 0 else (0, -1)


def _numbered(source: Source, sentence: Sentence, first: int, last: int, target: int) -> str:
    """Return a finding in the number that the target asks for; "" where it cannot be said of it."""
    words = " ".join(source.words(first, last + 1))
    noun = words.rpartition(" ")[2]
    if noun not in word_list("findings", "anywhere"):
        return ""
    inside = source.words(sentence.begin, sentence.end)
    if target.bit_count() > 1 and number_of(words) == "one":
        is_one = not _SINGLE.isdisjoint(source.kinds[sentence.begin : sentence.end])
        parts = {part for word in inside for part in (word, *word.split())}
        if is_one or is_discrete(words) or parts & (word_list("findings", "unique") | word_list("findings", "edged")):
            return ""
        words = plural_of(words)
    elif len(source.sides_of(target)) == 1 and noun in word_list("findings", "pleural"):
        words = singular_of(words) or words
    hedges = word_list("bonds", "hedges")
    hedged = any(part in hedges for word in inside for part in (word, *word.split()))
    return f"possible {words}" if hedged else words


def _placed(source: Source, place: Place, finding: str, target: int) -> str:
    """Return where the target is, in words like those of a place."""
    style = source.style_of(place)
    order = source.side_order(place)
    is_pleural = finding.rpartition(" ")[2] in word_list("findings", "pleural")
    plain = source.styles.pleural if is_pleural else source.styles.side
    for own in (style, plain):
        items = None if own is None or own.bound else items_of(source.atlas, target, own, order, attribute=False)
        if items is not None:
            return _led(items)
    raise declined("the atlas has no words for these regions in prose")


def _led(items: list[Item]) -> str:
    return f"{preposition(items)} {articled(items)}"


def _opened(source: Source, sentence: Sentence, words: str) -> str:
    """Return a sentence in the case of the one that it replaces, behind its list number and its heading."""
    chunks = Chunks(source)
    if "(" in chunks.pieces[chunks.of[sentence.number]][2]:
        raise declined("an aside would be left of its sentence")  # "nodules in both lungs (largest 4 mm)"
    heading = chunks.headings[chunks.of[sentence.number]]
    first = sentence.begin
    while first + 1 < sentence.end and not {"close", "bullet"}.isdisjoint(source.kinds[first : first + 2]):
        first += 1
    opening = source.terms[first].start
    if source.is_loud(first):
        words = words.upper()
    elif source.text[opening].isupper() or heading:
        words = capitalised(words)
    if heading:
        return f"{heading} {words}"
    return source.text[source.terms[sentence.begin].start : opening] + words

"""Anew: what a text tells of, said of other places in a short sentence, where its own sentences cannot follow.

"Consolidation at the left base, which obscures the diaphragm" becomes "Consolidation in the right mid lung". Only a
finding that may lie anywhere and that has no one place is said so; `styles.toml` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.writing.cutting import Chunks, stands, with_what_hangs
from crossmodal_aug.anatomy.writing.lesion import Lesion
from crossmodal_aug.anatomy.writing.naming import articled, items_of, preposition
from crossmodal_aug.anatomy.writing.number import is_discrete, number_of, plural_of, singular_of
from crossmodal_aug.anatomy.writing.places import FINDINGS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import parts_of, word_list

_GONE = frozenset({"absent", "resolved"})
_SINGLE = frozenset({"number", "unit"})
_MARKS = frozenset({"bullet", "dash", "hyphen", "mark", "than", "close", "open"})
# A hedge this near to a finding is one of it.
_MOST_BEFORE = 4
_MOST_BEHIND = 3
# No sentence that reads well has more.
_MOST_PLACES = 24


def said_anew(source: Source, target: int) -> str:
    """Say what a text tells of in the regions that are asked for, in place of all sentences that tell where it is.

    Args:
        source: The text.
        target: Bits of the regions to state, at least one.

    Returns:
        The text: other sentences stay that deny, call clear or tell of other things.

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
    found = [one for sentence in source.sentences for one in _findings_of(source, sentence)]
    all_pleural = all(_is_pleural(source, finding) for finding in found)
    # What is there already goes first, so that nothing is told of the place of another finding.
    for finding in sorted(found, key=lambda one: -(one.place.mask & target).bit_count()):
        words = _numbered(source, finding, target)
        if words and (all_pleural or not _is_pleural(source, finding)):
            return finding.sentence, f"{words} {_placed(source, finding, target)}"
    raise declined("it tells of nothing that could be said of these regions")


@dataclass(frozen=True)
class _Finding:
    """A finding at a place: its first and last term, and whether the text leaves it open."""

    sentence: Sentence
    place: Place
    first: int
    last: int
    is_open: bool
    is_one: bool


def _findings_of(source: Source, sentence: Sentence) -> list[_Finding]:
    """Return what lies at the places of a sentence, as far as that is told."""
    kinds = source.kinds
    words = source.words(sentence.begin, sentence.end)
    inside = parts_of(words)
    if len(sentence.affirmed) > _MOST_PLACES or inside & word_list("findings", "seeming"):
        return []
    measured = not _SINGLE.isdisjoint(kinds[sentence.begin : sentence.end])
    is_one = measured or bool(inside & (word_list("findings", "unique") | word_list("findings", "edged")))
    found = []
    for place in sentence.affirmed:
        last = Lesion(source, sentence, place).term
        if last < 0 or not _GONE.isdisjoint(kinds[sentence.begin : sentence.end]):
            continue
        first = last
        while first > sentence.begin and kinds[first - 1] in FINDINGS:
            first -= 1
        if first > sentence.begin and kinds[first - 1] == "hyphen":
            first = last  # "high-density shadows"
        if first > sentence.begin and kinds[first - 1] in ("structure", "device"):
            continue  # "nipple shadows"
        near = words[max(0, first - sentence.begin - _MOST_BEFORE) : first - sentence.begin]
        behind = words[last + 1 - sentence.begin : last + 1 - sentence.begin + _MOST_BEHIND]
        hedged = parts_of(near) & word_list("bonds", "hedges") or parts_of(behind) & word_list("bonds", "hedges_behind")
        beside = {source.word(at) for at in (first - 1, last + 1) if sentence.begin <= at < sentence.end}
        found.append(_Finding(sentence, place, first, last, bool(hedged) or "or" in beside, is_one))
    return found


def _is_pleural(source: Source, finding: _Finding) -> bool:
    return source.word(finding.last).rpartition(" ")[2] in word_list("findings", "pleural")


def _numbered(source: Source, finding: _Finding, target: int) -> str:
    """Return a finding in the number that the target asks for; "" where it cannot be said of it."""
    first, last = finding.first, finding.last
    words = " ".join(_written(source, term) for term in range(first, last + 1))
    noun = words.rpartition(" ")[2]
    if noun not in word_list("findings", "anywhere"):
        return ""
    if noun == words and noun in word_list("findings", "vague"):
        kind = source.word(first - 1) if first > finding.sentence.begin else ""
        if kind not in word_list("findings", "kinds"):
            return ""
        words = f"{kind} {words}"
    if target.bit_count() > 1 and number_of(words) == "one":
        if finding.is_one or is_discrete(words):
            return ""
        words = plural_of(words)
    elif len(source.sides_of(target)) == 1 and noun in word_list("findings", "pleural"):
        words = singular_of(words) or words
    return f"possible {words}" if finding.is_open else words


def _written(source: Source, term: int) -> str:
    """Return a term in lower case, but for an abbreviation: "TB cavities"."""
    written = source.text[source.terms[term].start : source.terms[term].end]
    return " ".join(
        word if len(word) > 1 and word.isupper() and not source.is_loud(term) else word.lower()
        for word in written.split(" ")
    )


def _placed(source: Source, finding: _Finding, target: int) -> str:
    """Return where the target is, in words like those of the place of a finding."""
    style = source.style_of(finding.place)
    order = source.side_order(finding.place)
    plain = source.styles.pleural if _is_pleural(source, finding) else source.styles.side
    for own in (style, plain):
        items = None if own is None or own.bound else items_of(source.atlas, target, own, order, attribute=False)
        if items is not None:
            return f"{preposition(items)} {articled(items)}"
    raise declined("the atlas has no words for these regions in prose")


def _opened(source: Source, sentence: Sentence, words: str) -> str:
    """Return a sentence in the case of the one that it replaces, behind its list mark and its heading.

    Raises:
        CannotSay: A bracket or an aside around the sentence would be left without it.
    """
    chunks = Chunks(source)
    head, body, tail = chunks.pieces[chunks.of[sentence.number]]
    first = sentence.begin
    while first + 1 < sentence.end and (source.kinds[first] in _MARKS or source.kinds[first + 1] == "close"):
        first += 1
    opening = source.terms[first].start
    mark = body[: opening - source.terms[sentence.begin].start]
    if "(" in tail or mark.count("(") > mark.count(")") or "(" in head:
        raise declined("a bracket would be left of its sentence")  # "nodules in both lungs (largest 4 mm)"
    heading = chunks.headings[chunks.of[sentence.number]]
    if source.is_loud(first):
        words = words.upper()
    elif source.text[opening].isupper() or heading or mark.endswith("?"):
        words = capitalised(words)
    return f"{heading} {words}" if heading else mark.removesuffix("?") + words

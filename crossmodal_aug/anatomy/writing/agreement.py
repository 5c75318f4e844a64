"""Agreement: a new position phrase with the article before it and the verb behind it."""

from __future__ import annotations

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import Lexicon
from crossmodal_aug.anatomy.casing import capitalised, cased_like
from crossmodal_aug.anatomy.statement import Scan, sentence_bounds
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.wording import Style, position_phrases

_INDEFINITE = ("a", "an")


def phrase_edits(
    scan: Scan, first: int, last: int, mask: int, atlas: Atlas, lexicon: Lexicon, style: Style
) -> list[Edit]:
    """Put a phrase that names other regions in the place of one that the text holds.

    Args:
        scan: The scanned text.
        first: First token of the old phrase.
        last: Its last token.
        mask: Bits of the regions to name.
        atlas: The atlas.
        lexicon: Its words.
        style: How the text lists regions.

    Returns:
        The edits: the phrase, "a" or "an" before it, and a verb behind it of which it is the subject.
    """
    begin, _ = sentence_bounds(scan.codes, first)
    phrases = position_phrases(atlas, mask, style)
    old = scan.text[scan.starts[first] : scan.ends[last]]
    words = atlas.phrasing.join.join(phrases)
    if atlas.bare == "finding":
        words = _led_in(scan, first, last, words, old)
    new = cased_like(words, old)
    if first == begin and old[:1].isupper():
        new = capitalised(new)
    edits = [(scan.starts[first], scan.ends[last], new)]
    if first > begin:
        edits += _article(scan, first - 1, new)
    if set(scan.codes[begin:first]) <= {"t", "m"}:
        edits += _verb(scan, last + 1, lexicon, plural=len(phrases) > 1)
    return edits


def _led_in(scan: Scan, first: int, last: int, words: str, old: str) -> str:
    """Lead from an adverb, or a word that takes no article, to a noun: "bilaterally" becomes "in the left lung"."""
    if old.lower().endswith("ly"):
        return f"in the {words}"
    is_bare = scan.codes[first] in "BP" or (first == last and scan.codes[first] == "S")
    if is_bare and scan.codes[max(0, first - 1) : first] in ("i", "o"):
        return f"the {words}"
    return words


def _article(scan: Scan, token: int, new: str) -> list[Edit]:
    start, end = scan.starts[token], scan.ends[token]
    written = scan.text[start:end]
    fitting = _INDEFINITE[new[:1].lower() in "aeiou"]
    if written.lower() not in _INDEFINITE or written.lower() == fitting:
        return []
    return [(start, end, cased_like(fitting, written))]


def _verb(scan: Scan, token: int, lexicon: Lexicon, *, plural: bool) -> list[Edit]:
    sense = scan.senses[token] if token < len(scan.senses) else None
    if sense is None or sense.kind not in lexicon.verbs or sense.number is None or sense.number % 2 == plural:
        return []
    start, end = scan.starts[token], scan.ends[token]
    other = lexicon.verbs[sense.kind][sense.number ^ 1 :][:1]
    return [(start, end, cased_like(word, scan.text[start:end])) for word in other]

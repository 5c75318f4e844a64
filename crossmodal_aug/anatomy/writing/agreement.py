"""Agreement: verbs, articles and subjects in the number of the places that they go with."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.places import Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined

_INDEFINITE = ("a", "an")
_SAID = frozenset({"clear", "resolved", "absent"})
# Behind a subject these do not change with its number.
_EITHER = _SAID | {"verb", "comma", "state", "with", "in", "and", "colon", "close", "dash", "stop", "otherwise", "end"}


def article_edits(source: Source, term: int, new: str) -> list[Edit]:
    """Return "a" or "an" as the word behind it wants it.

    Args:
        source: The text.
        term: A term, maybe an article.
        new: The words that stand behind it now.

    Returns:
        At most one edit.
    """
    written = source.word(term)
    fitting = _INDEFINITE[new[:1].lower() in "aeiou"]
    if written not in _INDEFINITE or written == fitting:
        return []
    return [source.edit(term, term, source.fitted(fitting, term, term))]


def verb_edits(source: Source, term: int, *, many: bool) -> list[Edit]:
    """Return the edit that puts a verb into the number of its subject.

    Args:
        source: The text.
        term: The verb.
        many: Whether the subject is a plural.

    Returns:
        At most one edit, none where it has that number.
    """
    sense = source.terms[term].sense
    forms = source.lexicon.verbs.get(sense.kind, ())
    if sense.number is None or sense.number % 2 == many:
        return []
    return [source.edit(term, term, source.fitted(word, term, term)) for word in forms[sense.number ^ 1 :][:1]]


def subject_edits(source: Source, sentence: Sentence, place: Place, *, many: bool) -> list[Edit]:
    """Return the verb of which a place is the subject in its new number.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: The place.
        many: Whether it is a plural now.

    Returns:
        At most one edit.

    Raises:
        CannotSay: What stands behind it may be a verb, of which the other number is not known.
    """
    behind = place.last + 1
    while behind < sentence.end and source.kinds[behind] == "modifier":
        behind += 1
    if behind >= sentence.end:
        return []
    kind = source.kinds[behind]
    if kind in ("agreeing verb", "excepting verb"):
        return verb_edits(source, behind, many=many)
    if kind in _SAID:
        return _said_edits(source, behind, many=many)
    if kind not in _EITHER and many != place.is_plural:
        raise declined(f"the verb of {source.said(place)!r} would not agree")
    return []


def _said_edits(source: Source, term: int, *, many: bool) -> list[Edit]:
    """Put the verb inside a cue of several words ("has cleared", "are now clear") into the number of its subject."""
    first, *rest = source.word(term).split(" ")
    forms = source.lexicon.verbs["agreeing verb"]
    if not rest or first not in forms or forms.index(first) % 2 == many:
        return []
    start = source.terms[term].start
    return [(start, start + len(first), forms[forms.index(first) ^ 1])]

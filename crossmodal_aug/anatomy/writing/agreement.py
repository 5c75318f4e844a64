"""Agreement: verbs, articles and subjects in the number of the places that they go with."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.number import singular_of
from crossmodal_aug.anatomy.writing.places import FINDINGS, POSITION, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.errors import shown

_INDEFINITE = ("a", "an")
_RELATIVE = frozenset({"which", "that", "whose"})
_BE = frozenset({"is", "are", "was", "were"})
_JOINING = frozenset({"and", "but", "yet"})
_OTHER_SUBJECTS = FINDINGS | POSITION | {"article", "structure", "device", "denies", "there", "in", "with"}
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


def later_verb_edits(source: Source, sentence: Sentence, verb: int, *, many: bool) -> list[Edit]:
    """Return the edits for the verbs that share the subject of one: "are smaller and [represents] scars".

    Args:
        source: The text.
        sentence: The sentence.
        verb: The first verb of the subject, or the last term before it.
        many: Whether the subject is a plural now.

    Returns:
        The edits, up to where another subject begins.

    Raises:
        CannotSay: What joins in may be a verb, of which the other number is not known.
    """
    edits: list[Edit] = []
    for term in range(verb + 1, sentence.end):
        if not _JOINING.isdisjoint(source.word(term).split()) or source.kinds[term] == "comma":
            behind = term + 1
            while behind < sentence.end and (source.kinds[behind] == "modifier" or source.word(behind).endswith("ly")):
                behind += 1
            if behind >= sentence.end:
                break
            kind, word = source.kinds[behind], source.word(behind).split()[0]
            if kind in ("agreeing verb", "excepting verb"):
                edits += verb_edits(source, behind, many=many)
            elif kind in _SAID:
                edits += _said_edits(source, behind, many=many)
            elif kind in ("verb", "unknown") and singular_of(word) is not None:
                raise declined(f"{shown(word)} may be a verb that would not agree")
            elif kind in _OTHER_SUBJECTS:
                break
    return edits


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
    while behind < sentence.end and (source.kinds[behind] == "modifier" or source.word(behind).endswith("ly")):
        behind += 1
    if behind >= sentence.end:
        return []
    kind = source.kinds[behind]
    aside = source.words(behind, min(behind + 2, sentence.end))
    if many != place.is_plural and not _RELATIVE.isdisjoint(aside):
        raise declined(f"what is said aside of {shown(source.said(place))} has its number")  # ", which was clear, "
    if kind in ("agreeing verb", "excepting verb"):
        is_named = source.word(behind) in _BE and source.kinds[behind + 1 : behind + 2] == ["article"]
        if is_named and many != place.is_plural:
            raise declined(f"what is said of {shown(source.said(place))} has its number")  # "is the site of"
        edits = verb_edits(source, behind, many=many)
        return edits + (later_verb_edits(source, sentence, behind, many=many) if edits else [])
    if kind in _SAID:
        return _said_edits(source, behind, many=many)
    is_present = kind == "verb" and singular_of(source.word(behind)) is not None  # "lies"
    if (kind not in _EITHER or is_present) and many != place.is_plural:
        raise declined(f"the verb of {shown(source.said(place))} would not agree")
    return []


def _said_edits(source: Source, term: int, *, many: bool) -> list[Edit]:
    """Put the verb inside a cue of several words ("has cleared", "are now clear") into the number of its subject."""
    first, *rest = source.word(term).split(" ")
    forms = source.lexicon.verbs["agreeing verb"]
    if not rest or first not in forms or forms.index(first) % 2 == many:
        return []
    start = source.terms[term].start
    return [(start, start + len(first), forms[forms.index(first) ^ 1])]

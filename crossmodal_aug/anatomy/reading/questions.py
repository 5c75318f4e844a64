"""Questions and their answers: "Is there an effusion on the left? No."."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import LOOSE, follows
from crossmodal_aug.anatomy.statement import Phrase, Statement

_OPEN = frozenset({"where", "which", "what", "how", "whose"})
_MOST_WORDS = 4


def is_question(statement: Statement, place: int) -> bool:
    """Return whether the sentence at a place asks.

    Args:
        statement: The words of the text.
        place: Which sentence.

    Returns:
        True where a question mark ends it.
    """
    _, end = statement.sentences[place]
    return end < len(statement.terms) and statement.said(end, end) in ("?", "\uff1f")


def answered(statement: Statement, phrases: list[Phrase], place: int) -> list[Phrase]:
    """Let the answer say what holds of the places that a question names.

    Args:
        statement: The words of the text.
        phrases: The phrases of the question, with what it says of them; they are changed.
        place: Which sentence asks.

    Returns:
        The phrases that the answer affirms or denies; none where it names places itself.
    """
    answer = _answer(statement, place)
    if answer is None:
        return phrases
    kind, index = answer
    following = statement.sentences[place + 1 : place + 3]
    places = {"side", "both", "level", "zone", "place"}
    names_places = any(not places.isdisjoint(statement.kinds[begin:end]) for begin, end in following[:1])
    asked_clear = any(phrase.negated for phrase in phrases)
    if kind == "" or (kind == "yes" and names_places):
        begin, _ = statement.sentences[place]
        opens = any(
            statement.said(at, at).lower() in _OPEN for at in range(begin, min(begin + 6, len(statement.terms)))
        )
        if names_places:
            return []
        finds = any("finding" in statement.kinds[begin:end] for begin, end in following[:1])
        return phrases if finds or not opens else []
    negated = (kind == "no") != asked_clear
    for phrase in phrases:
        phrase.negated = negated
        phrase.cue = (index, index) if negated else None
    return phrases


def _answer(statement: Statement, place: int) -> tuple[str, int] | None:
    """Return "yes", "no" or "" and the term that says so, or None where nothing follows a question."""
    kinds = statement.kinds
    if place + 1 >= len(statement.sentences):
        return None
    begin, end = statement.sentences[place + 1]
    colon = next((at for at in range(begin, min(end, begin + _MOST_WORDS)) if kinds[at] == "colon"), begin - 1)
    at = colon + 1
    if at >= end and place + 2 < len(statement.sentences):
        at, end = statement.sentences[place + 2]  # "A. Yes": the full stop of its heading ends a sentence
    if end - at == 1 and statement.said(at, at).lower() == "a" and place + 2 < len(statement.sentences):
        at, end = statement.sentences[place + 2]
    if at >= end:
        return None
    if kinds[at] == "affirmation":
        return "yes", at
    if kinds[at] == "clear" and at + 1 >= end:
        return "no", at  # "And the apices? Clear."
    closes = at + 1 >= end or kinds[at + 1] in ("comma", "dash")
    if kinds[at] in ("absent", "denies") and closes:
        return "no", at
    gone = follows(kinds, at, LOOSE | {"there", "verb", "agreeing verb", "article"}, min(end, at + 5))
    if gone < end and kinds[gone] in ("absent", "resolved"):
        return "no", gone
    return "", at


def asks_for_clear(statement: Statement, place: int) -> bool:
    """Return whether the sentence at a place asks which places are clear: "Which zones are free from disease?"."""
    if not is_question(statement, place):
        return False
    begin, end = statement.sentences[place]
    opens = any(statement.said(at, at).lower() in _OPEN for at in range(begin, min(begin + 6, end)))
    return opens and not {"clear", "denies"}.isdisjoint(statement.kinds[begin:end])


def call_clear(phrases: list[Phrase]) -> None:
    """Let the answer to such a question deny the places that it names.

    Args:
        phrases: The phrases of the answer; they are changed.
    """
    for phrase in phrases:
        phrase.negated, phrase.cue = True, None

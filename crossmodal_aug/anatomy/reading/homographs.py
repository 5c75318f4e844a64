"""Homographs: words that mean one thing here and another there, told apart by their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas.lexicon import Sense
from crossmodal_aug.anatomy.atlas.tokens import TOKEN
from crossmodal_aug.anatomy.reading.kinds import FINDINGS, LOOSE, POSITION, follows
from crossmodal_aug.anatomy.statement import Term

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary

# Kinds of words that may mean something else.
AMBIGUOUS = frozenset({"adverb", "both", "denies", "number", "stop"})
_PLAIN = Sense(kind="plain")
_GROWTH = Sense(kind="growth")
_BEFORE_SIDE = frozenset(
    {"article", "in", "of", "and", "or", "near", "level", "place", "mainly", "slash", "degree", "modifier"}
)
_ENDS = frozenset({"", "end", "comma", "close", "bullet"})
_COUNTED = frozenset({"place", "noun", "zone"})
_BEFORE_NO = frozenset({"open", "hyphen", "colon", "side", "dash", "zone", "noun", "place"})


def told_apart(text: str, terms: list[Term], vocabulary: Vocabulary) -> list[Term]:
    """Settle words whose meaning hangs on their neighbours.

    Args:
        text: The text.
        terms: Its words.
        vocabulary: What they were read with.

    Returns:
        The words, some with another meaning, some parted into several.
    """
    kinds = [term.kind for term in terms]
    settled: list[Term] = []
    for index, term in enumerate(terms):
        before = kinds[index - 1] if index else ""
        behind = kinds[index + 1] if index + 1 < len(kinds) else ""
        if term.kind == "adverb" and before in _BEFORE_SIDE:
            # "on the right above the diaphragm" has a side, "right above the diaphragm" has none
            settled += parted(text, term, vocabulary)
            continue
        if term.kind == "stop" and before == "comma" and behind == "comma":
            term.kind, term.sense = "plain", _PLAIN  # ", however," parts no clauses
        elif term.kind == "both" and _joins_findings(text, term, kinds, index):
            term.kind, term.sense = "plain", _PLAIN
        elif text[term.start : term.end].lower() == "changes" and _is_of_finding(kinds, index):
            term.kind, term.sense = "growth", _GROWTH
        elif term.kind == "number" and before in _COUNTED and behind in _ENDS and text[term.start : term.end] == "0":
            term.kind = "absent"  # "RUL 0, LLL 1"
        elif term.kind == "denies" and behind in _ENDS and before in _BEFORE_NO:
            term.kind = "absent"  # "left effusion: no."
        settled.append(term)
    return settled


def _is_of_finding(kinds: list[str], index: int) -> bool:
    """Return whether "changes" are those of a finding: "changes in the left base opacity"."""
    if kinds[index + 1 : index + 2] not in (["in"], ["of"]):
        return False
    at = follows(kinds, index + 2, POSITION | LOOSE | {"article"}, min(len(kinds), index + 10))
    return at < len(kinds) and kinds[at] in FINDINGS


def parted(text: str, term: Term, vocabulary: Vocabulary) -> list[Term]:
    """Return a term of several words as its words.

    Args:
        text: The text.
        term: The term.
        vocabulary: What its words are read with.

    Returns:
        One term a word.
    """
    parts = []
    for word in TOKEN.finditer(text, term.start, term.end):
        said = word.group().lower()
        sense = vocabulary.forms.get(said) or vocabulary.guess(said)
        parts.append(Term(sense.kind, sense, word.start(), word.end()))
    return parts


def _joins_findings(text: str, term: Term, kinds: list[str], index: int) -> bool:
    """Return whether "both" or "either" joins two findings and says no side: "either atelectasis or consolidation"."""
    if text[term.start : term.end].lower() not in ("both", "either") or kinds[index + 1 : index + 2] == ["sided"]:
        return False
    if kinds[index - 2 : index] == ["finding", "or"] and kinds[index + 1 : index + 2] in ([], ["end"], ["comma"]):
        return True  # "effusion, consolidation or both"
    end = min(len(kinds), index + 8)
    joint = follows(kinds, index + 1, LOOSE | FINDINGS | {"article", "zone", "level"}, end)
    if joint >= end or joint == index + 1 or kinds[joint] not in ("and", "or"):
        return False
    behind = follows(kinds, joint + 1, LOOSE | {"article"}, min(len(kinds), joint + 5))
    if behind < len(kinds) and kinds[behind] in FINDINGS:
        return True
    # "both apical and basal components": "both" says how many levels there are, and not how many sides.
    levels = ("zone", "level")
    return kinds[joint - 1] in levels and joint - index <= 3 and behind < len(kinds) and kinds[behind] in levels

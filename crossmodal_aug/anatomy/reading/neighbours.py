"""Neighbours: organs and devices beside the regions, and phrases that only say where one of them lies."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import FINDINGS, LOOSE, OTHERS, REACH, VERBS, follows, follows_back
from crossmodal_aug.anatomy.statement import Phrase, Statement

NEIGHBOURS = OTHERS | {"device"}
# Nouns that only regions of this kind have; a lobe may be one of the liver.
_OWN_NOUNS = ("lung", "base", "apex", "apices", "hilum", "zone", "field", "thorax")


def places_device(statement: Statement, phrase: Phrase, head: str, begin: int, end: int) -> bool:
    """Return whether a phrase tells only where a device lies."""
    kinds = statement.kinds
    at = follows(kinds, phrase.last + 1, {"unknown"}, min(end, phrase.last + 4))
    if at > phrase.last + 1 and kinds[at : at + 2] == ["comma", "with"]:
        at += 1
    if at > phrase.last + 1 and kinds[at : at + 1] == ["with"]:
        # a word that is not known, and is a device: "left chest gizmo, with its tip in"
        at = follows(kinds, at + 1, {"article", "unknown", "modifier"}, end)
        if at < end and kinds[at] == "device":
            return True
    return head not in FINDINGS and _lies_behind_device(kinds, phrase, begin)


def _lies_behind_device(kinds: list[str], phrase: Phrase, begin: int) -> bool:
    for index in range(phrase.first - 1, max(begin, phrase.first - REACH) - 1, -1):
        kind = kinds[index]
        if kind == "device":
            return True
        if kind in ("finding", "comma", "stop", "with", "denies", "dash", "colon", "there"):
            return False
    return False


def speaks_of_regions(statement: Statement, phrase: Phrase, begin: int, end: int) -> bool:
    """Return whether a phrase with a noun or a zone names a place of the atlas, and not one of a hernia's."""
    kinds = statement.kinds
    if not (phrase.noun or phrase.side) and phrase.first - begin >= 2:
        closes = phrase.last + 1 >= end
        if kinds[phrase.first - 1] == "comma" and kinds[phrase.first - 2] in OTHERS and closes:
            return False
    if _is_at_neighbour(statement, phrase, begin):
        return False
    if phrase.side or phrase.plural or phrase.place or phrase.levelled:
        return True
    before = kinds[phrase.first - 1] if phrase.first > begin else ""
    behind = kinds[phrase.last + 1] if phrase.last + 1 < end else ""
    denies = statement.terms[phrase.first - 1].sense.row == "neither" if phrase.first > begin else False
    return (
        phrase.whole
        or denies
        or before == "otherwise"
        or (before == "denies" and (behind in VERBS or behind == "unknown"))
    )


def _is_at_neighbour(statement: Statement, phrase: Phrase, begin: int) -> bool:
    """Return whether what stands before a phrase is another organ's: "liver cyst in the right lobe"."""
    kinds, terms = statement.kinds, statement.terms
    said = statement.text[terms[phrase.first].start : terms[phrase.last].end].lower()
    if (
        phrase.place
        or phrase.implies_side
        or (phrase.side and phrase.levelled)
        or any(word in said for word in _OWN_NOUNS)
    ):
        return False
    index = follows_back(kinds, phrase.first - 1, {"in", "article", "of"}, begin)
    if index < begin:
        return False
    if kinds[index] in OTHERS:
        return index == phrase.first - 1 and not phrase.side
    return kinds[index] in FINDINGS and belongs_to_neighbour(kinds, index, begin)


def belongs_to_neighbour(kinds: list[str], finding: int, begin: int) -> bool:
    """Return whether the noun phrase of a finding begins with another organ: "renal cortical scarring"."""
    index = follows_back(kinds, finding - 1, LOOSE | FINDINGS | VERBS | {"article"}, begin)
    return index >= begin and kinds[index] in NEIGHBOURS

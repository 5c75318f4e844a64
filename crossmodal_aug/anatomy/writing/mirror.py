"""Exchanging left and right in words."""

from __future__ import annotations

from crossmodal_aug.anatomy.atlas.tokens import TOKEN
from crossmodal_aug.anatomy.casing import exchanged
from crossmodal_aug.anatomy.statement import MIRROR_MARK, Statement
from crossmodal_aug.anatomy.writing.edits import Edit, spliced

_INSIDE_NAMES = frozenset({"hyphen", "sided", "modifier", "and", "side"})


def mirrored_text(statement: Statement) -> str:
    """Exchange every word of a mirror pair, and mark or unmark words that imply a side.

    Args:
        statement: What the text says, read with the atlas whose `mirror_words` to exchange.

    Returns:
        The exchanged text. Exchanging twice gives the text that was read.
    """
    text = statement.text
    edits: list[Edit] = []
    for index, term in enumerate(statement.terms):
        if term.sense.mirror is not None and not _keeps_its_side(statement.kinds, index):
            words = TOKEN.finditer(text, term.start, term.end)
            for word, partner in zip(words, term.sense.mirror, strict=False):
                new = exchanged(word.group(), partner)
                if new is not None and new != word.group():
                    edits.append((*word.span(), new))
        elif index in statement.implied:
            # An odd number of marks means the other side, so one mark more or less turns the word around.
            end = term.end
            edits.append((end - len(MIRROR_MARK), end, "") if term.flipped else (end, end, MIRROR_MARK))
    return spliced(text, edits)


def _keeps_its_side(kinds: list[str], index: int) -> bool:
    """Return whether a side is part of a name that no flip changes: the left ventricle stays the left one."""
    at = index + 1
    while at < min(len(kinds), index + 4) and kinds[at] in _INSIDE_NAMES:
        at += 1
    return at < len(kinds) and kinds[at] == "identity"

"""Exceptions: what "except", "sparing" and "otherwise" leave out of a wider place, or say of the rest of it."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import MOST_BETWEEN, VERBS, WITHIN_EXCEPTION, follows_back
from crossmodal_aug.anatomy.statement import Phrase, Statement

_SET_BEHIND = frozenset({"excepted", "excluded", "aside", "apart"})


def mark_exceptions(statement: Statement, phrases: list[Phrase], begin: int) -> None:
    """Find what "except" and "sparing" leave out of a wider place, and give it that place's side where it lacks one.

    Args:
        statement: The words of the text.
        phrases: Settled phrases of one sentence; they are changed.
        begin: First term of the sentence.
    """
    kinds = statement.kinds
    for order, phrase in enumerate(phrases):
        index = follows_back(kinds, phrase.first - 1, WITHIN_EXCEPTION, max(begin, phrase.first - MOST_BETWEEN))
        if (
            kinds[phrase.last + 1 : phrase.last + 2] == ["except"]
            and statement.said(phrase.last + 1, phrase.last + 1).lower() in _SET_BEHIND
        ):
            index = phrase.last + 1  # "the left lung is opacified, the apex excepted"
        elif index < begin or kinds[index] not in ("except", "sparing"):
            continue
        behind = kinds[phrase.last + 1 : phrase.last + 2]
        if index == begin and behind and behind[0] in VERBS and phrase.noun:
            continue  # "apart from a nodule in the middle lobe the lungs are clear"
        if (
            index < phrase.first
            and "comma" in kinds[index : phrase.first]
            and behind
            and (behind[0] in VERBS or behind[0] == "clear")
        ):
            continue  # "other than a nodule in the lingula, the lungs are clear"
        inside = kinds[index : phrase.first]
        if "and" in inside and kinds[index + inside.index("and") + 1] in ("unknown", "in", *VERBS):
            continue  # "spares the right upper lobe and involves the lower lobes"
        phrase.exception = True
        phrase.cue = (index, index)
        before = [earlier for earlier in phrases[max(0, order - 8) : order] if not earlier.exception]
        wide = before[-1] if before else next(iter(phrases[order + 1 : order + 2]), None)
        if wide is not None and wide.side and not (phrase.side or phrase.place or phrase.implies_side):
            phrase.give_side(wide.side)


def apply_exceptions(statement: Statement, phrases: list[Phrase]) -> None:
    """Give exceptions the opposite of what is said of the wider place, and take them out of it.

    Args:
        statement: The words of the text.
        phrases: Phrases of one sentence with their masks and denials.
    """
    for phrase in phrases:
        if not phrase.exception:
            continue
        wide = next((other for other in phrases if not other.exception and other.mask & phrase.mask), None)
        cue = phrase.cue
        spares = cue is not None and statement.kinds[cue[0]] == "sparing"
        if wide is None:
            phrase.negated = spares
        elif wide.negated:
            phrase.negated = False
        elif not wide.mask & ~phrase.mask:
            phrase.mask = 0  # a part of a region: "right upper lobe consolidation, sparing the apex"
        else:
            phrase.negated = True
            wide.mask &= ~phrase.mask
            for other in phrases:
                if not (other.exception or other.negated) and other.mask & ~phrase.mask:
                    other.mask &= ~phrase.mask
        if not phrase.negated:
            phrase.cue = None


def take_out_spared(statement: Statement) -> None:
    """Take what a later sentence calls spared, "Middle lobe spared.", out of a wider place named before.

    Args:
        statement: The phrases of the text, with their masks and denials; they are changed.
    """
    for phrase in statement.phrases:
        if phrase.negated and phrase.cue is not None and "spared" in statement.said(*phrase.cue).lower().split():
            for other in statement.phrases:
                if other.first < phrase.first and not other.negated and other.mask & ~phrase.mask:
                    other.mask &= ~phrase.mask


def clear_the_rest(statement: Statement, phrases: list[Phrase], begin: int, end: int) -> None:
    """Let "otherwise clear" say so of the widest place that its sentence named: "Lungs: apical scar, otherwise clear".

    Args:
        statement: The words of the text.
        phrases: Phrases of one sentence with their masks and denials.
        begin: First term of the sentence.
        end: One past its last term.
    """
    kinds = statement.kinds
    for index in range(begin, end):
        if kinds[index] not in ("otherwise", "excepting verb"):
            continue
        clear = next((at for at in range(index + 1, min(end, index + 5)) if kinds[at] == "clear"), -1)
        if clear < 0:
            continue
        wide = [
            phrase
            for phrase in phrases
            if phrase.first < index and not (phrase.side or phrase.levelled or phrase.place)
        ]
        for phrase in wide[:1]:
            phrase.negated, phrase.cue = True, (index, clear)
        before = kinds[index - 1] if index > begin else ""
        said = statement.said(index, index).lower()
        names_it = any(index < phrase.first < clear for phrase in phrases)
        if not (wide or names_it) and clear + 1 >= end and not said.endswith("otherwise"):
            statement.rest = (index, clear)
        elif kinds[index] == "excepting verb" or before in VERBS:
            # "the right lung shows a basal opacity and is otherwise clear"
            subject = next((phrase for phrase in phrases if phrase.first < index), None)
            if subject is not None and subject.side and subject.noun and subject.lent:
                statement.cleared |= subject.side

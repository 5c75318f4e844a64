"""The reader: a text becomes a statement in five steps, each of which sets one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.reading import (
    anaphora,
    captions,
    exceptions,
    extents,
    pictures,
    placing,
    questions,
    sections,
    settling,
)
from crossmodal_aug.anatomy.reading.kinds import DENIALS
from crossmodal_aug.anatomy.reading.phrases import find_phrases
from crossmodal_aug.anatomy.reading.scope import denial_of
from crossmodal_aug.anatomy.reading.terms import read_terms
from crossmodal_aug.anatomy.statement import Phrase, Statement

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary


def read(doc: Doc, vocabulary: Vocabulary) -> Statement:
    """Read a text.

    Args:
        doc: Its tokens.
        vocabulary: The words to read it with, made for the same tokenizer.

    Returns:
        What it says.
    """
    statement = read_terms(doc, vocabulary)
    sections.read_sections(statement)
    read_phrases(statement, vocabulary)
    read_scope(statement, vocabulary)
    conclude(statement, vocabulary.full)
    return statement


def read_phrases(statement: Statement, vocabulary: Vocabulary) -> None:
    """Find the position phrases of a text and which of them name regions; one step of the reader.

    Args:
        statement: The words of the text; its phrases are set.
        vocabulary: What they were read with.
    """
    captions.read_header(statement)
    for place, (begin, end) in enumerate(statement.sentences):
        if place in statement.silent:
            continue
        phrases = find_phrases(statement, vocabulary, begin, end)
        if statement.summary >= 0:
            phrases = [phrase for phrase in phrases if phrase.last != statement.summary]
        if not phrases:
            continue
        if statement.laterality is None and any(phrase.both for phrase in phrases):
            statement.laterality = "bilateral"
        if vocabulary.eager:
            anaphora.resolve_pointers(statement, phrases, vocabulary)
            phrases = settling.settle(statement, phrases, begin, end)
            anaphora.share_sides(statement, phrases, vocabulary)
            anaphora.point_back(statement, phrases, vocabulary)
            anaphora.follow_ellipsis(statement, phrases, begin)
            if place and questions.is_question(statement, place - 1):
                anaphora.answer_sides(statement, phrases, vocabulary)
            extents.refine(statement, phrases, end)
            extents.inherit_sides(statement, phrases)
            if place:
                extents.carry_heading(statement, phrases, place)
            exceptions.mark_exceptions(statement, phrases, begin)
        else:
            phrases = pictures.settle(statement, phrases, begin, end)
        for phrase in phrases:
            for part in (phrase, *phrase.members):
                phrase.mask |= part.named(vocabulary.full)
                if part.implies_side:
                    statement.implied.update(_implied(statement, part))
        statement.phrases += phrases


def _implied(statement: Statement, phrase: Phrase) -> list[int]:
    return [index for index in range(phrase.first, phrase.last + 1) if statement.terms[index].sense.implies_side]


def read_scope(statement: Statement, vocabulary: Vocabulary) -> None:
    """Find which phrases a text calls clear, and how its phrases narrow each other; one step of the reader.

    Args:
        statement: The phrases of the text; they are changed.
        vocabulary: What they were read with.
    """
    kept: list[Phrase] = []
    phrases, first = statement.phrases, 0
    for place, (_, end) in enumerate(statement.sentences):
        stop = first
        while stop < len(phrases) and phrases[stop].first < end:
            stop += 1
        if stop == first and vocabulary.eager and "otherwise" in statement.kinds[statement.sentences[place][0] : end]:
            exceptions.clear_the_rest(statement, [], *statement.sentences[place])
        if stop > first:
            kept += _scoped(statement, vocabulary, phrases[first:stop], place)
        first = stop
    statement.phrases = kept
    if vocabulary.eager and len(statement.sentences) > 1:
        anaphora.head_lines(statement, vocabulary)
        exceptions.take_out_spared(statement)


def _scoped(statement: Statement, vocabulary: Vocabulary, phrases: list[Phrase], place: int) -> list[Phrase]:
    begin, end = statement.sentences[place]
    inside = set(statement.kinds[begin:end])
    if not DENIALS.isdisjoint(inside):
        for phrase in phrases:
            if not phrase.exception:
                phrase.cue = denial_of(statement, phrase, begin, end)
                phrase.negated = phrase.cue is not None
        if "otherwise" in inside or "excepting verb" in inside:
            exceptions.clear_the_rest(statement, phrases, begin, end)
    if not vocabulary.eager:
        return pictures.without_neighbours(statement, phrases)
    if "hypothetical" in inside:
        phrases = extents.without_hypotheses(statement, phrases, begin)
    if "past" in inside:
        phrases = extents.without_past(statement, phrases, begin, end)
    if any(phrase.exception for phrase in phrases):
        exceptions.apply_exceptions(statement, phrases)
    if questions.is_question(statement, place):
        phrases = questions.answered(statement, phrases, place)
    elif place and questions.asks_for_clear(statement, place - 1):
        questions.call_clear(phrases)
    # The regions as a whole are a position only where they are called clear: "low lung volumes" is none.
    phrases = [p for p in phrases if p.negated or p.whole or p.side or p.levelled or p.place]
    if "mainly" in inside:
        extents.narrow(statement, phrases)
    if statement.laterality == "unilateral":
        captions.mark_filler(phrases)
    return phrases


def conclude(statement: Statement, full: int) -> None:
    """Add up what the phrases of a text say; the last step of the reader.

    Args:
        statement: The phrases of the text; affirmed and negated regions, and a denial without place, are set.
        full: Bits of all regions of the atlas.
    """
    for phrase in statement.phrases:
        if phrase.negated:
            statement.negated |= phrase.mask
        else:
            statement.affirmed |= phrase.mask
    if statement.rest is not None and statement.affirmed:
        statement.negated |= full
    statement.negated |= statement.cleared
    statement.negated &= ~statement.affirmed
    if not statement.affirmed:
        placing.find_denial(statement, full)

"""The reader as a spaCy pipeline: five small components, each of which sets one thing on the document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from spacy.language import Language

from crossmodal_aug.anatomy.reading.reader import conclude, read_phrases, read_scope
from crossmodal_aug.anatomy.reading.sections import read_sections
from crossmodal_aug.anatomy.reading.terms import read_terms
from crossmodal_aug.anatomy.reading.tokenizer import blank_language
from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.errors import InvalidValueError, shown

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from crossmodal_aug.anatomy.atlas.atlas import Atlas
    from crossmodal_aug.anatomy.reading.cues import Cue

# Where a document carries what has been read of it.
KEY = "position_statement"


class Step:
    """A component of the pipeline: one step of the reader.

    Args:
        name: What the step is called.
        run: What it does, given the document and the vocabulary.
    """

    def __init__(self, name: str, run: Callable[[Doc, Vocabulary], None]) -> None:
        self.name = name
        self.run = run
        self.vocabulary: Vocabulary | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Take one step with one document.

        Args:
            doc: The document.

        Returns:
            The same document.

        Raises:
            InvalidValueError: The component was added by hand, and no parser gave it words.
        """
        if self.vocabulary is None:
            raise InvalidValueError(
                f"Expected the component {shown(self.name)} to be added by PositionParser, which gives it an atlas; in "
                "a pipeline of your own use the component 'anatomical_positions'."
            )
        self.run(doc, self.vocabulary)
        return doc


def _terms(doc: Doc, vocabulary: Vocabulary) -> None:
    doc.user_data[KEY] = read_terms(doc, vocabulary)


def _sections(doc: Doc, _: Vocabulary) -> None:
    read_sections(doc.user_data[KEY])


def _phrases(doc: Doc, vocabulary: Vocabulary) -> None:
    read_phrases(doc.user_data[KEY], vocabulary)


def _scope(doc: Doc, vocabulary: Vocabulary) -> None:
    read_scope(doc.user_data[KEY], vocabulary)


def _statement(doc: Doc, vocabulary: Vocabulary) -> None:
    conclude(doc.user_data[KEY], vocabulary.full)


_STEPS: dict[str, Callable[[Doc, Vocabulary], None]] = {
    "position_terms": _terms,
    "position_sections": _sections,
    "position_phrases": _phrases,
    "position_scope": _scope,
    "position_statement": _statement,
}
STEPS = tuple(_STEPS)


def _step(nlp: Language, name: str) -> Step:
    return Step(name, _STEPS[name])


for _name in STEPS:
    Language.factory(_name, func=_step)


def make_pipeline(atlas: Atlas, nlp: Language | None = None, cues: Iterable[Cue] = ()) -> tuple[Language, Vocabulary]:
    """Return a pipeline that reads texts, and the words that it reads them with.

    Args:
        atlas: The atlas.
        nlp: A pipeline to add the steps to, whose tokenizer and sentences count; None makes a blank one for reports.
        cues: Further cues.

    Returns:
        The pipeline and its vocabulary.

    Raises:
        InvalidValueError: The pipeline has such steps already.
    """
    nlp = blank_language() if nlp is None else nlp
    taken = [name for name in STEPS if nlp.has_pipe(name)]
    if taken:
        raise InvalidValueError(f"Expected `nlp` without the steps of another parser, but it has {', '.join(taken)}.")
    vocabulary = Vocabulary(atlas, nlp.vocab, nlp.make_doc, cues)
    for name in STEPS:
        nlp.add_pipe(name).vocabulary = vocabulary  # type: ignore[attr-defined]
    return nlp, vocabulary


def take_statement(doc: Doc) -> Statement:
    """Take from a document what the pipeline has read of it.

    Args:
        doc: The document.

    Returns:
        The statement; the document no longer carries it, so that it can be stored.
    """
    statement: Statement = doc.user_data.pop(KEY)
    return statement

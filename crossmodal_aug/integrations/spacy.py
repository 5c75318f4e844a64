"""The spaCy component "anatomical_positions". It imports no torch."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from crossmodal_aug.anatomy.atlas import Atlas, named_atlas
from crossmodal_aug.anatomy.atlas.atlas import parse_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.reading.reader import read
from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.errors import AtlasError, InvalidValueError, shown
from crossmodal_aug.integrations.spacy_attributes import extend, negated_of, part_of, placed_of, regions_of

DEFAULT_SPANS_KEY = "positions"
AFFIRMED = "POSITION"
NEGATED = "CLEAR_POSITION"
_SETTINGS_FILE = "settings.json"
_ATLAS_FILE = "atlas.toml"
_SAVE_AGAIN = "the pipeline is damaged: save it again."
# Where the meta data of a pipeline, which reach a component before its own data do, list the atlas files inside it.
_META_KEY = "atlases"


@Language.factory(
    "anatomical_positions",
    default_config={"atlas": "lung_zones", "spans_key": DEFAULT_SPANS_KEY},
    assigns=[
        "doc.spans",
        "doc._.position_regions",
        "doc._.position_negated",
        "doc._.position_placed",
        "span._.position_regions",
        "span._.position_negated",
        "span._.position_cue",
    ],
)
def make_anatomical_positions(nlp: Language, name: str, atlas: str, spans_key: str) -> AnatomicalPositions:
    """Make the component; spaCy calls this from `nlp.add_pipe("anatomical_positions")`.

    Args:
        nlp: The pipeline.
        name: Name of the component in it.
        atlas: "lung_zones", "quadrants", or the path of an atlas file.
        spans_key: Where in `doc.spans` the positions go. Two components of one pipeline need two keys.

    Returns:
        The component.

    Raises:
        AtlasError: `atlas` names neither an atlas nor a TOML file that is there, or the file has a fault. A
            pipeline that is loaded with a copy of the file inside does not need it.
        InvalidValueError: `spans_key` is not a name.

    Examples:
        >>> import spacy
        >>> nlp = spacy.blank("en")
        >>> _ = nlp.add_pipe("anatomical_positions", config={"atlas": "lung_zones"})
        >>> doc = nlp("Opacity in the left base; the right lung is clear.")
        >>> doc._.position_regions, doc.spans["positions"][0].text
        (('left lower',), 'left base')
    """
    del name
    inside = nlp.meta.get(_META_KEY, [])
    component = AnatomicalPositions(nlp, atlas, spans_key, missing_ok=atlas in inside)
    if atlas.endswith(".toml") and atlas not in inside:
        nlp.meta[_META_KEY] = [*inside, atlas]
    return component


class AnatomicalPositions:
    """Fills `doc.spans["positions"]`, and says of the document and of each span which regions they name.

    `doc._.position_regions`, `doc._.position_negated` and `doc._.position_placed` are those of a `Report`; a span of
    `doc.spans["positions"]` has `_.position_regions`, `_.position_negated` and `_.position_cue`, those of a `Mention`.
    With another `spans_key`, say "corners", they are called `corners_regions` and so on. All of it is kept by `DocBin`
    with `store_user_data`, by `Doc.from_docs`, by `as_doc(copy_user_data=True)` and by `nlp.pipe(n_process=2)`.

    The component reads the tokens of the pipeline, and its sentences where a component before it has set them. Only a
    token that glues known words ("lung(all") is looked into.

    Args:
        nlp: The pipeline, whose tokenizer cuts the words to look for.
        atlas: "lung_zones", "quadrants", or the path of an atlas file.
        spans_key: Where in `doc.spans` the positions go.
        missing_ok: Whether the file may be missing, because `from_disk` or `from_bytes` will bring it.

    Raises:
        AtlasError: `atlas` names neither an atlas nor a TOML file, or the file has a fault.
        InvalidValueError: `spans_key` is not a name, or an attribute of that name belongs to somebody else.
    """

    def __init__(
        self, nlp: Language, atlas: str, spans_key: str = DEFAULT_SPANS_KEY, *, missing_ok: bool = False
    ) -> None:
        if not spans_key.isidentifier() or spans_key == "position":
            raise InvalidValueError(
                "Expected `spans_key` to be a name of letters, digits and _, and not the prefix of the default key, "
                f"but got {shown(spans_key)}."
            )
        self.spans_key = spans_key
        # The file of a user's own atlas travels with the pipeline, so it need not exist where that is loaded.
        self._source = ""
        self._atlas: Atlas | None = None
        self._name = atlas
        self._nlp: Language | None = nlp
        self._vocabulary: Vocabulary | None = None
        self._words: dict[str, list[str]] = {}
        if not (missing_ok and atlas.endswith(".toml") and not Path(atlas).is_file()):
            self._take(named_atlas(atlas))
            if atlas.endswith(".toml"):
                self._source = Path(atlas).read_text(encoding="utf-8-sig")
        _register(_names(self.spans_key))

    def __getstate__(self) -> dict[str, Any]:
        # Matchers stay at home. Another process makes its own, of the words as this pipeline's tokenizer cut them.
        return {**self.__dict__, "_nlp": None, "_vocabulary": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _register(_names(self.spans_key))  # another process has not seen the constructor

    def _take(self, atlas: Atlas) -> None:
        """Take over an atlas: check that it reads its own phrases, and cut its words as the pipeline does."""
        PositionParser(atlas)
        self._atlas, self._vocabulary = atlas, None
        if self._nlp is not None:
            self._vocabulary = Vocabulary(atlas, self._nlp.vocab, self._nlp.make_doc)
            self._words = {form: [token.text for token in self._nlp.make_doc(form)] for form in self._vocabulary.forms}

    def vocabulary_for(self, doc: Doc) -> Vocabulary:
        """Return the words to read a document with, made for its strings.

        Args:
            doc: A document of this pipeline.

        Returns:
            The vocabulary.

        Raises:
            AtlasError: The atlas file that the pipeline was to bring along never came.
        """
        if self._atlas is None:
            raise AtlasError(
                f"Expected an atlas file at {self._name}, or a pipeline that brings it along through from_disk or "
                "from_bytes, but there is none."
            )
        if self._vocabulary is None or self._vocabulary.vocab is not doc.vocab:
            words = self._words
            self._vocabulary = Vocabulary(
                self._atlas, doc.vocab, lambda form: Doc(doc.vocab, words=words.get(form) or form.split())
            )
        return self._vocabulary

    def __call__(self, doc: Doc) -> Doc:
        """Read one document.

        Args:
            doc: The document.

        Returns:
            The same document with its positions filled in.

        Raises:
            AtlasError: The atlas file that the pipeline was to bring along never came.
        """
        vocabulary = self.vocabulary_for(doc)
        statement = read(doc, vocabulary)
        names = _names(self.spans_key)
        kept: dict[Any, Any] = doc.user_data
        spans = []
        for phrase in statement.phrases:
            span = self._span(doc, statement, phrase.first, phrase.last, NEGATED if phrase.negated else AFFIRMED)
            denied = phrase.negated and phrase.cue is not None
            cue = statement.said(*phrase.cue) if denied and phrase.cue is not None else ""
            spans.append(span)
            # The document's own attributes go by the characters of a mention, which may be a part of a token.
            said = (statement.terms[phrase.first].start, statement.terms[phrase.last].end)
            kept["._.", names["mention"], *said] = [list(self._named(phrase.mask)), phrase.negated, cue, phrase.mask]
        doc.spans[self.spans_key] = spans
        if statement.denial is not None:
            first, last = statement.denial
            said = (statement.terms[first].start, statement.terms[last].end)
            kept["._.", names["denial"], *said] = True
        return doc

    def _span(self, doc: Doc, statement: Statement, first: int, last: int, label: str) -> Span:
        terms = statement.terms
        span = doc.char_span(terms[first].start, terms[last].end, label=label, alignment_mode="expand")
        return doc[0 : len(doc)] if span is None else span

    def _named(self, mask: int) -> tuple[str, ...]:
        atlas = self._atlas
        return () if atlas is None else tuple(name for index, name in enumerate(atlas.names) if mask >> index & 1)

    def to_bytes(self, **_: Any) -> bytes:
        """Return the name of the atlas, and the user's own file where it is one.

        Raises:
            AtlasError: There is no atlas.
        """
        return json.dumps({"atlas": self._saved_name(), "source": self._source}).encode()

    def from_bytes(self, data: bytes, **_: Any) -> AnatomicalPositions:
        """Take over the atlas that `to_bytes` returned, whatever the component was made with."""
        saved = json.loads(data)
        self._load(saved["atlas"], saved["source"])
        return self

    def to_disk(self, path: str | Path, **_: Any) -> None:
        """Write the name of the atlas, and the user's own file where it is one, into the folder of the component.

        Raises:
            AtlasError: There is no atlas.
        """
        name = self._saved_name()
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ATLAS_FILE).write_bytes(self._source.encode())
        settings = {"atlas": name, "sha256": _digest(self._source)}
        (folder / _SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    def from_disk(self, path: str | Path, **_: Any) -> AnatomicalPositions:
        """Take over the atlas that `to_disk` wrote, whatever the component was made with.

        Raises:
            AtlasError: A file of it is missing or damaged.
        """
        folder = Path(path)
        settings = _read_saved(folder / _SETTINGS_FILE)
        try:
            saved = json.loads(settings)
            name, digest = saved["atlas"], saved.get("sha256")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise AtlasError(f"{folder / _SETTINGS_FILE}: Expected the name of an atlas; {_SAVE_AGAIN}") from error
        source = _read_saved(folder / _ATLAS_FILE)
        if digest not in (None, _digest(source)):
            raise AtlasError(
                f"{folder / _ATLAS_FILE}: Expected the atlas that was saved, but its digest is another; {_SAVE_AGAIN}"
            )
        self._load(name, source)
        return self

    def _saved_name(self) -> str:
        if self._atlas is None:  # a pipeline that cannot read is not worth saving
            raise AtlasError(
                f"Expected an atlas file at {self._name}, or a pipeline that brings it along through from_disk or "
                "from_bytes, but there is none."
            )
        return self._name

    def _load(self, name: str, source: str) -> None:
        atlas = parse_atlas(source, where=name) if source else named_atlas(name)
        self._name, self._source = name, source
        self._take(atlas)


def _read_saved(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, ValueError) as error:  # a ValueError: not UTF-8
        raise AtlasError(f"{path}: Expected a saved file, but got {error}; {_SAVE_AGAIN}") from error


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _register(names: dict[str, str]) -> None:
    for what, getter in (("regions", regions_of), ("negated", negated_of), ("placed", placed_of)):
        extend(Doc, names[what], getter=partial(getter, names=names))
    for place, what in enumerate(("regions", "negated", "cue")):
        extend(Span, names[what], getter=partial(part_of, name=names["mention"], place=place))


def _names(spans_key: str) -> dict[str, str]:
    prefix = "position" if spans_key == DEFAULT_SPANS_KEY else spans_key
    return {what: f"{prefix}_{what}" for what in ("regions", "negated", "cue", "placed", "mention", "denial")}


# So that a document of a `DocBin` can be asked where no pipeline with the component was made.
if not any(Doc.has_extension(f"position_{what}") for what in ("regions", "negated", "placed")):
    _register(_names(DEFAULT_SPANS_KEY))

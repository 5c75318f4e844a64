"""The spaCy component "anatomical_positions". It imports no torch."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.anatomy.atlas.atlas import parse_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.errors import AtlasError, InvalidValueError

DEFAULT_SPANS_KEY = "positions"
AFFIRMED = "POSITION"
NEGATED = "CLEAR_POSITION"
_SETTINGS_FILE = "settings.json"
_ATLAS_FILE = "atlas.toml"
# Where the meta data of a pipeline, which reach a component before its own data do, list the atlas files inside it.
_META_KEY = "atlases"


@Language.factory(
    "anatomical_positions",
    default_config={"atlas": "lung_zones", "spans_key": DEFAULT_SPANS_KEY},
    assigns=["doc.spans", "doc._.position_regions", "doc._.position_negated"],
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
        InvalidValueError: `spans_key` is no name.

    Example:
        >>> import spacy
        >>> nlp = spacy.blank("en")
        >>> _ = nlp.add_pipe("anatomical_positions", config={"atlas": "lung_zones"})
        >>> doc = nlp("Opacity in the left base; the right lung is clear.")
        >>> doc._.position_regions, doc.spans["positions"][0].text
        (('left lower',), 'left base')
    """
    del name
    inside = nlp.meta.get(_META_KEY, [])
    component = AnatomicalPositions(atlas, spans_key, missing_ok=atlas in inside)
    if atlas.endswith(".toml") and atlas not in inside:
        nlp.meta[_META_KEY] = [*inside, atlas]
    return component


def _stored(doc: Doc, key: str) -> tuple[str, ...]:
    # A document that comes back from another process or from disk holds lists for tuples.
    return tuple(doc.user_data.get(key, ()))


class AnatomicalPositions:
    """Fills `doc.spans["positions"]`, `doc._.position_regions` and `doc._.position_negated`.

    With another `spans_key`, say "corners", it fills `doc.spans["corners"]`, `doc._.corners_regions` and
    `doc._.corners_negated`. It reads `doc.text` with a `PositionParser`, so it needs no other component and agrees
    with the parser whatever the tokenizer does. A span covers all tokens that its mention touches.

    Args:
        atlas: "lung_zones", "quadrants", or the path of an atlas file.
        spans_key: Where in `doc.spans` the positions go.
        missing_ok: Whether the file may be missing, because `from_disk` or `from_bytes` will bring it.

    Raises:
        AtlasError: `atlas` names neither an atlas nor a TOML file, or the file has a fault.
        InvalidValueError: `spans_key` is no name.
    """

    def __init__(self, atlas: str, spans_key: str = DEFAULT_SPANS_KEY, *, missing_ok: bool = False) -> None:
        if not spans_key.isidentifier():
            raise InvalidValueError(
                f"Expected `spans_key` to be a name of letters, digits and _, but got {spans_key!r}"
            )
        self.spans_key = spans_key
        # The file of a user's own atlas travels with the pipeline, so it need not exist where that is loaded.
        self._source = ""
        self._parser: PositionParser | None = None
        self._name = atlas
        if not (missing_ok and atlas.endswith(".toml") and not Path(atlas).is_file()):
            self._parser = PositionParser(named_atlas(atlas))
            if atlas.endswith(".toml"):
                self._source = Path(atlas).read_text(encoding="utf-8")
        self._register()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._register()  # another process has not seen the constructor

    def _register(self) -> None:
        for key in self._attributes():
            if not Doc.has_extension(key):
                Doc.set_extension(key, getter=partial(_stored, key=key))

    def _attributes(self) -> tuple[str, str]:
        prefix = "position" if self.spans_key == DEFAULT_SPANS_KEY else self.spans_key
        return f"{prefix}_regions", f"{prefix}_negated"

    @property
    def parser(self) -> PositionParser:
        """The parser behind the component."""
        if self._parser is None:
            raise AtlasError(
                f"Expected an atlas file at {self._name}, or a pipeline that brings it along through from_disk or "
                "from_bytes, but there is none"
            )
        return self._parser

    def __call__(self, doc: Doc) -> Doc:
        """Read one document.

        Args:
            doc: The document.

        Returns:
            The same document with its positions filled in.

        Raises:
            AtlasError: The atlas file that the pipeline was to bring along never came.
        """
        report = self.parser(doc.text)
        spans = [
            doc.char_span(
                mention.start,
                mention.end,
                label=NEGATED if mention.negated else AFFIRMED,
                alignment_mode="expand",
            )
            for mention in report.mentions
        ]
        doc.spans[self.spans_key] = [span for span in spans if span is not None]
        regions, negated = self._attributes()
        doc.user_data[regions] = report.regions
        doc.user_data[negated] = report.negated
        return doc

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
        (folder / _SETTINGS_FILE).write_text(json.dumps({"atlas": name}), encoding="utf-8")
        (folder / _ATLAS_FILE).write_text(self._source, encoding="utf-8")

    def from_disk(self, path: str | Path, **_: Any) -> AnatomicalPositions:
        """Take over the atlas that `to_disk` wrote, whatever the component was made with."""
        folder = Path(path)
        name = json.loads((folder / _SETTINGS_FILE).read_text(encoding="utf-8"))["atlas"]
        self._load(name, (folder / _ATLAS_FILE).read_text(encoding="utf-8"))
        return self

    def _saved_name(self) -> str:
        _ = self.parser  # a pipeline that cannot read is not worth saving
        return self._name

    def _load(self, name: str, source: str) -> None:
        atlas = parse_atlas(source, where=name) if source else named_atlas(name)
        self._name, self._source, self._parser = name, source, PositionParser(atlas)

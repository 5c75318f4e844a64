"""The spaCy component "anatomical_positions". It imports no torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.anatomy.atlas_file import parse_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.errors import AtlasError

SPANS_KEY = "positions"
AFFIRMED = "POSITION"
NEGATED = "CLEAR_POSITION"
_ATLAS_FILE = "atlas.toml"


@Language.factory(
    "anatomical_positions",
    default_config={"atlas": "lung_zones"},
    assigns=["doc.spans", "doc._.position_regions", "doc._.position_negated"],
)
def make_anatomical_positions(nlp: Language, name: str, atlas: str) -> AnatomicalPositions:
    """Make the component; spaCy calls this from `nlp.add_pipe("anatomical_positions")`.

    Args:
        nlp: The pipeline.
        name: Name of the component in it.
        atlas: "lung_zones", "quadrants", or the path of an atlas file.

    Returns:
        The component.

    Raises:
        AtlasError: `atlas` names neither an atlas nor a TOML file.

    Example:
        >>> import spacy
        >>> nlp = spacy.blank("en")
        >>> _ = nlp.add_pipe("anatomical_positions", config={"atlas": "lung_zones"})
        >>> doc = nlp("Opacity in the left base; the right lung is clear.")
        >>> doc._.position_regions, doc.spans["positions"][0].text
        (('left lower',), 'left base')
    """
    del nlp, name
    return AnatomicalPositions(atlas)


def _stored(doc: Doc, key: str) -> tuple[str, ...]:
    # A document that comes back from another process or from disk holds lists for tuples.
    return tuple(doc.user_data.get(key, ()))


class AnatomicalPositions:
    """Fills `doc.spans["positions"]`, `doc._.position_regions` and `doc._.position_negated`.

    It reads `doc.text` with a `PositionParser`, so it needs no other component and agrees with the parser
    whatever the tokenizer does. A span covers all tokens that its mention touches.

    Args:
        atlas: "lung_zones", "quadrants", or the path of an atlas file.

    Raises:
        AtlasError: `atlas` names neither an atlas nor a TOML file.
    """

    def __init__(self, atlas: str) -> None:
        for extension in ("position_regions", "position_negated"):
            if not Doc.has_extension(extension):
                Doc.set_extension(extension, getter=partial(_stored, key=extension))
        # The file of a user's own atlas travels with the pipeline, so it need not exist where that is loaded.
        self._source = ""
        self._parser: PositionParser | None = None
        self._name = atlas
        if atlas.endswith(".toml") and Path(atlas).is_file():
            self._source = Path(atlas).read_text(encoding="utf-8")
        if self._source or not atlas.endswith(".toml"):
            self._parser = PositionParser(named_atlas(atlas))

    @property
    def parser(self) -> PositionParser:
        """The parser behind the component."""
        if self._parser is None:
            raise AtlasError(f"Expected an atlas file at {self._name}, but there is none")
        return self._parser

    def __call__(self, doc: Doc) -> Doc:
        """Read one document.

        Args:
            doc: The document.

        Returns:
            The same document with its positions filled in.
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
        doc.spans[SPANS_KEY] = [span for span in spans if span is not None]
        doc.user_data["position_regions"] = report.regions
        doc.user_data["position_negated"] = report.negated
        return doc

    def to_bytes(self, **_: Any) -> bytes:
        """Return the user's own atlas file, or nothing for an atlas of the package."""
        return self._source.encode()

    def from_bytes(self, data: bytes, **_: Any) -> AnatomicalPositions:
        """Take over an atlas file that `to_bytes` returned."""
        self._load(data.decode())
        return self

    def to_disk(self, path: str | Path, **_: Any) -> None:
        """Write the user's own atlas file into the folder of the component."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ATLAS_FILE).write_text(self._source, encoding="utf-8")

    def from_disk(self, path: str | Path, **_: Any) -> AnatomicalPositions:
        """Take over an atlas file that `to_disk` wrote."""
        self._load((Path(path) / _ATLAS_FILE).read_text(encoding="utf-8"))
        return self

    def _load(self, source: str) -> None:
        self._source = source
        if source:
            self._parser = PositionParser(parse_atlas(source, where=self._name))

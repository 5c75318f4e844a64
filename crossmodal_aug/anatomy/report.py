"""Report: what a text says about regions, and the same said of others."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.casing import cased_like
from crossmodal_aug.anatomy.counted import Counted
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.writing.edits import spliced
from crossmodal_aug.anatomy.writing.mirror import mirrored_text
from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError, shown


class Reader(Protocol):
    """What a report needs of the parser that made it."""

    atlas: Atlas

    def __call__(self, text: str) -> Report:
        """Read one text."""
        ...

    def statement(self, text: str) -> Statement:
        """Return what a text says, as the writer needs it."""
        ...

    def rewritten(self, text: str, target: int) -> str:
        """Return a text rewritten to name exactly the regions of some bits, or raise `CannotSay`."""
        ...

    def reword(self, text: str, frame: str) -> str:
        """Return what a text says in the words of a frame of the atlas, or raise `CannotSay`."""
        ...


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase that names regions, or a template's filler that names none.

    Args:
        start: Offset of its first character.
        end: Offset behind its last character; `text[start:end]` is the phrase.
        text: The phrase.
        regions: The regions that it names, in atlas order.
        negated: Whether the text calls them clear.
        cue: The words that deny it ("no", "is clear"), or "".
    """

    start: int
    end: int
    text: str
    regions: tuple[str, ...]
    negated: bool = False
    cue: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a text says about the regions of an atlas. Made by `PositionParser`.

    Args:
        text: The text.
        regions: Regions where the text places something, in atlas order.
        bits: The same as one bit per region.
        placed: Whether the text says where something is, or that nothing is there; False for "COVID-19 pneumonia.",
            which names a finding and no place, and no less for "COVID-19 pneumonia. The right lung is clear.".
        negated: Regions that the text calls clear and places nothing in.
        mentions: The phrases behind both, in text order.
        laterality: "bilateral" or "unilateral" where the text says so.
        count: The number of areas that the text counts, if it does.
        conflicts: Statements that contradict each other, and how they were resolved.
        unread: What stands like a finding at a side and is not known ("left glurb"), so that its place was not read.
        counted: How many findings it counts in words that no rewriting changes: "one" for "a single nodule", "several"
            for "two polyps", None where it counts none but in the head of a caption ("two infected areas, ...").

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser
        >>> parser = PositionParser(LUNG_ZONES)
        >>> report = parser("Unilateral pulmonary infection, one infected area, upper left lung.")
        >>> report.regions, report.laterality, report.count
        (('left upper',), 'unilateral', 1)
        >>> report.mirrored()
        'Unilateral pulmonary infection, one infected area, upper right lung.'
        >>> report.with_regions(["left upper", "right lower"])
        'Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.'
    """

    text: str
    regions: tuple[str, ...]
    bits: tuple[bool, ...]
    placed: bool
    negated: tuple[str, ...]
    mentions: tuple[Mention, ...]
    laterality: Literal["bilateral", "unilateral"] | None
    count: int | None
    conflicts: tuple[str, ...]
    unread: tuple[str, ...]
    counted: Counted | None
    _reader: Reader = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # What was read is read again where the report arrives; the parser travels without its caches.
        return (_reread, (self._reader, self.text))

    @property
    def _atlas(self) -> Atlas:
        return self._reader.atlas

    def mirrored(self) -> str:
        """Return the text with left and right exchanged, as a horizontal flip of the image demands.

        Every left and right is exchanged, not only those of regions, because the whole image is flipped. A
        word that implies a side ("lingula") gets the mark "(mirrored)", or loses it.

        Returns:
            The exchanged text; exchanging it again gives back the original, character by character.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES)("RUL opacity, Lingula clear").mirrored()
            'LUL opacity, Lingula (mirrored) clear'
        """
        return mirrored_text(self._reader.statement(self.text))

    def with_regions(self, names: Iterable[str]) -> str:
        """Return the text rewritten to place something in exactly these regions.

        Args:
            names: Names of regions, in any order.

        Returns:
            The text itself where it names these regions already. A text that tells of a finding without saying
            where does not count as one that names none. Otherwise a text in its style, in which the count and the
            words "unilateral" and "bilateral" agree where it had them.

        Raises:
            CannotSay: The text cannot be rewritten so that it reads well and contradicts nothing; captions can.
            UnknownRegionError: A name is not of the atlas.
            InvalidTypeError: `names` is a single text, or cannot be iterated.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES)("Opacity in the left lung base.").with_regions(["left upper"])
            'Opacity in the left lung apex.'
        """
        if isinstance(names, str):
            raise InvalidTypeError(f"Expected `names` to be several region names, but got the text {shown(names)}.")
        if not isinstance(names, Iterable):
            raise InvalidTypeError(f"Expected `names` to be several region names, but got {shown(names)}.")
        chosen = {self._atlas.index(name) for name in names}
        return self._reader.rewritten(self.text, sum(1 << index for index in chosen))

    def reworded(self, frame: str) -> str:
        """Return the same statement in other words: those of a frame of the atlas.

        Args:
            frame: Name of a `[[frames]]` table of the atlas: "short", "sentence", "first", and others.

        Returns:
            The frame with the regions where the text places something, without a count; a sentence that denies
            everything for a text that says that nothing is there. It reads back as the same regions. Details beside
            them are left out, and so is what a caption calls clear.

        Raises:
            CannotSay: The text does not say where, holds words in the place of a finding that are not known, or is
                prose that calls regions clear, which no frame says.
            InvalidTypeError: `frame` is not a string.
            InvalidValueError: The atlas has no such frame; the message lists those it has.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> parser = PositionParser(LUNG_ZONES)
            >>> report = parser("Unilateral pulmonary infection, one infected area, lower left lung.")
            >>> report.reworded("short"), report.reworded("sentence")
            ('Lower left lung.', 'There is consolidation in the lower left lung.')
        """
        return self._reader.reword(self.text, frame)

    def replace(self, texts: Mapping[int, str]) -> str:
        """Put other words in the place of mentions; all other characters stay.

        Args:
            texts: For the index of each mention to replace, the words to put there.

        Returns:
            The new text.

        Raises:
            InvalidTypeError: `texts` maps something else than integers to strings.
            InvalidValueError: There is no mention of that index.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> report = PositionParser(LUNG_ZONES)("Upper left lung and lower right lung.")
            >>> report.replace({0: "[MASK]", 1: "somewhere"})
            '[MASK] and somewhere.'
        """
        if not isinstance(texts, Mapping):
            raise InvalidTypeError(f"Expected `texts` to map indices of mentions to words, but got {shown(texts)}.")
        for index, words in texts.items():
            if not isinstance(index, int) or isinstance(index, bool):
                raise InvalidTypeError(
                    f"Expected the keys of `texts` to be indices of mentions, but got {shown(index)}."
                )
            if not isinstance(words, str):
                raise InvalidTypeError(f"Expected the words of `texts` to be strings, but got {shown(words)}.")
            if not 0 <= index < len(self.mentions):
                raise InvalidValueError(f"Expected indices of {len(self.mentions)} mentions, but got {shown(index)}.")
        return spliced(self.text, [(self.mentions[i].start, self.mentions[i].end, t) for i, t in texts.items()])

    def coarsened(self, mention: Mention) -> str | None:
        """Return a less specific phrase that still holds: "upper left lung" becomes "left lung".

        Args:
            mention: One of `mentions`.

        Returns:
            The phrase, or None where there is none: the mention names whole sides already, or nothing.

        Raises:
            InvalidValueError: The mention is of another report.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> report = PositionParser(LUNG_ZONES)("Opacity in the left lung base.")
            >>> report.coarsened(report.mentions[0])
            'left lung'
        """
        # Mentions stand in text order, so one is found without looking at them all.
        place = (
            bisect_left(self.mentions, mention.start, key=lambda own: own.start) if isinstance(mention, Mention) else -1
        )
        if place < 0 or self.mentions[place : place + 1] != (mention,):
            raise InvalidValueError(f"Expected a mention of this report, but got {shown(mention)}.")
        return self._coarse(mention)

    def _coarse(self, mention: Mention) -> str | None:
        """Return the side of a part of it; None for whole sides, for regions of several sides or of none.

        None too for regions that the text calls clear, and beside filler, which would turn into a statement.
        """
        if not mention.regions or mention.negated:
            return None
        if self.laterality == "unilateral" and any(not other.regions for other in self.mentions):
            return None
        atlas = self._atlas
        try:
            indices = {atlas.names.index(name) for name in mention.regions}
        except ValueError as error:
            raise AtlasError(
                f"Expected regions of atlas {shown(atlas.name)}, but got {shown(mention.regions)}."
            ) from error
        for name, side in zip(atlas.phrasing.sides, atlas.sides, strict=True):
            if indices < set(side):
                return cased_like(atlas.phrasing.coarse.format(side=name), mention.text)
        return None


def _reread(reader: Reader, text: str) -> Report:
    return reader(text)

"""Many texts: what a parser does with the texts of a data set, which say the same things over and over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.strings import check_string, strings_of
from crossmodal_aug.anatomy.writing.mirror import mirrored_text
from crossmodal_aug.anatomy.writing.reword import check_read, frame_of, reworded
from crossmodal_aug.errors import CannotSay, InvalidTypeError, InvalidValueError, shown

if TYPE_CHECKING:
    import torch


class RememberedTexts(ABC):
    """The part of `PositionParser` that works on many texts and remembers `cache_size` answers of each kind."""

    atlas: Atlas

    def __init__(self, cache_size: int) -> None:
        self.cache_size = cache_size
        self._cache: OrderedDict[str, Report] = OrderedDict()
        self._rewritten: OrderedDict[tuple[str, tuple[bool, ...]], str | CannotSay] = OrderedDict()
        self._mirrored: OrderedDict[str, str] = OrderedDict()
        self._reworded: OrderedDict[tuple[str, str], str | CannotSay] = OrderedDict()
        self._sources: OrderedDict[str, Statement] = OrderedDict()
        self._lock = Lock()

    @abstractmethod
    def __call__(self, text: str) -> Report:
        """Read one text."""

    @abstractmethod
    def statement(self, text: str) -> Statement:
        """Return what a text says as the writer needs it."""

    @abstractmethod
    def rewritten(self, text: str, target: int) -> str:
        """Return a text rewritten to name exactly some regions."""

    @abstractmethod
    def _stated(self, text: str) -> Statement | None:
        """Return what a text says, or None where it contradicts itself."""

    @abstractmethod
    def _set(self, mask: int) -> tuple[tuple[str, ...], tuple[bool, ...]]:
        """Return the names of a set of regions, and the same as bits."""

    def parse_many(self, texts: Iterable[str]) -> list[Report]:
        """Read several texts; a text that was read before is looked up.

        Args:
            texts: The texts.

        Returns:
            One report per text. Equal texts share one.

        Raises:
            InvalidTypeError: One of them is not a string, or `texts` is a single string or cannot be iterated.
        """
        cache = self._cache
        reports = []
        for text in strings_of(texts):
            # Reading a dict is atomic; only what changes the cache needs the lock.
            report = cache.get(text)
            if report is None:
                report = self(text)
                self._remember(self._cache, text, report)
            reports.append(report)
        return reports

    def encode(self, texts: Iterable[str]) -> torch.Tensor:
        """Return the regions that each text names as bits.

        Args:
            texts: B texts.

        Returns:
            (B, K) bool, on the CPU.

        Raises:
            InvalidTypeError: One of them is not a string, or `texts` is a single string.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).encode(["Upper left lung.", "Clear."]).int().tolist()
            [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
        """
        import torch  # noqa: PLC0415  (the anatomy package is free of torch until bits are asked for)

        bits = [report.bits for report in self.parse_many(texts)]
        return torch.tensor(bits, dtype=torch.bool, device="cpu").reshape(len(bits), len(self.atlas))

    def placed(self, texts: Iterable[str]) -> torch.Tensor:
        """Return whether each text says where something is, or that nothing is there.

        Args:
            texts: B texts.

        Returns:
            (B,) bool, on the CPU; False for "COVID-19 pneumonia.", which names a finding and no place.

        Raises:
            InvalidTypeError: One of them is not a string, or `texts` is a single string.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).placed(["Upper left lung.", "Clear.", "COVID-19 pneumonia."]).tolist()
            [True, True, False]
        """
        import torch  # noqa: PLC0415  (the anatomy package is free of torch until bits are asked for)

        return torch.tensor([report.placed for report in self.parse_many(texts)], dtype=torch.bool, device="cpu")

    def rewrite(self, text: str, bits: Iterable[bool] | str) -> str:
        """Return a text rewritten to name exactly some regions; what was rewritten before is looked up.

        Args:
            text: The text.
            bits: One bit a region, in atlas order.

        Returns:
            What `Report.with_regions` gives for these regions.

        Raises:
            CannotSay: The text cannot be rewritten well; that is remembered too.
            InvalidTypeError: `text` is not a string, or `bits` cannot be iterated.
            InvalidValueError: There is not one bit per region.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).rewrite("Upper left lung.", (False, True, False, False, False, False))
            'Middle left lung.'
        """
        if not isinstance(bits, Iterable):
            raise InvalidTypeError(f"Expected `bits` to be one bit per region, but got {shown(bits)}.")
        if isinstance(bits, str):
            raise InvalidTypeError(f"Expected `bits` to be one bit per region, but got the text {shown(bits)}.")
        try:
            key = (text, tuple(bool(bit) for bit in bits))
        except (RuntimeError, ValueError) as error:  # rows of a tensor or of an array, which are neither true nor false
            raise InvalidTypeError(f"Expected `bits` to be one bit per region, but got {shown(bits)}.") from error
        known = self._rewritten.get(key) if isinstance(text, str) else None
        if known is None:
            check_string("text", text)
            if len(key[1]) != len(self.atlas):
                raise InvalidValueError(
                    f"Expected `bits` to hold {len(self.atlas)}, one a region, but got {len(key[1])}."
                )
            try:
                known = self.rewritten(text, sum(1 << index for index, bit in enumerate(key[1]) if bit))
            except CannotSay as error:
                known = CannotSay(*error.args)
            self._remember(self._rewritten, key, known)
        if isinstance(known, CannotSay):
            raise CannotSay(*known.args)
        return known

    def mirror(self, text: str) -> str:
        """Return a text with left and right exchanged; what was exchanged before is looked up.

        Args:
            text: The text.

        Returns:
            What `Report.mirrored` gives.

        Raises:
            InvalidTypeError: `text` is not a string.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).mirror("Upper left lung.")
            'Upper right lung.'
        """
        known = self._mirrored.get(text) if isinstance(text, str) else None
        if known is None:
            check_string("text", text)
            known = mirrored_text(self.statement(text))
            self._remember(self._mirrored, text, known)
        return known

    def reword(self, text: str, frame: str) -> str:
        """Return what a text says in the words of a frame; what was reworded before is looked up.

        Args:
            text: The text.
            frame: Name of a frame of the atlas.

        Returns:
            What `Report.reworded` gives.

        Raises:
            CannotSay: The text cannot be said so without loss; that is remembered too.
            InvalidTypeError: `text` or `frame` is not a string.
            InvalidValueError: The atlas has no such frame.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).reword("Two infected areas, upper left lung.", "first")
            'Upper left lung: infiltrates.'
        """
        words = frame_of(self.atlas, frame)
        known = self._reworded.get((text, frame)) if isinstance(text, str) else None
        if known is None:
            check_string("text", text)
            try:
                known = reworded(self.statement(text), self.atlas, words, self._stated)
            except CannotSay as error:
                known = CannotSay(*error.args)
            self._remember(self._reworded, (text, frame), known)
        if isinstance(known, CannotSay):
            raise CannotSay(*known.args)
        return known

    def in_style(self, text: str, template: str) -> str:
        """Return a text in the words of a template, for a model that was trained on one wording.

        Args:
            text: The text.
            template: A text that names regions, such as a caption that the model was trained on.

        Returns:
            The template rewritten to name the regions of the text; everything else that the text says is left out.

        Raises:
            CannotSay: The regions of the text are not known for certain, or the template cannot name them.
            InvalidTypeError: `text` or `template` is not a string.
            InvalidValueError: The template names no region, calls one clear, or was not read whole.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> parser = PositionParser(LUNG_ZONES)
            >>> parser.in_style(
            ...     "There is patchy consolidation at the right base.",
            ...     "Unilateral pulmonary infection, one infected area, upper left lung.",
            ... )
            'Unilateral pulmonary infection, one infected area, lower right lung.'
        """
        check_string("text", text)
        check_string("template", template)
        (model,) = self.parse_many([template])
        if not model.regions or model.unread or model.negated:
            raise InvalidValueError(
                f"Expected `template` to name regions in known words and to call none clear, but got {shown(template)}."
            )
        statement = self.statement(text)
        check_read(statement, self.atlas)
        return self.rewrite(template, self._set(statement.affirmed)[1])

    def in_style_many(self, texts: Iterable[str], template: str) -> tuple[list[str], dict[int, str]]:
        """Return texts in the words of a template, and which of them could not be read.

        Args:
            texts: The texts.
            template: As for `in_style`.

        Returns:
            What `in_style` gives for each text, those that could not be read as they were; and why, by their index.

        Raises:
            InvalidTypeError: One of them is not a string, `texts` is a single string, or `template` is not a string.
            InvalidValueError: The template names no region, calls one clear, or was not read whole.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).in_style_many(["RUL opacity.", "Pneumonia."], "Upper left lung.")
            (['Upper right lung.', 'Pneumonia.'], {1: "Expected a text that says where, but got 'Pneumonia.'."})
        """
        styled: list[str] = []
        unread: dict[int, str] = {}
        for index, report in enumerate(self.parse_many(texts)):
            try:
                styled.append(self.in_style(report.text, template))
            except CannotSay as error:
                styled.append(report.text)
                unread[index] = str(error)
        return styled, unread

    def _remember(self, cache: OrderedDict[Any, Any], key: Any, value: Any, most: int | None = None) -> None:
        most = self.cache_size if most is None else min(most, self.cache_size)
        if not most:
            return
        with self._lock:
            cache[key] = value
            while len(cache) > most:
                cache.popitem(last=False)

"""PositionParser: text to Report."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import lexicon_for
from crossmodal_aug.anatomy.readback import check_wording
from crossmodal_aug.anatomy.reading.conflicts import conflicts_of
from crossmodal_aug.anatomy.reading.reader import read
from crossmodal_aug.anatomy.report import Mention, Report
from crossmodal_aug.anatomy.statement import Reading
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import torch


# An atlas of many regions has more sets than memory should hold.
_MOST_SETS = 4096


class PositionParser:
    """Reads which regions of an atlas a text names.

    The grammar is a scanner and a few patterns over kinds of words; nothing is downloaded and no model runs.
    A parser can be shared by threads and pickled to worker processes.

    Args:
        atlas: The regions and their words.
        cache_size: How many texts `parse_many`, `encode`, `rewrite` and `mirror` each remember; 0 remembers none.

    Raises:
        AtlasError: The words of the atlas are not symmetric under a flip, or its phrases do not read back as the
            regions that they stand for. It is checked once for each atlas.
        InvalidTypeError: `atlas` is no Atlas, or `cache_size` no integer.
        InvalidValueError: `cache_size` is negative.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser
        >>> parser = PositionParser(LUNG_ZONES)
        >>> parser("Opacities in the right middle and lower lobes; the left lung is clear.").regions
        ('right middle', 'right lower')
    """

    def __init__(self, atlas: Atlas, *, cache_size: int = 16384) -> None:
        if not isinstance(atlas, Atlas):
            raise InvalidTypeError(
                "Expected `atlas` to be an Atlas (LUNG_ZONES, QUADRANTS, or Atlas.from_toml(path)), but got "
                f"{repr(atlas) if isinstance(atlas, str) else type(atlas).__name__}"
            )
        if not isinstance(cache_size, int) or isinstance(cache_size, bool):
            raise InvalidTypeError(f"Expected `cache_size` to be an integer, but got {cache_size!r}")
        if cache_size < 0:
            raise InvalidValueError(f"Expected `cache_size` to be 0 or more, but got {cache_size}")
        check_wording(atlas)
        self.atlas = atlas
        self.cache_size = cache_size
        self._lexicon = lexicon_for(atlas)
        self._sides = tuple(sum(1 << index for index in side) for side in atlas.sides)
        self._sets: dict[int, tuple[tuple[str, ...], tuple[bool, ...]]] = {}
        self._cache: OrderedDict[str, Report] = OrderedDict()
        self._rewritten: OrderedDict[tuple[str, tuple[bool, ...]], str] = OrderedDict()
        self._mirrored: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # The cache and its lock stay at home; a worker fills its own.
        return (_rebuilt, (self.atlas, self.cache_size))

    def __repr__(self) -> str:
        return f"PositionParser({self.atlas.name!r})"

    def __call__(self, text: str) -> Report:
        """Read one text.

        Args:
            text: The text.

        Returns:
            What it says.

        Raises:
            InvalidTypeError: `text` is no string.
        """
        if not isinstance(text, str):
            raise InvalidTypeError(f"Expected `text` to be a string, but got {type(text).__name__}")
        return self._report(text, read(text, self._lexicon, self.atlas.bare))

    def parse_many(self, texts: Iterable[str]) -> list[Report]:
        """Read several texts; a text that was read before is looked up.

        Args:
            texts: The texts.

        Returns:
            One report per text. Equal texts share one.

        Raises:
            InvalidTypeError: One of them is no string, or `texts` is a single string or cannot be iterated.
        """
        if isinstance(texts, str):
            raise InvalidTypeError("Expected `texts` to be several strings, but got one string")
        if not isinstance(texts, Iterable):
            raise InvalidTypeError(f"Expected `texts` to be several strings, but got {texts!r}")
        cache = self._cache
        reports = []
        for index, text in enumerate(texts):
            # Reading a dict is atomic; only what changes the cache needs the lock.
            report = cache.get(text) if isinstance(text, str) else None
            if report is None:
                if not isinstance(text, str):
                    raise InvalidTypeError(
                        f"Expected `texts` to hold strings, but item {index} is {type(text).__name__}"
                    )
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
            InvalidTypeError: One of them is no string, or `texts` is a single string.

        Example:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).encode(["Upper left lung.", "Clear."]).int().tolist()
            [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
        """
        import torch  # noqa: PLC0415  (the anatomy package is free of torch until bits are asked for)

        bits = [report.bits for report in self.parse_many(texts)]
        return torch.tensor(bits, dtype=torch.bool, device="cpu").reshape(len(bits), len(self.atlas))

    def rewrite(self, text: str, bits: Iterable[bool]) -> str:
        """Return a text rewritten to name exactly some regions; what was rewritten before is looked up.

        Args:
            text: The text.
            bits: One bit a region, in atlas order.

        Returns:
            What `Report.with_regions` gives for these regions.

        Raises:
            InvalidTypeError: `text` is no string, or `bits` cannot be iterated.
            InvalidValueError: There is not one bit a region.

        Example:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).rewrite("Upper left lung.", (False, True, False, False, False, False))
            'Middle left lung.'
        """
        if not isinstance(bits, Iterable):
            raise InvalidTypeError(f"Expected `bits` to be one bit a region, but got {bits!r}")
        key = (text, tuple(bits))
        known = self._rewritten.get(key) if isinstance(text, str) else None
        if known is None:
            if len(key[1]) != len(self.atlas):
                raise InvalidValueError(
                    f"Expected `bits` to hold {len(self.atlas)}, one a region, but got {len(key[1])}"
                )
            (report,) = self.parse_many([text])
            known = report.with_regions(name for name, bit in zip(self.atlas.names, key[1], strict=True) if bit)
            self._remember(self._rewritten, key, known)
        return known

    def mirror(self, text: str) -> str:
        """Return a text with left and right exchanged; what was exchanged before is looked up.

        Args:
            text: The text.

        Returns:
            What `Report.mirrored` gives.

        Raises:
            InvalidTypeError: `text` is no string.

        Example:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).mirror("Upper left lung.")
            'Upper right lung.'
        """
        known = self._mirrored.get(text) if isinstance(text, str) else None
        if known is None:
            (report,) = self.parse_many([text])
            known = report.mirrored()
            self._remember(self._mirrored, text, known)
        return known

    def _remember(self, cache: OrderedDict[Any, Any], key: Any, value: Any) -> None:
        if not self.cache_size:
            return
        with self._lock:
            cache[key] = value
            while len(cache) > self.cache_size:
                cache.popitem(last=False)

    def _report(self, text: str, reading: Reading) -> Report:
        scan = reading.scan
        mentions = []
        for phrase in reading.phrases:
            start, end = scan.starts[phrase.first], scan.ends[phrase.last]
            names, _ = self._set(phrase.mask)
            mentions.append(Mention(start, end, text[start:end], names, phrase.negated))
        regions, bits = self._set(reading.affirmed)
        return Report(
            text=text,
            regions=regions,
            bits=bits,
            negated=self._set(reading.negated)[0],
            mentions=tuple(mentions),
            laterality=reading.laterality,
            count=reading.count,
            conflicts=conflicts_of(reading, self._sides),
            _atlas=self.atlas,
        )

    def _set(self, mask: int) -> tuple[tuple[str, ...], tuple[bool, ...]]:
        """Return the names of a set of regions, and the same as bits; few sets recur in all texts."""
        known = self._sets.get(mask)
        if known is None:
            bits = tuple(bool(mask >> index & 1) for index in range(len(self.atlas)))
            known = (tuple(name for name, bit in zip(self.atlas.names, bits, strict=True) if bit), bits)
            if len(self._sets) < _MOST_SETS:
                self._sets[mask] = known
        return known


def _rebuilt(atlas: Atlas, cache_size: int) -> PositionParser:
    return PositionParser(atlas, cache_size=cache_size)

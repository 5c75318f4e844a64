"""Pixels that a model hits, adds and misses in each image, under the captions of the data set and under others.

All scores of overlap are sums of these counts, so two runs can be compared on any of them long after they were made.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.data.samples import Samples
from semimedref.evaluation.answers import Answers, Reading
from semimedref.evaluation.paraphrases import COUNT, miscounted, paraphrased, wordings
from semimedref.evaluation.patients import name_digest, patients_of
from semimedref.evaluation.places import UNITS, narrowed, places
from semimedref.models import ReferringModel

OWN = "own"
FALSE_COUNT = f"count {COUNT}"
WORDING = "words "
"""Before the name of another wording."""
FLOOR, CROP = " floor", " crop"
"""Behind the key of a place."""


@dataclass(frozen=True)
class Row:
    """Counts under captions of one kind.

    Attributes:
        reading: How the captions reached the model: "raw", "in-style", "mirrored" or "in-style, mirrored".
        captions: "own"; "words ..." for other wordings; "count two" for a false count; "side left", "zone upper",
            "region left upper" for captions narrowed to a place, scored against the mask there; the same with " floor"
            for what was found under the own caption, scored so; and with " crop" for what of it lies in that place.
        images: (n,) int64 places of the images among all.
        counts: (n, 3) int64 true positives, false positives and false negatives.
    """

    reading: str
    captions: str
    images: Tensor
    counts: Tensor

    @property
    def key(self) -> tuple[str, str]:
        """Reading and captions."""
        return self.reading, self.captions


@dataclass(frozen=True)
class Tally:
    """Counts of one model on N images.

    Attributes:
        images: N digests of their names.
        patients: (N,) int64, as `patients_of` returns them.
        rows: By reading and captions.
        about: What was counted, in plain types.
    """

    images: tuple[str, ...]
    patients: Tensor
    rows: dict[tuple[str, str], Row]
    about: dict[str, object] = field(default_factory=dict)

    def row(self, reading: str, captions: str) -> Row:
        """Return a row.

        Raises:
            InvalidValueError: There is none of that name.
        """
        if (reading, captions) not in self.rows:
            there = ", ".join(sorted({f"{a}: {b}" for a, b in self.rows}))
            raise InvalidValueError(f"Expected counts of one of {there}, but got {shown(f'{reading}: {captions}')}.")
        return self.rows[reading, captions]

    def captions(self, reading: str, start: str) -> list[str]:
        """Return which captions of a kind were counted under a reading; floors and crops are no captions."""
        return [
            captions
            for own, captions in self.rows
            if own == reading and captions.startswith(start) and not captions.endswith((FLOOR, CROP))
        ]


def tally(
    model: ReferringModel,
    samples: Samples,
    parser: PositionParser,
    ways: Sequence[Reading],
    *,
    units: Sequence[str] = UNITS,
    other_words: bool = True,
    about: dict[str, object] | None = None,
) -> Tally:
    """Count a model's pixels image by image.

    Args:
        model: The model, as it was trained.
        samples: N samples with ``full_masks``.
        parser: Reads and rewrites the captions; its atlas says where its regions lie.
        ways: How captions reach the model. Under the first everything is asked; under a template not the single
            regions; averaged with mirror images the own captions and the sides.
        units: Kinds of places that captions are narrowed to, of `UNITS`.
        other_words: Whether to ask in other wordings and with a false count too.
        about: What is counted, in plain types; stays with the counts.
    """
    answers = Answers(model, samples, parser)
    rows = []
    for way in ways:
        rows += _own(answers, way)
        if other_words and not way.mirrored:
            rows += _other_words(answers, way)
        first = way is ways[0]
        asked = [unit for unit in units if first or unit == "side" or (unit == "zone" and not way.mirrored)]
        rows += _narrowed(answers, way, asked)
    images = tuple(map(name_digest, samples.names))
    return Tally(images, patients_of(samples.names), {row.key: row for row in rows}, about or {})


def _own(answers: Answers, way: Reading) -> Iterator[Row]:
    samples = answers.samples
    everything = range(len(samples))
    found = answers.found(way, everything, samples.texts)
    yield _row(way, OWN, everything, zip(found, samples.full_masks, strict=True))


def _other_words(answers: Answers, way: Reading) -> Iterator[Row]:
    samples, parser = answers.samples, answers.parser
    everything = range(len(samples))
    changed = {
        WORDING + name: paraphrased(samples.texts, parser, frame) for name, frame in wordings(parser.atlas).items()
    }
    changed[FALSE_COUNT] = miscounted(samples.texts, parser)
    for captions, texts in changed.items():
        found = answers.found(way, everything, texts)
        yield _row(way, captions, everything, zip(found, samples.full_masks, strict=True))


def _narrowed(answers: Answers, way: Reading, units: Sequence[str]) -> Iterator[Row]:
    samples, atlas = answers.samples, answers.parser.atlas
    reports = answers.parser.parse_many(samples.texts)
    for place in places(atlas, units):
        indices, texts = narrowed(reports, place, atlas)
        masks = [place.cut(samples.full_masks[index].cpu()) for index in indices]
        obeyed = answers.found(way, indices, texts)
        whole = answers.found(way, indices, [samples.texts[index] for index in indices])
        cropped = [place.cut(found) for found in whole]
        for ending, found in (("", obeyed), (FLOOR, whole), (CROP, cropped)):
            yield _row(way, place.key + ending, indices, zip(found, masks, strict=True))


def _row(way: Reading, captions: str, indices: Sequence[int], pairs: Iterable[tuple[Tensor, Tensor]]) -> Row:
    counts = [_counted(found, mask.cpu()) for found, mask in pairs]
    return Row(
        way.name,
        captions,
        torch.tensor(list(indices), dtype=torch.int64),
        torch.tensor(counts, dtype=torch.int64).view(-1, 3),
    )


def _counted(found: Tensor, mask: Tensor) -> tuple[int, int, int]:
    hit = int(torch.count_nonzero(found & mask))
    return hit, int(torch.count_nonzero(found)) - hit, int(torch.count_nonzero(mask)) - hit

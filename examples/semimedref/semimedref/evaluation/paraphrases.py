"""The same regions in other words, and a count that is not theirs."""

import re
from collections.abc import Sequence

from crossmodal_aug import Atlas, PositionParser
from crossmodal_aug.errors import CannotSay

WORDINGS = {
    "lung_zones": {
        "as subject": "The lower left lung contains ground-glass shadowing.",
        "a verb": "Hazy patches lie within the lower left lung.",
        "a fragment": "Lesions of the lower left lung.",
        "zones": "Findings: ill-defined haze, left lower zone.",
    },
    "quadrants": {
        "as subject": "The top left part holds a growth.",
        "a verb": "A growth sits at the top left.",
        "turned": "In the top left of the picture lies a growth.",
        "a view": "Endoscopic view with a growth in the top left.",
    },
}
"""Sentences by atlas, whose regions the library rewrites to those of a caption. None has the words of a frame that
`Reword` trains on, nor those of the data sets; the last of the lungs' says other words for the regions too."""

COUNT = "two"
NUMBER = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\b(?P<areas> infected areas?\b)?", re.IGNORECASE
)


def wordings(atlas: Atlas) -> dict[str, str]:
    """Return the other wordings that are known for an atlas, by name; there may be none."""
    return WORDINGS.get(atlas.name, {})


def paraphrased(texts: Sequence[str], parser: PositionParser, frame: str) -> list[str]:
    """Return captions in the words of a frame, naming the regions that they named.

    Args:
        texts: B captions.
        parser: Reads and rewrites them.
        frame: One of `wordings`, or any sentence that names a region.

    Returns:
        B captions, of which the parser reads the regions that it read before. One that names no region stays as it is,
        and so does one whose regions the frame cannot state well.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> parser = PositionParser(LUNG_ZONES)
        >>> paraphrased(["One infected area, upper right lung."], parser, WORDINGS["lung_zones"]["a verb"])
        ['Hazy patches lie within the upper right lung.']
    """
    template = parser(frame)
    said: dict[tuple[str, ...], str | None] = {}
    rewritten = []
    for text, report in zip(texts, parser.parse_many(texts), strict=True):
        if report.regions and report.regions not in said:
            try:
                said[report.regions] = template.with_regions(report.regions)
            except CannotSay:
                said[report.regions] = None
        rewritten.append(said.get(report.regions) or text)
    return rewritten


def miscounted(texts: Sequence[str], parser: PositionParser) -> list[str]:
    """Return captions whose first number says "two", whatever it said.

    Args:
        texts: B captions.
        parser: Reads them: one that names no region stays as it is.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> miscounted(["Infection, one infected area, upper left lung."], PositionParser(LUNG_ZONES))
        ['Infection, two infected areas, upper left lung.']
    """

    def two(found: re.Match[str]) -> str:
        word = COUNT.capitalize() if found[0][0].isupper() else COUNT
        return f"{word} infected areas" if found["areas"] else word

    reports = parser.parse_many(texts)
    return [
        NUMBER.sub(two, text, count=1) if report.regions else text for text, report in zip(texts, reports, strict=True)
    ]

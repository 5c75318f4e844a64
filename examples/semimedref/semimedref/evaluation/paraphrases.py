"""The same regions in other words."""

from collections.abc import Sequence

from crossmodal_aug import PositionParser

FRAMES = {
    "positions alone": "Lower left lung.",
    "positions first": "Lower left lung: pulmonary infection.",
    "a sentence": "Pulmonary infection is in the lower left lung.",
    "a radiologist's words": "There is patchy consolidation in the lower left lung.",
}
"""Sentences whose regions the library rewrites to those of a caption. The last holds words that no caption of the
data sets has; the others hold few."""


def paraphrased(texts: Sequence[str], parser: PositionParser, frame: str) -> list[str]:
    """Return captions in the words of a frame, naming the regions that they named.

    Args:
        texts: B captions.
        parser: Reads and rewrites them.
        frame: One of the values of `FRAMES`, or any sentence that names a region.

    Returns:
        B captions, of which the parser reads the regions that it read before. One that names no region stays as it is.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> parser = PositionParser(LUNG_ZONES)
        >>> paraphrased(["One infected area, upper right lung."], parser, FRAMES["a sentence"])
        ['Pulmonary infection is in the upper right lung.']
    """
    template = parser(frame)
    return [
        template.with_regions(report.regions) if report.regions else text
        for text, report in zip(texts, parser.parse_many(texts), strict=True)
    ]

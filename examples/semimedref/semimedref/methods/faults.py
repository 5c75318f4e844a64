"""The faults of the released code of Semi-MedRef that lie in its mixing; written from a description of it alone.

What else `--method released` has of them are settings: `presets.py` lists them.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from crossmodal_aug import PositionParser, Report
from crossmodal_aug.functional import grid
from semimedref.methods.published import PublishedMix

UNKNOWN_TOKEN = "[POSITION_MASK]"
"""A mask token that no tokenizer of this example knows: it falls into pieces."""


class FaultyMix(PublishedMix):
    """T-PatchMix whose pixels move before the gate decides, at a place that another picture's axes would have.

    - The regions are laid out for rows and columns exchanged, as the images arrive there: "left" is the upper half.
    - Of a caption the first phrase alone is read that names a level; "all left lung" and bare sides are missed.
    - The block is in the image whether the gate lets it pass or not; target and text follow where it does.
    """

    def phrases(self, report: Report) -> list[int]:
        """Return the first phrase that does not name a whole side."""
        sides = [{self.atlas.names[place] for place in side} for side in self.atlas.sides]
        found = super().phrases(report)
        return [one for one in found if not any(side <= set(report.mentions[one].regions) for side in sides)][:1]

    def bounds(self, spatial: tuple[int, ...], device: torch.device) -> Tensor:
        """Return the regions of an image whose axes are exchanged, as they lie in one whose are not."""
        return grid.bounds(self.even, (spatial[1], spatial[0]), device).flip(1)

    def pasted(self, boxes: Tensor, drawn: Tensor, passed: Tensor) -> Tensor:
        """Return all blocks that there are."""
        return boxes * drawn.view(-1, 1, 1)


class FillerParser(PositionParser):
    """A parser that takes a template's filler for a whole side.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> text = "Unilateral pulmonary infection, one infected area, left lung and middle right lung."
        >>> [parser(LUNG_ZONES).encode([text]).int().tolist() for parser in (PositionParser, FillerParser)]
        [[[0, 0, 0, 0, 1, 0]], [[1, 1, 1, 0, 1, 0]]]
    """

    def encode(self, texts: Iterable[str]) -> Tensor:
        """Return (B, K) bool: the regions of each text's phrases, filler read as a statement of its own."""
        rows = []
        for report in self.parse_many(texts):
            filler = [one.text for one in report.mentions if not one.regions and not one.negated]
            named = {*report.regions, *(name for one in self.parse_many(filler) for name in one.regions)}
            rows.append([name in named for name in self.atlas.names])
        return torch.tensor(rows, dtype=torch.bool).reshape(len(rows), len(self.atlas))

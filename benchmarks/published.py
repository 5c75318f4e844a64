"""T-PatchMix as published, and with single faults of its public release: what the benchmarks compare with.

Written from the description of the method alone. It draws a patch for every sample, so that its effect can be measured
on more than a handful; the published dose is that of `TPatchMix.paper`.
"""

from dataclasses import replace
from typing import Any

import torch

from crossmodal_aug import PositionParser, TPatchMix
from crossmodal_aug.augment.batch import Batch

FAULTS = (
    "image mixed before the gate",
    "regions transposed",
    "first phrase only",
    "row thirds as regions",
)


class PublishedPatchMix(TPatchMix):
    """The published settings drawn for every sample, with at most one of the `FAULTS`."""

    def __init__(self, parser: PositionParser, fault: str | None = None) -> None:
        super().__init__(parser, patch_size=16, p=1.0, where="anchor", gate="lesion", threshold=0.55, text="union")
        self.fault = fault
        self.ungated = TPatchMix(parser, patch_size=16, p=1.0, where="anchor", gate=None, text="union")
        if fault == "row thirds as regions":
            self.parser = PositionParser(parser.atlas.with_geometry(rows=(1 / 3, 2 / 3)))

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> Any:
        """Draw as published, with the fault."""
        if self.fault == "first phrase only" and batch.texts is not None:
            reports = self.parser.parse_many(batch.texts)
            first = [report.mentions[0].text if report.mentions else "" for report in reports]
            batch = replace(batch, positions=self.parser.encode(first))
        if self.fault != "image mixed before the gate" or generator is None:
            params = super().sample(batch, donors, generator)
            return params if self.fault != "regions transposed" else replace(params, boxes=params.boxes.flip(1))
        state = generator.get_state()
        gated = super().sample(batch, donors, generator)
        drawn = self.ungated.sample(batch, donors, generator.set_state(state))
        # The patch is in the image whether the gate lets it pass or not; text and target are the anchor's.
        return replace(gated, accepted=drawn.accepted, boxes=drawn.boxes, mixed_share=drawn.mixed_share)

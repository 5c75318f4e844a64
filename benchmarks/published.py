"""T-PatchMix as published, and with single faults of its public release: what the benchmarks compare with.

Written from the description of the method alone. It draws a patch for every sample, so that its effect can be measured
on more than a handful; the published dose is that of `TPatchMix.paper`.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import crossmodal_aug.functional as CF
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
        super().__init__(parser, patch_size=16, p=1.0, where="anchor", gate="lesion", gate_threshold=0.55, text="union")
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
        return replace(
            gated,
            accepted=drawn.accepted,
            reason=drawn.reason,
            boxes=drawn.boxes,
            mixed_share=drawn.mixed_share,
        )


def patch_mix_loop(
    images: Tensor,
    texts: list[str],
    target: Tensor,
    parser: PositionParser,
    *,
    patch_size: int,
    threshold: float = 0.55,
) -> tuple[Tensor, list[str], Tensor]:
    """The op as one would write it after its description: sample by sample, with a trip to the host for each."""
    batch, _, height, width = images.shape
    mixed, masks, captions = images.clone(), target.clone(), list(texts)
    order = torch.randperm(batch)
    boxes = CF.region_boxes(parser.atlas, (height, width))
    for i in range(batch):
        j = int(order[i])
        anchor, donor = parser(texts[i]), parser(texts[j])
        named = [region for region, bit in enumerate(anchor.bits) if bit]
        if j == i or not named:
            continue
        y0, y1, x0, x1 = boxes[named[int(torch.randint(len(named), ()).item())]].tolist()
        tall, wide = min(patch_size, y1 - y0), min(patch_size, x1 - x0)
        top = y0 + int(torch.randint(y1 - y0 - tall + 1, ()).item())
        left = x0 + int(torch.randint(x1 - x0 - wide + 1, ()).item())
        patch = (slice(None), slice(top, top + tall), slice(left, left + wide))
        if float((2 * target[j][patch] - 1).abs().mean()) < threshold:
            continue
        mixed[i][patch] = images[j][patch]
        masks[i][patch] = target[j][patch]
        captions[i] = anchor.with_regions(sorted({*anchor.regions, *donor.regions}))
    return mixed, captions, masks

"""The geometry of a run: each sample's image, mask and caption are turned, scaled and shifted together."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug import PositionParser, SyncGeometry
from crossmodal_aug.augment import Params
from semimedref.config import Config
from semimedref.data.views import zoom
from semimedref.draws import Draws
from semimedref.methods.ops import Altered

DEGREES, SCALE, TRANSLATE = 17.0, (0.745, 1.34), 0.068


class View(NamedTuple):
    """The weak view of a batch.

    Attributes:
        images: (B, 1, H, W) in [0, 1].
        texts: B captions.
        masks: (B, 1, H, W) bool.
        params: What each op did, by its name.
    """

    images: Tensor
    texts: list[str]
    masks: Tensor
    params: dict[str, Params]


class Geometry:
    """Makes the weak view, and moves what the ops leave where the settings ask for the geometry after them.

    What comes into view from outside the image is black, and no lesion.

    Args:
        parser: Reads and rewrites the captions.
        config: Settings of the run; without `geometry` the weak view is zoomed as published.
    """

    def __init__(self, parser: PositionParser, config: Config) -> None:
        self.op: SyncGeometry | None = None
        if config.geometry:
            self.op = SyncGeometry(
                parser, p=config.geometry, horizontal=False, degrees=DEGREES, scale=SCALE, translate=TRANSLATE
            )
        self.comes_last = config.geometry_order == "after"
        self.words_stay = config.geometry_words == "stay"

    def weak(
        self, images: Tensor, texts: Sequence[str], masks: Tensor, *, known: bool, draws: Draws, branch: str
    ) -> View:
        """Return the weak view of a batch.

        Args:
            images: (B, 1, H, W) in [0, 1].
            texts: B captions.
            masks: (B, 1, H, W) bool.
            known: Whether the method knows the masks. A region whose lesion leaves the view is dropped from the
                caption then; masks that only the log reads move along, and decide nothing: words stay as they are,
                and a sample is left alone where the place of a named region leaves the view.
            draws: The randomness of the step.
            branch: "labelled" or "unlabelled".
        """
        if self.op is None:
            zoomed, masks = zoom(images, masks, draws(branch, "zoom"))
            return View(zoomed, list(texts), masks, {})
        if self.comes_last:
            return View(images, list(texts), masks, {})
        out = self.op(
            images,
            texts,
            masks if known else None,
            maps=() if known else (masks,),
            generator=draws(branch, "geometry"),
        )
        moved = out.target if known else out.maps[0]
        if out.images is None or out.texts is None or moved is None:
            raise TypeError("SyncGeometry returned a batch without images, texts or masks.")
        return View(out.images, list(texts if self.words_stay else out.texts), moved, {"geometry": out.params})

    def last(self, batch: Altered, *, draws: Draws, branch: str) -> Altered:
        """Return a batch that comes from the ops, moved where the settings ask for the geometry after them.

        Args:
            batch: Its images are normalised; its masks or probabilities are the evidence.
            draws: The randomness of the step.
            branch: "labelled" or "unlabelled".
        """
        if self.op is None or not self.comes_last:
            return batch
        # The op fills with 0: normalised images are moved to where that is their darkest pixel, and back.
        black = batch.images.amin(dim=(1, 2, 3), keepdim=True)
        out = self.op(batch.images - black, batch.texts, batch.target, generator=draws(branch, "geometry"))
        if out.images is None or out.texts is None or out.target is None:
            raise TypeError("SyncGeometry returned a batch without images, texts or target.")
        images = torch.where(out.accepted.view(-1, 1, 1, 1), out.images + black, batch.images)
        texts = batch.texts if self.words_stay else out.texts
        return Altered(images, list(texts), out.target, batch.params | {"geometry": out.params})

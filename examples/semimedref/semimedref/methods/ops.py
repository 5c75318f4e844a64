"""The ops that a run's settings ask for, and a batch's way through them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossmodal_aug import Focus, PosAug, PositionParser, Reword, TPatchMix, ZoneMix
from crossmodal_aug.augment import Augmented, CrossModalOp, Params
from semimedref.config import Config
from semimedref.draws import Draws
from semimedref.methods.boxes import RandomBoxes
from semimedref.methods.faults import UNKNOWN_TOKEN, FaultyMix
from semimedref.methods.mix_gen import MixGen
from semimedref.methods.other_flips import FLIPS
from semimedref.methods.patch_mix import PatchMix
from semimedref.methods.pixel_mix import PixelMix
from semimedref.methods.published import PublishedMix
from semimedref.methods.released import ReleasedPatchMix

PIXEL_MIXES: dict[str, type[PixelMix | MixGen]] = {"boxes": RandomBoxes, "patchmix": PatchMix, "mixgen": MixGen}
WORD_FOR_WORD: dict[str, type[PublishedMix]] = {"published": PublishedMix, "faulty": FaultyMix}


class Altered(NamedTuple):
    """A batch after the ops.

    Attributes:
        images: (B, 1, H, W).
        texts: B captions.
        target: (B, 1, H, W) masks or probabilities.
        params: What each op did, by its name.
    """

    images: Tensor
    texts: list[str]
    target: Tensor
    params: dict[str, Params]

    def rows(self, rows: slice) -> "Altered":
        """Return some of the samples, with the parameters of all."""
        return Altered(self.images[rows], self.texts[rows], self.target[rows], self.params)

    @property
    def focused(self) -> Tensor:
        """(B,) bool: the samples whose caption leaves lesions out."""
        none = torch.zeros(len(self.texts), dtype=torch.bool, device=self.images.device)
        return self.params["focus"].accepted if "focus" in self.params else none

    @property
    def mixed(self) -> Tensor:
        """(B,) bool: the samples that hold pixels of another."""
        accepted = [one.accepted for name, one in self.params.items() if name in ("patch", "zone")]
        return torch.stack(accepted).any(dim=0) if accepted else torch.zeros_like(self.focused)


def make_ops(parser: PositionParser, config: Config) -> dict[str, CrossModalOp]:
    """Return the ops that alter image, mask and caption together, in their order.

    Args:
        parser: Reads and rewrites the captions.
        config: Settings of the run.
    """
    ops: dict[str, CrossModalOp] = {}
    if config.flip:
        ops["flip"] = FLIPS[config.flip_words](parser, p=config.flip)
    ops |= make_mix(parser, config)
    if config.focus:
        # Last, so that it narrows the caption of the mix.
        ops["focus"] = Focus(parser, unit=config.focus_unit, p=config.focus)
    return ops


def make_mix(parser: PositionParser, config: Config) -> dict[str, CrossModalOp]:
    """Return the ops that mix samples of one branch; BCP crosses the branches, and so is none of them."""
    if config.mix in PIXEL_MIXES:
        return {"patch": PIXEL_MIXES[config.mix](parser)}
    if config.mix == "cutmix":
        half = max(2, config.size // 2)
        return {"patch": TPatchMix(parser, patch_size=half, p=0.5, where="anywhere", gate=None, text="keep")}
    if config.mix in WORD_FOR_WORD:
        token = UNKNOWN_TOKEN if config.pos_aug == "unknown" else "[MASK]"
        where: Any = config.patch_where
        mix = WORD_FOR_WORD[config.mix]
        return {"patch": mix(parser, where=where, pos_aug=config.pos_aug != "none", mask_token=token)}
    if config.mix == "paper":
        return {"patch": TPatchMix.paper(parser)}
    if config.mix == "released":
        return {"patch": ReleasedPatchMix.paper(parser)}
    ops: dict[str, CrossModalOp] = {}
    if config.mix in ("patch", "both"):
        # A patch goes where both captions name a region: there neither image holds anything that goes unnamed.
        side = max(2, config.size // 4)
        ops["patch"] = TPatchMix(parser, patch_size=side, p=0.25, where="shared", gate="confident")
    if config.mix in ("zone", "both"):
        ops["zone"] = ZoneMix(parser, unit=config.zone_unit, p=0.5)
    return ops


def make_reword(parser: PositionParser, config: Config) -> Reword | None:
    """Return the op that says captions in other words, over all frames of the atlas; None where there is none."""
    return Reword(parser, p=config.reword) if config.reword else None


def make_pos_aug(parser: PositionParser, config: Config) -> dict[str, PosAug]:
    """Return the ops that make captions vaguer, in their order: each phrase changes with probability 1/2.

    There are none where the mix does it itself, before it mixes.
    """
    if config.pos_aug == "none" or config.mix in WORD_FOR_WORD:
        return {}
    if config.pos_aug == "mix":
        return {"fuzz": PosAug(parser, phrase_p=0.5, mode="mix")}
    token = UNKNOWN_TOKEN if config.pos_aug == "unknown" else "[MASK]"
    # Half of the changed phrases are fuzzed and half are masked: 1/3 of the 3/4 that the first op leaves.
    return {
        "fuzz": PosAug(parser, phrase_p=1 / 4, mode="fuzz"),
        "mask": PosAug(parser, phrase_p=1 / 3, mode="mask", mask_token=token),
    }


def run_ops(
    ops: dict[str, CrossModalOp],
    images: Tensor,
    texts: Sequence[str],
    target: Tensor,
    *,
    draws: Draws,
    branch: str,
) -> Altered:
    """Send a batch through the ops, each with randomness of its own.

    Args:
        ops: By the name of their draws.
        images: (B, 1, H, W).
        texts: B captions.
        target: (B, 1, H, W) masks or probabilities.
        draws: The randomness of the step.
        branch: "labelled" or "unlabelled".

    Returns:
        The batch after the last op.
    """
    out = Augmented(images, list(texts), target)
    params = {}
    for name, op in ops.items():
        out = op(out.images, out.texts, out.target, positions=out.positions, generator=draws(branch, name))
        params[name] = out.params
    if out.images is None or out.texts is None or out.target is None:
        raise TypeError("an op returned a batch without images, texts or target.")
    return Altered(out.images, list(out.texts), out.target, params)


def reworded(op: Reword | None, batch: Altered, *, draws: Draws, branch: str) -> Altered:
    """Return an altered batch with its captions in other words.

    They say the same of each region, so this comes before `vaguer`: what that hides stays hidden.
    """
    if op is None:
        return batch
    out = op(None, batch.texts, generator=draws(branch, "reword"))
    return batch._replace(texts=list(out.texts or batch.texts), params=batch.params | {"reword": out.params})


def vaguer(ops: dict[str, PosAug], batch: Altered, *, draws: Draws, branch: str = "unlabelled") -> list[str]:
    """Return the captions of an altered batch with vaguer positions.

    A caption that Focus narrowed stays as it is: only it says which of the lesions are meant.
    """
    texts = batch.texts
    for name, op in ops.items():
        changed = op(None, texts, generator=draws(branch, name)).texts
        texts = list(texts if changed is None else changed)
    if not ops or "focus" not in batch.params:
        return texts
    narrowed = batch.focused.tolist()
    return [old if kept else new for kept, old, new in zip(narrowed, batch.texts, texts, strict=True)]

"""Rows of `alignment.py` that turn, crop or shift whole images: SyncGeometry, and others' geometry under old words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kornia.augmentation as K
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from crossmodal_aug import PositionParser, SyncGeometry

# By frame, what SyncGeometry is asked for, and the same of kornia and torchvision.
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "image": {
        "flips": {"vertical": True},
        "flips and quarter turns": {"vertical": True, "quarter_turns": True},
        "flip, crop to 70 %": {"crop": 0.7},
        "flip, crop to 80 %, 10 degrees": {"crop": 0.8, "degrees": 10.0},
    },
    "body": {
        "mirror": {},
        "mirror, crop to 85 %": {"crop": 0.85},
        "mirror, 8 degrees": {"degrees": 8.0},
        "mirror, crop to 90 %, 5 degrees": {"crop": 0.9, "degrees": 5.0},
    },
}


def geometry_rows(parser: PositionParser) -> dict[str, Callable[..., Any]]:
    """Every geometry by name, as `alignment.rows` gives them."""
    named: dict[str, Callable[..., Any]] = {}
    for what, settings in SETTINGS[parser.atlas.frame].items():
        named[f"SyncGeometry: {what}"] = _of(SyncGeometry(parser, p=1.0, **settings))
        named[f"kornia, caption untouched: {what}"] = _kornia(**settings)
        named[f"torchvision, caption untouched: {what}"] = _torchvision(**settings)
    return named


def _of(op: SyncGeometry) -> Callable[..., Any]:
    def run(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
        # The true lesion rides along as a map; the op itself sees the evidence alone.
        out = op(lesion, texts, evidence=evidence, maps=(lesion,), generator=generator)
        accepted = out.params.accepted
        return out.maps[0], list(out.texts), accepted, accepted.float(), out.params.reason

    return run


def _kornia(
    *, vertical: bool = False, quarter_turns: bool = False, degrees: float = 0.0, crop: float | None = None
) -> Callable[..., Any]:
    steps: list[torch.nn.Module] = [K.RandomHorizontalFlip(p=0.5)]
    steps += [K.RandomVerticalFlip(p=0.5)] if vertical else []
    steps += [K.RandomRotation90((0, 3), p=1.0)] if quarter_turns else []
    steps += [K.RandomRotation(degrees, p=1.0)] if degrees else []

    def run(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
        size = (lesion.shape[-2], lesion.shape[-1])
        window = [K.RandomResizedCrop(size, scale=(crop**2, 1.0), ratio=(1.0, 1.0), p=1.0)] if crop else []
        pipeline = K.AugmentationSequential(*steps, *window, data_keys=["input", "mask"])
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        _, moved = pipeline(lesion, lesion)
        return (moved, texts, *_all_that_moved(moved, lesion))

    return run


def _torchvision(
    *, vertical: bool = False, quarter_turns: bool = False, degrees: float = 0.0, crop: float | None = None
) -> Callable[..., Any]:
    nearest = InterpolationMode.NEAREST
    steps: list[torch.nn.Module] = [v2.RandomHorizontalFlip(0.5)]
    steps += [v2.RandomVerticalFlip(0.5)] if vertical else []
    turns = [v2.RandomRotation((angle, angle), interpolation=nearest) for angle in (0, 90, 180, 270)]
    steps += [v2.RandomChoice(turns)] if quarter_turns else []
    steps += [v2.RandomRotation(degrees, interpolation=nearest)] if degrees else []

    def run(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
        size = (lesion.shape[-2], lesion.shape[-1])
        square = {"scale": (crop**2, 1.0), "ratio": (1.0, 1.0)} if crop else {}
        window = [v2.RandomResizedCrop(size, interpolation=nearest, **square)] if crop else []
        transform = v2.Compose([*steps, *window])
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        moved = torch.stack([transform(tv_tensors.Mask(one)).as_subclass(Tensor) for one in lesion])
        return (moved, texts, *_all_that_moved(moved, lesion))

    return run


def _all_that_moved(moved: Tensor, lesion: Tensor) -> tuple[Tensor, Tensor, None]:
    altered = (moved != lesion).flatten(1).any(dim=1) | ~lesion.flatten(1).any(dim=1)
    return altered, altered.float(), None

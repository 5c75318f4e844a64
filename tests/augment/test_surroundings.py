"""Settings of the process around an op change nothing: autocast, the default device and dtype, function transforms."""

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, Focus, PosAug, PositionParser, Reword, SyncFlip, TPatchMix, ZoneMix

PARSER = PositionParser(LUNG_ZONES)
TEXTS = ["Opacity in the upper right lung.", "Opacity in the lower left lung and upper left lung."]
OPS = [
    TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None),
    ZoneMix(PARSER, unit="subset", p=1.0, max_cut=1.0),
    SyncFlip(PARSER, p=0.5),
    Focus(PARSER, unit="region", p=1.0),
    PosAug(PARSER, phrase_p=1.0),
    PosAug(PARSER, phrase_p=1.0, mode="fuzz", max_tokens=3, tokenizer=str.split, strict=True),
    Reword(PARSER, p=1.0, strict=True),
    ZoneMix(PARSER, p=1.0, max_tokens=5, tokenizer=str.split, strict=True),
]


def call(op: torch.nn.Module) -> object:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 1, 24, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float32, device="cpu")
    return op(images, TEXTS, images > 0.5, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_captions_of_large_patches_hold_under_autocast(dtype: torch.dtype) -> None:
    """A count of some 100 000 pixels is beyond float16."""
    target = torch.zeros(2, 1, 1024, 1024, dtype=torch.bool)
    target[1, :, 700:, :512] = target[0, :, :300, 512:] = True
    texts = ["Opacity in the upper right lung.", "Opacity in the lower left lung."]
    op = TPatchMix(PARSER, patch_size=320, p=1.0, where="donor", gate=None, strict=True)
    with torch.autocast("cpu", dtype=dtype):
        out = op(target.half(), texts, target, generator=torch.Generator().manual_seed(0))
        counts = CF.region_evidence(target, LUNG_ZONES, reduce="count")
    plain = op(target.half(), texts, target, generator=torch.Generator().manual_seed(0))
    assert out.texts == plain.texts
    assert out.positions[0].sum() == 2
    assert counts.dtype == torch.float32
    assert torch.equal(counts, CF.region_evidence(target, LUNG_ZONES, reduce="count"))


@pytest.mark.parametrize("op", OPS, ids=repr)
@pytest.mark.parametrize("setting", ["autocast", "default device", "float64", "bfloat16"])
def test_a_call_gives_what_it_gives_anywhere(op: torch.nn.Module, setting: str) -> None:
    plain = call(op)
    if setting == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            other = call(op)
    elif setting == "default device":
        with torch.device("meta"):
            other = call(op)
    else:
        torch.set_default_dtype(getattr(torch, setting))
        try:
            other = call(op)
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.equal(plain.images, other.images)
    assert plain.texts == other.texts
    assert torch.equal(plain.params.accepted, other.params.accepted)
    if hasattr(plain.params, "mixed_share"):
        assert other.params.mixed_share.dtype == torch.float32
        assert torch.equal(plain.params.mixed_share, other.params.mixed_share)


@pytest.mark.parametrize("op", OPS[:4], ids=repr)
def test_apply_under_function_transforms(op: torch.nn.Module) -> None:
    images, params = torch.rand(2, 1, 24, 24), call(op).params
    ones = torch.ones_like(images)
    value, tangent = torch.func.jvp(lambda one: op.replay(one, params), (images,), (ones,))
    assert torch.equal(value, op.replay(images, params))
    assert torch.equal(tangent, ones)

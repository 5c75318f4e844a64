"""Dtypes that torch can hardly compute with, tensors without values, memory formats: kept to the last bit."""

import pytest
import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    PositionParser,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
TEXTS = ["Opacity in the lower left lung and upper right lung.", "Opacity in both upper lungs."]
BENT = {"p": 1.0, "horizontal": False, "degrees": 20.0, "scale": (1.3, 1.3)}
OPS = {
    "SyncFlip": SyncFlip(PARSER, p=1.0),
    "SyncGeometry flips": SyncGeometry(PARSER, p=1.0, vertical=True, frame="image"),
    "SyncGeometry bends": SyncGeometry(PARSER, target_fill=0, **BENT),
    "ZoneMix": ZoneMix(PARSER, p=1.0),
    "TPatchMix": TPatchMix(PARSER, patch_size=3, p=1.0, where="anywhere", gate=None, text="union"),
    "TPatchMix, large": TPatchMix(PARSER, patch_size=10, p=1.0, where="anywhere", gate=None, text="union"),
    "Focus": Focus(PARSER, p=1.0, target_fill=0),
}
STORED = [
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
    torch.complex32,
]
UNSIGNED = STORED[:3]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def wide(tensor: Tensor) -> Tensor:
    """The same values in a dtype that computes."""
    if tensor.is_complex():
        return tensor.to(torch.complex64)
    return tensor.to(torch.float64 if tensor.is_floating_point() else torch.int64)


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("name", OPS)
def test_values_move_as_those_of_another_dtype(name: str, dtype: torch.dtype) -> None:
    op, values = OPS[name], torch.randint(0, 9, (2, 1, 12, 12), generator=seeded(1)).to(dtype)
    evidence = torch.ones(2, 1, 12, 12)
    images = torch.zeros(2, 1, 12, 12)
    out = op(images, TEXTS, values, maps=(values,), evidence=evidence, generator=seeded())
    usual = op(images, TEXTS, wide(values), maps=(wide(values),), evidence=evidence, generator=seeded())
    assert out.accepted.any()
    for new, wanted in ((out.target, usual.target), (out.maps[0], usual.maps[0])):
        assert new.dtype == dtype
        assert torch.equal(wide(new), wanted)
    for role in ("target", "map"):
        again = op.replay(values, out.params, role=role)
        assert torch.equal(wide(again), wide(out.target if role == "target" else out.maps[0]))
    if isinstance(op, SyncGeometry):
        back = op.inverse(out.target, out.params, role="target")
        assert torch.equal(wide(back), op.inverse(usual.target, usual.params, role="target"))


@pytest.mark.parametrize("dtype", [*UNSIGNED, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_integers_are_rounded_where_they_are_interpolated(dtype: torch.dtype) -> None:
    value = 101 if dtype == torch.int8 else 201
    op, images = SyncGeometry(PARSER, **BENT), torch.full((1, 1, 20, 20), value).to(dtype)
    out = op(images, TEXTS[:1], generator=seeded(1))
    assert out.accepted.all()
    assert set(out.images.flatten().tolist()) == {value}
    assert torch.equal(wide(CF.warp(images, out.params.matrices)), wide(out.images))


@pytest.mark.parametrize(
    ("fill", "dtype"),
    [
        (-1, torch.uint16),
        (-1, torch.uint64),
        (70_000, torch.uint16),
        (0.5, torch.uint32),
        (1000, torch.float8_e4m3fn),
        (-1, torch.uint8),
    ],
)
def test_a_fill_that_does_not_fit_is_refused_in_every_dtype(fill: float, dtype: torch.dtype) -> None:
    images, plain = torch.ones(1, 1, 20, 20).to(dtype), torch.ones(1, 1, 20, 20)
    smaller = {"p": 1.0, "horizontal": False, "scale": (0.5, 0.6)}
    with pytest.raises(InvalidValueError, match="Expected a fill that torch"):
        SyncGeometry(PARSER, fill=fill, **smaller)(images, TEXTS[:1])
    op = SyncGeometry(PARSER, target_fill=fill, **smaller)
    out = op(plain, TEXTS[:1], generator=seeded())
    with pytest.raises(InvalidValueError, match="Expected a fill that torch"):
        op.replay(images, out.params, role="target")
    with pytest.raises(InvalidValueError, match="Expected a fill that torch"):
        CF.warp(images, out.params.matrices, nearest=True, fill=fill)


@pytest.mark.parametrize("dtype", [torch.uint64, torch.int64])
@pytest.mark.parametrize("role", ["image", "target", "map"])
def test_what_is_not_accepted_keeps_every_bit(dtype: torch.dtype, role: str) -> None:
    labels = torch.full((2, 1, 12, 12), 2**53 + 1).to(dtype)
    op = SyncGeometry(PARSER, p=0.0, horizontal=False, degrees=5.0, target_fill=0)
    out = op(labels, TEXTS, labels, evidence=torch.ones(2, 1, 12, 12), maps=(labels,), generator=seeded())
    assert not out.accepted.any()
    assert torch.equal({"image": out.images, "target": out.target, "map": out.maps[0]}[role], labels)


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize(
    "build", [SyncFlip, SyncGeometry, lambda parser, **more: SyncGeometry(parser, degrees=1, **more)]
)
def test_labels_that_mean_a_side_are_exchanged_in_every_dtype(build, dtype: torch.dtype) -> None:
    op = build(PARSER, p=1.0, sided_labels=[(1, 2)], **({} if build is SyncFlip else {"target_fill": 0}))
    labels, evidence = torch.ones(8, 1, 4, 4).to(dtype), torch.ones(8, 1, 4, 4)
    out = op(torch.zeros(8, 1, 4, 4), TEXTS * 4, labels, evidence=evidence, generator=seeded())
    usual = op(torch.zeros(8, 1, 4, 4), TEXTS * 4, wide(labels), evidence=evidence, generator=seeded())
    assert (usual.target == 2).any()
    assert out.target.dtype == dtype
    assert torch.equal(wide(out.target), usual.target)


@pytest.mark.parametrize("build", [SyncFlip, SyncGeometry])
def test_sided_labels_fit_the_dtype(build: type) -> None:
    images, high = torch.zeros(1, 1, 1, 2), torch.tensor([[[[40_000, 0]]]]).to(torch.uint16)
    op = build(PARSER, p=1.0, sided_labels=[(40_000, 50_000)])
    for seed in range(4):
        out = op(images, TEXTS[:1], high, evidence=torch.ones(1, 1, 1, 2), generator=seeded(seed))
        wanted = [0, 50_000] if out.accepted.all() else [40_000, 0]
        assert out.target.flatten().tolist() == wanted
    for dtype, pair in (
        (torch.uint8, (300, 301)),
        (torch.uint8, (-1, 1)),
        (torch.bool, (1, 2)),
        (torch.float16, (2048, 2049)),  # one number in half precision
        (torch.float8_e4m3fn, (16, 17)),
        (torch.float16, (70_000, 1)),
    ):
        op = build(PARSER, p=1.0, sided_labels=[pair])
        with pytest.raises(
            InvalidValueError, match=rf"Expected `target` in a dtype that holds the `sided_labels`.*{dtype}"
        ):
            op(images, TEXTS[:1], images.to(dtype), evidence=torch.ones(1, 1, 1, 2))
    fits = build(PARSER, p=1.0, sided_labels=[(2048, 4096)])
    assert fits(images, TEXTS[:1], images.half(), evidence=images + 1).target.dtype == torch.float16


@pytest.mark.parametrize("build", [SyncFlip, SyncGeometry])
def test_sided_channels_are_no_rows(build: type) -> None:
    op = build(PARSER, p=1.0, sided_channels=[(0, 1)])
    images = torch.zeros(1, 1, 4, 4)
    words = r"Expected `target` of shape \(B, C, \*spatial\), whose `sided_channels` are exchanged, but got \(1, 4, 4\)"
    with pytest.raises(InvalidValueError, match=words):
        op(images, TEXTS[:1], torch.zeros(1, 4, 4))
    with pytest.raises(InvalidValueError, match=r"but got \(1, 3, 4, 4\)"):  # slices of a volume
        op(torch.zeros(1, 1, 3, 4, 4), TEXTS[:1], torch.zeros(1, 3, 4, 4))
    assert op(images, TEXTS[:1], torch.zeros(1, 2, 4, 4), evidence=images).target.shape == (1, 2, 4, 4)
    if build is SyncGeometry:
        out = op(images, TEXTS[:1])
        with pytest.raises(InvalidValueError, match=words):
            op.inverse(torch.zeros(1, 4, 4), out.params, role="target")


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("evidence", [False, True])
def test_tensors_without_values_keep_their_shapes(name: str, evidence: bool) -> None:
    images, positions = torch.zeros(2, 3, 12, 12, device="meta"), torch.zeros(2, 6, dtype=torch.bool, device="meta")
    out = OPS[name](
        images, None, images[:, :1], positions=positions, evidence=images[:, :1] if evidence else None, maps=(images,)
    )
    for one, shape in ((out.images, images.shape), (out.target, (2, 1, 12, 12)), (out.maps[0], images.shape)):
        assert one.device.type == "meta"
        assert one.shape == shape


def test_gates_on_evidence_run_without_values() -> None:
    images, positions = torch.zeros(2, 3, 12, 12, device="meta"), torch.zeros(2, 6, dtype=torch.bool, device="meta")
    for op in (
        ZoneMix(PARSER, max_cut=0.2),
        Focus(PARSER, max_cut=0.2),
        TPatchMix(PARSER, patch_size=3, where="probability"),
        TPatchMix.paper(PARSER),
    ):
        assert op(images, None, images[:, :1], positions=positions).images.device.type == "meta"


SEQUENCE = CrossModalSequential(OPS["ZoneMix"], OPS["SyncGeometry bends"], OPS["TPatchMix"])


@pytest.mark.parametrize("shape", [(2, 3, 12, 14), (2, 3, 4, 12, 14)])
@pytest.mark.parametrize("name", [*(name for name in OPS if "flips" not in name), "sequence"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.uint16, torch.float8_e4m3fn])
def test_memory_formats_are_kept(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    op = SEQUENCE if name == "sequence" else OPS[name]
    last = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    plain = torch.randint(0, 9, shape, generator=seeded(1)).to(dtype)
    images, evidence = plain.contiguous(memory_format=last), torch.ones(shape[0], 1, *shape[2:])
    out = op(images, TEXTS, evidence, maps=(images, plain), generator=seeded())
    usual = op(plain, TEXTS, evidence, maps=(plain, plain), generator=seeded())
    assert out.accepted.any()
    for one in (out.images, out.maps[0], op.replay(images, out.params)):
        assert one.is_contiguous(memory_format=last)
        assert not one.is_contiguous()
    assert torch.equal(wide(out.images), wide(usual.images))
    assert torch.equal(wide(out.maps[0]), wide(usual.maps[0]))
    for one in (out.maps[1], out.target, usual.images):
        assert one.is_contiguous()


def test_complex_images_are_not_interpolated() -> None:
    for dtype in (torch.complex64, torch.complex32):
        with pytest.raises(InvalidTypeError, match=str(dtype)):
            SyncGeometry(PARSER, **BENT)(torch.zeros(1, 1, 8, 8, dtype=dtype), TEXTS[:1])

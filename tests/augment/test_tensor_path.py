"""Promise 6, gradients and memory: what an op costs beside the pixels that it moves."""

from collections import Counter

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from crossmodal_aug import (
    LUNG_ZONES,
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    TPatchMix,
    ZoneMix,
)
from tests import ops
from tests.promises import traced_samples
from tests.strategies import Case

PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "unilateral pulmonary infection, one infected area, lower left lung.",
    "bilateral pulmonary infection, three infected areas, middle lower left lung and upper right lung.",
    "unilateral pulmonary infection, one infected area, upper right lung.",
]
PIXEL_OPS = {name: build for name, build in ops.SINGLE.items() if name not in ops.POS_AUG | ops.REWORD}
SEQUENCE = "SyncFlip, TPatchMix, ZoneMix, Focus"
# A volume takes the same way through an op whatever its gate and its text: one setting of each kind.
IN_VOLUMES = [
    *ops.MEETING[::3],
    *("ZoneMix side None", "ZoneMix subset 0.2", "Focus region 0.2", "SyncFlip", "SyncGeometry flips"),
    "SyncGeometry bent",
]
COMPILED = [
    *(pytest.param(name, (16, 12), id=f"image-{name}") for name in PIXEL_OPS if name not in ops.REPEATING),
    pytest.param(SEQUENCE, (16, 12), id=f"image-{SEQUENCE}"),
    *(pytest.param(name, (4, 16, 12), id=f"volume-{name}") for name in (*IN_VOLUMES, SEQUENCE)),
]


def build(name: str) -> torch.nn.Module:
    if name == SEQUENCE:
        return CrossModalSequential(
            SyncFlip(PARSER), TPatchMix(PARSER, patch_size=4, p=0.9), ZoneMix(PARSER, p=0.9), Focus(PARSER, p=0.9)
        )
    return PIXEL_OPS[name](PARSER)


def lesions(count: int = 4, spatial: tuple[int, ...] = (16, 12)) -> torch.Tensor:
    coarse = torch.rand(count, 1, *[n // 4 for n in spatial], generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate((coarse > 0.4).float(), size=spatial)


class ForbidHostTrips(TorchDispatchMode):
    """Raises where a tensor's values would decide what the host does next."""

    FORBIDDEN = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().split("::")[1].split(".")[0]
        if name.startswith(self.FORBIDDEN):
            raise AssertionError(f"{func.name()} waits for the device")
        if name in ("index", "index_put", "index_put_") and any(
            one is not None and one.dtype == torch.bool for one in args[1]
        ):
            raise AssertionError(f"{func.name()} with a bool index has a shape that depends on the data")
        return func(*args, **(kwargs or {}))


def test_the_watch_sees_host_trips() -> None:
    numbers = torch.arange(3)
    for trip in (
        lambda: numbers.sum().item(),
        lambda: numbers[numbers > 1],
        numbers.nonzero,
        lambda: bool((numbers > 1).any()),
        lambda: numbers.masked_fill(numbers > 1, 0).index_put((numbers > 1,), numbers[0]),
    ):
        with pytest.raises(AssertionError, match=r"waits|depends"), ForbidHostTrips():
            trip()


@pytest.mark.parametrize("name", [*PIXEL_OPS, SEQUENCE])
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_nothing_waits_for_the_device(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device: on the CPU the values of evidence and targets are looked at, which costs no trip there."""
    for module in ("functional.evidence", "augment.filling", "augment.zone_mix"):
        monkeypatch.setattr(f"crossmodal_aug.{module}.costs_nothing_to_look_at", lambda tensor: False)
    op, target = build(name), lesions().to(dtype)
    arguments = {"positions": PARSER.encode(TEXTS), "maps": (target,), "generator": torch.Generator().manual_seed(0)}
    op(target.float(), None, target, **arguments)  # constants are made on first use
    for method in ("cpu", "tolist", "numpy"):  # on the CPU these read memory without a dispatch

        def forbidden(self, *args, **kwargs):
            raise AssertionError("a copy to the host")

        monkeypatch.setattr(torch.Tensor, method, forbidden)
    with ForbidHostTrips():
        op(target.float(), None, target, **arguments)


@pytest.mark.parametrize("name", [*PIXEL_OPS, SEQUENCE])
def test_with_texts_one_copy_reaches_the_host(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, target, copies = build(name), lesions(), Counter[str]()
    for method in ("cpu", "tolist", "item", "numpy"):
        original = getattr(torch.Tensor, method)

        def counted(self, *args, _method=method, _original=original, **kwargs):
            # `.cpu().tolist()` is one copy: the second half is free.
            copies[_method] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, method, counted)
    op(target, TEXTS, target.long(), generator=torch.Generator().manual_seed(0))
    calls = len(op.ops) if isinstance(op, CrossModalSequential) else 1
    assert copies["cpu"] <= calls
    assert copies["tolist"] <= copies["cpu"]
    assert copies["item"] == copies["numpy"] == 0


@pytest.mark.parametrize(("name", "spatial"), COMPILED)
def test_compiles_as_one_graph(name: str, spatial: tuple[int, ...]) -> None:
    torch.compiler.reset()
    op, target = build(name), lesions(spatial=spatial)
    images, positions = torch.rand(4, 2, *spatial), PARSER.encode(TEXTS)

    def run(images: torch.Tensor, target: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = op(images, None, target, positions=positions)
        return out.images, out.target, out.positions

    torch.manual_seed(0)
    plain = run(images, target, positions)
    torch.manual_seed(0)
    compiled = torch.compile(run, fullgraph=True, backend="eager")(images, target, positions)
    assert all(torch.equal(one, other) for one, other in zip(plain, compiled, strict=True))


@pytest.mark.parametrize("name", [*PIXEL_OPS, SEQUENCE])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_flow_to_the_source_of_each_pixel(name: str, layout: torch.memory_format) -> None:
    op, target = build(name), lesions()
    images = torch.rand(4, 3, 16, 12).contiguous(memory_format=layout).requires_grad_()
    weight = torch.rand(4, 3, 16, 12)
    out = op(images, TEXTS, target, generator=torch.Generator().manual_seed(3))
    (out.images * weight).sum().backward()
    case = Case(PARSER, images.detach(), TEXTS, target, (), None, 3)
    whose = traced_samples(op, case, out)
    pixels = torch.arange(16 * 12).view(1, 16, 12).expand(4, 16, 12).contiguous()
    which = op.replay(pixels, out.params)
    expected = torch.zeros(4, 3, 16 * 12)
    for b in range(4):
        for c in range(3):
            expected[:, c].index_put_((whose[b].flatten(), which[b].flatten()), weight[b, c].flatten(), accumulate=True)
    assert torch.allclose(images.grad.flatten(2), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "dynamic"),
    [
        *(
            pytest.param(op, None, id=f"None-{op!r}")
            for op in (
                TPatchMix(PARSER, p=1.0, patch_size=4),
                TPatchMix(PARSER, p=1.0, patch_size=4, where="probability"),
                ZoneMix(PARSER, p=1.0, max_cut=0.5),
                SyncFlip(PARSER),
                Focus(PARSER, p=1.0, max_cut=0.5),
            )
        ),
        # Once two sizes were seen, each is a symbol anyway; here from the start.
        pytest.param(TPatchMix(PARSER, p=1.0, patch_size=4, where="probability"), True, id="True-TPatchMix"),
        pytest.param(Focus(PARSER, p=1.0, max_cut=0.5), True, id="True-Focus"),
    ],
)
def test_compiled_once_it_takes_other_sizes(op: torch.nn.Module, dynamic: bool | None) -> None:
    torch.compiler.reset()

    def run(images: torch.Tensor, target: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = op(images, None, target, positions=positions)
        return out.images, out.target, out.positions

    compiled = torch.compile(run, fullgraph=True, backend="eager", dynamic=dynamic)
    for count, spatial in ((4, (16, 12)), (3, (16, 12)), (4, (20, 24))):
        arguments = torch.rand(count, 2, *spatial), lesions(count, spatial), PARSER.encode(TEXTS)[:count]
        torch.manual_seed(0)
        plain = run(*arguments)
        torch.manual_seed(0)
        assert all(torch.equal(one, other) for one, other in zip(plain, compiled(*arguments), strict=True))


def peak_bytes(call: object) -> tuple[int, object]:
    """Most bytes that the CPU allocator held at once during a call, beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        out = call()
    events = [one for one in watched.profiler.kineto_results.events() if one.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda one: one.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak, out


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool], ids=str)
@pytest.mark.parametrize(
    "op",
    [
        TPatchMix(PARSER, p=1.0),
        TPatchMix(PARSER, p=1.0, where="probability", gate="lesion"),
        TPatchMix(PARSER, p=1.0, patch_size=200, where="anywhere", gate=None),
        ZoneMix(PARSER, p=1.0),
        ZoneMix(PARSER, p=1.0, unit="subset", max_cut=0.2),
        SyncFlip(PARSER, p=1.0),
        Focus(PARSER, p=1.0, max_cut=0.5),
        PosAug(PARSER, phrase_p=1.0),
        Reword(PARSER, p=1.0),
    ],
    ids=repr,
)
def test_peak_memory_is_little_more_than_the_outputs(op: torch.nn.Module, dtype: torch.dtype) -> None:
    images, target = torch.rand(16, 3, 224, 224), lesions(16, (224, 224)).to(dtype)

    def call() -> object:
        return op(images, TEXTS * 4, target, generator=torch.Generator().manual_seed(0))

    call()  # constants and caches are filled on first use
    peak, out = peak_bytes(call)
    size = sum(one.numel() * one.element_size() for one in (out.images, out.target, out.positions))
    assert peak <= 1.2 * size


def assert_small(call: object) -> None:
    call()  # constants and caches are filled on first use
    peak, out = peak_bytes(call)
    size = sum(one.numel() * one.element_size() for one in (out.images, out.target, out.positions))
    assert peak <= 1.2 * size


@pytest.mark.parametrize(
    ("count", "shape", "image_dtype", "target_dtype"),
    [
        (32, (1, 224, 224), torch.uint8, torch.bool),
        (2, (1, 224, 224), torch.float32, torch.bool),
        (16, (3, 224, 224), torch.float16, torch.bool),
        (16, (1, 224, 224), torch.float16, torch.float16),
        (2, (1, 32, 96, 96), torch.float32, torch.bool),
        (16, (3, 224, 224), torch.uint8, torch.int64),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "op",
    [
        TPatchMix(PARSER, p=1.0),
        TPatchMix(PARSER, p=1.0, where="probability", gate="lesion"),
        ZoneMix(PARSER, p=1.0),
        ZoneMix(PARSER, p=1.0, max_cut=0.5),
        ZoneMix(PositionParser(LUNG_ZONES.with_geometry(columns=(3 / 7,))), p=1.0),
        Focus(PARSER, p=1.0, max_cut=0.5),
        SyncFlip(PARSER, p=1.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("second", [False, True], ids=["own donors", "second batch"])
def test_peak_memory_of_few_and_narrow_pixels(
    count: int,
    shape: tuple[int, ...],
    image_dtype: torch.dtype,
    target_dtype: torch.dtype,
    op: torch.nn.Module,
    second: bool,
) -> None:
    images = (torch.rand(count, *shape) * 200).to(image_dtype)
    target = (torch.rand(count, 1, *shape[1:]) > 0.6).to(target_dtype)
    texts = (TEXTS * 8)[:count]
    donors = Augmented(images.clone(), texts, target.clone()) if second else None
    assert_small(lambda: op(images, texts, target, donors=donors, generator=torch.Generator().manual_seed(0)))


def test_peak_memory_with_donors_in_another_layout() -> None:
    images, target = torch.rand(8, 3, 224, 224), lesions(8, (224, 224))
    donors = Augmented(images.contiguous(memory_format=torch.channels_last), TEXTS * 2, target)
    op = TPatchMix(PARSER, patch_size=150, p=1.0, where="anywhere")
    assert_small(lambda: op(images, TEXTS * 2, target, donors=donors, generator=torch.Generator().manual_seed(0)))


def test_peak_memory_sees_what_is_held() -> None:
    assert peak_bytes(lambda: torch.ones(10, 1000).sum())[0] >= 40_000

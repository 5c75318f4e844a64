"""Promise 7: what cannot be used is refused by an error that names the argument, what was expected, what came."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal_aug import (
    LUNG_ZONES,
    QUADRANTS,
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
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError
from tests import ops
from tests.strategies import Case, cases

LUNG = PositionParser(LUNG_ZONES)


def _longer(tensor: torch.Tensor) -> torch.Tensor:
    return torch.cat((tensor, tensor[:1]))


# name of the argument that the message must quote -> the call's changed arguments
BAD_CALLS = {
    "images: a list": ("images", lambda case: {"images": [1, 2]}),
    "images: rank 3": ("images", lambda case: {"images": torch.zeros(2, 5, 5)}),
    "images: rank 6": ("images", lambda case: {"images": torch.zeros(2, 1, 2, 2, 5, 5)}),
    "texts: one string": ("texts", lambda case: {"texts": "left lung"}),
    "texts: not strings": (r"texts\[0\]", lambda case: {"texts": [7, *case.texts[1:]]}),
    "texts: too many": ("texts", lambda case: {"texts": [*case.texts, "left lung"]}),
    "target: unequal batch": ("target", lambda case: {"target": _longer(case.target)}),
    "target: other size": ("target", lambda case: {"target": case.target[..., :-1]}),
    "target: an array": ("target", lambda case: {"target": case.target.numpy()}),
    "target: other device": ("target", lambda case: {"target": case.target.to("meta")}),
    "positions: other device": ("positions", lambda case: {"positions": case.parser.encode(case.texts).to("meta")}),
    "positions: other regions": ("positions", lambda case: {"positions": torch.zeros(len(case.texts), 17).bool()}),
    "positions: floating": ("positions", lambda case: {"positions": torch.zeros(len(case.texts), 6)}),
    "maps: a tensor": ("maps", lambda case: {"maps": case.images}),
    "maps: other size": (r"maps\[0\]", lambda case: {"maps": [case.images[..., :-1]]}),
    "generator: a seed": ("generator", lambda case: {"generator": 3}),
}


@pytest.mark.parametrize("build", ops.EVERY.values(), ids=ops.EVERY.keys())
@settings(max_examples=15)
@given(case=cases(min_batch=1), fault=st.sampled_from(sorted(BAD_CALLS)))
def test_bad_calls(build: ops.Build, case: Case, fault: str) -> None:
    name, change = BAD_CALLS[fault]
    case = replace(case, donors=None, maps=())
    with pytest.raises(CrossModalError, match=f"`{name}`") as caught:
        case.run(build(case.parser), **change(case))
    message = str(caught.value)
    assert message.startswith("Expected ")
    assert "but got" in message
    assert isinstance(caught.value, (ValueError, TypeError))


READS_EVIDENCE = [n for n in ops.MIXING if "evidence" in n or "lesion" in n or "0.2" in n] + list(ops.FOCUS)


@pytest.mark.parametrize("name", READS_EVIDENCE)
@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, float("inf")])
def test_evidence_that_is_none(name: str, value: float) -> None:
    target = torch.rand(3, 1, 6, 6)
    target[1, 0, 2, 3] = value
    with pytest.raises(InvalidValueError, match=r"`target` to hold values in \[0, 1\], but got"):
        ops.SINGLE[name](LUNG)(torch.zeros(3, 1, 6, 6), ["left lung"] * 3, target)


@pytest.mark.parametrize("name", [n for n in READS_EVIDENCE if not n.startswith("Focus")])
def test_evidence_that_is_missing(name: str) -> None:
    with pytest.raises(InvalidValueError, match=r"`target` or `evidence`, which .* reads, but got neither"):
        ops.SINGLE[name](LUNG)(torch.zeros(3, 1, 6, 6), ["left lung"] * 3)


@pytest.mark.parametrize("name", READS_EVIDENCE)
def test_evidence_of_several_channels(name: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape("`target` of shape (B, 1, *spatial)")):
        ops.SINGLE[name](LUNG)(torch.zeros(3, 1, 6, 6), ["left lung"] * 3, torch.zeros(3, 2, 6, 6))


@pytest.mark.parametrize("build", [*ops.MIXING.values()], ids=[*ops.MIXING])
@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"images": torch.zeros(2, 1, 6, 7)}, "donors.target"),
        ({"images": torch.zeros(2, 3, 6, 6)}, "donors.images"),
        ({"images": torch.zeros(2, 1, 6, 6, dtype=torch.int16)}, "donors.images"),
        ({"texts": None}, "donors.texts"),
        ({"target": None}, "target"),
        ({"maps": ()}, "donors.maps"),
        (
            {
                "images": torch.zeros(0, 1, 6, 6),
                "texts": [],
                "target": torch.zeros(0, 1, 6, 6),
                "maps": [torch.zeros(0, 6, 6)],
            },
            "donors",
        ),
    ],
)
def test_donors_that_do_not_fit(build: ops.Build, change: dict, name: str) -> None:
    donors = Augmented(
        torch.zeros(2, 1, 6, 6), ["left lung"] * 2, torch.zeros(2, 1, 6, 6), None, [torch.zeros(2, 6, 6)]
    )
    call = (torch.zeros(3, 1, 6, 6), ["left lung"] * 3, torch.zeros(3, 1, 6, 6))
    with pytest.raises(CrossModalError, match=f"`{re.escape(name)}`"):
        build(LUNG)(*call, maps=[torch.zeros(3, 6, 6)], donors=replace(donors, **change))


@pytest.mark.parametrize("build", ops.SINGLE.values(), ids=ops.SINGLE.keys())
def test_replay_on_what_does_not_fit(build: ops.Build) -> None:
    op = build(LUNG)
    images = torch.zeros(3, 1, 6, 6)
    params = op(images, ["left lung"] * 3, images).params
    with pytest.raises(InvalidValueError, match="`tensor` of shape"):
        op.replay(images[..., :-1], params)
    with pytest.raises(InvalidTypeError, match="`params`"):
        op.replay(images, (params,))
    with pytest.raises(InvalidValueError, match="`role`"):
        op.replay(images, params, role="mask")
    with pytest.raises(InvalidValueError, match="`texts` to hold 3 strings"):
        op.rewrite(["left lung"], params)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: TPatchMix("lungs"), "parser"),
        (lambda: TPatchMix(LUNG, p=1.5), "p"),
        (lambda: TPatchMix(LUNG, p="half"), "p"),
        (lambda: TPatchMix(LUNG, p=float("nan")), "p"),
        (lambda: TPatchMix(LUNG, where="nowhere"), "where"),
        (lambda: TPatchMix(LUNG, gate="open"), "gate"),
        (lambda: TPatchMix(LUNG, text="both"), "text"),
        (lambda: TPatchMix(LUNG, threshold=2), "threshold"),
        (lambda: TPatchMix(LUNG, gate_threshold=2), "gate_threshold"),
        (lambda: TPatchMix(LUNG, gate=None, gate_threshold=0.5), "gate_threshold"),
        (lambda: TPatchMix(LUNG, patch_size=0), "patch_size"),
        (lambda: TPatchMix(LUNG, patch_size=2.5), "patch_size"),
        (lambda: TPatchMix(LUNG, patch_size=(1, 2, 3, 4)), "patch_size"),
        (
            lambda: TPatchMix(LUNG, patch_size=(2, 2, 2))(torch.zeros(2, 1, 6, 6), ["a", "b"], torch.zeros(2, 1, 6, 6)),
            "patch_size",
        ),
        (lambda: ZoneMix(LUNG, unit="half"), "unit"),
        (lambda: ZoneMix(LUNG, max_cut=-1), "max_cut"),
        (lambda: Focus(LUNG, unit="lobe"), "unit"),
        (lambda: Focus(LUNG, p=-0.1), "p"),
        (lambda: SyncFlip(LUNG, p=True), "p"),
        (lambda: PosAug(LUNG, mode="drop"), "mode"),
        (lambda: PosAug(LUNG, mask_token=103), "mask_token"),
        (lambda: PosAug(LUNG)(None, None), "texts"),
        (lambda: Reword(LUNG, p=2), "p"),
        (lambda: Reword(LUNG, frames="short"), "frames"),
        (lambda: Reword(LUNG, frames=["short", "long"]), "frames"),
        (lambda: Reword(LUNG, frames=[]), "frames"),
        (lambda: Reword(LUNG, frames=3), "frames"),
        (lambda: Reword(LUNG)(None, None), "texts"),
        (lambda: SyncFlip(LUNG)(torch.zeros(1, 1, 2, 2), None), "texts"),
        (CrossModalSequential, "ops"),
        (lambda: CrossModalSequential(SyncFlip(LUNG), torch.nn.Identity()), "ops[1]"),
        (lambda: CrossModalSequential(SyncFlip(LUNG), SyncFlip(PositionParser(QUADRANTS))), "ops[1]"),
    ],
)
def test_bad_settings(build: object, name: str) -> None:
    with pytest.raises(CrossModalError, match=f"`{re.escape(name)}`"):
        build()


def test_module_apply_still_initialises_a_model_that_holds_an_op() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), SyncFlip(LUNG), CrossModalSequential(SyncFlip(LUNG)))
    seen = []
    model.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "SyncFlip", "SyncFlip", "ModuleList", "CrossModalSequential", "Sequential"]

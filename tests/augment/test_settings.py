"""What every op takes beside its own settings: a token budget, strict mode; and `describe`."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    TPatchMix,
    ZoneMix,
    describe,
)
from crossmodal_aug.errors import CrossModalError, PromiseError
from tests import promises
from tests.strategies import Case, cases

PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "unilateral pulmonary infection, one infected area, lower left lung.",
    "unilateral pulmonary infection, one infected area, upper right lung.",
]


@settings(max_examples=40)
@given(cases())
@pytest.mark.parametrize(
    "build",
    [
        lambda parser, **more: TPatchMix(parser, patch_size=3, p=0.9, **more),
        lambda parser, **more: ZoneMix(parser, p=0.9, unit="subset", **more),
        lambda parser, **more: PosAug(parser, phrase_p=0.9, mode="fuzz", **more),
        lambda parser, **more: Reword(parser, p=0.9, **more),
    ],
    ids=["TPatchMix", "ZoneMix", "PosAug", "Reword"],
)
def test_no_altered_caption_exceeds_the_budget(build: object, case: Case) -> None:
    op = build(case.parser, max_tokens=9, tokenizer=str.split, strict=True)
    out = case.run(op)
    for promise in promises.ALL:
        promise(op, case, out)
    for new, old in zip(out.texts, case.texts, strict=True):
        assert len(new.split()) <= 9 or len(new.split()) <= len(old.split())


def test_the_budget_refuses_what_it_must_and_nothing_else(data_root: object) -> None:
    free, tight = ZoneMix(PARSER, p=1.0), ZoneMix(PARSER, p=1.0, max_tokens=10, tokenizer=str.split)
    images = torch.rand(2, 1, 6, 6)
    for seed in range(20):
        one, other = (op(images, TEXTS, generator=torch.Generator().manual_seed(seed)) for op in (free, tight))
        fits = torch.tensor([len(text.split()) <= 10 for text in one.texts])
        assert torch.equal(other.params.accepted, fits)
        assert torch.equal(other.images[fits], one.images[fits])
        assert torch.equal(other.images[~fits], images[~fits])


def test_published_text_rule_under_the_real_tokenizer(data_root: object) -> None:
    """The model's tokenizer and its 24 tokens: mixed captions fit, or the mix is not made."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.BertTokenizer(str(data_root / "cxr_bert" / "vocab.txt"))
    op = ZoneMix(PARSER, unit="subset", p=1.0, max_tokens=24, tokenizer=tokenizer.encode)
    texts = [
        "bilateral pulmonary infection, six infected areas, upper middle lower left lung and upper lower right lung.",
        "bilateral pulmonary infection, two infected areas, lower left lung and middle right lung.",
    ] * 8
    out = op(torch.zeros(16, 1, 6, 6), texts, generator=torch.Generator().manual_seed(0))
    assert all(len(tokenizer.encode(text)) <= 24 for text in out.texts)
    assert int(out.params.accepted.sum()) > 0


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"max_tokens": 5}, "tokenizer"),
        ({"max_tokens": 0, "tokenizer": str.split}, "max_tokens"),
        ({"max_tokens": "24", "tokenizer": str.split}, "max_tokens"),
    ],
)
def test_bad_budgets(settings: dict, name: str) -> None:
    with pytest.raises(CrossModalError, match=f"`{name}`"):
        SyncFlip(PARSER, **settings)


@pytest.mark.parametrize(
    ("method", "fault", "message"),
    [
        ("_written", lambda self, texts, params: list(texts), "state its positions"),
        ("_written", lambda self, texts, params: [text + " " for text in texts], "same object"),
        ("alter", lambda self, tensor, params, role, donors: tensor + 1, "left images of an unaccepted sample"),
    ],
)
def test_strict_mode_names_the_sample(
    method: str, fault: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = SyncFlip(PARSER, p=0.5, strict=True)
    call = (torch.zeros(2, 1, 2, 2), TEXTS)
    out = op(*call, generator=torch.Generator().manual_seed(1))
    assert sorted(out.params.accepted.tolist()) == [False, True]
    monkeypatch.setattr(SyncFlip, method, fault)
    sample = out.params.accepted.tolist().index("state" in message)
    with pytest.raises(PromiseError, match=rf"SyncFlip .*{message}.*samples \[{sample}\]"):
        op(*call, generator=torch.Generator().manual_seed(1))


def test_describe_says_what_was_done() -> None:
    op = CrossModalSequential(ZoneMix(PARSER, p=1.0, unit="side"), SyncFlip(PARSER, p=1.0))
    out = op(torch.zeros(2, 1, 6, 6), TEXTS, generator=torch.Generator().manual_seed(0))
    lines = describe(out, LUNG_ZONES).splitlines()
    assert lines[0] == "ZoneMixParams: 2 of 2 samples altered"
    assert "50.0% of the pixels from donor 1" in lines[1]
    assert lines[3] == "SyncFlipParams: 2 of 2 samples altered"
    assert out.texts[0] in lines[4]
    untouched = SyncFlip(PARSER, p=0.0)(torch.zeros(1, 1, 2, 2), TEXTS[:1])
    assert "as it was" in describe(untouched, LUNG_ZONES)
    with pytest.raises(CrossModalError, match="`out`"):
        describe(replace(out, params=None), LUNG_ZONES)
    with pytest.raises(CrossModalError, match="`atlas`"):
        describe(out, "lungs")


def test_params_record_the_dose() -> None:
    out = ZoneMix(PARSER, p=1.0, unit="side")(
        torch.zeros(2, 1, 6, 6), TEXTS, generator=torch.Generator().manual_seed(0)
    )
    assert out.params.mixed_share.tolist() == [0.5, 0.5]
    changed = out.params.added | out.params.removed
    assert torch.equal(out.params.before ^ out.positions, changed)
    assert torch.equal(out.params.before, PARSER.encode(TEXTS))

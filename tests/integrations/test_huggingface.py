"""Retokenizing with tokenizers of transformers: a small one of our own, and that of CXR-BERT."""

import warnings
from pathlib import Path

import pytest
import torch
from transformers import BertTokenizerFast

from crossmodal_aug import PosAug, Reword, SyncFlip, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.huggingface import TruncationWarning, retokenize

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "opacity",
    "in",
    "the",
    "upper",
    "middle",
    "lower",
    "left",
    "right",
    "lung",
    "and",
    ",",
    ".",
    "a",
    "region",
    "of",
]


@pytest.fixture
def tokenizer(tmp_path: Path) -> BertTokenizerFast:
    (tmp_path / "vocab.txt").write_text("\n".join(SPECIAL + WORDS), encoding="utf-8")
    return BertTokenizerFast(str(tmp_path / "vocab.txt"))


def padded(tokenizer, texts: list[str], length: int, **kwargs) -> dict:
    return dict(
        tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt", **kwargs)
    )


@pytest.mark.parametrize("op", [SyncFlip, ZoneMix, PosAug, Reword])
def test_the_result_is_that_of_tokenizing_everything_again(op, tokenizer, phantoms, lung_parser) -> None:
    phantom = phantoms(batch=12)
    out = op(lung_parser)(phantom.images, phantom.texts, generator=torch.Generator().manual_seed(1))
    before = padded(tokenizer, phantom.texts, 64)
    kept = {key: value.clone() for key, value in before.items()}
    after = retokenize(out.texts, tokenizer, before, out.params.accepted)
    whole = padded(tokenizer, out.texts, 64)
    assert after.keys() == whole.keys() == before.keys()
    for key, value in whole.items():
        assert torch.equal(after[key], value)
        assert after[key].dtype == before[key].dtype
        assert torch.equal(before[key], kept[key])
    assert not torch.equal(after["input_ids"], before["input_ids"])


def test_only_changed_rows_are_tokenized(tokenizer) -> None:
    seen = []

    def watched(texts, **kwargs):
        seen.append(list(texts))
        return tokenizer(texts, **kwargs)

    texts = ["Opacity in the left lung.", "Opacity in the right lung."]
    before = padded(tokenizer, texts, 12)
    before["input_ids"][0] = 99
    after = retokenize([texts[0], "Lung."], watched, before, [False, True])
    assert set(map(tuple, seen)) == {("Lung.",)}
    assert after["input_ids"][0].eq(99).all()
    assert tokenizer.convert_ids_to_tokens(after["input_ids"][1])[:5] == ["[CLS]", "lung", ".", "[SEP]", "[PAD]"]
    seen.clear()
    assert retokenize(texts, watched, before, torch.tensor([False, False])).keys() == before.keys()
    assert not seen


def test_a_caption_that_would_be_cut_raises_or_warns(tokenizer) -> None:
    texts = ["Lung.", "Lung.", "Left."]
    before = padded(tokenizer, texts, 6)
    longer = ["Lung.", "Upper left lung and lower right lung.", "Left."]
    with pytest.raises(InvalidValueError, match="at most 6 tokens, but got 10 in row 1: their ends would be cut off"):
        retokenize(longer, tokenizer, before, [False, True, False])
    with pytest.warns(TruncationWarning, match="10 in row 1") as caught:
        after = retokenize(longer, tokenizer, before, [False, True, True], on_cut="warn")
    assert caught[0].filename == __file__
    assert after["input_ids"].shape == (3, 6)
    assert torch.equal(after["input_ids"], padded(tokenizer, longer, 6)["input_ids"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        retokenize(longer, tokenizer, before, [True, False, True], on_cut="warn")


def test_without_an_encoding_everything_is_tokenized(tokenizer) -> None:
    texts = ["Opacity in the left lung.", "Lung."]
    free = retokenize(texts, tokenizer)
    assert torch.equal(free["input_ids"], tokenizer(texts, padding=True, return_tensors="pt")["input_ids"])
    fixed = retokenize(texts, tokenizer, max_length=20)
    assert torch.equal(fixed["input_ids"], padded(tokenizer, texts, 20)["input_ids"])
    with pytest.raises(InvalidValueError, match="at most 4 tokens"):
        retokenize(texts, tokenizer, max_length=4)


def test_what_else_the_encoding_holds(tokenizer) -> None:
    texts, changed = ["Opacity in the left lung.", "Lung."], ["Opacity in the left lung.", "Right lung."]
    extra = {"return_special_tokens_mask": True, "return_offsets_mapping": True}
    before = padded(tokenizer, texts, 12, **extra)
    labels = torch.tensor([4, 5])
    after = retokenize(changed, tokenizer, {**before, "labels": labels, "ids": ["a", "b"]}, [False, True])
    whole = padded(tokenizer, changed, 12, **extra)
    for key in whole:
        assert torch.equal(after[key], whole[key])
    assert after["labels"] is labels
    assert after["ids"] == ["a", "b"]


def test_padding_side_dtype_and_device_are_those_of_the_encoding(tokenizer) -> None:
    tokenizer.padding_side = "left"
    texts = ["Opacity in the left lung.", "Lung."]
    before = {key: value.to(torch.int32) for key, value in padded(tokenizer, texts, 12).items()}
    after = retokenize(["Lung.", "Right lung."], tokenizer, before, [True, True])
    assert after["input_ids"].dtype == torch.int32
    assert torch.equal(after["input_ids"].long(), padded(tokenizer, ["Lung.", "Right lung."], 12)["input_ids"])
    assert after["input_ids"][0, 0] == tokenizer.pad_token_id


def test_errors_name_the_argument(tokenizer) -> None:
    texts = ["Lung.", "Left."]
    before = padded(tokenizer, texts, 6)
    for arguments, error, words in (
        ((texts[0], tokenizer), InvalidTypeError, "`texts`"),
        ((texts, "bert"), InvalidTypeError, "`tokenizer`"),
        ((texts, tokenizer, [1]), InvalidTypeError, "`encoding`"),
        ((texts, tokenizer, {"attention_mask": before["attention_mask"]}), InvalidValueError, "'input_ids'"),
        ((texts[:1], tokenizer, before), InvalidValueError, r"shape \(1, L\)"),
        ((texts, tokenizer, {"input_ids": [[1], [2]]}), InvalidTypeError, r"torch\.Tensor"),
        ((texts, tokenizer, before, [True]), InvalidValueError, "2 booleans"),
        ((texts, tokenizer, before, [1, 0]), InvalidTypeError, "`changed`"),
        ((texts, tokenizer, None, [True, False]), InvalidValueError, "`encoding`"),
        (([], tokenizer), InvalidValueError, "at least one text"),
        (
            (texts, tokenizer, {**before, "attention_mask": before["attention_mask"][:, :3]}),
            InvalidValueError,
            "attention_mask",
        ),
    ):
        with pytest.raises(error, match=words):
            retokenize(*arguments)
    with pytest.raises(InvalidValueError, match="`max_length`"):
        retokenize(texts, tokenizer, before, max_length=6)
    with pytest.raises(InvalidTypeError, match="`max_length`"):
        retokenize(texts, tokenizer, max_length=6.0)
    with pytest.raises(InvalidValueError, match="`max_length`"):
        retokenize(texts, tokenizer, max_length=0)
    with pytest.raises(InvalidValueError, match="`on_cut`"):
        retokenize(texts, tokenizer, on_cut="ignore")


def test_with_the_tokenizer_of_cxr_bert(data_root: Path, phantoms, lung_parser) -> None:
    tokenizer = BertTokenizerFast(str(data_root / "cxr_bert" / "vocab.txt"))
    assert len(tokenizer) == 30522
    phantom = phantoms(batch=16)
    before = padded(tokenizer, phantom.texts, 48)
    out = ZoneMix(lung_parser, p=0.7)(phantom.images, phantom.texts, generator=torch.Generator().manual_seed(0))
    after = retokenize(out.texts, tokenizer, before, out.params.accepted)
    assert torch.equal(after["input_ids"], padded(tokenizer, out.texts, 48)["input_ids"])
    with pytest.raises(InvalidValueError, match="at most 24 tokens"):
        retokenize(
            ["Bilateral pulmonary infection, two infected areas, " + "upper left lung and lower right lung and " * 3],
            tokenizer,
            padded(tokenizer, ["Clear."], 24),
        )

"""The frozen text encoder: its files, its tokens, its embedding."""

import pytest
import torch
from semimedref.config import Config
from semimedref.models.bert_files import BertParts
from semimedref.models.text_encoder import FrozenBert
from torch import nn

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.integrations.huggingface import TruncationWarning
from tests.examples.test_networks import TEXTS, build


def test_the_text_embedding_is_that_of_three_layers(tiny_bert):
    encoder = FrozenBert.from_name(str(tiny_bert), max_tokens=48)
    tokens = encoder.tokenize(TEXTS)
    features = encoder(tokens)
    for row, text in enumerate(TEXTS):
        ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
        hidden = encoder.bert(input_ids=ids, output_hidden_states=True).hidden_states
        mean = torch.stack([hidden[1][0], hidden[2][0], hidden[3][0]]).mean(dim=(0, 1))
        assert torch.allclose(features.mean[row], mean, atol=1e-5)
        assert torch.allclose(features.words[row, : ids.shape[1]], hidden[3][0], atol=1e-5)


def test_captions_are_never_cut_in_silence(tiny_bert, recwarn):
    encoder = FrozenBert.from_name(str(tiny_bert), max_tokens=6)
    tokens = encoder.tokenize(["left lung", "upper left lung"])
    assert tokens.valid.tolist() == [[True] * 4 + [False], [True] * 5]
    assert not [one for one in recwarn if issubclass(one.category, TruncationWarning)]
    with pytest.warns(TruncationWarning, match="at most 6 tokens.*one of 7"):
        tokens = encoder.tokenize(["left lung", "upper left lung and lower"])
    assert tokens.ids.shape == (2, 6)
    assert tokens.ids[1, 5] == tokens.ids[0, 3] == encoder.parts.vocabulary.index("[SEP]")
    with pytest.raises(InvalidValueError, match=r"at most 6 tokens, but got one of \d+: give --max-tokens"):
        build("mmi-unet", tiny_bert, max_tokens=6)


def test_words_and_specials(tiny_bert):
    encoder = FrozenBert.from_name(str(tiny_bert), max_tokens=48)
    pieces = [encoder.parts.vocabulary[i] for i in encoder.tokenize(["Upper [MASK], LEFT lung."]).ids[0]]
    assert pieces == ["[CLS]", "upper", "[MASK]", ",", "left", "lung", ".", "[SEP]"]
    assert encoder.unknown_words("Upper hazy [MASK] opacity, hazy") == ["hazy", "opacity"]
    assert encoder.unknown_words("") == []
    assert encoder.tokenize([""]).valid.tolist() == [[True, True]]


def test_the_real_vocabulary_holds_every_caption(data_root):
    """Those of both data sets fit into the published 24 tokens; two of their phrases in one caption do not."""
    import csv
    import json

    parts = BertParts.read(str(data_root / "cxr_bert"))
    encoder = FrozenBert(parts, max_tokens=Config.max_tokens, bert=nn.Identity())
    with (data_root / "mosmed/captions.csv").open(newline="", encoding="utf-8") as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    annotation = json.loads((data_root / "qata/annotation.json").read_text(encoding="utf-8"))
    texts |= {row["caption"] for rows in annotation.values() for row in rows}
    assert max(encoder.count(sorted(texts))) <= 24
    phrase = "upper middle lower left lung and upper middle lower right lung"
    union = f"bilateral pulmonary infection, six infected areas, {phrase} and {phrase}."
    assert 24 < encoder.count([union])[0] <= Config.max_tokens
    assert not {word for text in texts for word in encoder.unknown_words(text)}
    assert encoder.tokenize(["[MASK]"]).ids[0, 1] == parts.vocabulary.index("[MASK]")


def test_the_real_encoder_without_its_weights(data_root):
    folder = str(data_root / "cxr_bert")
    with pytest.raises(InvalidValueError, match="has no weights; --pretrained none starts at random"):
        FrozenBert.from_name(folder, max_tokens=48)
    encoder = FrozenBert.from_name(folder, max_tokens=48, random=True)
    features = encoder(encoder.tokenize(TEXTS))
    assert features.words.shape == (2, max(encoder.count(TEXTS)), 768)
    assert features.mean.shape == (2, 768)


def test_an_encoder_that_cannot_be_had(spare_bert, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in ("microsoft/BiomedVLP-CXR-BERT-specialized", "/no/such folder"):
        with pytest.raises(InvalidValueError, match="this machine is offline, or the hub has no BERT of that name"):
            FrozenBert.from_name(name, max_tokens=48)
    for file, needed in (("model.safetensors", "weights"), ("vocab.txt", "vocab.txt"), ("config.json", "config.json")):
        (spare_bert / file).unlink()
        with pytest.raises(InvalidValueError, match=f"it has no {needed}"):
            FrozenBert.from_name(str(spare_bert), max_tokens=48)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("vocab.txt", "[MASK]\n", "", r"but \[MASK\] lack"),
        ("vocab.txt", "lung\n", "lung\nleft\n", "to differ"),
        ("vocab.txt", "lung\n", "lung\nthorax\n", r"at most (\d+) pieces, but got (?!\1)\d+"),
        ("config.json", "{", "{,", "expected JSON in config.json"),
        ("config.json", '"hidden_size": 32', '"hidden_size": ' + "9" * 5000, "expected JSON in config.json"),
        ("config.json", '"hidden_size": 32', '"hidden_size": "x"', "`hidden_size` to be a positive int, but got 'x'"),
        ("config.json", '"num_hidden_layers": 3', '"num_hidden_layers": 1', "at least 2 layers"),
        (
            "config.json",
            '"num_attention_heads": 4',
            '"num_attention_heads": 5',
            "to divide the hidden size 32, but got 5",
        ),
        ("config.json", '"hidden_act": "gelu"', '"hidden_act": "gulp"', "but got 'gulp'"),
        ("config.json", '"hidden_size": 32', '"hidden_size": 36', "of another network"),
        # As the file names it (transformers 4), or as the model does.
        (
            "config.json",
            '"num_hidden_layers": 3',
            '"num_hidden_layers": 4',
            r"16 lack, such as (bert\.)?encoder.layer.3",
        ),
    ],
)
def test_an_encoder_of_other_parts(spare_bert, file, old, new, message):
    text = (spare_bert / file).read_text()
    assert old in text
    (spare_bert / file).write_text(text.replace(old, new, 1))
    with pytest.raises(InvalidValueError, match=message):
        FrozenBert.from_name(str(spare_bert), max_tokens=48)


def test_an_encoder_with_damaged_weights(spare_bert):
    weights = spare_bert / "model.safetensors"
    for damaged in (weights.read_bytes()[:500], b""):
        weights.write_bytes(damaged)
        with pytest.raises(InvalidValueError, match="damaged"):
            FrozenBert.from_name(str(spare_bert), max_tokens=48)
    weights.rename(spare_bert / "pytorch_model.bin").write_bytes(b"no pickle")
    with pytest.raises(InvalidValueError, match="damaged"):
        FrozenBert.from_name(str(spare_bert), max_tokens=48)

"""The published networks, as small as they can be, and at their own size."""

import copy
import shutil
import sys
import urllib.error
from pathlib import Path

import pytest
import torch
from semimedref.config import Config
from semimedref.losses import segmentation_loss
from semimedref.methods.teacher import EMATeacher
from semimedref.models import MODELS
from semimedref.models.bert_files import BertParts
from semimedref.models.convnext import ConvNeXtPyramid, convnext_tiny_weights
from semimedref.models.guide import TextGuide
from semimedref.models.text_encoder import FrozenBert
from torch import nn

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError
from crossmodal_aug.integrations.huggingface import TruncationWarning

TEXTS = ["unilateral pulmonary infection, one infected area, upper left lung.", "lower right lung and [MASK]."]
NETWORKS = ["mmi-unet", "guide-decoder"]


def build(name, folder, **settings):
    torch.manual_seed(0)
    config = Config(**{"model": name, "width": 8, "pretrained": "text", "text_encoder": str(folder), **settings})
    return MODELS[name].for_run(TEXTS, config)


def images(size=64):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=NETWORKS)
def model(request, tiny_bert):
    return build(request.param, tiny_bert)


@pytest.fixture
def spare_bert(tiny_bert, tmp_path) -> Path:
    """A copy of the tiny BERT that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "spare"))


@pytest.mark.parametrize(
    ("name", "rest"),
    [("mmi-unet", 23_093_657), ("guide-decoder", 15_797_913)],
)
def test_the_published_sizes_are_the_default(name, rest, tiny_bert):
    architecture = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
    parts = BertParts.read(str(tiny_bert))
    parts = BertParts({**parts.architecture, **architecture, "vocab_size": 30522}, parts.vocabulary, parts.spelling)
    with torch.device("meta"):
        model = MODELS[name](FrozenBert(parts, max_tokens=Config.max_tokens))
    counts = {part: sum(p.numel() for p in module.parameters()) for part, module in model.named_children()}
    # ConvNeXt-T without its classifier, less 2 of the stem's 3 channels; BERT-base without its pooler.
    assert counts["image"] == 27_818_592 - 2 * 16 * 96
    assert counts["text"] == 109_482_240 - 768 * 769
    assert sum(counts.values()) - counts["image"] - counts["text"] == rest


def test_gradients_reach_all_that_is_trained_and_nothing_else(model):
    model.train()
    logits, image, text = model(images(), model.tokenize(TEXTS))
    (logits.square().mean() + (image * text).sum()).backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == {f"text.{name}" for name, _ in model.text.named_parameters()}
    assert not any(p.requires_grad for p in model.text.parameters())


def test_segmenting_alone_trains_all_but_the_embeddings(model):
    """Else processes that train together would wait for gradients that never come."""
    model.train()
    model.segment(images(), model.tokenize(TEXTS)).square().mean().backward()
    silent = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == {"text", "image_projection", "text_projection"}


def test_a_frozen_encoder_stays_as_it_is(model):
    before = copy.deepcopy(model.text.state_dict())
    model.train()
    assert model.training
    assert not any(module.training for module in model.text.modules())
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    tokens = model.tokenize(TEXTS)
    words = model.text(tokens).words
    assert not words.requires_grad
    sum(part.square().mean() for part in model(images(), tokens)).backward()
    optimiser.step()
    assert all(torch.equal(value, before[name]) for name, value in model.text.state_dict().items())
    assert torch.equal(model.text(tokens).words, words)


def test_only_the_samples_asked_for_are_embedded(model):
    model.eval()
    tokens, rows = model.tokenize(TEXTS), []
    model.image.stages[-1].register_forward_hook(lambda _, given, made: rows.append(len(made)))
    whole = model(images(), tokens)
    some = model(images(), tokens, embedded=1)
    assert torch.equal(some[0], whole[0])
    for part, embedding in zip(some[1:], whole[1:], strict=True):
        assert torch.allclose(part, embedding[:1], atol=1e-5)
    # The guide decoder's encoder never sees the words, so that one pass serves both.
    assert rows == ([2, 2, 2, 1] if model.name == "mmi-unet" else [2, 2])


def test_a_teacher_shares_the_encoder_and_follows_in_the_rest(model):
    teacher = EMATeacher(model)
    assert teacher.model.text is model.text
    before = copy.deepcopy(teacher.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(1)
    shared = {name: value._version for name, value in model.text.state_dict().items()}
    teacher.follow(model, 0.75)
    assert {name: value._version for name, value in model.text.state_dict().items()} == shared
    moved = {name for name, value in teacher.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {f"model.{name}" for name, p in model.named_parameters() if p.requires_grad}


def test_a_few_steps_lower_the_loss(model):
    model.train()
    masks = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    masks[0, :, :20, :32], masks[1, :, 40:, 32:] = True, True
    optimiser = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=3e-3)
    losses = []
    for _ in range(8):
        loss = segmentation_loss(model(images(), model.tokenize(TEXTS))[0], masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert losses[-1] < 0.9 * losses[0]


def test_half_precision(model):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(images(), model.tokenize(TEXTS))
    full = model(images(), model.tokenize(TEXTS))
    assert all((a.float() - b).abs().max() < 0.2 for a, b in zip(out, full, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_needs_no_file_of_the_encoder(name, spare_bert, tmp_path):
    model = build(name, spare_bert).eval()
    torch.save({"settings": model.settings(), "weights": model.state_dict()}, tmp_path / "model.pt")
    shutil.rmtree(spare_bert)
    stored = torch.load(tmp_path / "model.pt", weights_only=True)
    assert stored["settings"] == model.settings()
    again = MODELS[name].from_settings(stored["settings"])
    again.load_state_dict(stored["weights"])
    out, expected = (one.eval()(images(), one.tokenize(TEXTS)) for one in (again, model))
    assert all(torch.equal(a, b) for a, b in zip(out, expected, strict=True))


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


def test_weights_are_read_or_random_as_asked(tiny_bert):
    one, other = (FrozenBert.from_name(str(tiny_bert), max_tokens=48) for _ in range(2))
    random = FrozenBert.from_name(str(tiny_bert), max_tokens=48, random=True)
    name = "bert.encoder.layer.0.output.dense.weight"
    assert torch.equal(one.state_dict()[name], other.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], random.state_dict()[name])


def test_the_guide_reads_words_by_their_place_and_padding_not_at_all():
    torch.manual_seed(0)
    guide = TextGuide(8, 16, max_tokens=10, summary=3)
    x, words = torch.randn(1, 8, 2, 2), torch.randn(1, 4, 16)
    out = guide(x, words, torch.ones(1, 4, dtype=torch.bool))
    padded = torch.cat((words, torch.full((1, 3, 16), 1e3)), dim=1)
    valid = torch.tensor([[True] * 4 + [False] * 3])
    assert torch.allclose(guide(x, padded, valid), out, atol=1e-6)
    assert not torch.allclose(guide(x, words.flip(1), valid[:, :4]), out, atol=1e-6)


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
        ("config.json", '"num_hidden_layers": 3', '"num_hidden_layers": 4', "16 lack, such as encoder.layer.3"),
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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 12}, "multiple of 8 for mmi-unet, but got 12"),
        ({"pretrained": "imagenet"}, "--width 0 or 96.*but got 8"),
        ({"max_tokens": 513}, r"in \[3, 512\], but got 513"),
        ({"max_tokens": 0}, "`max_tokens` to be at least 1"),
        ({"image_weights": "weights.pth"}, "no --image-weights beside --pretrained text"),
        ({"pretrained": "imagenet", "width": 0, "image_weights": "weights.pth"}, "weights.pth: no such file"),
    ],
)
def test_settings_that_do_not_go_together(tiny_bert, settings, message):
    with pytest.raises(InvalidValueError, match=message):
        build("mmi-unet", tiny_bert, **settings)


def test_settings_of_another_model_are_refused(model):
    settings = model.settings()
    for spoilt in ({}, {**settings, "text": {}}, {**settings, "width": "wide"}):
        with pytest.raises(InvalidValueError, match=f"settings of a {model.name} model"):
            type(model).from_settings(spoilt)


def test_without_transformers_the_error_names_the_extra(tiny_bert, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'crossmodal-aug\[examples\]'"):
        build("mmi-unet", tiny_bert)
    MODELS["compact"].for_run(TEXTS, Config())


def test_grey_images_are_read_as_if_repeated_three_times(tmp_path):
    from torchvision.models import convnext_tiny

    torch.manual_seed(0)
    whole = convnext_tiny(weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    pyramid = ConvNeXtPyramid(weights=convnext_tiny_weights(str(tmp_path / "weights.pth"))).eval()
    maps = pyramid(images())
    assert [tuple(one.shape) for one in maps] == [(2, 96 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]
    assert torch.allclose(maps[-1], whole.features(images().expand(-1, 3, -1, -1)), atol=1e-4)
    with pytest.raises(InvalidValueError, match="of width 8"):
        ConvNeXtPyramid(8, weights=convnext_tiny_weights(str(tmp_path / "weights.pth")))


def test_image_weights_that_cannot_be_had(tmp_path, monkeypatch):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"no weights")
    with pytest.raises(InvalidValueError, match="not a readable file of weights"):
        convnext_tiny_weights(str(file))
    for stored in ({"stages.0.weight": torch.ones(1)}, [torch.ones(1)]):
        torch.save(stored, file)
        with pytest.raises(InvalidValueError, match="expected a state_dict of torchvision's convnext_tiny"):
            convnext_tiny_weights(str(file))

    def fail(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "urlopen", fail)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InvalidValueError, match="offline, fetch that file elsewhere and give it as --image-weights"):
        convnext_tiny_weights()

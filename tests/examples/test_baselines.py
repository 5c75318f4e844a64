"""What is literal in each baseline, against its source's rule written out."""

import copy
import math

import pytest
import torch
from semimedref.config import Config
from semimedref.data.module import StepBatches, seeded
from semimedref.data.phantom import load_phantoms
from semimedref.data.views import normalise, photometric
from semimedref.draws import Draws
from semimedref.losses import focal_loss
from semimedref.methods import METHODS
from semimedref.methods.boxes import RandomBoxes
from semimedref.methods.caption_prior import MEMORY, CaptionPrior
from semimedref.methods.copy_paste import copy_paste
from semimedref.methods.drop_by_loss import with_small_loss
from semimedref.methods.feature_dropout import FeatureDropout
from semimedref.methods.keyword_flip import KeywordFlip
from semimedref.methods.lv_loss import lv_loss
from semimedref.methods.mix_gen import MixGen
from semimedref.methods.ops import Altered
from semimedref.methods.patch_mix import CELLS, PatchMix
from semimedref.methods.pseudo_masks import PseudoMasks, trust
from semimedref.models import make_model
from semimedref.presets import PRESETS

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import InvalidValueError

DRAWS = Draws(0, 5)
PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "unilateral pulmonary infection, one infected area, upper left lung.",
    "bilateral pulmonary infection, two infected areas, lower left lung and upper right lung.",
    "unilateral pulmonary infection, one infected area, middle right lung.",
    "bilateral pulmonary infection, two infected areas, all left lung and lower right lung.",
]


@pytest.fixture(scope="module")
def data():
    return load_phantoms(size=32, labels=0.05)


@pytest.fixture
def batch(data):
    return StepBatches(data, 8, 0)[0]


def method(data, name, **settings):
    torch.manual_seed(0)
    given = {"size": 32, "width": 4, "batch_size": 8, "burn_in": 0.0, "ramp_up": 0.0, **settings}
    config = Config(method=name, **given)
    model = make_model([*data.labelled.texts, *data.unlabelled.texts], config, data.atlas)
    return METHODS[name](model, config, data.atlas, steps=10, steps_a_pass=2).train()


def compared(module, monkeypatch) -> list:
    """Write down what the method's loss gets to compare, and what comes of it."""
    calls, real = [], module.seg

    def noting(logits, target, weight=None):
        calls.append((logits, target, weight, real(logits, target, weight)))
        return calls[-1][-1]

    monkeypatch.setattr(module, "seg", noting)
    return calls


def drawn(count=12, size=28, seed=3):
    texts = (TEXTS * count)[:count]
    images = torch.rand(count, 1, size, size, generator=seeded(seed, 1))
    return images, texts, torch.rand(count, 1, size, size, generator=seeded(seed, 2))


# Mixes that leave captions alone.


def test_random_boxes_take_half_of_the_area_in_any_shape_and_place():
    images, texts, target = drawn(60)
    out = RandomBoxes(PARSER)(images, texts, target, generator=seeded(0))
    assert out.accepted.all()
    assert out.texts == texts
    shapes, places = set(), set()
    for i, j in enumerate(out.params.donors.tolist()):
        taken = out.params.source[i] == j
        rows, columns = taken.any(dim=1).nonzero().flatten(), taken.any(dim=0).nonzero().flatten()
        box = torch.zeros(28, 28, dtype=torch.bool)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        assert torch.equal(taken, box)
        assert box.float().mean() == pytest.approx(0.5, abs=0.06)
        for before, after in ((images, out.images), (target, out.target)):
            assert torch.equal(after[i, 0], torch.where(box, before[j, 0], before[i, 0]))
        shapes.add(len(rows))
        places.add(int(rows[0]))
    assert min(shapes) < 17
    assert max(shapes) > 25
    assert len(places) > 8
    assert torch.equal(RandomBoxes(PARSER).replay(images, out.params), images) is False


def test_patch_mix_deals_cells_out_among_three_images():
    images, texts, target = drawn(6)
    out = PatchMix(PARSER)(images, texts, target, generator=seeded(0))
    assert out.texts == texts
    donors = out.params.donors.tolist()
    for i in range(6):
        ring = [i, donors[i], donors[donors[i]]]
        cells = out.params.source[i].view(CELLS, 2, CELLS, 2)
        assert torch.equal(cells, cells[:, :1, :, :1].expand_as(cells))
        share = cells[:, 0, :, 0].flatten().tolist()
        counts = [share.count(one) for one in ring]
        assert sum(counts) == CELLS * CELLS
        assert max(counts) - min(counts) <= 1
        for y in range(28):
            for x in range(28):
                source = int(out.params.source[i, y, x])
                assert out.images[i, 0, y, x] == images[source, 0, y, x]
                assert out.target[i, 0, y, x] == target[source, 0, y, x]


@pytest.mark.parametrize("op", [RandomBoxes(PARSER), PatchMix(PARSER), MixGen(PARSER, p=1.0)])
def test_a_batch_of_one_and_a_p_of_zero_change_nothing(op):
    images, texts, target = drawn(4)
    alone = op(images[:1], texts[:1], target[:1])
    assert torch.equal(alone.images, images[:1])
    assert alone.texts == texts[:1]
    never = type(op)(PARSER, p=0.0)(images, texts, target)
    assert torch.equal(never.images, images)
    assert torch.equal(never.target, target)
    with pytest.raises(InvalidValueError, match="`p`"):
        type(op)(PARSER, p=1.5)
    with pytest.raises(InvalidValueError, match="no `donors`"):
        op(images, texts, target, donors=alone)


def test_mix_gen_blends_pixels_and_joins_texts():
    images, texts, target = drawn(400, size=4)
    out = MixGen(PARSER)(images, texts, target, generator=seeded(0))
    assert out.accepted.float().mean() == pytest.approx(0.25, abs=0.07)
    for i, j in enumerate(out.params.donors.tolist()):
        if not out.accepted[i]:
            assert out.texts[i] is texts[i]
            assert torch.equal(out.images[i], images[i])
            continue
        assert torch.allclose(out.images[i], (images[i] + images[j]) / 2)
        assert torch.equal(out.target[i], torch.maximum(target[i], target[j]))
        assert out.texts[i] == f"{texts[i]} {texts[j]}"
    named, both = PARSER.encode(texts), out.accepted.unsqueeze(1)
    assert torch.equal(out.positions, named | (named[out.params.donors] & both))
    masks = MixGen(PARSER, p=1.0)(images, texts, target >= 0.5, generator=seeded(0))
    assert masks.target.dtype == torch.bool


def test_keywords_change_places_wherever_they_stand():
    image = torch.tensor([[[[1.0, 2.0]]]])
    told = {
        "Upper LEFT lung and lower right lung.": "Upper RIGHT lung and lower left lung.",
        "Nothing is left to do; lingula.": "Nothing is right to do; lingula.",
        "leftover": "leftover",
    }
    for text, mirrored in told.items():
        out = KeywordFlip(PARSER, p=1.0)(image, [text], image)
        assert out.texts == [mirrored]
        assert out.images.flatten().tolist() == out.target.flatten().tolist() == [2.0, 1.0]


# BCP.


def test_bcp_exchanges_a_box_of_two_thirds():
    images, texts, target = drawn(8, size=30)
    halves = [Altered(images[part], texts[part], target[part], {}) for part in (slice(0, 4), slice(4, 8))]
    weight = torch.rand(4, 1, 30, 30, generator=seeded(7))
    pasted = copy_paste(*halves, weight, seeded(0))
    whole = torch.cat((torch.ones_like(weight), weight))
    corners = set()
    for i in range(4):
        inside = pasted.weight[i, 0] != 1
        rows, columns = (inside.any(dim=axis).nonzero().flatten() for axis in (1, 0))
        assert len(rows) == len(columns) == 20
        corners.add((int(rows[0]), int(columns[0])))
        assert inside.sum() == 400
        for own, other in ((i, i + 4), (i + 4, i)):
            for before, after in ((images, pasted.images), (target >= 0.5, pasted.target), (whole, pasted.weight)):
                assert torch.equal(after[own, 0], torch.where(inside, before[other, 0], before[own, 0]))
    assert len(corners) == 4


def test_bcp_counts_labelled_pixels_1_and_others_half(data, batch, monkeypatch):
    module = method(data, "bcp")
    calls = compared(module, monkeypatch)
    loss, parts = module.objective(batch, DRAWS)
    [outside, inside] = calls
    assert float(loss) == pytest.approx(float(outside[3] + inside[3]))
    assert float(parts["labelled seg"]) == float(outside[3])
    assert set(outside[2].unique().tolist()) == set(inside[2].unique().tolist()) == {0.5, 1.0}
    assert (outside[2] == 1).float().mean() == pytest.approx(1 - (21 / 32) ** 2)
    assert (inside[2] == 1).float().mean() == pytest.approx((21 / 32) ** 2)


# FixMatch, Unbiased Teacher, UniMatch.


def test_fixmatch_learns_from_the_student_s_own_sure_masks(data, batch, monkeypatch):
    module = method(data, "fixmatch")
    monkeypatch.setattr(module.teacher, "probabilities", None)
    module.student.head[0].bias.data.fill_(3.0)
    before = copy.deepcopy(module.student).eval()
    calls = compared(module, monkeypatch)
    module.objective(batch, DRAWS)
    assert module.student.training
    weak = module.weak_view(batch.unlabelled, DRAWS)
    with torch.no_grad():
        own = before.segment(normalise(weak.images), before.tokenize(weak.texts)).sigmoid()
    target, weight = calls[1][1:3]
    assert torch.equal(target, own >= 0.5)
    assert torch.equal(weight, ((own >= 0.95) | (own <= 0.05)).float())
    assert 0 < weight.mean() < 1


def test_the_threshold_is_an_option():
    pseudo = torch.tensor([0.5, 0.75, 0.1])
    for threshold, weights in ((0.7, [0, 1, 1]), (0.8, [0, 0, 1]), (0.95, [0, 0, 0])):
        found = trust(pseudo, Config(pseudo_weight="threshold", threshold=threshold))
        assert found.tolist() == weights


def test_focal_loss_against_a_loop():
    logits = torch.randn(2, 1, 3, 3, generator=seeded(1))
    target = torch.rand(2, 1, 3, 3, generator=seeded(2)) > 0.5
    weight = torch.rand(2, 1, 3, 3, generator=seeded(3))
    total = 0.0
    for z, t, w in zip(logits.flatten().tolist(), target.flatten().tolist(), weight.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        right = p if t else 1 - p
        total += -w * (1 - right) ** 1.5 * math.log(right) / 18
    assert focal_loss(logits, target, weight).item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", ["unbiased-teacher", "released"])
def test_both_branches_are_compared_by_the_loss_of_the_method(data, batch, name):
    module = method(data, name)
    module.seg = lambda *_: torch.tensor(7.0)
    _, parts = module.objective(batch, DRAWS)
    assert parts["labelled seg"] == parts["unlabelled seg"] == 7.0
    assert (module.config.loss, module.config.threshold) == (("focal", 0.7) if name != "released" else ("dice", 0.9))


def test_unimatch_sees_two_strong_views_and_one_without_features(data, batch, monkeypatch):
    module = method(data, "unimatch", threshold=0.5)
    calls = compared(module, monkeypatch)
    loss, parts = module.objective(batch, DRAWS)
    labelled, first, second, features = (call[3] for call in calls)
    assert float(loss) == pytest.approx(float(labelled + 0.5 * features + 0.25 * (first + second)), rel=1e-6)
    assert float(parts["unlabelled seg"]) == pytest.approx(float((first + second) / 2))
    weak = module.weak_view(batch.unlabelled, DRAWS)
    pseudo = torch.rand(8, 1, 32, 32, generator=seeded(3))
    views = module.strong_views(weak, pseudo, DRAWS)
    for view, branch in zip(views, ("unlabelled", "second view"), strict=True):
        strong = normalise(photometric(weak.images, DRAWS(branch, "photometric")))
        boxes = module.ops["patch"](strong, weak.texts, pseudo, generator=DRAWS(branch, "patch"))
        assert torch.equal(view.altered.images, boxes.images)
        assert torch.equal(view.altered.target, boxes.target)
        assert view.texts == weak.texts
    assert not torch.equal(views[0].altered.target, views[1].altered.target)


@pytest.mark.parametrize("name", ["unimatch", "no-text", "own-caption"])
def test_dropped_channels_are_those_between_encoder_and_decoder(data, name):
    module = method(data, name)
    images, tokens = torch.randn(2, 1, 32, 32), module.student.tokenize(TEXTS[:2])
    seen = []
    student = module.student.eval()
    whole = student.segment(images, tokens)
    assert torch.equal(student.segment(images, tokens, lambda one: seen.append(one.shape[1]) or one), whole)
    assert seen == [4, 8, 12, 16]
    half = FeatureDropout(0.5, seeded(0))
    assert not torch.equal(student.segment(images, tokens, half), whole)
    shares = half(torch.ones(400, 20, 1, 1)).flatten()
    assert set(shares.tolist()) == {0.0, 2.0}
    assert (shares == 0).float().mean() == pytest.approx(0.5, abs=0.03)


# Words and zones.


def test_textmatch_shows_one_strong_image_under_two_captions(data, batch, monkeypatch):
    module = method(data, "textmatch")
    calls = compared(module, monkeypatch)
    shown = []
    see = module.see
    monkeypatch.setattr(module, "see", lambda *given, **more: shown.append(given) or see(*given, **more))
    loss, _ = module.objective(batch, DRAWS)
    [(images, texts)] = shown
    assert torch.equal(images[8:16], images[16:])
    assert texts[8:16] == list(batch.unlabelled.texts)
    assert texts[16:] != texts[8:16]
    assert float(loss) == pytest.approx(float(calls[0][3] + (calls[1][3] + calls[2][3]) / 2))
    assert torch.equal(calls[1][1], calls[2][1])


def test_cmmix_exchanges_regions_with_their_phrases_and_drops_by_loss(data, batch, monkeypatch):
    module = method(data, "cmmix")
    assert (module.ops["zone"].unit, list(module.ops)) == ("region", ["zone"])
    calls = compared(module, monkeypatch)
    module.objective(batch, DRAWS)
    logits, target, weight, _ = calls[1]
    p, t = logits.detach().double().sigmoid(), target.double()
    plain = (2 * module_pseudo(module, batch) - 1).abs()
    entropy = -(t * p.log() + (1 - t) * (1 - p).log())
    dropped = weight.flatten(1).sum(dim=1) == 0
    assert dropped.sum() == 1  # a fifth of eight
    assert (entropy * plain).flatten(1).mean(dim=1).argmax() == dropped.nonzero().item()
    assert torch.equal(weight[~dropped], plain[~dropped])
    assert with_small_loss(logits, target, plain, 0.0).all()


def module_pseudo(module, batch):
    """The pseudo-masks of a step after the ops, made anew."""
    weak = module.weak_view(batch.unlabelled, DRAWS)
    images = normalise(weak.images)
    pseudo = module.teacher.probabilities(images, module.student.tokenize(weak.texts))
    return module.strong_views(weak, pseudo, DRAWS)[0].altered.target


def test_lv_loss_is_one_less_the_cosine_with_the_named_regions(data, batch, monkeypatch):
    logits = torch.randn(3, 1, 6, 4, generator=seeded(1))
    zones = torch.zeros(3, 1, 6, 4, dtype=torch.bool)
    zones[0, :, :2, :2] = zones[1, :, 4:, 2:] = True
    expected = 0.0
    for i in range(2):
        p, z = logits[i].double().sigmoid().flatten(), zones[i].double().flatten()
        expected += (1 - (p @ z).item() / (p.norm() * z.norm()).item()) / 2
    assert lv_loss(logits, zones).item() == pytest.approx(expected, rel=1e-5)
    assert lv_loss(logits, torch.zeros_like(zones)) == 0
    module = method(data, "lvit")
    calls = compared(module, monkeypatch)
    loss, _ = module.objective(batch, DRAWS)
    texts = module.weak_view(batch.unlabelled, DRAWS).texts
    named = torch.zeros(8, 1, 32, 32, dtype=torch.bool)
    for i, text in enumerate(texts):
        for region in module.parser(text).regions:
            top, bottom, left, right = (round(32 * share) for share in data.atlas.boxes[data.atlas.names.index(region)])
            named[i, 0, top:bottom, left:right] = True
    more = lv_loss(calls[1][0], named)
    assert float(loss) == pytest.approx(float(calls[0][3] + calls[1][3] + 0.1 * more), rel=1e-5)


def test_the_caption_prior_against_a_loop():
    prior, seen = CaptionPrior(), []
    for step in range(MEMORY + 2):
        pseudo = torch.rand(3, 1, 4, 4, generator=seeded(step, 1))
        masks = torch.rand(2, 1, 4, 4, generator=seeded(step, 2)) > 0.8
        zones = torch.rand(3, 1, 4, 4, generator=seeded(step, 3)) > 0.5
        labelled_zones = torch.rand(2, 1, 4, 4, generator=seeded(step, 4)) > 0.4
        found = prior(pseudo, zones, masks, labelled_zones)
        seen = [*seen, (pseudo, zones, masks, labelled_zones)][-128:]
    share = {}
    for named in (True, False):
        for kind, (a, b) in {"wanted": (2, 3), "found": (0, 1)}.items():
            lesion = sum(one[a].double()[one[b] == named].sum().item() for one in seen)
            pixels = sum((one[b] == named).sum().item() for one in seen)
            share[named, kind] = (lesion + 0.5) / (pixels + 1)
    for p, named, aligned in zip(*(one.flatten().tolist() for one in (pseudo, zones, found)), strict=True):
        yes = p * share[named, "wanted"] / share[named, "found"]
        no = (1 - p) * (1 - share[named, "wanted"]) / (1 - share[named, "found"])
        assert aligned == pytest.approx(yes / (yes + no), rel=1e-4)


def test_what_the_prior_has_counted_is_kept_in_a_checkpoint(data, batch):
    module, again = (method(data, "remixmatch") for _ in range(2))
    for step in range(2):
        module.objective(batch, Draws(0, step))
    again.load_state_dict(module.state_dict())
    losses = [one.objective(batch, Draws(0, 9))[0] for one in (module, again)]
    assert torch.equal(*losses)
    assert not torch.equal(losses[0], method(data, "remixmatch").objective(batch, Draws(0, 9))[0])


@pytest.mark.parametrize("unit", ["side", "region"])
def test_pseudo_masks_stay_in_the_named_zones(data, batch, unit):
    masks = PseudoMasks(PARSER, Config(pseudo_zones=unit))
    texts = [TEXTS[0], TEXTS[1], "COVID-19 pneumonia.", "No pulmonary infection, zero infected areas."]
    pseudo = torch.rand(4, 1, 12, 8, generator=seeded(1)) + 0.01
    found = masks(pseudo, texts, batch.labelled)
    kept = torch.zeros(4, 1, 12, 8, dtype=torch.bool)
    kept[2] = True  # silent: no reason to find nothing
    if unit == "side":
        kept[0, :, :, :4] = kept[1] = True
    else:
        kept[0, :, :4, :4] = kept[1, :, 8:, :4] = kept[1, :, :4, 4:] = True
    assert torch.equal(found, pseudo * kept)


# What the network reads.


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
    from semimedref.models import STORED

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


# What has no effect.

REFUSED = [
    ({"method": "semimedref", "patch_where": "probability"}, "--mix published or faulty beside --patch-where"),
    ({"method": "mean-teacher", "flip_words": "keywords"}, "--flip above 0 beside --flip-words keywords"),
    ({"method": "mean-teacher", "zone_unit": "region"}, "--mix zone or both beside --zone-unit region"),
    ({"method": "mean-teacher", "focus_unit": "region"}, "--focus above 0 beside --focus-unit region"),
    ({"method": "mean-teacher", "positives": "identity"}, "--itcl above 0 beside --positives identity"),
    ({"method": "mean-teacher", "itcl_image": "after"}, "--itcl above 0 beside --itcl-image after"),
    ({"method": "mean-teacher", "threshold": 0.8}, "--pseudo-weight threshold beside --threshold 0.8"),
    *(
        ({"method": "supervised", name: value}, f"sees unlabelled images.* beside --{name.replace('_', '-')} {value}")
        for name, value in {
            "masks_by": "student",
            "pseudo_weight": "equal",
            "pseudo_zones": "side",
            "prior": "caption",
            "photometric": "z-scored",
            "unlabelled_weight": 0.5,
            "views": "images",
            "feature_dropout": 0.5,
            "drop": 0.1,
            "lv": 0.1,
        }.items()
    ),
    ({"method": "bcp", "views": "images"}, "another --mix than bcp beside --views images"),
    ({"method": "supervised", "mix": "bcp"}, "another --mix than bcp, which needs unlabelled images"),
    ({"method": "bcp", "itcl": 1.0}, "--itcl 0 beside --mix bcp"),
    ({"method": "mean-teacher", "views": "texts"}, "--pos-aug beside --views texts"),
    ({"method": "paper", "views": "texts"}, "another --mix beside --views texts"),
    ({"method": "no-text", "model": "mmi-unet"}, "--model compact for --reads nothing"),
    ({"method": "zone-channel", "itcl": 1.0}, "--itcl 0 for --reads zones"),
    ({"method": "zone-channel", "reword": 0.3}, "--reword 0 for --reads zones"),
    ({"method": "no-text", "focus": 0.1}, "no --focus for --reads nothing"),
    ({"method": "no-text", "pos_aug": "mix"}, "no --pos-aug for --reads nothing"),
    ({"drop": 1.0}, "`drop` to be in"),
    ({"feature_dropout": 1.0}, "`feature_dropout` to be in"),
    ({"lv": float("inf")}, "`lv` to be finite"),
    ({"threshold": 1.5}, "`threshold` to be in"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_would_have_no_effect_is_refused(settings, message):
    with pytest.raises(InvalidValueError, match=message):
        Config(**settings)


def test_what_a_preset_brings_may_rest():
    for name, preset in PRESETS.items():
        assert Config(method=name) == Config(method=name, **preset)
    assert Config(method="released", itcl=0.0).positives == "placed"
    assert Config(method="semimedref-reads", focus=0.0).focus_unit == "region"

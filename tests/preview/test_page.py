"""The file that `write_page` writes, without a browser."""

import re
import subprocess
import sys
from collections import Counter
from html import unescape

import numpy as np
import pytest
import torch

from crossmodal_aug import LUNG_ZONES, QUADRANTS, CrossModalSequential, PositionParser, SyncFlip, TPatchMix
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError
from crossmodal_aug.preview import write_page
from tests.preview.pages import HOSTILE, PARSER, SILENT, Page, batch, every_op

IMAGES, TEXTS, MASKS = batch()
FLIP = SyncFlip(PARSER, p=1.0)


def written(tmp_path, ops, images=IMAGES, texts=TEXTS, target=MASKS, **settings):
    return Page(write_page(tmp_path / "page.html", ops, images, texts, target, **settings))


def test_every_pair_of_every_op_is_on_the_page(tmp_path):
    ops = every_op()
    page = written(tmp_path, ops, seed=5)
    assert [article["label"] for article in page.articles] == [
        f"{number}, {name}" for name in ops for number in range(8)
    ]
    assert [fact["op"] for fact in page.data["pairs"]] == [name for name in ops for _ in range(8)]
    for name, op in ops.items():
        out = op(IMAGES, TEXTS, MASKS, generator=torch.Generator().manual_seed(5))
        for number, article in enumerate(page.articles[8 * list(ops).index(name) :][:8]):
            before, after = article["pictures"]
            assert (page.picture(before) == IMAGES[number, 0].numpy()).all()
            assert (page.picture(after) == out.images[number, 0].numpy()).all()
            assert out.texts[number] in article["text"]
            assert TEXTS[number] in article["text"]
            assert ("left alone" in article["text"]) == (not out.accepted[number])


def test_the_words_that_changed_are_marked(tmp_path):
    page = written(tmp_path, FLIP, IMAGES[:1], ["Opacity in the left lung base."], MASKS[:1])
    (article,) = page.articles
    assert (article["del"], article["ins"]) == (["left"], ["right"])
    assert page.data["pairs"] == [
        {"op": "SyncFlip", "accepted": True, "reasons": [], "changed": True, "words": ["left", "right"]}
    ]


def test_reasons_are_shown_beside_the_sample_and_counted_above(tmp_path):
    page = written(tmp_path, every_op()["zones"], seed=1)
    (silent,) = [article for article in page.articles if SILENT in article["text"]]
    assert re.search(r"Left alone: (its text does not say where|not drawn \(p\))\.", silent["text"])
    counts = Counter(reason for fact in page.data["pairs"] for reason in fact["reasons"])
    assert counts
    altered = sum(fact["accepted"] for fact in page.data["pairs"])
    assert f"<td>{altered} of 8</td>" in page.html
    for reason, count in counts.items():
        assert f"{count}: {reason.replace('`', '')}" in unescape(page.html)
        assert sum(f"Left alone: {reason.replace('`', '')}." in article["text"] for article in page.articles) == count


def test_a_sequence_says_what_each_of_its_ops_did(tmp_path):
    sequence = CrossModalSequential(SyncFlip(PARSER, p=0.0), SyncFlip(PARSER, p=1.0))
    page = written(tmp_path, {"both": sequence})
    assert "SyncFlip: not drawn (p)" in page.articles[0]["text"]
    assert "SyncFlip: altered" in page.articles[0]["text"]


def test_a_hostile_caption_stays_text(tmp_path):
    evil = '"</script></style><script>alert(1)</script>'
    page = written(
        tmp_path,
        {evil: FLIP},
        names=[evil] * 8,
        title=evil,
        texts=[HOSTILE, evil + " left lung", "{{ 7 * 7 }} left lung", *TEXTS[3:]],
    )
    assert page.scripts == [
        {"type": "application/json", "id": "pictures"},
        {"type": "application/json", "id": "pairs"},
        {},
    ]
    assert "alert(1)</script>" not in page.html
    assert HOSTILE in page.articles[0]["text"]
    assert "{{ 7 * 7 }}" in page.articles[2]["text"]
    assert page.data["pairs"][0]["op"] == evil


def test_half_a_character_is_no_reason_to_write_nothing(tmp_path):
    assert "left lung" in written(tmp_path, FLIP, texts=["\ud83e left lung", *TEXTS[1:]]).articles[0]["text"]


def test_nothing_is_loaded(tmp_path):
    page = written(tmp_path, every_op())
    own = re.sub(r"<q>.*?</q>", "", page.html)
    assert not re.findall(r"""(?:src|href)=["']?[^"' >]+|url\(|@import|https?:""", own)
    assert "content=\"default-src 'none'; img-src data:;" in unescape(page.html)


def test_without_masks(tmp_path):
    page = written(tmp_path, FLIP, target=None)
    assert 'class="target"' not in page.html
    assert len(page.articles) == 8
    with pytest.raises(InvalidValueError, match="Expected `target` or `evidence`"):
        written(tmp_path, TPatchMix(PARSER), target=None)


def test_arrays_colours_and_stretched_values(tmp_path):
    coloured = torch.rand(2, 3, 8, 8)
    page = written(tmp_path, FLIP, coloured.numpy(), TEXTS[:2], MASKS[:2, :, :8, :8].numpy())
    assert page.picture(0).shape == (8, 8, 3)
    assert np.abs(page.picture(0) / 255 - coloured[0].movedim(0, -1).numpy()).max() < 1 / 255
    page = written(tmp_path, FLIP, coloured * 7 - 3, TEXTS[:2], None)
    assert {page.picture(number).min() for number in range(4)} >= {0}
    assert {page.picture(number).max() for number in range(4)} >= {255}
    two = torch.zeros(2, 2, 8, 8, dtype=torch.uint8)
    two[:, 0] = 200
    assert (written(tmp_path, FLIP, two, TEXTS[:2], None).picture(0) == 200).all()


def test_arrays_as_libraries_hand_them_on(tmp_path):
    backwards = IMAGES.numpy()[:, :, :, ::-1]
    fixed = MASKS.numpy()
    fixed.flags.writeable = False
    page = written(tmp_path, FLIP, backwards, TEXTS, fixed)
    assert (page.picture(0) == backwards[0, 0]).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int16, torch.uint16, torch.bool])
def test_any_dtype_is_shown(dtype, tmp_path):
    images = (IMAGES > 100).to(dtype)
    page = written(tmp_path, FLIP, images)
    assert (page.picture(0) == 255 * images[0, 0].float().numpy()).all()


@pytest.mark.parametrize("library", ["jinja2", "PIL"])
def test_a_library_that_is_missing_is_named_with_the_extra(library):
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from crossmodal_aug.errors import MissingDependencyError\n"
        "try:\n    from crossmodal_aug.preview import write_page\n"
        "except MissingDependencyError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'crossmodal-aug[doctor]'" in run.stdout


def test_a_seed_gives_the_same_page(tmp_path):
    ops = every_op()
    page, again, other = (written(tmp_path, ops, seed=seed).html for seed in (2, 2, 3))
    assert page == again != other


def test_nothing_is_changed_and_no_randomness_of_the_caller_taken(tmp_path):
    images, masks, texts = IMAGES.clone(), MASKS.clone(), list(TEXTS)
    state = torch.get_rng_state()
    written(tmp_path, every_op(), images, texts, masks)
    assert torch.equal(images, IMAGES)
    assert torch.equal(masks, MASKS)
    assert texts == TEXTS
    assert torch.equal(state, torch.get_rng_state())


def test_several_ops_of_one_class_have_names_of_their_own(tmp_path):
    page = written(tmp_path, [FLIP, SyncFlip(PARSER, p=0.0)])
    assert {fact["op"] for fact in page.data["pairs"]} == {"SyncFlip 1", "SyncFlip 2"}
    other = SyncFlip(PositionParser(QUADRANTS), p=1.0)
    assert "lung_zones, quadrants" in written(tmp_path, {"a": FLIP, "b": other}).html


BAD = {
    "path": ({"path": 3}, InvalidTypeError, "`path` to be a string or a Path, but got int"),
    "title": ({"title": None}, InvalidTypeError, "`title` to be a string"),
    "ops: none": ({"ops": []}, InvalidValueError, "`ops` to hold at least one op"),
    "ops: a name": ({"ops": "sync-flip"}, InvalidTypeError, "`ops` to be an op, several, or a mapping, but got str"),
    "ops: names": ({"ops": ["sync-flip"]}, InvalidTypeError, "`ops` to hold ops of crossmodal_aug, but got str"),
    "ops: numbered": ({"ops": {1: FLIP}}, InvalidTypeError, "names of `ops` to be strings, but got int"),
    "images: a list": ({"images": [1]}, InvalidTypeError, "`images` to be a tensor or an array, but got list"),
    "images: objects": ({"images": np.array(["x"])}, InvalidTypeError, "`images` to hold numbers"),
    "images: complex": ({"images": IMAGES * 1j}, InvalidTypeError, "`images` to hold real numbers"),
    "images: rank": ({"images": IMAGES[0]}, InvalidValueError, r"`images` of shape \(B, C, H, W\)"),
    "images: none": ({"images": IMAGES[:0]}, InvalidValueError, r"with pixels, but got \(0, 1, 48, 48\)"),
    "texts: one": ({"texts": "left"}, InvalidTypeError, "`texts` to be a sequence of strings"),
    "texts: too few": ({"texts": TEXTS[:3]}, InvalidValueError, "`texts` to hold 8 strings"),
    "target": ({"target": [1]}, InvalidTypeError, "`target` to be a tensor or an array"),
    "target: size": ({"target": MASKS[..., :9]}, InvalidValueError, "`target` of shape"),
    "evidence": ({"evidence": 1}, InvalidTypeError, "`evidence` to be a tensor or an array"),
    "names": ({"names": ["a"]}, InvalidValueError, "`names` to hold 8 strings"),
    "seed: too large": ({"seed": 2**70}, InvalidValueError, "`seed` of at most 9223372036854775807"),
    "seed: negative": ({"seed": -1}, InvalidValueError, "`seed` of at least 0"),
    "seed": ({"seed": "1"}, InvalidTypeError, "`seed` to be an integer"),
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_refused(given, tmp_path):
    change, kind, words = given
    call = {"path": tmp_path / "p.html", "ops": FLIP, "images": IMAGES, "texts": TEXTS, "target": MASKS} | change
    with pytest.raises(CrossModalError, match=words) as caught:
        write_page(**call)
    assert isinstance(caught.value, kind)
    assert not list(tmp_path.iterdir())


def test_the_regions_are_those_of_the_atlas(tmp_path):
    page = written(tmp_path, FLIP, IMAGES[:1], ["Opacity in the left lung base."], MASKS[:1])
    assert page.html.count('class="unnamed"') == 2 * (len(LUNG_ZONES) - 1)
    assert page.html.count('class="named"') == 2

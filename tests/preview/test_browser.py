"""The page in a real browser, steered by clicks and keys as a person would."""

import numpy as np
import pytest
import torch

from crossmodal_aug.preview import write_page
from tests.preview.pages import HOSTILE, Page, batch, every_op

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    images, texts, masks = batch()
    path = tmp_path_factory.mktemp("preview") / "page.html"
    return write_page(path, every_op(), images, texts, masks, seed=1, names=[f"chest-{n}" for n in range(len(texts))])


@pytest.fixture
def page(browser, written):
    """The page as it opens, and afterwards a check that nothing complained, was loaded or was asked."""
    opened = browser.new_page(viewport=WIDE)
    complaints = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.on("request", lambda request: complaints.append(request.url) if request.url[:5] != "data:" else None)
    opened.goto(written.as_uri())
    yield opened
    opened.close()
    assert complaints == [written.as_uri()]


@pytest.fixture(scope="module")
def facts(written):
    return Page(written).data["pairs"]


def shown(page):
    """The numbers of the pairs that can be seen, and what the page says of their number."""
    heights = page.evaluate(
        "[...document.querySelectorAll('article')].map(pair => pair.getBoundingClientRect().height)"
    )
    seen = [at for at, height in enumerate(heights) if height > 0]
    assert page.inner_text("#count") == f"{len(seen)} of {len(heights)} pairs"
    assert page.locator("#nothing").is_visible() == (not seen)
    return seen


def those(facts, wanted):
    found = [at for at, fact in enumerate(facts) if wanted(fact)]
    assert 0 < len(found) < len(facts)
    return found


def current(page):
    is_current = "[...document.querySelectorAll('article')].map(pair => pair.ariaCurrent === 'true')"
    marked = [at for at, yes in enumerate(page.evaluate(is_current)) if yes]
    assert len(marked) < 2
    return marked[0] if marked else None


def test_all_pairs_are_shown_at_first(page, facts):
    assert shown(page) == list(range(len(facts)))


def test_filter_by_op(page, facts):
    page.select_option("#op", "zones")
    assert shown(page) == those(facts, lambda fact: fact["op"] == "zones")
    page.click("button[data-op=flip]")
    assert shown(page) == those(facts, lambda fact: fact["op"] == "flip")
    page.click("#clear")
    assert len(shown(page)) == len(facts)


def test_filter_by_accepted_and_by_reason(page, facts):
    page.select_option("#state", "altered")
    assert shown(page) == those(facts, lambda fact: fact["accepted"])
    page.select_option("#state", "alone")
    assert shown(page) == those(facts, lambda fact: not fact["accepted"])
    reason = "its text does not say where"
    page.select_option("#state", f"because {reason}")
    found = those(facts, lambda fact: reason in fact["reasons"])
    assert shown(page) == found
    assert reason in page.locator("article").nth(found[0]).inner_text()


def test_filter_by_changed_words(page, facts):
    page.select_option("#words", "changed")
    assert shown(page) == those(facts, lambda fact: fact["changed"])
    page.select_option("#words", "same")
    assert shown(page) == those(facts, lambda fact: not fact["changed"])
    page.select_option("#words", "word right")
    found = those(facts, lambda fact: "right" in fact["words"])
    assert shown(page) == found
    for at in found:
        marked = page.locator("article").nth(at).locator("del, ins").all_inner_texts()
        assert "right" in " ".join(marked).lower().split()


def test_filters_together_and_none_that_passes(page, facts):
    page.select_option("#op", "focus")
    page.select_option("#state", "altered")
    page.select_option("#words", "changed")
    assert shown(page) == those(facts, lambda fact: fact["op"] == "focus" and fact["accepted"] and fact["changed"])
    page.select_option("#words", "same")
    assert shown(page) == []
    page.keyboard.press("Escape")
    assert len(shown(page)) == len(facts)


def test_the_arrows_go_from_pair_to_pair(page, facts):
    assert current(page) is None
    for key, at in (("ArrowDown", 0), ("ArrowRight", 1), ("ArrowUp", 0), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        assert current(page) == at
        assert page.evaluate("document.activeElement.tagName") == "ARTICLE"
    page.keyboard.press("a")
    accepted = those(facts, lambda fact: fact["accepted"])
    page.locator("article").nth(accepted[1]).click()
    page.keyboard.press("ArrowDown")
    assert current(page) == accepted[2]
    box = page.locator("article").nth(accepted[2]).bounding_box()
    assert 0 <= box["y"] < WIDE["height"] - box["height"]


def test_the_arrows_come_from_below_too(page, facts):
    page.keyboard.press("ArrowUp")
    assert current(page) == len(facts) - 1
    page.keyboard.press("ArrowDown")
    assert current(page) == len(facts) - 1


def test_a_pair_that_is_filtered_out_is_no_longer_the_current_one(page, facts):
    page.keyboard.press("ArrowDown")
    page.select_option("#op", "zones")
    assert current(page) is None
    page.locator("h1").click()
    page.keyboard.press("ArrowDown")
    assert current(page) == those(facts, lambda fact: fact["op"] == "zones")[0]


def test_the_filter_keys(page, facts):
    ops = list(dict.fromkeys(fact["op"] for fact in facts))
    for op in ops:
        page.keyboard.press("o")
        assert shown(page) == those(facts, lambda fact, op=op: fact["op"] == op)
    page.keyboard.press("o")
    assert len(shown(page)) == len(facts)
    for accepted in (True, False):
        page.keyboard.press("a")
        assert shown(page) == those(facts, lambda fact, accepted=accepted: fact["accepted"] == accepted)
    page.keyboard.press("a")
    for changed in (True, False):
        page.keyboard.press("c")
        assert shown(page) == those(facts, lambda fact, changed=changed: fact["changed"] == changed)
    page.keyboard.press("c")
    page.keyboard.press("w")
    word = page.input_value("#words").removeprefix("word ")
    assert shown(page) == those(facts, lambda fact: word in fact["words"])
    page.keyboard.press("w")
    assert page.input_value("#words") not in ("", f"word {word}")
    page.keyboard.press("Shift+W")
    assert page.input_value("#words") == f"word {word}"
    page.keyboard.press("Shift+W")
    assert page.input_value("#words") == ""


def test_keys_of_the_browser_are_left_alone(page, facts):
    page.keyboard.press("Control+a")
    page.focus("#op")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#state") == ""
    assert current(page) is None
    assert len(shown(page)) < len(facts)  # the arrow chose the next op of the list


@pytest.mark.parametrize(("key", "layer"), [("m", "target"), ("r", "regions"), ("d", "foreign")])
def test_what_is_drawn_on_the_pictures_can_be_hidden(page, key, layer):
    drawn, box = page.locator(f"svg g.{layer}").first, page.locator(f"#show-{layer}")
    assert drawn.is_visible()
    page.keyboard.press(key)
    assert not drawn.is_visible()
    assert not box.is_checked()
    box.check()
    assert drawn.is_visible()


PIXELS = """images => Promise.all(images.map(image => image.decode().then(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, canvas.width, canvas.height).data].filter((_, at) => at % 4 == 0);
})))"""


def test_the_pictures_are_those_of_the_op(page):
    images, texts, masks = batch()
    seen = np.array(page.locator("article .picture:nth-of-type(2) img").evaluate_all(PIXELS))
    for number, op in enumerate(every_op().values()):
        out = op(images, texts, masks, generator=torch.Generator().manual_seed(1))
        of_op = seen[8 * number : 8 * (number + 1)].reshape(8, 1, 48, 48)
        assert (of_op == out.images.numpy()).all()


def test_a_hostile_caption_does_nothing(page):
    assert page.title() == "Before and after"
    captions = page.locator("article q").all_inner_texts()
    assert HOSTILE in captions
    assert page.locator("article script, article q img").count() == 0


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_nothing_is_wider_than_the_screen(page, size):
    page.set_viewport_size(size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    first = page.locator("article").first
    before, after = (one.bounding_box() for one in first.locator(".layers").all())
    assert before["y"] == after["y"]  # beside each other, so that they can be compared
    assert before["x"] + before["width"] < after["x"]
    assert first.locator(".words").bounding_box()["width"] > 300


def test_the_outline_lies_on_the_picture(page):
    first = page.locator("article").first
    image, drawn = first.locator("img").first.bounding_box(), first.locator("svg").first.bounding_box()
    assert image == pytest.approx(drawn, abs=1)

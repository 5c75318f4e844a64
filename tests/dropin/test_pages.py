"""The guides themselves: what is in their blocks is run, and what they count is counted."""

import re

import pytest

from tests.dropin.pages import GUIDES, added_lines, blocks, diffs, patched

PAGES = sorted(path.name for path in GUIDES.glob("*.md") if path.name != "start.md")
START = (GUIDES / "start.md").read_text(encoding="utf-8")
SECTIONS = {"natural-images.md": ("LAVT", "CRIS"), "albumentations-cv2.md": ("albumentations", "cv2")}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_a_diff_a_file_or_a_doctest(page: str) -> None:
    assert diffs(page)
    for language, title, lines in blocks(page):
        assert language == "diff" or (language == "python" and (title or lines[0].startswith(">>> "))), lines


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_counts_its_lines(page: str) -> None:
    text = (GUIDES / page).read_text(encoding="utf-8")
    counts = [int(count) for count in re.findall(r"\b(\d+) lines to add", text)]
    assert counts == [added_lines(page, section) for section in SECTIONS.get(page, (None,))]
    (listed,) = re.findall(rf"\({page}\) \| (\d+) \|", START)
    assert int(listed) == added_lines(page)


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_says_what_must_go_or_change_and_what_may_stay(page: str) -> None:
    text = (GUIDES / page).read_text(encoding="utf-8")
    assert re.search(r"\*\*Must (go|change|follow):\*\*", text)
    assert "**May stay:**" in text or "LanGuideMedSeg](languidemedseg.md" in text


def test_a_diff_is_applied_where_its_lines_stand() -> None:
    assert patched("a\nb\nc\n", [[" a", "-b", "+d", "+e"], ["+f", " c"]]) == "a\nd\ne\nf\nc\n"


@pytest.mark.parametrize("change", [["+d"], [" x", "+d"], [" a", "+d"], [" b"], ["b", "+d"]])
def test_a_diff_without_one_place_is_refused(change: list[str]) -> None:
    with pytest.raises(AssertionError):
        patched("a\nb\na\n", [change])

"""The pictures of the documentation are what the scripts draw today."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import crossmodal_aug

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
pytestmark = pytest.mark.slow


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.delitem(sys.modules, "draw_gallery", raising=False)


def apart(one: Path, other: Path) -> float:
    """By how many of 255 levels two pictures differ, on average; as far as can be where their sizes differ."""
    first, second = (np.asarray(Image.open(path).convert("RGB")).astype(float) for path in (one, other))
    return float(np.abs(first - second).mean()) if first.shape == second.shape else 255.0


def test_the_gallery_is_what_the_ops_do_today(tmp_path: Path, scripts: None) -> None:
    import draw_gallery

    draw_gallery.draw(tmp_path / "gallery.md", tmp_path / "assets" / "gallery")
    assert (tmp_path / "gallery.md").read_text() == (DOCS / "gallery.md").read_text()
    drawn = {path.name for path in (tmp_path / "assets" / "gallery").iterdir()}
    assert drawn == {path.name for path in (DOCS / "assets" / "gallery").iterdir()}
    for name in drawn:  # another version of the encoder may differ in single levels, another result in many
        assert apart(tmp_path / "assets" / "gallery" / name, DOCS / "assets" / "gallery" / name) < 2, name


def test_pictures_of_different_samples_are_told_apart() -> None:
    folder = DOCS / "assets" / "gallery"
    assert apart(folder / "sync-flip-before.webp", folder / "sync-flip-after.webp") > 4
    assert apart(folder / "focus-before.webp", folder / "focus-after.webp") > 2


def test_every_op_is_in_the_gallery() -> None:
    from crossmodal_aug.augment import CrossModalOp

    public = {name: getattr(crossmodal_aug, name) for name in crossmodal_aug.__all__}
    ops = {name for name, one in public.items() if inspect.isclass(one) and issubclass(one, CrossModalOp)}
    assert len(ops) >= 8
    page = (DOCS / "gallery.md").read_text()
    assert not {name for name in ops if f"    {name}(" not in page}


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_of_the_problem_is_drawn_again(tmp_path: Path, scripts: None, narrow: bool) -> None:
    import draw_problem

    name = "problem-narrow.webp" if narrow else "problem.webp"
    draw_problem.draw(tmp_path / name, narrow=narrow)
    assert apart(tmp_path / name, DOCS / "assets" / name) < 4

"""The command `crossmodal-aug preview`, on small data sets on disk."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from crossmodal_aug import SyncFlip
from crossmodal_aug.cli import main
from tests.dropin.phantoms import draw_chests
from tests.preview.pages import PARSER, Page, inside


@pytest.fixture
def folder(tmp_path):
    """Two parts with images, masks and `annotation.json`, named as in QaTa-COV19."""
    root = tmp_path / "chests"
    listed = {}
    for part, seed in (("train", 1), ("test", 2)):
        drawn = draw_chests(6, seed=seed)
        for kind, mark in (("image", ""), ("mask", "mask_")):
            (root / part / f"{kind}s").mkdir(parents=True)
            for one in drawn:
                Image.fromarray(getattr(one, kind)).save(root / part / f"{kind}s" / f"{mark}{one.name}")
        listed[part] = [{"image_path": f"mask_{one.name}", "caption": one.text} for one in drawn]
    (root / "annotation.json").write_text(json.dumps(listed))
    return root


def run(capsys, *arguments):
    code = main(["preview", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_a_page_of_a_data_set(folder, tmp_path, capsys):
    out = tmp_path / "page.html"
    code, printed, _ = run(capsys, "--data", folder, "--op", "sync-flip:p=1.0", "--size", 48, "--out", out)
    assert code == 0
    assert printed.startswith(f"{out}: 6 samples, 1 op, ")
    page, drawn = Page(out), draw_chests(6, seed=1)
    assert [article["label"] for article in page.articles] == [f"{one.name}, sync-flip:p=1.0" for one in drawn]
    images = torch.from_numpy(np.stack([one.image for one in drawn])).unsqueeze(1)
    flipped = SyncFlip(PARSER, p=1.0)(images, [one.text for one in drawn])
    for number, article in enumerate(page.articles):
        before, after = article["pictures"]
        assert (page.picture(before) == drawn[number].image).all()
        assert (page.picture(after) == flipped.images[number, 0].numpy()).all()
        assert flipped.texts[number] in article["text"]
    outlines = page.html.split('<g class="target"><path class="halo" d="')[1::2]
    for one, outline in zip(drawn, outlines, strict=True):
        assert (inside(outline.partition('"')[0], (48, 48)) == (one.mask > 0)).all()


def test_samples_are_drawn_by_the_seed_and_from_the_part(folder, tmp_path, capsys):
    def names(*arguments):
        code, *_ = run(capsys, "--data", folder, "--op", "sync-flip", "--out", tmp_path / "p.html", *arguments)
        assert code == 0
        return [(fact["label"], fact["text"]) for fact in Page(tmp_path / "p.html").articles]

    some = names("--samples", 3)
    assert len(some) == 3
    assert some == names("--samples", 3)
    assert any(some != names("--samples", 3, "--seed", seed) for seed in range(1, 4))
    assert {text for _, text in names()}.isdisjoint({text for _, text in names("--part", "test")})


def test_ops_in_order_the_atlas_and_its_cuts(folder, tmp_path, capsys):
    out = tmp_path / "p.html"
    code, *_ = run(
        capsys, "--data", folder, "--op", "sync-flip:p=1", "--op", "SyncFlip(p=1.0)", "--sequence", "--size", 48,
        "--rows", "0.25,0.5", "--laterality", "viewer", "--out", out,
    )  # fmt: skip
    assert code == 0
    page = Page(out)
    assert {fact["op"] for fact in page.data["pairs"]} == {"sync-flip:p=1", "SyncFlip(p=1.0)", "one after the other"}
    twice = [at for at, fact in enumerate(page.data["pairs"]) if fact["op"] == "one after the other"]
    for at in twice:  # mirrored twice is as it was
        assert page.articles[at]["pictures"][0] == page.articles[at]["pictures"][1]
        assert not page.data["pairs"][at]["changed"]
    assert "M0 12h24" in page.html  # a row cut at a quarter of 48 pixels


def test_files_named_one_by_one_without_masks_and_in_colour(tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    rows = []
    for number, size in enumerate(((40, 60), (64, 64), (30, 20))):
        pixels = np.full((*size, 3), 50 * number, dtype=np.uint8)
        Image.fromarray(pixels if number else pixels[..., 0]).save(tmp_path / "pictures" / f"{number}.png")
        rows.append((f"{number}.png", f"a polyp in the top {('left', 'right')[number % 2]}"))
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Image", "Caption"), *rows])
    out = tmp_path / "p.html"
    code, *_ = run(
        capsys, "--images", tmp_path / "pictures", "--captions", tmp_path / "list.csv", "--atlas", "quadrants",
        "--op", "sync-flip:p=1", "--size", 32, "--out", out,
    )  # fmt: skip
    assert code == 0
    page = Page(out)
    assert [page.picture(number).shape for number in range(3)] == [(32, 32, 3)] * 3
    assert [page.picture(article["pictures"][0]).max() for article in page.articles] == [0, 50, 100]
    assert 'class="target"' not in page.html


def test_pixels_of_more_than_eight_bits_are_stretched(tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    values = np.linspace(1000, 3000, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "list.csv").write_text("Image,Caption\na.png,Opacity in the left lung base.\n")
    out = tmp_path / "p.html"
    code, *_ = run(
        capsys, "--images", tmp_path / "pictures", "--captions", tmp_path / "list.csv", "--op", "sync-flip:p=0",
        "--size", 64, "--out", out,
    )  # fmt: skip
    assert code == 0
    picture = Page(out).picture(0)
    assert (picture.min(), picture.max()) == (0, 255)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--op", "flip"], "Expected `op` to begin with one of"),
        (["--op", "sync-flip", "--atlas", "lungs"], 'Expected "lung_zones", "quadrants"'),
        (["--op", "sync-flip", "--rows", "a,b"], "Expected `rows` to be numbers with commas between them"),
        (["--op", "sync-flip", "--rows", "0.5"], "Expected `rows` to hold 2 cuts"),
        (["--op", "sync-flip", "--part", "dev"], "Expected `part` to be one of 'train', 'test', but got 'dev'"),
        (["--op", "sync-flip", "--mask-values", "x"], "Expected `mask_values`"),
        (["--op", "sync-flip", "--layout", "x"], "Expected `layout`"),
        (["--op", "sync-flip", "--captions", "a.csv"], "Expected either `data` or `captions`"),
        (["--op", "SyncFlip(p={[]:1})"], "Expected an op as `SyncFlip(setting=value)`"),
        (["--op", "sync-flip", "--seed", str(10**23)], "Expected `seed` of at most 9223372036854775807"),
        (["--op", "sync-flip", "--seed", "-1"], "Expected `seed` of at least 0"),
        (["--op", "sync-flip", "--size", "60000"], "Expected `size` of at most 4096"),
        (["--op", "sync-flip", "--out", "missing/page.html"], "there is no folder missing"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_code_2(arguments, words, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, printed, error = run(capsys, "--data", folder, *arguments)
    assert (code, printed) == (2, "")
    assert words in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("arguments", [["--samples", "0"], ["--samples", "x"], ["--size", "x"], []])
def test_what_no_command_line_is(arguments, folder, capsys):
    needed = ["--op", "sync-flip"] if arguments else []
    with pytest.raises(SystemExit, match="2"):
        main(["preview", "--data", str(folder), *needed, *arguments])
    error = capsys.readouterr().err
    assert "usage: crossmodal-aug preview" in error
    assert "_positive" not in error


def test_a_row_without_its_files_is_left_out(folder, tmp_path, capsys):
    for file in (folder / "train" / "masks").iterdir():
        file.unlink()
    code, _, error = run(capsys, "--data", folder, "--op", "sync-flip", "--out", tmp_path / "p.html")
    assert code == 2
    assert "Expected a row that has an image and a mask, but none of 6 has" in error
    next((folder / "test" / "masks").iterdir()).unlink()
    code, printed, _ = run(
        capsys, "--data", folder, "--op", "sync-flip", "--part", "test", "--out", tmp_path / "p.html"
    )
    assert (code, printed.split(": ")[1].split(",")[0]) == (0, "5 samples")


def test_the_help_costs_no_torch():
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom crossmodal_aug.cli import main\n"
        "try:\n    main(['preview', '--help'])\nexcept SystemExit:\n    pass"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "zone-mix:unit=region,p=1.0" in "".join(shown.split())
    assert "--laterality" in shown


@pytest.mark.parametrize(("name", "atlas"), [("qata", "lung_zones"), ("kvasir", "quadrants"), ("busi", "quadrants")])
def test_real_data(name, atlas, data_root, tmp_path, capsys):
    out = tmp_path / "p.html"
    code, *_ = run(
        capsys, "--data", data_root / name, "--atlas", atlas, "--samples", 6, "--op", "zone-mix:unit=region,p=1.0",
        "--op", "t-patch-mix:p=1", "--op", "sync-flip:p=1", "--out", out,
    )  # fmt: skip
    assert code == 0
    page = Page(out)
    assert len(page.articles) == 18
    assert any(fact["changed"] for fact in page.data["pairs"])


def test_values_of_masks_are_said_and_refused_where_they_leave_open_what_is_lesion(folder, tmp_path, capsys):
    def shown(*arguments):
        return run(capsys, "--data", folder, "--op", "sync-flip", "--out", tmp_path / "p.html", *arguments)

    _, printed, _ = shown()
    assert "masks: 0 and 255: 255 is lesion, in 6 masks." in printed
    for file in (folder / "train" / "masks").iterdir():
        with Image.open(file) as opened:
            pixels = np.asarray(opened).copy()
        pixels[:2, :2] = 7
        Image.fromarray(pixels).save(file)
    code, printed, error = shown()
    assert (code, printed) == (2, "")
    assert "6 masks of more than two values, such as 0, 7 and 255" in error
    assert "--mask-values 7,255" in error
    code, printed, _ = shown("--mask-values", "255")
    assert (code, "masks: 255 is lesion, as you said; 0 of 6 masks hold none of it." in printed) == (0, True)

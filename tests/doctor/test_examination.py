"""What an examination gives: a table, JSON, a page, and lines that run as they are."""

import json
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

import crossmodal_aug.doctor as doctor
from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.augment import CrossModalSequential
from crossmodal_aug.doctor import Examination, examine
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from tests.doctor.phantoms import Drawn, draw_set, load


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A set with a little of everything that a page has to show."""
    drawn = draw_set(tmp_path_factory.mktemp("faulty") / "set")
    drawn.alter(np.fliplr)
    drawn.recaption("train", 0, "<script>alert(1)</script> & wispy \x1b[2J pneumonia \ud83d.")
    drawn.image("test", 1).write_bytes(drawn.image("train", 1).read_bytes())
    drawn.mask("train", 2).unlink()
    drawn.image("train", 3).write_bytes(b"no picture")
    return drawn


@pytest.fixture(scope="module")
def found(faulty: Drawn) -> Examination:
    return examine(faulty.root, size=48)


def test_the_table_fits_a_terminal(found: Examination) -> None:
    for width in (72, 100):
        table = found.as_table(width).partition("Lines to paste:")[0]
        assert max(map(len, table.split("\n"))) <= width
    assert "\x1b" not in found.as_table()
    for finding in found.findings:
        assert finding.text.split()[0] in table
    assert "MEND" in table
    for dose in found.doses:
        assert dose.op.partition("(")[0] in table
    assert found.as_table().rstrip().endswith(found.code.rstrip())


@pytest.mark.parametrize(
    ("width", "error"), [(10, InvalidValueError), (100.0, InvalidTypeError), (True, InvalidTypeError)]
)
def test_a_width_that_cannot_be_is_refused(found: Examination, width: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="`width`"):
        found.as_table(width)  # type: ignore[arg-type]


def test_the_record_says_the_same_as_the_findings(found: Examination, tmp_path: Path) -> None:
    found.write_json(tmp_path / "found.json")
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in record["findings"]] == [finding.name for finding in found.findings]
    assert record["must_mend"] is True
    assert record["parts"] == {"train": 80, "test": 40}
    assert record["atlas"]["laterality"] == "patient"
    assert {dose["op"] for dose in record["doses"]} == {dose.op for dose in found.doses}
    silent = next(one for one in record["findings"] if one["name"] == "silent-captions")
    assert silent["rows"][0]["caption"].startswith("<script>")


class Page(HTMLParser):
    """The tags of a page, checked to be closed, and what they name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_beside_it(found: Examination, tmp_path: Path) -> None:
    file = tmp_path / "found.html"
    found.write_html(file)
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    sources = [attrs[name] for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert sources
    assert all(source is not None and source.startswith(("data:", "#")) for source in sources)
    anchors = {attrs.get("id") for _, attrs in page.tags}
    assert {source[1:] for source in sources if source is not None and source.startswith("#")} <= anchors
    for finding in found.findings:
        assert finding.text.split(";")[0] in unescape(text)
    for line in found.code.split("\n"):
        assert line in unescape(text)
    # Six regions, and pictures of the findings, save of the image that cannot be read.
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) > 12
    assert "no picture" in text
    assert all(attrs["alt"] for attrs in pictures)


def test_a_picture_shows_the_mask_and_the_regions(faulty: Drawn, found: Examination) -> None:
    import base64
    from io import BytesIO

    from PIL import Image

    from crossmodal_aug.doctor.drawing import SIDE, row_picture

    study = found._study
    uri = row_picture(study, 5, study.atlas)
    picture = np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))).astype(int)
    assert picture.shape == (SIDE, SIDE, 3)
    red, blue = picture[..., 0], picture[..., 2]
    orange, cyan = (red - blue > 90), (blue - red > 60)
    lesion = np.asarray(Image.fromarray(load(faulty.mask("train", 5))).resize((SIDE, SIDE), 0)) > 0
    assert orange.sum() > 50
    grown = np.pad(lesion, 3)
    near = np.logical_or.reduce([grown[y : y + SIDE, x : x + SIDE] for y in range(7) for x in range(7)])
    assert (orange & near).sum() > 0.95 * orange.sum()
    assert cyan.sum() > 50


def test_the_lines_to_paste_run_as_they_are(found: Examination, faulty: Drawn) -> None:
    space: dict[str, object] = {}
    exec(found.code, space)
    augment, parser = space["augment"], space["parser"]
    assert isinstance(augment, CrossModalSequential)
    assert isinstance(parser, PositionParser)
    assert parser.atlas == found.atlas
    rows = range(5, 13)
    images = torch.stack([torch.from_numpy(load(faulty.image("train", index))) for index in rows]).unsqueeze(1) / 255
    masks = torch.stack([torch.from_numpy(load(faulty.mask("train", index))) for index in rows]).unsqueeze(1) // 255
    captions = [faulty.rows["train"][index]["caption"] for index in rows]
    out = augment(images, captions, masks.long(), generator=torch.Generator().manual_seed(0))
    assert bool(out.accepted.any())
    assert torch.equal(parser.encode(out.texts), out.positions)


def test_the_lines_name_budget_tokenizer_ops_and_an_atlas_of_ones_own(tmp_path: Path) -> None:
    drawn = draw_set(tmp_path / "set", train=12, test=0)
    found = examine(drawn.root, max_tokens=40, ops=["ZoneMix(unit='region', p=1.0)"], size=48)
    space: dict[str, object] = {}
    exec(found.code, space)
    assert "ZoneMix(parser, unit='region', p=1.0)" in found.code
    parser = space["parser"]
    assert isinstance(parser, PositionParser)
    assert parser.budget is not None
    assert parser.budget.max_tokens == 40
    own = Path(doctor.__file__).parents[1] / "anatomy" / "atlas" / "quadrants.toml"
    exec(examine(drawn.root, atlas=str(own), ops=["SyncFlip"], size=48).code, space)
    of_file = space["parser"]
    assert isinstance(of_file, PositionParser)
    assert of_file.atlas == QUADRANTS
    for mine in (LUNG_ZONES.with_phrases(absent="No pneumonia."), LUNG_ZONES.with_geometry(rows=(0.3, 0.6))):
        space = {"atlas": mine}
        exec(examine(drawn.root, atlas=mine, ops=["SyncFlip"], size=48).code, space)
        with_mine = space["parser"]
        assert isinstance(with_mine, PositionParser)
        assert with_mine.atlas == mine


def test_few_rows_are_not_judged(tmp_path: Path) -> None:
    drawn = draw_set(tmp_path / "set", train=6, test=0)
    found = examine(drawn.root, ops=["SyncFlip"], size=48)
    assert found.names("mend", "look") == []
    assert {"orientation", "cuts"} <= set(found.names("unknown"))


def test_captions_alone_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    path.write_text("Split,Caption\ntrain,Opacity in the left lung base.\ntest,Pneumonia.\n")
    found = examine(captions=path)
    assert found.names("look") == ["silent-captions"]
    assert {"no-images", "no-masks"} <= set(found.names("unknown"))
    assert {dose.op.partition("(")[0] for dose in found.doses} == {"PosAug", "Reword"}
    found.write_html(tmp_path / "found.html")


def test_nothing_is_changed_and_a_seed_repeats(faulty: Drawn, found: Examination) -> None:
    before = {file: file.read_bytes() for file in faulty.root.rglob("*") if file.is_file()}
    again = examine(faulty.root, size=48)
    assert again.as_record() == found.as_record()
    assert {file: file.read_bytes() for file in faulty.root.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"data": 3}, InvalidTypeError, "`data` to be a path"),
        ({"data": "/no/such/folder"}, InvalidValueError, "`data` to be a folder"),
        ({}, InvalidValueError, "`data` .* or `captions`"),
        ({"images": "."}, InvalidValueError, "`captions` beside"),
        ({"data": ".", "layout": "mine"}, InvalidValueError, "`layout` to be one of"),
        ({"data": ".", "atlas": "mine"}, InvalidValueError, "lung_zones"),
        ({"data": ".", "laterality": "mine"}, InvalidValueError, "laterality"),
        ({"data": ".", "mask_values": "bright"}, InvalidValueError, "`mask_values`"),
        ({"data": ".", "mask_values": 1}, InvalidTypeError, "`mask_values`"),
        ({"data": ".", "max_tokens": 0}, InvalidValueError, "`max_tokens` of at least 1"),
        ({"data": ".", "size": 1.5}, InvalidTypeError, "`size` to be an integer"),
        ({"data": ".", "tokenizer": 3}, InvalidTypeError, "`tokenizer`"),
        ({"data": ".", "patient": "("}, InvalidValueError, "`patient` to be a regular expression"),
        ({"data": ".", "patient": 1}, InvalidTypeError, "`patient` to be a regular expression"),
        ({"data": ".", "ops": "SyncFlip"}, InvalidTypeError, "`ops` to be several"),
        ({"data": ".", "ops": ["Blur"]}, InvalidValueError, "`op` to begin with one of"),
        ({"data": ".", "ops": ["SyncFlip(p=open('x'))"]}, InvalidValueError, "an op as `SyncFlip"),
        ({"data": ".", "ops": [3]}, InvalidTypeError, "an op as a string"),
    ],
)
def test_what_cannot_be_used_is_refused(settings: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        examine(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "error"),
    [
        ("SyncFlip(p=2.0)", InvalidValueError),
        ("SyncFlip(p=True)", InvalidTypeError),
        ("SyncFlip(speed=2)", InvalidValueError),
    ],
)
def test_settings_of_an_op_that_cannot_be_are_refused(faulty: Drawn, op: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        examine(faulty.root, ops=[op], size=48)


@pytest.mark.parametrize(("library", "name"), [("PIL", "pillow"), ("tqdm", "tqdm"), ("jinja2", "jinja2")])
def test_a_library_that_is_missing_is_named_with_its_extra(library: str, name: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None; sys.modules[{library + '.Image'!r}] = None\n"
        "from crossmodal_aug.doctor.libraries import library\n"
        "from crossmodal_aug.errors import MissingDependencyError\n"
        f"try:\n    library({library + ('.Image' if library == 'PIL' else '')!r}, {name!r})\n"
        "except MissingDependencyError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert re.search(rf"{name} to be installed.*crossmodal-aug\[doctor\]", run.stdout)


def test_the_public_names_are_loaded_on_first_use() -> None:
    for name in doctor.__all__:
        assert getattr(doctor, name).__doc__
        assert name in dir(doctor)
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        doctor.Missing  # noqa: B018

"""Atlas files that a user may write: what is wrong with them is said by name, when they are read or get a parser."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossmodal_aug.anatomy.atlas as atlas_package
from crossmodal_aug import Atlas, PositionParser
from crossmodal_aug.anatomy.atlas.atlas import parse_atlas
from crossmodal_aug.errors import AtlasError, InvalidTypeError

DOCS = Path(__file__).parents[2] / "docs" / "anatomy"
PACKAGE = Path(atlas_package.__file__).parent
BRAIN = (DOCS / "brain_lobes.toml").read_text()


def read(source: str, tmp_path: Path) -> Atlas:
    path = tmp_path / "mine.toml"
    path.write_text(source)
    return Atlas.from_toml(path)


def edited(old: str, new: str) -> str:
    assert old in BRAIN
    return BRAIN.replace(old, new, 1)


@pytest.mark.parametrize(
    "path",
    [
        PACKAGE / "lung_zones.toml",
        PACKAGE / "quadrants.toml",
        DOCS / "breast_quadrants.toml",
        DOCS / "brain_lobes.toml",
    ],
    ids=lambda path: path.stem,
)
def test_the_files_of_the_project_pass_every_check(path):
    assert PositionParser(Atlas.from_toml(path)).atlas.name == path.stem


FRAME = '[[frames]]\nname = "a"\ntext = "In {Positions}."\n'
# What was edited, and a part of the message that must name it.
WORDING = {
    "phrase with an unknown word": (
        'phrase = "left frontal lobe"', 'phrase = "left prefrontal lobe"',
        r"`phrase` of 'left frontal' to read as 'left frontal', but 'Lesion in the left prefrontal lobe\.' reads as "
        r"'left frontal', 'left occipital'; not among the words: 'prefrontal'",
    ),
    "phrase of another region": (
        'phrase = "left frontal lobe"', 'phrase = "left occipital lobe"',
        r"`phrase` of 'left frontal'.*reads as 'left occipital'",
    ),
    "phrase of no region": ('phrase = "left frontal lobe"', 'phrase = "there"', r"reads as no region"),
    "mistyped part": ('part = "frontal"', 'part = "prontal"', r"`part` of 'left frontal'.*'prontal'"),
    "part of another region": ('part = "frontal"', 'part = "occipital"', r"`part` of 'left frontal'"),
    "some without its side": ("{side} {parts} lobes", "{parts} lobes", r"`part` of 'left frontal'"),
    "coarse that names one side": ("{side} hemisphere", "left hemisphere", r"`coarse` of side 'right'"),
    "whole that names a part": (
        'coarse = "{side}', 'whole = "frontal {side} lobe"\ncoarse = "{side}', r"`whole` of side 'left'",
    ),
    "join that is no list": ('join = " and "', 'join = ". No "', r"`join`"),
    "present that adds a region": ("Lesion in the", "Left lobe lesion in the", r"'Left lobe lesion in the left"),
    "absent that names a region": ("No lesion.", "Lesion in the left frontal lobe.", r"`absent` to read as no region"),
    "absent caption that names one": ("No lesion, zero regions", "Left frontal lobe lesion", r"`absent_caption`"),
}  # fmt: skip
SYMMETRY = {
    "one-sided word": ('forms = ["frontal"], regions = ["left frontal", "right frontal"]',
                       'forms = ["frontal"], regions = ["left frontal"]',
                       r"'frontal', which is in no pair .* names 'left frontal' and not 'right frontal'"),
    "mirror words of two zones": ('kind = "side", forms = ["right"], regions = ["right frontal", "right occipital"]',
                                  'kind = "side", forms = ["right"], regions = ["right frontal"]',
                                  r"'left', the mirror word of 'right' .*|'right', the mirror word of 'left'"),
    "mirror word of another kind": ('mirror_words = [["left", "right"]]',
                                    'mirror_words = [["left", "right"], ["hemisphere", "infarct"]]',
                                    r"'hemisphere' and 'infarct' to be of one kind"),
}  # fmt: skip
WORDS = {
    "one form in two zones": ('forms = ["occipital"]', 'forms = ["occipital", "Frontal"]', r"'Frontal' among .*again"),
    "kind with a typing error": ('kind = "zone"', 'kind = "zoen"',
                                 r"`kind` of \[\[words\]\] 4, the words 'frontal', .*'zoen'; did you mean 'zone'\?"),
    "region with a typing error": ('regions = ["right frontal", "right occipital"]', 'regions = ["right fontal"]',
                                   r"\] 2, the side words 'right', .*'right fontal'; did you mean 'right frontal'\?"),
    "mirror with a typing error": ('mirror = "right frontal"', 'mirror = "right fontal"',
                                   r"`mirror` of \[\[region\]\] 1, 'left frontal', .*'right fontal'"),
    "implied with a typing error": ('regions = "all"', 'regions = "all", implied = ["left"]',
                                    r"`implied` of \[\[words\]\] 3, the both words 'both', 'bilateral', .*'left'"),
    "key with a typing error": ("laterality =", "lateralty =", r"'lateralty'; did you mean 'laterality'"),
    "count nouns that do not take turns": (
        'kind = "finding", forms = ["infarct", "infarcts", "haemorrhage", "haemorrhages", "metastasis"]',
                                           'kind = "count noun", forms = ["blot"]', r"'blot', .*one and several"),
    "kind that is missing": ('{ kind = "noun", forms = ["lobe", ', '{ forms = ["lobe", ',
                             r"\[\[words\]\] 8, the words 'lobe', .*, to have `kind`, .* it is missing"),
    "key that is missing and mistyped": ('kind = "zone"', 'knd = "zone"', r"\] 4, .*'knd'; did you mean 'kind'"),
    "name that is missing": ('name = "brain_lobes"', "", "the atlas to have `name`"),
    "phrases that are missing": (BRAIN[BRAIN.index("[phrases]") :], "", "the atlas to have `phrases`"),
    "a form that is a number": ('["lobe", "hemisphere", "brain"]', '["lobe", 3]',
                                r"`forms` of \[\[words\]\] 8, .*item 2 is 3"),
    "a region that is a number": ("region = [", "region = [3,", r"tables written \[\[region\]\], but item 1 is 3"),
    "laterality with a typing error": ('"patient" ', '"pateint" ', r"'pateint'; did you mean 'patient'"),
    "two frames of one name": ('[phrases]', FRAME + FRAME + "[phrases]",
                               r"\[\[frames\]\] without repetition.*'a' twice"),
    "frame without positions": ('[phrases]', FRAME.replace("{Positions}", "it") + "[phrases]",
                                r"`text` of \[\[frames\]\] 1, 'a', to be a text with \{positions\}.*'In it\.'"),
    "frame with positions twice": ('[phrases]', FRAME.replace("In", "{positions}") + "[phrases]", r"`text` of .*once"),
    "frame with another slot": ('[phrases]', FRAME.replace("In", "{side}") + "[phrases]", r"`text` of .*no other slot"),
    "frame with a typing error": ('[phrases]', FRAME.replace("text", "txt") + "[phrases]", r"did you mean 'text'"),
}  # fmt: skip
GEOMETRY = {
    "another row": ('mirror = "left frontal", row = 0, column = 1', 'mirror = "left frontal", row = 1, column = 1',
                    r"'right frontal', the mirror of 'left frontal', at"),
    "the same column": ('mirror = "left frontal", row = 0, column = 1', 'mirror = "left frontal", row = 0, column = 0',
                        r"'right frontal', the mirror of 'left frontal'"),
    "a box of its own": ('mirror = "left frontal", row = 0, column = 1',
                         'mirror = "left frontal", box = [0.0, 0.5, 0.1, 0.5]', r"'right frontal', the mirror"),
    "box and row": ("row = 0, column = 0", "row = 0, box = [0, 1, 0, 1]", r"'left frontal', .* but it has both"),
    "columns off centre": ("columns = [0.5]", "columns = [0.4]", r"`columns` to be symmetric.*with_geometry"),
    "a region that mirrors itself": (', mirror = "right frontal"', "", r"'right frontal' goes to 'left frontal'"),
    "side of one region": ('side = "left", part = "frontal"', 'side = "lft", part = "frontal"',
                           r"side 'right' to mirror into one side, .*'lft'.*'left'"),
    "one side for both": ('side = "left", part = "frontal"', 'side = "right", part = "frontal"', r"two `side`s"),
    "side without a counterpart": ('side = "left", part = "frontal"', 'part = "frontal"', r"none and right"),
}  # fmt: skip
SOME = r"`some` of \[phrases\] to be a text with \{parts\}, and no other slot but \{side\}, but got '\{parts"
TYPES = {
    "rows that are a number": ("rows = [0.5]", "rows = 3", "rows"),
    "rows with a truth": ("rows = [0.5]", "rows = [true]", "rows"),
    "columns that are a text": ("columns = [0.5]", 'columns = "ab"', "columns"),
    "side that is a list": ('side = "left"', 'side = ["left"]', "`side`"),
    "side that is a table": ('side = "left"', "side = {a = 1}", "`side`"),
    "side that is a number": ('side = "left"', "side = 3", "`side`"),
    "part that is a number": ('part = "frontal"', "part = 1", "`part`"),
    "row that is a truth": ("row = 0", "row = true", "`row`"),
    "box of truths": ("row = 0, column = 0", "box = [false, true, false, true]", "`box`"),
    "box of something": ("row = 0, column = 0", "box = [[0], 1, 0, 1]", "`box`"),
    "plural that is a text": ("plural = true", 'plural = "no"', "`plural`"),
    "axis that is a list": ('kind = "zone"', 'kind = "zone", axis = ["a"]', "`axis`"),
    "axis that is a number": ('kind = "zone"', 'kind = "zone", axis = 3', "`axis`"),
    "name that is a list": ('name = "brain_lobes"', 'name = ["x"]', "`name`"),
    "empty mirror words": ('[["left", "right"]]', '[["", ""]]', "mirror_words"),
    "mirror words of one": ('[["left", "right"]]', '[["left"]]', "mirror_words"),
    "laterality that is a list": ('laterality = "patient"', 'laterality = ["patient"]', "laterality"),
    "some without its parts": ("{side} {parts} lobes", "{side} lobes",
                               r"`some` .* text with \{parts\}, .* but got '\{side\} lobes'"),
    "a width": ("{side} {parts} lobes", "{parts:>9999999999999} {side} lobes", SOME),
    "an attribute": ("{side} {parts} lobes", "{parts.__class__} {side} lobes", SOME),
    "an item": ("{side} {parts} lobes", "{parts[0]} {side} lobes", SOME),
    "a conversion": ("{side} {parts} lobes", "{parts!r} {side} lobes", SOME),
    "half a slot": ("{side} {parts} lobes", "{parts} {side", SOME),
    "thousands of digits": ("row = 0", "row = 0x" + "f" * 5000, r"'left frontal', .*row a number of about 6020 digits"),
    "a table in a table without end": ("rows = [0.5]", "rows" + ".a" * 3000 + " = 1", r"`rows` .*'a': \{\.\.\.\}"),
    "deep lists": ("rows = [0.5]", "rows = " + "[" * 5000, "TOML"),
    "endless digits": ("rows = [0.5]", "rows = [" + "9" * 5000 + "]", "TOML"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [pytest.param(*fault, id=name) for name, fault in {**WORDS, **GEOMETRY, **TYPES}.items()],
)
def test_a_fault_is_named_when_the_file_is_read(old, new, message, tmp_path):
    with pytest.raises(AtlasError, match=rf"(?s)mine\.toml: Expected .*({message})"):
        read(edited(old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [pytest.param(*fault, id=name) for name, fault in {**WORDING, **SYMMETRY}.items()],
)
def test_words_that_cannot_be_read_back_are_named_when_the_atlas_gets_a_parser(old, new, message, tmp_path):
    atlas = read(edited(old, new), tmp_path)
    for _ in range(2):  # what failed once is not taken for checked
        with pytest.raises(AtlasError, match=rf"(?s)atlas 'brain_lobes': Expected .*({message})"):
            PositionParser(atlas)


VALUES = [match.span(1) for match in re.finditer(r'= ("[^"]*"|\[[^\[\]{}]*\]|\d+|true)', BRAIN)]
# JSON without null and without objects is TOML too.
ANYTHING = st.recursive(
    st.booleans() | st.integers() | st.sampled_from(["", "left", "all", "left frontal", "zone", "{", "{side}", "0"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(VALUES), ANYTHING)
def test_any_value_anywhere_gives_an_atlas_or_an_atlas_error(span, value):
    source = BRAIN[: span[0]] + json.dumps(value) + BRAIN[span[1] :]
    try:
        atlas = parse_atlas(source, where="mine")
    except AtlasError as error:
        assert str(error).startswith("mine: Expected ")
        return
    try:
        parser = PositionParser(atlas)
    except AtlasError as error:
        assert str(error).startswith(f"atlas {atlas.name!r}: Expected ")
    else:
        report = parser("Acute infarct in the left frontal lobe.")
        for name in atlas.names:
            assert parser(report.with_regions([name])).regions == (name,)


TOKEN = re.compile(r'"[^"]*"|[\w.]+|[\[\]{}=,]|\n+')
FILE = BRAIN + FRAME + FRAME.replace('"a"', '"b"')
ODD = [
    "", "0", "-1", "0.5", "nan", "-inf", "1e999", "0x" + "f" * 5000, "9" * 5000, "true", "2020-02-29", "07:32:00",
    '""', '" "', '"{"', '"all"', '"\\u0000"', "[]", "{}", "[[]]", "[{}]", "{ a.a = 1 }", "\0", "\ufeff", "\ud800",
    "[" * 3000, "a.a", "a" + ".a" * 3000,
]  # fmt: skip
PLACES = [match.span() for match in TOKEN.finditer(FILE)]
WRITTEN = st.sampled_from(sorted({*TOKEN.findall(FILE), *ODD}))
EDITS = st.tuples(st.sampled_from(PLACES), WRITTEN | st.text(max_size=9)) | st.tuples(st.sampled_from(VALUES), WRITTEN)


@settings(max_examples=500)
@given(st.lists(EDITS, min_size=1, max_size=3, unique_by=lambda edit: edit[0][0]))
def test_any_edit_of_a_file_gives_an_atlas_or_an_atlas_error(edits):
    source = FILE
    for (start, end), text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    try:
        atlas = parse_atlas(source, where="mine")
    except AtlasError as error:
        message = str(error)
        assert message.startswith("mine: Expected ")
        assert message.endswith((".", "?"))
        assert "pydantic" not in message
        return
    assert isinstance(atlas, Atlas)


def test_what_came_is_cut_short(tmp_path):
    with pytest.raises(AtlasError, match=r"`name` to be a text that is not empty, but got \['x{60,80}\.\.\.\.$"):
        read(edited('"brain_lobes"', str(["x" * 10_000])), tmp_path)
    with pytest.raises(AtlasError, match=r"only bare, .*, words, but got 'x{60,80}\.\.\.\.$"):
        read("x" * 10_000 + " = 1\n" + BRAIN, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_accepted(encoding, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(BRAIN.encode(encoding))
    assert Atlas.from_toml(path) == Atlas.from_toml(DOCS / "brain_lobes.toml")
    assert parse_atlas("\ufeff" + BRAIN, where="mine") == Atlas.from_toml(path)


def test_frames_are_read_in_the_order_of_the_file():
    assert parse_atlas(BRAIN, where="mine").phrasing.frames == ()
    frames = FRAME.replace('"a"', '"z"') + FRAME.replace("In {Positions}", "{positions} lesion")
    wanted = (("z", "In {Positions}."), ("a", "{positions} lesion."))
    assert parse_atlas(BRAIN + frames, where="mine").phrasing.frames == wanted


def test_a_side_of_many_regions_is_read_back_in_good_time(tmp_path):
    zones = [f"z{letter}{other}" for letter in "abcd" for other in "abcde"]
    regions, words = [], []
    for side, mirror, column in (("left", "right", 0), ("right", "left", 1)):
        own = [f"{side} {zone}" for zone in zones]
        words.append(f'{{ kind = "side", forms = ["{side}"], regions = {own} }}')
        regions += [
            f'{{ name = "{side} {zone}", mirror = "{mirror} {zone}", row = 0, column = {column}, side = "{side}", '
            f'part = "{zone}", phrase = "{side} {zone} lobe" }}'
            for zone in zones
        ]
    words += [f'{{ kind = "zone", forms = ["{zone}"], regions = ["left {zone}", "right {zone}"] }}' for zone in zones]
    words += ['{ kind = "noun", forms = ["lobe", "lobes", "hemisphere"] }']
    head = 'name = "many"\ncolumns = [0.5]\nmirror_words = [["left", "right"]]\n'
    phrases = BRAIN[BRAIN.index("[phrases]") :]
    atlas = read(f"{head}region = [{','.join(regions)}]\nwords = [{','.join(words)}]\n{phrases}", tmp_path)
    assert len(atlas) == 40
    assert PositionParser(atlas)("Lesion in the left zbd lobe").regions == ("left zbd",)


@pytest.mark.parametrize("path", [None, 3, b"x"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InvalidTypeError, match=f"`path`.*{type(path).__name__}"):
        Atlas.from_toml(path)


@pytest.mark.parametrize("path", ["a\0b.toml", "/"])
def test_a_path_that_cannot_be_read_is_an_atlas_error(path):
    with pytest.raises(AtlasError, match="reading it failed"):
        Atlas.from_toml(path)


def test_count_nouns_of_an_atlas_stand_beside_those_of_plain_english(tmp_path):
    lungs = (PACKAGE / "lung_zones.toml").read_text()
    parser = PositionParser(read(lungs + '\n[[words]]\nkind = "count noun"\nforms = ["blot", "blots"]\n', tmp_path))
    for several, one in (("blots", "blot"), ("areas", "area"), ("regions", "region")):
        caption = parser(
            f"Bilateral pulmonary infection, two infected {several}, upper left lung and lower right lung."
        )
        assert caption.with_regions(["left upper"]) == (
            f"Unilateral pulmonary infection, one infected {one}, upper left lung."
        )

"""Small atlases of users: without sides, of one region, of two sides and no further zones."""

from crossmodal_aug import Atlas
from crossmodal_aug.anatomy.atlas.atlas import parse_atlas

_HEAD = """
name = "{name}"
laterality = "viewer"
rows = {rows}
columns = {columns}
mirror_words = {mirror_words}
"""
_TAIL = """
[phrases]
some = "{parts} parts"
coarse = "{side} kidney"
join = " and "
present = "Lesion in the {positions}."
absent = "No lesion."
absent_caption = "No lesion, zero regions"
"""
_NO_SIDES = """
region = [
  { name = "upper", mirror = "upper", row = 0, column = 0, phrase = "upper half" },
  { name = "lower", mirror = "lower", row = 1, column = 0, phrase = "lower half" },
]
words = [
  { kind = "zone", forms = ["upper"], regions = ["upper"] },
  { kind = "zone", forms = ["lower"], regions = ["lower"] },
  { kind = "noun", forms = ["half"] },
  { kind = "noun", forms = ["halves"], plural = true },
  { kind = "finding", forms = ["lesion"] },
]
"""
_ONE_REGION = """
region = [{ name = "disc", mirror = "disc", row = 0, column = 0, phrase = "optic disc" }]
words = [
  { kind = "zone", forms = ["optic disc", "disc"], regions = ["disc"] },
  { kind = "finding", forms = ["lesion"] },
]
"""
_NO_ZONES = """
region = [
  { name = "left", mirror = "right", row = 0, column = 0, side = "left", phrase = "left kidney" },
  { name = "right", mirror = "left", row = 0, column = 1, side = "right", phrase = "right kidney" },
]
words = [
  { kind = "side", forms = ["left"], regions = ["left"] },
  { kind = "side", forms = ["right"], regions = ["right"] },
  { kind = "both", forms = ["both"], regions = "all" },
  { kind = "noun", forms = ["kidney"] },
  { kind = "noun", forms = ["kidneys"], plural = true },
  { kind = "finding", forms = ["lesion"] },
]
"""


def _source(name: str, body: str, **cuts: str) -> str:
    given = {"rows": "[]", "columns": "[]", "mirror_words": "[]"} | cuts
    return _HEAD.format(name=name, **given) + body + _TAIL


def _atlas(name: str, body: str, **cuts: str) -> Atlas:
    return parse_atlas(_source(name, body, **cuts), where=name)


NO_SIDES_FILE = _source("no_sides", _NO_SIDES, rows="[0.5]")
NO_SIDES = parse_atlas(NO_SIDES_FILE, where="no_sides")
ONE_REGION = _atlas("one_region", _ONE_REGION)
NO_ZONES = _atlas("no_zones", _NO_ZONES, columns="[0.5]", mirror_words='[["left", "right"]]')
TEXTS = {
    NO_SIDES: ["Lesion in the upper half.", "Lesion in the lower half.", "No lesion.", "Lesion."],
    ONE_REGION: ["Lesion in the optic disc.", "No lesion.", "Lesion.", "Lesion in the disc."],
    NO_ZONES: [
        "Lesion in the left kidney.", "Lesion in the right kidney.", "Lesion in both kidneys.", "No lesion.",
    ],
}  # fmt: skip

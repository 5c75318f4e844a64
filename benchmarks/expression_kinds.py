"""What kind of expression a text is, and what it must say once the image is mirrored: `parser_expressions.py` explains.

By regular expressions written apart from the vocabulary of the parser, which is judged by them.
"""

import re
from collections.abc import Iterator

# left and right: spelt right, glued to a neighbour, abbreviated, misspelt.
GLUED = r"(?:on|in|the|n|to|top|bottom|upper|lower|far|wall)?"
LEFT = r"left(?!over)|lefft|laft|lft|lef(?=\b|most)|keft|lt\b(?! (?:blue|green|brown|gr[ae]y|pink|colou?red))"
RIGHT = r"right(?!eous|ful|ly)|riight|rigght|righrt|rigth|rigt|righ|rght|rgt|rt\b"
LETTER_AFTER = r"(?:to|on)(?: the)? |(?:top|bottom|upper|lower|middle|center|far) |\b[lr](?: to |/)"
SIDE = re.compile(
    rf"(?<![a-z]){GLUED}(?:(?P<left>{LEFT})|(?P<right>{RIGHT}))|(?<![a-z])(?:(?P<l>l)|(?P<r>r))(?![a-z'])",
    re.IGNORECASE,
)
BEFORE_LETTER = re.compile(rf"(?:{LETTER_AFTER})$", re.IGNORECASE)
AFTER_LETTER = re.compile(r"(?: to |/)[lr]\b| (?:side|hand|corner)\b", re.IGNORECASE)

# "right" that means "just": what stands behind it, and what before it makes it a place all the same.
JUST = (
    r"above|abouve|over|below|beneath|under|underneath|behind|beside|between|btween|inbetween|in between|infront|next|"
    r"in(?: the)?(?: very)? (?:front|middle|center|centre)|in(?: the)? back of|up front|here|there|now|away|through"
)
JUST_OR_PLACE = r"at|by|near|inside|outside|around|before|after|against|along|across|on top|up"
PLACE_BEFORE = re.compile(
    r"(?:\b(?:the|on|to|at|from|far|farthest|furthest|very|way|most|mid|upper|lower|top|bottom|your|our|his|her|or|and)"
    r"|'s|[-/])\s*$",
    re.IGNORECASE,
)
DOUBTFUL_BEFORE = re.compile(r"\b(?:middle|center|centre|back|front|rear|in)\s*$|[,.]\s*$", re.IGNORECASE)
TRUE_BEFORE = re.compile(r"\b(?:was|were|are|is|be|you're|youre|we're|that's|thats|all|got it) $", re.IGNORECASE)
TRUE_AFTER = re.compile(r"\s*(?:$|[.!?,;:/]|on the last|last time)", re.IGNORECASE)
VERB_BEFORE = re.compile(r"\b(?:was|were|been|being|be|has|have|had|is|are|you|they|we|he|she) $", re.IGNORECASE)
VERB_AFTER = re.compile(r" (?:in place|alone|unchanged|unread|untreated)\b", re.IGNORECASE)
PLACE_AFTER = re.compile(r"[- ]?(?:of|most|side|hand|corner|edge|part|half)\b", re.IGNORECASE)

SIDES = r"(?:left|right)(?:[- ]?most|est)?"
ROWS = r"(?:top|upper|bottom|lower)(?:[- ]?most)?|lowest|highest"
CENTRE = r"middle(?:ish)?|mid|center|centre|centr?al|centermost"
DIRECTION = rf"(?:{SIDES}|{ROWS}|{CENTRE})"
SPELLINGS = {
    r"botom|botton|btoom|bottm|bttm|btm|botto|nottom|bot": "bottom",
    r"topr": "top",
    r"middel|midle|imddle|middlish": "middle",
    r"centrally|centered|centred|cneter|ceter": "center",
}
# Clothes and the tops of things, which name no place.
NO_DIRECTION = re.compile(
    r"\b(?:tank|bikini|crop) (?:top|bottom)s?\b|\b(?:tree|hill|mountain|roof|table|desk|counter)s?[- ]?tops?\b|"
    r"\b(?:red|blue|green|white|black|pink|yellow|grey|gray|brown|orange|purple) (?:top|bottom)s?\b"
    rf"(?! (?:{DIRECTION}|corner|of|part|half|edge|row))"
)
IMAGE = (
    r"(?:the |this |your |our )?(?:whole |entire )?"
    r"(?:image|picture|picutre|picturte|pcture|pictur|pics?|pick|photo|photograph|screen|frame|shot|view|page|pg|scan)\b"
)
NUMBER = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|\d+ ?(?:st|nd|rd|th))"
PERSON = r"(?:man|guy|girl|boy|kid|child|woman|lady|dude|person|rider|biker|bird|horse|dog|cow|animal|baby|patient)"
BODY = r"(?:hand|arm|leg|foot|feet|knee|shoulder|elbow|eye|ear|cheek|thumb|finger|armpit|wing|paw|ankle|wrist)s?"
PARTS = r"(?:(?:hand )?(?:side|half|part|portion|edge|end|corner|tip|third|section|area))"

FRACTION = re.compile(rf"{DIRECTION} (?:1/3|third|3rd|quarter)\b")
NOT_COUNTED = re.compile(rf"\b{NUMBER} (?:floor|story|level|time|pic|try)\b|\bthe last one!?$")
ORDINAL = re.compile(
    rf"\b{NUMBER}\b|\b(?:from|for) (?:the )?(?:far |very )?{DIRECTION}\b|\bnext to last\b|"
    rf"\b{SIDES} to {SIDES}\b|\bl to r\b|\br to l\b"
)
CENTRE_OF_IMAGE = rf"(?:the )?(?:image )?(?:{CENTRE})\b(?! \w)"
RELATION = re.compile(
    rf"\b{SIDES} (?:of|fo)\b(?! {IMAGE}| {CENTRE_OF_IMAGE})|\b{SIDES} to (?!{DIRECTION}|the {DIRECTION})|"
    rf"\bon top of (?!{IMAGE})|\b(?:left|right) on (?:him|her|{PERSON})\b"
)
OWN_SIDE = re.compile(
    rf"\b(?:left|right) {BODY}\b(?! (?:side|corner))|"
    rf"\b(?:his|her|their|its|{PERSON}'?s) (?:left|right)\b(?! hand side| hand corner)(?! {PERSON})"
)
PART = re.compile(rf"\b{DIRECTION}(?: {PARTS})? of (?!{IMAGE}|{CENTRE_OF_IMAGE})")
DENIED = re.compile(rf"(?:\bnot|n't|\bbut|\bexcept|\bavoid) (?:\w+ ){{0,4}}?{DIRECTION}\b")
BESIDE = re.compile(
    r"\b(?:above|abouve|aobve|below|under|beneath|underneath|behind|in ?front of|next to|beside|near|nearest|between|"
    r"by|over|against|touching|around|across|inside|before|beyond|around|closest to)\b"
)

LATER_KINDS = {"relation": RELATION, "own side": OWN_SIDE, "part": PART, "denied": DENIED, "beside": BESIDE}


def side_words(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, side ("L", "R") and fate of each word for left or right.

    The fate under a mirror is "turns", "stays" (an adverb, a verb) or "either" (this rule cannot tell).
    """
    for found in SIDE.finditer(text):
        name = str(found.lastgroup)
        start, end = found.span(name)
        before, after = text[: found.start()], text[end:]
        if name in ("l", "r") and not (BEFORE_LETTER.search(before) or AFTER_LETTER.match(after)):
            continue
        yield start, end, name[0].upper(), fate_of(name, before, after)


def fate_of(name: str, before: str, after: str) -> str:
    """Return what a mirror does with a word for left or right."""
    if name == "right":
        if TRUE_BEFORE.search(before) and TRUE_AFTER.match(after):
            return "stays"
        if not PLACE_BEFORE.search(before):
            if re.match(rf" +(?:{JUST})\b", after, re.IGNORECASE):
                return "either" if DOUBTFUL_BEFORE.search(before) or not after.strip() else "stays"
            if re.match(rf" +(?:{JUST_OR_PLACE})\b", after, re.IGNORECASE):
                return "either"
    if name == "left":
        if VERB_AFTER.match(after):
            return "stays"
        if VERB_BEFORE.search(before) and not PLACE_AFTER.match(after):
            return "either"
    return "turns"


def shape(text: str) -> tuple[list[str], list[str], list[str]]:
    """Split a text at its words for left and right: what lies between, the sides, their fates."""
    words = list(side_words(text))
    cuts = [0, *(cut for start, end, _, _ in words for cut in (start, end)), len(text)]
    between = [text[a:b].lower() for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    return between, [side for _, _, side, _ in words], [fate for _, _, _, fate in words]


def mirror_faults(text: str, mirrored: str) -> bool:
    """Return whether a text was mirrored wrongly."""
    between, sides, fates = shape(text)
    # The words stand in the same places, but fates are those of the source: "left above" is no adverb.
    other_between, other_sides, _ = shape(mirrored)
    if between != other_between or len(sides) != len(other_sides):
        return True
    turned = {"L": "R", "R": "L"}
    return any(
        (fate == "turns" and other != turned[side]) or (fate == "stays" and other != side)
        for side, other, fate in zip(sides, other_sides, fates, strict=True)
    )


def plain_spelling(text: str) -> str:
    """Return a text in lower case with its direction words spelt in one way, and those that name no place left out."""
    pieces, at = [], 0
    for start, end, side, fate in side_words(text):
        word = "just" if fate == "stays" else "left" if side == "L" else "right"
        # A word that is glued to its neighbour is cut off from it.
        gap = " " if text[:start][-1:].isalpha() else ""
        pieces += [text[at:start], gap, word]
        at = end
    text = ("".join(pieces) + text[at:]).lower().replace("-", " ")
    for spellings, word in SPELLINGS.items():
        text = re.sub(rf"\b(?:{spellings})\b", word, text)
    return NO_DIRECTION.sub("thing", " ".join(text.split()))


def kind_of(text: str) -> str:
    """Return the kind of an expression, as listed at the head of this file."""
    text = plain_spelling(text)
    if not re.search(rf"\b{DIRECTION}", text):
        return "none"
    counted = NOT_COUNTED.sub("", FRACTION.sub("left", text))
    if ORDINAL.search(counted):
        return "ordinal"
    return next((kind for kind, pattern in LATER_KINDS.items() if pattern.search(text)), "plain")


def directions_of(text: str) -> str:
    """Return which directions a plain expression names, to sort the figures by."""
    text = plain_spelling(text)
    side = "side" if re.search(rf"\b{SIDES}", text) else ""
    row = "row" if re.search(rf"\b(?:{ROWS})\b", text) else ""
    centre = "center" if re.search(rf"\b(?:{CENTRE})\b", text) else ""
    return " + ".join(filter(None, (row, centre, side)))

"""Words of an atlas: their entries, how regions are put into words, and the kinds that the grammar tells apart."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crossmodal_aug.anatomy.atlas.faults import refuse_repetition
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

REGION_KINDS = {
    "side": "left, right",
    "both": "bilateral, both",
    "level": "upper: needs a side or a noun to be a position",
    "zone": "base, apical: names a zone by itself",
    "place": "bibasilar, RUL: side and zone in one word",
}
KINDS = {
    **REGION_KINDS,
    "noun": "lung, lobe, zone",
    "whole": "all, entire",
    "modifier": "lateral, pulmonary: may stand inside a phrase, says nothing about its region",
    "part": "portion, aspect, third: as a modifier, and makes a level before it a place (its lower part)",
    "unit": "mm, cm: behind a number",
    "sided": "the second half of left-sided, or the noun of the left side",
    "finding": "effusion: gives a bare side its meaning",
    "space": "pleural space: as a finding beside a side, and may itself be clear",
    "marking": "lung markings: a normal thing, whose absence is a finding",
    "opposite": "contralateral, the other lung: the side that was not named last",
    "same": "ipsilateral, the same side: the side that was named last",
    "state": "opaque, hazy: a finding where a verb leads to it",
    "structure": "clavicle: takes a bare side away from the regions",
    "view": "film, projection: as a structure, unless an of leads to it",
    "device": "catheter: as a structure, and what it lies in is not a finding either",
    "identity": "ventricle: keeps its own left and right under a flip",
    "body": "hand, arm: has a left and a right of its own",
    "count noun": "areas, in two infected areas; singular and plural take turns",
    "number": "one, two",
    "ordinal": "first, second: counts things from a side",
    "unilateral": "unilateral",
    "and": "and",
    "or": "or",
    "comma": ",",
    "colon": ":",
    "slash": "/",
    "hyphen": "-",
    "of": "of",
    "article": "the",
    "in": "in, at, on",
    "near": "near, close to",
    "with": "with",
    "verb": "may, had",
    "agreeing verb": "is, are: singular and plural take turns",
    "excepting verb": "is otherwise: says something of what is left of a wider place",
    "relative": "which: what follows hangs on what stands before it",
    "there": "there is",
    "affirmation": "yes, present: what stands before it is there",
    "bullet": "a mark that opens an item of a list",
    "end": "a sentence ends",
    "open": "(",
    "close": ")",
    "plain": "says nothing; listed only to hide a longer form from the grammar (lung volumes)",
}
# Kinds of which each form means its place in the list.
ORDERED_KINDS = frozenset({"number", "count noun", "agreeing verb", "excepting verb"})
# What each pattern of an atlas must be, in the words of an error.
PATTERNS = {
    "some": "a text with {parts}, and no other slot but {side}",
    "whole": "a text that is not empty, and has no slot but {side}",
    "coarse": "a text that is not empty, and has no slot but {side}",
    "join": "a text that is not empty, and has no slots",
    "present": "a text with {positions}, and no other slot",
    "absent": "a text that is not empty, and has no slots",
    "absent_caption": "a text that is not empty, and has no slots",
    "frames": "a text with {positions} or {Positions} once, and no other slot",
}
_NEEDED = {"some": "parts", "present": "positions"}
_ALLOWED = {"some": ("parts", "side"), "whole": ("side",), "coarse": ("side",), "present": ("positions",)}


@dataclass(frozen=True)
class WordEntry:
    """Words of one kind with one meaning: a `[[words]]` table of an atlas file.

    Args:
        kind: What part the words play in a phrase; the kinds are listed in `KINDS`.
        forms: The words, lower case; a form may hold several words.
        axis: For kinds that name regions, the property they state. Values of one axis are alternatives
            and add up ("upper and lower"), values of different axes narrow each other ("upper left").
        regions: Indices of the regions that the words stand for.
        implied: The smaller set they stand for when no side is stated ("lingula" is left).
        plural: Whether the words speak of both sides unless one is stated ("bases").
    """

    kind: str
    forms: tuple[str, ...]
    axis: str = ""
    regions: tuple[int, ...] = ()
    implied: tuple[int, ...] = ()
    plural: bool = False


@dataclass(frozen=True)
class Phrasing:
    """How regions of an atlas are put into words: the `[phrases]` and `[[frames]]` tables of an atlas file.

    Args:
        regions: One phrase per region ("upper left lung").
        parts: One word per region that tells it from the others of its side ("upper"), or "".
        sides: One word per side, in the order of `Atlas.sides`.
        some: Pattern of several regions of one side: "{parts} {side} lung".
        whole: Pattern of a whole side: "all {side} lung".
        coarse: Pattern of a side without its parts: "{side} lung".
        join: What stands between two phrases in a list of them.
        present: Sentence that states positions, with "{positions}".
        absent: Sentence that states that there are none.
        absent_caption: The negative caption.
        frames: Sentences to choose from where positions are stated anew, in the order of the file: pairs of a name
            and a pattern. A pattern holds "{positions}", or "{Positions}" where they begin a sentence, exactly once
            and no other slot. Names are unique.
    """

    regions: tuple[str, ...]
    parts: tuple[str, ...]
    sides: tuple[str, ...]
    some: str
    whole: str
    coarse: str
    join: str
    present: str
    absent: str
    absent_caption: str
    frames: tuple[tuple[str, str], ...] = ()


def is_pattern(key: str, text: str) -> bool:
    """Return whether a text holds the slots that a pattern must have, and no others.

    Args:
        key: Which pattern: one of `PATTERNS`.
        text: The text.

    Returns:
        Whether it does; an empty text never does.

    Examples:
        >>> is_pattern("present", "Lesion in the {positions}."), is_pattern("present", "Lesion.")
        (True, False)
    """
    slots = _slots(text)
    if slots is None or not text.strip():
        return False
    if key == "frames":
        return slots in (["positions"], ["Positions"])
    return set(slots) <= set(_ALLOWED.get(key, ())) and _NEEDED.get(key) in (None, *slots)


def check_pattern(key: str, text: object, name: str = "") -> str:
    """Check a pattern that was given as an argument.

    Args:
        key: Which pattern: one of `PATTERNS`.
        text: What was given.
        name: What to call it in errors; "" calls it by its key.

    Returns:
        The pattern.

    Raises:
        InvalidTypeError: It is not a string.
        InvalidValueError: It is empty, or its slots are not those that it must have.
    """
    message = f"Expected {name or f'`{key}`'} to be {PATTERNS[key]}, but got {shown(text)}."
    if not isinstance(text, str):
        raise InvalidTypeError(message)
    if not is_pattern(key, text):
        raise InvalidValueError(message)
    return text


def check_frames(frames: object) -> tuple[tuple[str, str], ...]:
    """Check frames that were given as an argument.

    Args:
        frames: What was given.

    Returns:
        Pairs of a name and a pattern.

    Raises:
        InvalidTypeError: They are not pairs of strings.
        InvalidValueError: A name is empty or stands twice, or the slots of a pattern are not those it must have.
    """
    if isinstance(frames, str | Mapping) or not isinstance(frames, Iterable):
        raise InvalidTypeError(f"Expected `frames` to be pairs of a name and a pattern, but got {shown(frames)}.")
    checked = []
    for pair in frames:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise InvalidTypeError(f"Expected `frames` to hold pairs of a name and a pattern, but got {shown(pair)}.")
        name, text = pair
        if not name.strip():
            raise InvalidValueError(f"Expected each of `frames` to have a name, but got {shown(pair)}.")
        checked.append((name, check_pattern("frames", text, f"{shown(name)} of `frames`")))
    refuse_repetition("names of `frames`", (name for name, _ in checked))
    return tuple(checked)


def _slots(pattern: str) -> list[str] | None:
    """Return the slots of a pattern, or None where it has more than plain slots ("{parts:>9}", "{side.x}")."""
    try:
        fields = [field for field in string.Formatter().parse(pattern) if field[1] is not None]
    except ValueError:
        return None
    plain = all(name and name.isidentifier() and not spec and not conversion for _, name, spec, conversion in fields)
    return [str(name) for _, name, _, _ in fields] if plain else None

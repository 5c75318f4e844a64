"""Words of an atlas: their entries, how regions are put into words, and the kinds that the grammar tells apart.

Each kind is written as one letter. A scanned text is a string of these letters, so the grammar is a handful of
patterns over letters and its words are data.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION_KINDS = {
    "side": "S",  # left, right
    "both": "B",  # bilateral, both
    "level": "L",  # upper: needs a side or a noun to be a position
    "zone": "Z",  # base, apical: names a zone by itself
    "place": "P",  # bibasilar, RUL: side and zone in one word
}
KINDS = {
    **REGION_KINDS,
    "noun": "N",  # lung, lobe, zone
    "whole": "A",  # all, entire
    "modifier": "m",  # lateral, pulmonary: may stand inside a phrase, says nothing about its region
    "sided": "s",  # the second half of left-sided
    "mainly": "d",  # predominantly: narrows a wider extent
    "than": ">",  # greater than, worse than
    "compared": "c",  # compared to: what follows is only a comparator
    "finding": "F",  # effusion: gives a bare side its meaning
    "structure": "X",  # clavicle: takes a bare side away from the lungs
    "device": "D",  # catheter: as a structure, and what it lies in is no finding either
    "count noun": "K",  # areas, in "two infected areas"
    "number": "n",
    "unilateral": "U",
    "negation": "!",  # no, without
    "growth": "g",  # change: "no change in" affirms
    "clear": "C",  # clear, normal: says of what stands before it that nothing is there
    "resolved": "R",  # resolved, not seen
    "sparing": "%",  # sparing of: what follows is clear, and no part of the wider place before it
    "elsewhere": "e",  # previously, on the lateral view: "not seen" there denies nothing here
    "cut off": "X",  # not included: what stands before it is not in the image
    "and": "&",
    "or": "|",
    "comma": ",",
    "colon": ":",
    "slash": "/",
    "hyphen": "-",
    "of": "o",
    "article": "t",
    "in": "i",
    "near": "~",
    "with": "w",
    "verb": "v",
    "agreeing verb": "v",  # is, are: singular and plural take turns in the list
    "excepting verb": "v",  # are otherwise: as `except`
    "relative": "q",  # which: what follows hangs on what stands before it
    "there": "h",
    "stop": ";",  # but, however: a clause ends
    "except": ";",  # except for, otherwise: as a stop, and a wider clear place leaves out what is affirmed
    "end": ".",  # a sentence ends
    "open": "(",
    "close": ")",
    "plain": "u",  # says nothing; listed only to hide a longer form from the grammar ("lung volumes")
}


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
    """How regions of an atlas are put into words: the `[phrases]` table of an atlas file.

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

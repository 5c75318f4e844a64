"""The kinds of words that the grammar tells apart, each written as one letter.

A scanned text is a string of these letters, so the grammar is a handful of patterns over letters and its
words are data.
"""

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

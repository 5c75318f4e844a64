"""What a text says: its tokens, its position phrases and what they state. Readers make it, writers go by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from crossmodal_aug.anatomy.atlas.lexicon import Sense

MIRROR_MARK = " (mirrored)"
_EXCEPTING = frozenset({"except", "excepting verb"})


@dataclass(slots=True)
class Scan:
    """A text as the grammar sees it.

    Args:
        text: The text.
        codes: One letter per token.
        senses: What each token means.
        starts: Where each token begins in the text.
        ends: Where it ends.
        flipped: Tokens that carry an odd number of mirror marks and so mean the other side.
    """

    text: str
    codes: str
    senses: list[Sense]
    starts: list[int]
    ends: list[int]
    flipped: set[int]


@dataclass(slots=True)
class Phrase:
    """One mention of a position: a run of tokens and what it names.

    Args:
        first: Its first token.
        last: Its last token.
        link: Letters between it and the conjunct before it in the same group, "" for the first.
        sided: Bits per axis, where words that imply a side are read with a side at hand.
        unsided: Bits per axis, where they are read without one.
        place: Bits of words that name side and zone at once.
        noun: Whether a noun ("lung") closes it.
        zone: Whether a word names a zone by itself ("base").
        plural: Whether it speaks of both sides unless one is stated.
        spread: Whether that is because of a word that names a zone ("bases"), whatever its noun.
        whole: Whether it says "all".
        both: Whether its side is "both" or "bilateral".
        mask: The regions that it names; settled by `reader`.
        negated: Whether the text calls them clear.
        lent: Whether it got its side from a "bilaterally" or "on the left" behind it.
        filler: Whether it only fills a slot of the caption's template.
        members: Conjuncts that share a side, a level or the noun with it.
    """

    first: int
    last: int
    link: str
    sided: list[int]
    unsided: list[int]
    place: int = 0
    noun: bool = False
    zone: bool = False
    plural: bool = False
    spread: bool = False
    whole: bool = False
    both: bool = False
    mask: int = 0
    negated: bool = False
    lent: bool = False
    filler: bool = False
    members: list[Phrase] | tuple[()] = ()

    @property
    def side(self) -> int:
        """Bits of its side words, 0 where it states none."""
        return self.sided[0]

    @property
    def levelled(self) -> bool:
        """Whether it states anything but a side."""
        return any(self.sided[1:])

    @property
    def bare(self) -> bool:
        """Whether nothing but side and level words tells that it speaks of the lungs."""
        return not (self.noun or self.zone or self.place)

    @property
    def implies_side(self) -> bool:
        """Whether a word of it implies a side that none of its words says."""
        return not self.side and self.sided != self.unsided

    def take(self, code: str, sense: Sense, unsided: int) -> None:
        """Add what a word says; `unsided` is what it stands for where no side is stated."""
        self.plural |= sense.plural
        if code == "N":
            self.noun = True
        elif code == "A":
            self.whole = True
        elif code == "P":
            self.place |= sense.mask
        else:
            self.sided[sense.axis] |= sense.mask
            self.unsided[sense.axis] |= unsided
            self.zone |= code == "Z"
            self.spread |= sense.plural and code == "Z"
            self.both |= code == "B"

    def named(self, full: int) -> int:
        """Return the regions that its words name together."""
        mask = full
        for bits in self.sided if self.side else self.unsided:
            if bits and mask & bits:
                mask &= bits
        if not self.place:
            return mask
        wider = mask if self.levelled else 0
        return wider | (self.place & self.side or self.place)


@dataclass(slots=True)
class Header:
    """The tokens of a caption's counting head, "Bilateral pulmonary infection, two infected areas"."""

    laterality: int
    number: int
    noun: int


@dataclass(slots=True)
class Reading:
    """What a text says.

    Args:
        scan: The scanned text.
        phrases: Position phrases in text order, those that name no region left out.
        affirmed: Bits of the regions where the text places something.
        negated: Bits of the regions that it calls clear.
        implied: Tokens that were read as a side that the text does not say.
        header: The counting head of a caption.
        count: The number that it counts.
        laterality: What the text says about sides as a whole.
        summary: Token of a "bilateral" that sums up the list behind it, or -1.
    """

    scan: Scan
    phrases: list[Phrase] = field(default_factory=list)
    affirmed: int = 0
    negated: int = 0
    implied: set[int] = field(default_factory=set)
    header: Header | None = None
    count: int | None = None
    laterality: Literal["bilateral", "unilateral"] | None = None
    summary: int = -1


def sentence_bounds(codes: str, token: int) -> tuple[int, int]:
    """Return the first token of the sentence around `token`, and the mark that ends it or the end of the text."""
    end = codes.find(".", token)
    return codes.rfind(".", 0, token) + 1, len(codes) if end < 0 else end


class Exceptions:
    """The phrases whose sentence leaves out of them what is affirmed: "clear lungs except for the left base".

    Args:
        scan: The scanned text.
    """

    def __init__(self, scan: Scan) -> None:
        self._codes = scan.codes
        excepting = (token for token, sense in enumerate(scan.senses) if sense.kind in _EXCEPTING)
        self._sentences = {sentence_bounds(scan.codes, token)[0] for token in excepting}

    def __contains__(self, phrase: Phrase) -> bool:
        return bool(self._sentences) and sentence_bounds(self._codes, phrase.first)[0] in self._sentences

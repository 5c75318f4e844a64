"""Statement: what a text says of each region of an atlas, as the reader finds it and the writer changes it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

from crossmodal_aug.anatomy.atlas.lexicon import Sense

Laterality = Literal["bilateral", "unilateral"]
MIRROR_MARK = " (mirrored)"


@dataclass(slots=True, eq=False)
class Term:
    """A word of a text, or several that have one meaning together.

    Args:
        kind: What part it plays; mostly that of its sense.
        sense: What it means.
        start: Offset of its first character.
        end: Offset behind its last character.
        flipped: Whether it carries an odd number of mirror marks and so means the other side.
    """

    kind: str
    sense: Sense
    start: int
    end: int
    flipped: bool = False


@dataclass(slots=True, eq=False)
class Phrase:
    """One mention of a position: a run of terms and what it names.

    Args:
        first: Its first term.
        last: Its last term.
        link: Kinds of the terms between it and the conjunct before it in the same group, () for the first.
        sided: Bits per axis, where words that imply a side are read with a side at hand.
        unsided: Bits per axis, where they are read without one.
        place: Bits of words that name side and zone at once.
        noun: Whether a noun ("lung") closes it.
        zone: Whether a word names a zone by itself ("base").
        plural: Whether it speaks of both sides unless one is stated.
        spread: Whether that is because of a word that names a zone ("bases"), whatever its noun.
        whole: Whether it says "all".
        both: Whether its side is "both" or "bilateral".
        mask: The regions that it names.
        negated: Whether the text calls them clear.
        cue: First and last term of the words that deny it, or None.
        lent: Whether it got its side from a "bilaterally" or "on the left" behind it.
        waits: Whether a side is its last word, so that a noun may follow in the next conjunct.
        filler: Whether it only fills a slot of the caption's template.
        exception: Whether it is what an "except" leaves out of a wider place.
        members: Conjuncts that share a side, a level or the noun with it.
    """

    first: int
    last: int
    link: tuple[str, ...]
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
    cue: tuple[int, int] | None = None
    lent: bool = False
    waits: bool = False
    filler: bool = False
    exception: bool = False
    members: list[Phrase] = field(default_factory=list)

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
        """Whether nothing but side and level words tells that it speaks of a place."""
        return not (self.noun or self.zone or self.place)

    @property
    def implies_side(self) -> bool:
        """Whether a word of it implies a side that none of its words says."""
        return not self.side and self.sided != self.unsided

    def give_side(self, side: int) -> None:
        """Add a side that other words state, to it and to its conjuncts."""
        for part in (self, *self.members):
            part.sided[0] |= side
            part.unsided[0] |= side

    def give_levels(self, other: Phrase) -> None:
        """Take over what another phrase states beside its side."""
        self.sided[1:], self.unsided[1:] = other.sided[1:], other.unsided[1:]

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


@dataclass(slots=True, eq=False)
class Header:
    """A caption's counting head, "Bilateral pulmonary infection, two infected areas".

    Args:
        first: Its first term.
        laterality: The term that says "bilateral", "unilateral" or "no", or -1 where none does.
        number: The term that counts.
        noun: The term of what is counted.
        stop: One past the last term of the list behind it.
    """

    first: int
    laterality: int
    number: int
    noun: int
    stop: int


@dataclass(slots=True, eq=False)
class Statement:
    """What a text says.

    Args:
        text: The text.
        terms: Its words.
        kinds: The kind of each term.
        sentences: First term of each sentence and the term that ends it; headings and asides are left in.
        silent: Sentences that say nothing of the image at hand: those of an indication, a history, a comparison.
        phrases: Position phrases in text order, those that name no region left out.
        affirmed: Bits of the regions where the text places something.
        negated: Bits of the regions that it calls clear and places nothing in.
        implied: Terms that were read as a side that the text does not say.
        rest: First and last term of an "otherwise clear" that speaks of all that the text does not name, or None.
        cleared: Bits of what an "is otherwise clear" says of its subject.
        denial: First and last term of a denial that is not bound to a place ("No infection."), or None.
        unplaced: Whether it places nothing and tells of a finding all the same.
        header: The counting head of a caption.
        count: The number that it counts.
        laterality: What the text says about sides as a whole.
        summary: Term of a "bilateral" that sums up the list behind it, or -1.
        unread: First and last term of what stands like a finding at a side and is not known.
    """

    text: str
    terms: list[Term]
    kinds: list[str]
    sentences: list[tuple[int, int]] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    phrases: list[Phrase] = field(default_factory=list)
    affirmed: int = 0
    negated: int = 0
    implied: set[int] = field(default_factory=set)
    rest: tuple[int, int] | None = None
    cleared: int = 0
    denial: tuple[int, int] | None = None
    unplaced: bool = False
    header: Header | None = None
    count: int | None = None
    laterality: Laterality | None = None
    summary: int = -1
    unread: list[tuple[int, int]] = field(default_factory=list)

    @property
    def placed(self) -> bool:
        """Whether the text says where something is, or that nothing is there."""
        if self.affirmed or self.unplaced:
            return bool(self.affirmed)
        return bool(self.negated) or self.denial is not None

    def said(self, first: int, last: int) -> str:
        """Return the words of the text from one term to another."""
        return self.text[self.terms[first].start : self.terms[last].end]

    def sentence_of(self, term: int) -> tuple[int, int]:
        """Return the first term of the sentence around a term, and the term that ends it or the number of terms."""
        place = bisect_right(self.sentences, (term, len(self.kinds))) - 1
        if place >= 0 and term <= self.sentences[place][1]:
            return self.sentences[place]
        return term, term

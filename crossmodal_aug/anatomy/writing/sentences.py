"""Sentences: one sentence written anew, so that its places name other regions."""

from __future__ import annotations

from itertools import pairwise

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.writing.bonds import bond_edits, check_plain
from crossmodal_aug.anatomy.writing.clauses import Span, clauses_without
from crossmodal_aug.anatomy.writing.clearing import clearing_edits, contradicts
from crossmodal_aug.anatomy.writing.cutting import NUMBERING
from crossmodal_aug.anatomy.writing.edits import Edit, overlap, spliced_part
from crossmodal_aug.anatomy.writing.exchange import exchange_edits
from crossmodal_aug.anatomy.writing.flipping import flipped_edits
from crossmodal_aug.anatomy.writing.nature import check_sides
from crossmodal_aug.anatomy.writing.places import FINDINGS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import parts_of, word_list
from crossmodal_aug.errors import CannotSay, shown

Moves = dict[Place, int]
_JOINTS = frozenset({"comma", "and", "or", "with", "stop", "dash", "slash"})
_LEADING = frozenset({"comma", "and", "stop", "with", "dash"})
_GONE = frozenset({"absent", "resolved"})
_NAMED = frozenset({"structure", "device", "space", "identity", "clear"})
_EXCEPTING = frozenset({"except", "sparing"})
# No sentence that reads well has more; what is longer is not followed word by word.
_MOST_PLACES = 24
_MOST_HEADING = 5


def written_sentence(source: Source, sentence: Sentence, moves: Moves, target: int, *, is_later: bool) -> str | None:
    """Write a sentence so that its places name what they should.

    Args:
        source: The text.
        sentence: The sentence.
        moves: For each affirmed place of the text the regions that it should name, 0 for what goes.
        target: Bits of all regions to state.
        is_later: Whether the text has stated some of them before this sentence.

    Returns:
        The sentence, "" where it stays as it is, or None where it goes.

    Raises:
        CannotSay: It would not read well.
    """
    return _Rewriting(source, sentence, moves, target, is_later=is_later).result()


class _Rewriting:
    def __init__(self, source: Source, sentence: Sentence, moves: Moves, target: int, *, is_later: bool) -> None:
        self.source = source
        self.sentence = sentence
        self.target = target
        self.is_later = is_later
        self.moves = {place: moves[place] for place in sentence.affirmed if place in moves}
        self.changed = {place: mask for place, mask in self.moves.items() if mask != place.mask}
        self.going = [place for place, mask in self.moves.items() if not mask]
        self.conflicts = [place for place in sentence.denied if contradicts(source, sentence, place, target)]

    def result(self) -> str | None:
        if not self.changed and not self.conflicts:
            return ""
        if len(self.moves) + len(self.conflicts) > _MOST_PLACES:
            raise declined("a sentence names too many places")
        if self.going and len(self.going) == len(self.moves):
            return self._without_all()
        check_sides(self.source, self.sentence, self.moves)
        if self._is_flipped():
            return self._flipped()
        edits = self._clearing_edits()
        if edits is None:
            return self._flipped() if self._is_flip_of_denial() else None
        edits += self._exchanges()
        if self.going:
            return self._parted(*clauses_without(self.source, self.sentence, self.going), edits)
        return self._spliced(edits)

    def _said(self, place: Place) -> str:
        return self.source.said(place)

    def _exchanges(self) -> list[Edit]:
        moved = {place: mask for place, mask in self.changed.items() if mask}
        if not moved:
            return []
        self._check_neighbours(moved)
        self._check_contrast()
        self._check_exceptions(moved)
        self._check_gone()
        edits = bond_edits(self.source, self.sentence, moved)
        for place, mask in moved.items():
            edits += exchange_edits(self.source, self.sentence, place, mask)
        check_plain(self.source, self.sentence)
        return edits

    def _check_neighbours(self, moved: Moves) -> None:
        """Refuse to move one of two places that belong together: "in the mid lung, probably the upper lobe"."""
        kinds, seen = self.source.kinds, 0
        for place, mask in self.moves.items():
            if place.borrowed:
                raise declined(f"other words say a part of {shown(self._said(place))}")
            if kinds[place.last + 1 : place.last + 2] == ["mainly"]:
                raise declined(f"{shown(self._said(place))} says where it mainly is")
            if mask & seen:
                raise declined("a sentence would say the same place twice")
            seen |= mask
        for one, other in pairwise(self.moves):
            between = kinds[one.last + 1 : other.first]
            has_finding = not (FINDINGS | {"state"}).isdisjoint(between) or (one.head < 0 <= other.head)
            apart = has_finding and not _JOINTS.isdisjoint(between)
            if (one in moved) != (other in moved) and not apart:
                raise declined(f"{shown(self._said(one))} and {shown(self._said(other))} belong together")

    def _check_exceptions(self, moved: Moves) -> None:
        """Refuse to take what is excepted out of what it is excepted from: "the right lung is clear but for ..."."""
        kinds = self.source.kinds[self.sentence.begin : self.sentence.end]
        if _EXCEPTING.isdisjoint(kinds) or not self.sentence.denied:
            return
        outer = 0
        for place in (*self.sentence.denied, *moved):
            outer |= place.mask
        if any(mask & ~outer for mask in moved.values()):
            raise declined("what is excepted would lie elsewhere")

    def _check_contrast(self) -> None:
        """Refuse a sentence that names what stays clear in passing: "affects the left lower zone but not the right"."""
        words = " ".join(self.source.words(self.sentence.begin, self.sentence.end))
        if "but not" in words or "rather than" in words or "elsewhere" in words:
            raise declined("it says in passing where it is not")

    def _check_gone(self) -> None:
        """Refuse a sentence that says of something that it is gone, and not clearly of what: "which is not seen"."""
        cues = {term for place in self.sentence.denied for term in place.phrases[0].cue or ()}
        for term in range(self.sentence.begin, self.sentence.end):
            if self.source.kinds[term] in _GONE and term not in cues:
                raise declined(f"{shown(self.source.word(term))} may be said of what moves")

    def _clearing_edits(self) -> list[Edit] | None:
        """Return the edits by which clear places leave out the target, or None where the sentence must go."""
        edits: list[Edit] = []
        for place in self.conflicts:
            own = clearing_edits(self.source, self.sentence, place, self.target, is_later=self.is_later)
            if own is not None:
                edits += own
            elif self.moves and not place.mask & ~self.target:
                self.going.append(place)  # nothing of it stays clear, its clause goes
            elif self.moves or (place.mask == self.source.lexicon.full and place.mask & ~self.target):
                raise declined(f"{shown(self._said(place))} is called clear")
            else:
                return None
        return edits

    def _is_flipped(self) -> bool:
        """Return whether all that the sentence names comes to lie on the other side."""
        flipped = self.source.lexicon.mirrored_mask
        if not self.changed or any(mask != flipped(place.mask) for place, mask in self.moves.items()):
            return False
        return all(not flipped(place.mask) & self.target for place in self.sentence.denied)

    def _is_flip_of_denial(self) -> bool:
        """Return whether "no effusion on the left" can go to the side from which all that is placed comes."""
        flipped = self.source.lexicon.mirrored_mask
        if self.moves or self.target != flipped(self.source.statement.affirmed):
            return False
        known = self.target | self.source.statement.negated
        denies = all(
            self.source.kinds[place.phrases[0].cue[1]] == "denies"
            for place in self.sentence.denied
            if place.phrases[0].cue
        )
        return denies and all(not flipped(place.mask) & known & ~place.mask for place in self.sentence.denied)

    def _flipped(self) -> str:
        if self.changed:
            self._check_gone()
        if "residual" in self.source.words(self.sentence.begin, self.sentence.end):
            raise declined("'residual' hangs on what is named now")
        flipped = self.source.lexicon.mirrored_mask
        places = (*self.changed, *self.sentence.denied)
        return self._spliced(flipped_edits(self.source, self.sentence, {p: flipped(p.mask) for p in places}))

    def _without_all(self) -> str | None:
        """Return what the sentence says beside its places, all of which go; None where that is nothing."""
        try:
            stay, go = clauses_without(self.source, self.sentence, [*self.going, *self.conflicts])
        except CannotSay:
            return None
        kept = {kind for begin, end in stay for kind in self.source.kinds[begin:end]}
        if kept.isdisjoint((FINDINGS | _NAMED) - {"growth"}):
            return None  # "no change since yesterday"
        words = parts_of(word for span in stay for word in self.source.words(*span))
        if not self.target and words & word_list("bonds", "referring"):
            return None  # "otherwise clear lungs"
        return self._parted(stay, go, [])

    def _parted(self, stay: list[Span], go: list[Span], edits: list[Edit]) -> str:
        """Return the clauses that stay, with their edits."""
        source, kinds = self.source, self.source.kinds
        first, stop = stay[0][0], stay[-1][1]
        if first > self.sentence.begin or kinds[first] == "stop":
            while kinds[first] in _LEADING:
                first += 1
        gone = [(source.terms[a - 1].end, source.terms[b - 1].end, "") for a, b in go if first < a < stop]
        start, end = source.terms[first].start, source.terms[stop - 1].end
        kept = [edit for edit in edits if start <= edit[0] and edit[1] <= end]
        kept = [edit for edit in kept if not any(a <= edit[0] < b for a, b, _ in gone)]
        if first > self.sentence.begin and source.word(first) == "without":
            kept.append(source.edit(first, first, source.fitted("no", first, first)))
        return self._heading(first) + self._capitalised(start, end, [*gone, *kept])

    def _heading(self, first: int) -> str:
        """Return the heading of a sentence that begins anew at a term: "PTX:" of "PTX: right yes, left no"."""
        terms, kinds, begin = self.source.terms, self.source.kinds, self.sentence.begin
        places = (*self.moves, *self.sentence.denied)
        stop = min((place.first for place in places), default=begin)
        colon = next((term for term in range(begin, min(stop, begin + _MOST_HEADING)) if kinds[term] == "colon"), -1)
        if colon < 0 or first <= colon:
            return ""
        return self.source.text[terms[begin].start : terms[colon].end] + " "

    def _spliced(self, edits: list[Edit]) -> str:
        terms = self.source.terms
        return self._capitalised(terms[self.sentence.begin].start, terms[self.sentence.end - 1].end, edits)

    def _capitalised(self, start: int, stop: int, edits: list[Edit]) -> str:
        if overlap(edits):
            raise declined("words that must change stand inside each other")
        old = self.source.text[start:stop]
        text = "".join(
            capitalised(part) if order and self.source.text[first].isupper() else part
            for order, (first, part) in enumerate(self._parts(start, stop, edits))
        )
        if text.count("(") - text.count(")") != old.count("(") - old.count(")"):
            raise declined("a bracket would stay open")
        opening = self.source.text[self.source.terms[self.sentence.begin].start]
        return capitalised(text) if opening.isupper() else text

    def _parts(self, start: int, stop: int, edits: list[Edit]) -> list[tuple[int, str]]:
        """Return a part of the text, parted anew behind each heading and list number, with the edits made."""
        source, begin = self.source, self.sentence.begin
        cuts = [start]
        for term in range(begin + 1, self.sentence.end):
            at = source.terms[term].start
            opens = source.kinds[term - 1] == "colon" or NUMBERING.issuperset(source.kinds[begin:term])
            if opens and start < at < stop and not any(first < at < last for first, last, _ in edits):
                cuts.append(at)
        return [
            (first, spliced_part(source.text, first, last, [e for e in edits if first <= e[0] and e[1] <= last]))
            for first, last in zip(cuts, [*cuts[1:], stop], strict=True)
        ]

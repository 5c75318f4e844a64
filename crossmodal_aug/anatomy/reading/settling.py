"""Settling phrases in reports: which ones speak of the atlas's regions, and on which side."""

from __future__ import annotations

from bisect import bisect_left

from crossmodal_aug.anatomy.reading.kinds import FINDINGS, REACH, VERBS, follows, follows_back, head_after, is_led_to
from crossmodal_aug.anatomy.reading.neighbours import NEIGHBOURS, belongs_to_neighbour, places_device, speaks_of_regions
from crossmodal_aug.anatomy.statement import Phrase, Statement

_ASKING = frozenset({"side", "sides", "laterality", "distribution", "location", "site", "involvement", "position"})
_PREDICATES = VERBS | {"clear", "absent", "resolved", "state", "denies", "affirmation"}


def settle(statement: Statement, phrases: list[Phrase], begin: int, end: int) -> list[Phrase]:
    """Decide which phrases of a report's sentence name regions, and complete those that lack a side.

    Args:
        statement: The words of the text; what stands like a finding at a side and is not known goes to its `unread`.
        phrases: The position phrases of the sentence.
        begin: First term of the sentence.
        end: One past its last term.

    Returns:
        The phrases that name regions.
    """
    return _Settler(statement, phrases, begin, end).settled()


class _Settler:
    def __init__(self, statement: Statement, phrases: list[Phrase], begin: int, end: int) -> None:
        self.statement = statement
        self.kinds = statement.kinds
        self.phrases = phrases
        self.begin = begin
        self.end = end
        self.kept: list[Phrase] = []
        inside = self.kinds[begin:end]
        self.compares, self.devices = "compared" in inside, "device" in inside
        self.degrees, self.thans = "degree" in inside, "than" in inside

    def settled(self) -> list[Phrase]:
        """Return the phrases that name regions."""
        for order, phrase in enumerate(self.phrases):
            head, at = head_after(self.kinds, phrase.last + 1, self.end)
            if head in NEIGHBOURS or (self.compares and self._is_comparator(phrase)):
                continue
            if phrase.bare:
                self._settle_bare(order, phrase, head, at)
            elif self._names_regions(order, phrase, head):
                self.kept.append(phrase)
        return self.kept

    def _names_regions(self, order: int, phrase: Phrase, head: str) -> bool:
        """Return whether a phrase with a noun or a zone is a place of the atlas, and of a finding."""
        if self.devices and places_device(self.statement, phrase, head, self.begin, self.end):
            return False
        if self.degrees and phrase.noun and not phrase.levelled and self._is_remark(order, phrase):
            return False
        return speaks_of_regions(self.statement, phrase, self.begin, self.end)

    def _settle_bare(self, order: int, phrase: Phrase, head: str, at: int) -> None:
        """Settle a phrase of side and level words alone."""
        if not phrase.side:
            earlier = self.kept[-1] if self.kept else None
            if earlier is not None and (
                follows_finding(self.statement, earlier, phrase, self.end) or self._is_end_of(earlier, phrase)
            ):
                self.kept.append(phrase)
            return
        following = self.phrases[order + 1] if order + 1 < len(self.phrases) else None
        if following is not None and at == following.first and not (following.side or following.place):
            # "right streaky basilar opacity": one phrase with words between.
            following.give_side(phrase.side)
            following.first, following.both = phrase.first, phrase.both
        elif (self.thans and self._is_compared(phrase) and (self._is_said(phrase) or self._is_covered(order))) or (
            self.degrees and self._is_remark(order, phrase)
        ):
            return
        elif (
            head in FINDINGS | {"count noun"}
            or self.kinds[phrase.first - 1 : phrase.first] == ["clear"]
            or self._is_contrasted(phrase, following)
            or phrase.levelled
            or self._opens_heading(phrase)
            or self._is_named(phrase)
            or self._is_subject(phrase)
            or self._takes_level(order, phrase)
        ):
            self.kept.append(phrase)
        else:
            self._look_around(phrase)

    def _is_end_of(self, earlier: Phrase, phrase: Phrase) -> bool:
        """Return whether a bare level is a place inside one named before: "left lung shows shadowing at the top"."""
        kinds = self.kinds
        closes = phrase.last + 1 >= self.end or kinds[phrase.last + 1] in ("comma", "and", "stop")
        led = kinds[max(self.begin, phrase.first - 2) : phrase.first] == ["in", "article"]
        return closes and led and bool(earlier.side) and not earlier.levelled

    def _is_comparator(self, phrase: Phrase) -> bool:
        """Return whether a phrase is only what something else is compared to: "compared to the left"."""
        index = follows_back(self.kinds, phrase.first - 1, {"of", "article", "modifier"}, self.begin)
        return index >= self.begin and self.kinds[index] == "compared"

    def _is_compared(self, phrase: Phrase) -> bool:
        behind = self.kinds[phrase.last + 1] if phrase.last + 1 < self.end else ""
        before = self.kinds[max(self.begin, phrase.first - 3) : phrase.first]
        return "than" in phrase.link or behind == "than" or "than" in before

    def _is_said(self, phrase: Phrase) -> bool:
        """Return whether "right greater than left" only repeats sides that "bibasilar" stated before."""
        return any(
            earlier.side & phrase.side == phrase.side
            or earlier.place & phrase.side
            or (not earlier.side and not earlier.place and earlier.levelled)
            for earlier in self.kept[-1:]
        )

    def _is_covered(self, order: int) -> bool:
        """Return whether a later phrase says the place itself: "left worse than right, in the lower lungs"."""
        return any(not (later.bare or later.side) for later in self.phrases[order + 1 : order + 9])

    def _is_remark(self, order: int, phrase: Phrase) -> bool:
        """Return whether a phrase tells only where it is more: "in the bases, worse on the right"."""
        index = follows_back(self.kinds, phrase.first - 1, {"in", "article", "unknown", "modifier", "of"}, self.begin)
        if index < self.begin or self.kinds[index] != "degree" or index < phrase.first - 4:
            return False
        return any(
            not earlier.side & ~phrase.side or earlier.both or not earlier.side for earlier in self.kept[-8:]
        ) or (self._is_covered(order))

    def _opens_heading(self, phrase: Phrase) -> bool:
        """Return whether what ends before a colon is a heading of its own: "Left: small effusion"."""
        behind = follows(self.kinds, phrase.last + 1, {"sided"}, self.end)
        if behind >= self.end or self.kinds[behind] not in ("colon", "dash"):
            return False
        return head_after(self.kinds, behind + 1, self.end)[0] not in NEIGHBOURS

    def _is_subject(self, phrase: Phrase) -> bool:
        """Return whether a bare side is a noun of its own: "the left is opacified", "the right side is clear"."""
        before = self.kinds[phrase.first - 1] if phrase.first > self.begin else ""
        behind = follows(self.kinds, phrase.last + 1, {"sided"}, self.end)
        if self._is_one(behind):
            return True
        if behind >= self.end or self.kinds[behind] not in _PREDICATES:
            return False
        if before not in ("article", "", "comma", "stop", "and", "colon"):
            return False
        return NEIGHBOURS.isdisjoint(self.kinds[max(self.begin, phrase.first - REACH) : phrase.first])

    def _is_contrasted(self, phrase: Phrase, following: Phrase | None) -> bool:
        """Read "not the left but the right base" as two bases."""
        before = follows_back(self.kinds, phrase.first - 1, {"article"}, self.begin)
        if before < self.begin or self.kinds[before] != "denies" or following is None:
            return False
        between = self.kinds[phrase.last + 1 : following.first]
        if between not in (["stop"], ["stop", "article"]) or not following.side or not following.levelled:
            return False
        phrase.give_levels(following)
        return True

    def _is_one(self, index: int) -> bool:
        return index < self.end and self.statement.said(index, index).lower() == "one"

    def _is_named(self, phrase: Phrase) -> bool:
        """Return whether a heading asks for the side that follows: "Distribution: bilateral"."""
        before = phrase.first - 1
        if before < self.begin + 1 or self.kinds[before] != "colon":
            return False
        if any((earlier.side or earlier.place) & phrase.side for earlier in self.statement.phrases[-8:]):
            return False
        return self.statement.said(before - 1, before - 1).lower() in _ASKING

    def _takes_level(self, order: int, phrase: Phrase) -> bool:
        """Complete "more on the right" from "and less on the left basilar scarring"."""
        behind = self.kinds[phrase.last + 1] if phrase.last + 1 < self.end else ""
        if behind not in ("and", "or", "than", "slash"):
            return False
        for other in self.phrases[order + 1 : order + 3]:
            if other.side and other.levelled and not other.bare and other.first - phrase.last < REACH:
                phrase.give_levels(other)
                return True
        return False

    def _look_around(self, phrase: Phrase) -> None:
        """Settle a side that no noun follows: "atelectasis on the left", "right greater than left"."""
        start, stop = self._clause(phrase)
        for earlier in reversed(self.kept):
            if earlier.first < start:
                break
            can_take = not earlier.implies_side or self._is_said_of(earlier.last + 1, phrase.first)
            if earlier.lent or (can_take and not (earlier.side or earlier.place)):
                earlier.give_side(phrase.side)
                earlier.lent = True
                return
            if earlier.side & phrase.side == phrase.side or earlier.place & phrase.side:
                return
            if earlier.implies_side and all(not bits or bits & phrase.side == bits for bits in earlier.unsided[1:]):
                return  # "retrocardiac opacity on the left"
        for index in (*range(phrase.first - 1, start - 1, -1), *range(phrase.last + 1, stop)):
            if self.kinds[index] in NEIGHBOURS:
                return
            if self._counts_as_finding(index, phrase):
                behind = self.kinds[phrase.last + 1] if phrase.last + 1 < self.end else ""
                if behind == "unknown" and "comma" in self.kinds[index : phrase.first] and self._is_unread_noun(phrase):
                    break  # "RUL opacity, left glurb"
                if not belongs_to_neighbour(self.kinds, index, self.begin):
                    self.kept.append(phrase)
                return
        if self._answers():
            self.kept.append(phrase)
            return
        self._note_unread(phrase)

    def _is_unread_noun(self, phrase: Phrase) -> bool:
        """Return whether a word that is not known ends the clause behind a side, as a finding would."""
        at = follows(self.kinds, phrase.last + 1, {"unknown"}, self.end)
        return at >= self.end or self.kinds[at] in ("comma", "and", "close")

    def _answers(self) -> bool:
        """Return whether the sentence answers a question that names a finding: "Is there fluid? Yes, on the left."."""
        statement, kinds = self.statement, self.kinds
        place = max(0, self._place() - 1)
        for back in range(place, max(-1, place - 2), -1):
            begin, end = statement.sentences[back]
            if end < self.begin and end < len(kinds) and statement.said(end, end) == "?":
                return any(kinds[at] in FINDINGS or kinds[at] == "state" for at in range(begin, end))
        return False

    def _place(self) -> int:
        return bisect_left(self.statement.sentences, (self.begin, 0))

    def _counts_as_finding(self, index: int, phrase: Phrase) -> bool:
        kind = self.kinds[index]
        if kind in FINDINGS or kind == "absent":
            return True
        if kind == "state":
            return index < phrase.first
        term = self.statement.terms[index]
        if kind == "denies":
            return term.sense.row == "nothing"
        said = self.statement.text[term.start : term.end].lower()
        return (
            said in ("one", "ones")
            and index > self.begin
            and self.kinds[index - 1] in ("article", "modifier", "unknown")
        )

    def _note_unread(self, phrase: Phrase) -> None:
        """Note a word that is not known and stands like a finding: "left glurb"."""
        at = follows(self.kinds, phrase.last + 1, {"modifier", "sided", "hyphen", "number", "unit"}, self.end)
        last = follows(self.kinds, at, {"unknown"}, min(self.end, at + 3))
        if last > at:
            self.statement.unread.append((phrase.first, last - 1))
            return
        index = phrase.first - 1
        if is_led_to(self.kinds, phrase.first):
            index = follows_back(self.kinds, index, {"in", "near", "article", "of", "modifier"}, self.begin)
            if index >= self.begin and self.kinds[index] == "unknown":
                self.statement.unread.append((index, phrase.last))

    def _is_said_of(self, start: int, end: int) -> bool:
        """Return whether only "region on the" or the like stands between two terms."""
        index = follows(self.kinds, start, {"unknown", "modifier", "count noun", "part"}, min(end, start + 2))
        if index >= end or self.kinds[index] not in ("in", "of"):
            return False
        return follows(self.kinds, index + 1, {"article"}, end) == end

    def _clause(self, phrase: Phrase) -> tuple[int, int]:
        """Return the clause around a phrase inside its sentence."""
        start = max(self.begin, phrase.first - REACH)
        stop = min(self.end, phrase.last + 1 + REACH)
        for index in range(phrase.first - 1, start - 1, -1):
            if self.kinds[index] in ("stop", "otherwise", "except", "dash"):
                start = index + 1
                break
        for index in range(phrase.last + 1, stop):
            if self.kinds[index] in ("stop", "otherwise", "except", "dash"):
                return start, index
        return start, stop


def follows_finding(statement: Statement, one: Phrase, other: Phrase, end: int) -> bool:
    """Return whether `other` only says where the finding at `one` lies: "left lung mass, upper lobe"."""
    kinds = statement.kinds
    is_last = other.last + 1 >= end or kinds[other.last + 1] in ("comma", "colon", "close")
    if not is_last or other.side or not other.levelled or other.first - one.last > 6:
        return False
    at = follows(kinds, one.last + 1, {"modifier", "unknown", "number", "unit"}, other.first)
    return at + 2 == other.first and kinds[at] == "finding" and kinds[at + 1] == "comma"

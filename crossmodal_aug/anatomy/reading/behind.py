"""Denials behind a phrase: "is clear", "has resolved", ": none"."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import (
    DENIALS,
    FINDINGS,
    LOOSE,
    OTHERS,
    PLACES,
    POSITION,
    REACH,
    VERBS,
    follows,
    is_led_to,
)
from crossmodal_aug.anatomy.reading.voids import is_hoped, is_nearly, is_past, is_void
from crossmodal_aug.anatomy.statement import Phrase, Statement

_SUBJECTS = OTHERS | POSITION | FINDINGS | {"article", "device"}
_TAIL = LOOSE | {"and", "stop", "past", "verb", "agreeing verb", "article", "otherwise"}


def _start_of_list(kinds: list[str], first: int, begin: int) -> int:
    """Return the first term of the list of places in which a phrase stands."""
    start = index = first
    while index > max(begin, first - REACH) and kinds[index - 1] in PLACES:
        index -= 1
        start = index if kinds[index] in POSITION else start
    return start


class Behind:
    """Walks from a phrase to the right until something calls it clear, or tells that nothing does.

    Args:
        statement: The words of the text.
        phrase: The phrase.
        begin: First term of its sentence.
        end: One past the last term of its sentence.
    """

    def __init__(self, statement: Statement, phrase: Phrase, begin: int, end: int) -> None:
        self.statement = statement
        self.kinds = statement.kinds
        self.phrase = phrase
        self.begin = begin
        self.end = end
        self.stop = min(end, phrase.last + 1 + REACH)
        # Whether its own noun phrase holds a finding: "opacity in the left base", "left base opacity".
        self.finding = self._is_place_of_finding()
        self.verb = -1
        self.listing = False

    def cue(self) -> tuple[int, int] | None:
        """Return what calls the phrase clear, or None."""
        index = self.phrase.last + 1
        while index < self.stop:
            kind = self.kinds[index]
            if kind in ("clear", "absent", "resolved", "denies"):
                return self._judged(index, kind)
            following = self._step(index, kind)
            if following <= index:
                return None
            index = following
        return None

    def _judged(self, index: int, kind: str) -> tuple[int, int] | None:
        kinds, begin = self.kinds, self.begin
        first = self.verb if self.verb >= 0 and index - self.verb <= 2 else index
        if kind == "clear":
            following = kinds[index + 1] if index + 1 < self.end else ""
            leads_on = (following in POSITION or following in LOOSE) and self._leads_on(index + 1)
            if self.finding or leads_on or self._is_excepted(index) or is_past(kinds, index, begin, self.end):
                return None
            return first, index
        if kind == "denies":
            return (index, index) if self._lacks(index) else None
        if (kind == "resolved" and is_hoped(kinds, index, begin)) or is_nearly(kinds, index, begin):
            return None
        if kind == "absent" and "past" in kinds[index + 1 : min(self.end, index + 3)]:
            return None
        behind = follows(kinds, index + 1, {"in", "article"}, self.end)
        if behind > index + 1 and behind < self.end and kinds[behind] in POSITION and not self.verb >= 0:
            return None
        return first, index

    def _lacks(self, index: int) -> bool:
        """Return whether a denial behind a phrase says that nothing is there: "left lung: no nodules"."""
        kinds = self.kinds
        if is_void(kinds, index, self.end) or (self.finding and index + 1 < self.end):
            return False
        first = self.phrase.first
        if first > self.begin and kinds[first - 1] in FINDINGS - {"space"} and index + 1 < self.end:
            return False  # "calcified granulomas RUL, no cavitation"
        start = _start_of_list(kinds, first, self.begin)
        told = kinds[max(self.begin, start - 2) : start] in (["finding", "comma"], ["count noun", "comma"])
        if told and index + 1 < self.end and kinds[index - 1] == "comma":
            return False  # "consolidation, left lower lobe, no effusion"
        has_finding = False
        for later in range(index + 1, min(self.end, index + 14)):
            kind = kinds[later]
            if kind in ("stop", "dash", "colon", "there", "relative") or (kind == "comma" and has_finding):
                break
            if kind in POSITION - {"side", "both"} and not self.listing:
                return False
            has_finding |= kind in FINDINGS or kind in ("state", "modifier")
        is_free = self.statement.terms[index].sense.row == "absence"
        return has_finding or index + 1 >= self.end or (is_free and self.verb >= 0)

    def _step(self, index: int, kind: str) -> int:
        """Return the next term to look at, or `index` where the way ends."""
        kinds, following = self.kinds, self.kinds[index + 1] if index + 1 < self.end else ""
        if kind in VERBS:
            self.verb = index
            return index + 1
        if kind in FINDINGS or kind == "state":
            if self.verb >= 0 and not self.listing:
                return index
            was = "past" in kinds[max(self.begin, index - 2) : index]
            self.finding |= kind != "space" and not (self.listing or was)
            return index + 1
        if kind == "with":
            return index + (
                following == "denies" or (following == "article" and kinds[index + 2 : index + 3] == ["clear"])
            )
        if kind == "comma":
            return self._comma(index)
        if kind in ("and", "or", "slash"):
            if self.verb >= 0:
                at = follows(kinds, index + 1, _TAIL, self.end)
                clears = at < self.end and kinds[at] in ("clear", "resolved", "absent", "denies")
                return index + clears
            self.listing |= following in _SUBJECTS and not self.finding
            return index + (self.finding or self.listing or following in LOOSE)
        if kind in POSITION:
            before = kinds[index - 2] if kinds[index - 1] == "article" else kinds[index - 1]
            return index + (self.listing or self.verb >= 0 or before in ("of", "in", "open"))
        if kind == "there":
            return index + (is_led_to(kinds, self.phrase.first) and index - self.phrase.last < 3 and not self.finding)
        if kind == "relative":
            at = follows(kinds, index + 1, VERBS | LOOSE, self.end)
            return index + (at < self.end and kinds[at] in ("resolved", "absent"))
        if kind == "stop":
            return self._stop(index)
        if kind == "except":
            return next((at for at in range(index + 1, self.stop) if kinds[at] in VERBS), index)
        if kind == "otherwise":
            return index + (following == "clear")
        if kind in ("dash", "open") and following == "except":
            return next((at for at in range(index + 1, self.stop) if kinds[at] in VERBS), index)
        aside = next((at for at in range(index + 1, self.stop) if kinds[at] == "dash"), -1) if kind == "dash" else -1
        if aside > 0 and aside + 1 < self.end and kinds[aside + 1] in VERBS and FINDINGS.isdisjoint(kinds[index:aside]):
            return aside + 1  # "the left lung - as far as it is seen - is clear"
        if kind == "dash":
            return index + (following in ("absent", "denies", "clear", "resolved"))
        return index + (kind not in ("sparing", "hypothetical", "cut off", "degree", "affirmation"))

    def _is_place_of_finding(self) -> bool:
        """Return whether a preposition leads from a finding to the phrase, or a verb calls it the finding's place."""
        kinds, first = self.kinds, self.phrase.first
        if first > self.begin and kinds[first - 1] in VERBS:
            return True
        if kinds[max(self.begin, first - 3) : first] in (["finding", "unknown", "article"], ["finding", "unknown"]):
            return True  # "fibrosis affects the bases"
        first = _start_of_list(kinds, first, self.begin)
        if first - self.begin > 1 and kinds[first - 1] == "of" and kinds[first - 2] == "space":
            first -= 2  # "beneath the pleura of both lower lobes"
        if not is_led_to(kinds, first):
            return False
        for index in range(first - 1, max(self.begin, first - 16) - 1, -1):
            kind = kinds[index]
            if (kind in FINDINGS and kind != "space") or kind in ("growth", "state", "count noun"):
                return True
            if kind == "unknown" and kinds[index + 1] in ("in", "near"):
                return True
            if kind in ("comma", "stop", "dash", "there", "colon") or (kind in POSITION and kinds[index + 1] != "of"):
                return False
        return False

    def _leads_on(self, index: int) -> bool:
        """Return whether a clear word is said of what follows: "a normal apex", not "clear bilaterally"."""
        kinds = self.kinds
        at = follows(kinds, index, LOOSE, min(self.end, index + 4))
        if at >= self.end or kinds[at] not in POSITION:
            return False
        if kinds[at] == "both" and (at + 1 >= self.end or kinds[at + 1] in ("comma", "sided")):
            return False
        if kinds[at] == "noun" and kinds[self.phrase.last + 1] == "colon":
            return False  # "left: normal lung"
        return self.verb < 0 or kinds[at] in ("zone", "level", "noun", "place")

    def _comma(self, index: int) -> int:
        kinds = self.kinds
        if index + 1 < self.end and kinds[index + 1] == "except":
            return next((at for at in range(index + 1, self.stop) if kinds[at] in VERBS), index)
        if index + 1 < self.end and kinds[index + 1] == "stop":
            beyond = self._stop(index + 1)
            return beyond if beyond > index + 1 else index
        at = follows(kinds, index + 1, _TAIL, self.end)
        kind = kinds[at] if at < self.end else ""
        if kind in ("resolved", "absent") or (kind == "denies" and not self.finding):
            return at
        if kind == "clear" and not self.finding and (at + 1 >= self.end or kinds[at + 1] not in POSITION):
            return at
        aside = next((at for at in range(index + 1, min(self.end, index + 7)) if kinds[at] == "comma"), -1)
        if aside > 0 and aside + 1 < self.end and kinds[aside + 1] in VERBS | {"absent", "resolved", "denies"}:
            inside = kinds[index + 1 : aside]
            if POSITION.isdisjoint(inside) and FINDINGS.isdisjoint(inside):
                return aside + 1  # "the right lung, by contrast, is clear"
        if (
            aside > 0
            and kinds[index + 1] == "compared"
            and kinds[aside + 1 : aside + 2] in (["agreeing verb"], ["verb"])
        ):
            return aside + 1  # "the right lung, unlike the left, is clear"
        if self.finding or self.verb >= 0:
            # "RUL, RML and LLL opacities have resolved" is one list; "left effusion, right base clear" is not.
            return index
        following = follows(kinds, index + 1, {"article", "and"}, self.end)
        # A list of subjects has an "and" before its verb; ", upper zones not involved" is a clause of its own.
        verb = next((at for at in range(index + 1, self.stop) if kinds[at] in VERBS or kinds[at] in DENIALS), self.stop)
        joined = "and" in kinds[index:verb] or "slash" in kinds[index:verb]
        self.listing |= joined and following < self.end and kinds[following] in _SUBJECTS
        return index + (joined and self.listing)

    def _is_excepted(self, index: int) -> bool:
        """Return whether a clear word leaves out a finding of the same place: "unremarkable apart from a granuloma"."""
        kinds = self.kinds
        if index + 1 >= self.end or kinds[index + 1] != "except":
            return False
        rest = kinds[index + 2 : min(self.end, index + 14)]
        return not FINDINGS.isdisjoint(rest) and POSITION.isdisjoint(rest)

    def _stop(self, index: int) -> int:
        kinds = self.kinds
        there = follows(kinds, index + 1, {"there", "and"}, self.end)
        if there < self.end and kinds[there] == "absent":
            return there  # "fluid at the bases, but there is none"
        at = follows(kinds, index + 1, _TAIL, self.end)
        if at >= self.end or kinds[at] != "clear" or self.finding:
            return index
        behind = kinds[at + 1] if at + 1 < self.end else ""
        return at if behind == "both" or behind not in POSITION | LOOSE else index

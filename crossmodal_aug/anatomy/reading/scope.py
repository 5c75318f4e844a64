"""Scope: which phrase a negation reaches, and which noun a bare "left" belongs to."""

from __future__ import annotations

import re

# A head that follows within the noun phrase; a position letter means that the next phrase is the head.
_HEAD = re.compile(r"(?:[umnsdg\-(]{0,6}+|ot?[um]{0,2}(?=X))([FXDKSBLZNPA])")
_LOCATIVE_BEFORE = re.compile(r"[i~][ot]{0,3}$")
_NEAR_BEFORE = re.compile(r"~[ot]{0,3}$")
_COMPARED_BEFORE = re.compile(r"c[ot]{0,2}$")
_PLACED_IN = re.compile(r"m{0,2}F[io]t?")
_SET_OFF = re.compile(r"m{0,2}F,")
_SAID_OF = re.compile(r"[umK]{0,2}[io]t?")
_DENIAL = re.compile(r"[!CR%]")
_MAINLY_BEFORE = re.compile(r"d[it]{0,2}$")
_NO_CHANGE = re.compile(r"![umoFt]{0,4}g")
_CLEAR_BEFORE = re.compile(r"C[um]{0,2}$")
# "Heart is normal, left base scar" without its comma: the clear word is said of what stands before it.
_PREDICATE = re.compile(r"[XNZ]v?C[um]{0,2}$")
_FINDING_AFTER = re.compile(r"[mu]{0,3}F")
# What is nearly, mostly or "near-completely" resolved is still there.
_RESOLVED = r"(?<![~d])(?<![~d]A)(?<![~d]-A)R(?!u?e)"
_RESOLVED_BEFORE = re.compile(_RESOLVED + r"(?:(?<=^R)v)?[otumFid]{0,6}$")
_SPARED_BEFORE = re.compile(r"%[otumSBLZNPA&i]{0,10}$")
# "Lungs are clear", and "hyperexpanded but clear", but not "scarred, otherwise clear lungs".
_CLEAR_AFTER = re.compile(r"[^.;,F!hw]{0,8}?C")
_BUT_CLEAR_AFTER = re.compile(
    r"[^.;,F!hw]{0,8}?(?:,?[;&]{1,2}[umv]{0,3}C(?:B?(?=$|[.,;])|(?!m?[SBLZNPA]))|,[um]{0,2}C(?=$|[.,;]))"
)
_WITHOUT_AFTER = re.compile(r"(?:(?:&t?[umFX]{1,3})?[um]{0,2}v|:)m?![umotn]{0,6}+F")
_RESOLVED_AFTER = re.compile(r"[^.;,!hw]{0,12}?" + _RESOLVED)
# "The lungs, pleura and heart are clear": the phrase is the first of several subjects.
_SUBJECT = re.compile(r"[tumn]{0,4}$")
_CLEAR_TOGETHER = re.compile(r"(?:,t?m{0,2}[FXNSBLZ]{1,4}){0,4}+(?:,?&|/)t?m{0,2}[FXNSBLZ]{1,4}[v:]?[um]{0,2}C")
_CLEAR_LIST_BEFORE = re.compile(r"C[um]{0,2}(?:X,?&?t?){1,3}$")
_LIST_ENDS = re.compile(r"(?:,?&t?[XF])?(?:$|[.,;])")

_OR_AHEAD = re.compile(r"[^.;v!hw]{0,12}?,\|")
_CARRIES_DEVICE = re.compile(r"u{1,3},?wt?[um]{0,2}D")
_LED_TO = re.compile(r"[io~|&,][tum]{0,3}$")
# No noun phrase and no clause of a report is longer; the bound keeps reading linear in the text.
REACH = 40


def head_after(codes: str, token: int) -> tuple[str, int]:
    """Return the letter and the token of the head of the noun phrase that goes on at `token`, or ("", -1)."""
    match = _HEAD.match(codes, token)
    return (match[1], match.start(1)) if match else ("", -1)


def clause_bounds(codes: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    """Return the clause around tokens `first` to `last` inside the sentence `start` to `end`."""
    nearest = max(start, first - REACH)
    farthest = min(end, last + 1 + REACH)
    begin = codes.rfind(";", nearest, first) + 1
    stop = codes.find(";", last + 1, farthest)
    return begin or nearest, farthest if stop < 0 else stop


def denies(codes: str, start: int, end: int) -> bool:
    """Say whether any word of the sentence `start` to `end` can call a region clear."""
    return _DENIAL.search(codes, start, end) is not None


def is_negated(codes: str, first: int, last: int, start: int, end: int) -> bool:
    """Say whether the text calls what tokens `first` to `last` name clear.

    Args:
        codes: Letters of the whole text.
        first: First token of the phrase.
        last: Its last token.
        start: First token of its clause.
        end: One past the last token of its sentence.

    Returns:
        True where a negation before the phrase reaches it, or a word behind it calls it clear or resolved.
    """
    before = codes[start:first]
    cue = before.rfind("!")
    after = codes[last + 1 : min(end, last + 1 + REACH)]
    if cue >= 0 and not _NO_CHANGE.match(before, cue) and _reaches(before[cue:], after):
        return True
    if _RESOLVED_BEFORE.search(before) or is_spared(codes, first, start):
        return True
    if _RESOLVED_AFTER.match(after) or _WITHOUT_AFTER.match(after):
        return True
    return _is_called_clear(before, after)


def _is_called_clear(before: str, after: str) -> bool:
    """Say whether a word before or behind a phrase calls it clear, alone or as one of several subjects."""
    if _CLEAR_BEFORE.search(before) and not (_PREDICATE.search(before) and _FINDING_AFTER.match(after)):
        return True
    if _CLEAR_AFTER.match(after):
        return True
    if "F" not in before[before.rfind(",") + 1 :] and _BUT_CLEAR_AFTER.match(after):
        return True
    if _CLEAR_LIST_BEFORE.search(before) and _LIST_ENDS.match(after):
        return True
    return bool(_SUBJECT.match(before) and _CLEAR_TOGETHER.match(after))


def is_spared(codes: str, first: int, start: int) -> bool:
    """Say whether "sparing" or the like leads to the phrase at token `first`."""
    return bool(_SPARED_BEFORE.search(codes, max(start, first - 11), first))


def _reaches(between: str, after: str) -> bool:
    """Say whether a negation reaches over the letters between it and a phrase.

    It does not pass "with" and "there is", nor a finding to the subject of the next clause ("no effusion the
    lungs are large"). It passes a comma only inside a list that "or" closes: "no effusion, or opacity in the
    left base", but not "no effusion, left base opacity".
    """
    if "w" in between or "h" in between:
        return False
    if after.startswith("v") and "F" in between and not _LED_TO.search(between):
        return False
    if "F" in between.rpartition(":")[0]:  # "no effusion on the left: small one"
        return False
    comma = between.rfind(",")
    return comma < 0 or between[comma + 1 : comma + 2] in ("|", "&", "i") or bool(_OR_AHEAD.match(after))


def opens_heading(codes: str, token: int, start: int) -> bool:
    """Say whether what ends before `token` is a heading of its own: "Left: small effusion"."""
    return codes[token : token + 1] == ":" and head_after(codes, token + 1)[0] not in ("X", "D")


def carries_device(codes: str, token: int) -> bool:
    """Say whether a word that is not known stands at `token`, and is a device: "left chest gizmo, with its tip in"."""
    return bool(_CARRIES_DEVICE.match(codes, token))


def stands_apart(codes: str, first: int, last: int) -> bool:
    """Say whether a phrase is only put behind a neighbour of the lungs: "hiatal hernia, retrocardiac"."""
    return codes[max(0, first - 2) : first] == "X," and codes[last + 1 : last + 2] in ("", ".", ";")


def is_denied_subject(codes: str, first: int, last: int) -> bool:
    """Say whether a phrase is the subject of "neither lung shows"."""
    return codes[max(0, first - 1) : first] == "!" and codes[last + 1 : last + 2] == "v"


def is_located(codes: str, first: int) -> bool:
    """Say whether a preposition of place stands before token `first`."""
    return bool(_LOCATIVE_BEFORE.search(codes, max(0, first - 4), first))


def is_near(codes: str, first: int) -> bool:
    """Say whether a word of proximity stands before token `first`."""
    return bool(_NEAR_BEFORE.search(codes, max(0, first - 4), first))


def is_placed_in(codes: str, start: int, end: int) -> bool:
    """Say whether a finding and a preposition, and nothing else, stand at tokens `start` to `end`."""
    return end - start < 6 and _PLACED_IN.fullmatch(codes, start, end) is not None


def is_set_off(codes: str, start: int, end: int) -> bool:
    """Say whether a finding and a comma, and nothing else, stand at tokens `start` to `end`."""
    return end - start < 5 and _SET_OFF.fullmatch(codes, start, end) is not None


def is_said_of(codes: str, start: int, end: int) -> bool:
    """Say whether only "region on the" or the like stands at tokens `start` to `end`."""
    return end - start < 6 and _SAID_OF.fullmatch(codes, start, end) is not None


def is_mainly(codes: str, first: int) -> bool:
    """Say whether "predominantly" or the like stands before token `first`."""
    return bool(_MAINLY_BEFORE.search(codes, max(0, first - 3), first))


def holds_device(codes: str, first: int, start: int) -> bool:
    """Say whether the phrase at token `first` only tells where a device lies ("sutures in the left apex")."""
    begin = max(start, first - REACH)
    device = codes.rfind("D", begin, first)
    return device >= 0 and not any(mark in codes[device:first] for mark in "F,;w!")


def is_comparator(codes: str, first: int) -> bool:
    """Say whether the phrase at token `first` is only what something else is compared to."""
    return bool(_COMPARED_BEFORE.search(codes, max(0, first - 3), first))

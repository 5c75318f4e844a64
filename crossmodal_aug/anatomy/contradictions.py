"""Places that a text both names and calls clear."""

from __future__ import annotations

from crossmodal_aug.anatomy.cutting import sentence_bounds
from crossmodal_aug.anatomy.phrases import Phrase
from crossmodal_aug.anatomy.reading import Reading
from crossmodal_aug.anatomy.scanner import Scan

_EXCEPTING = frozenset({"except", "excepting verb"})


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


def contradicts_itself(reading: Reading) -> bool:
    """Say whether a text calls a place clear in which it places something.

    Args:
        reading: What the text says.

    Returns:
        True where a clear place holds an affirmed region, unless it is a wider place with an exception.
    """
    doubtful = [phrase for phrase in reading.phrases if phrase.negated and phrase.mask & reading.affirmed]
    if not doubtful:
        return False
    exceptions = Exceptions(reading.scan)
    return any(not phrase.mask & ~reading.affirmed or phrase not in exceptions for phrase in doubtful)

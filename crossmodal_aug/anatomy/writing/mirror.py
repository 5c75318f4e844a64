"""Exchanging left and right in words."""

from crossmodal_aug.anatomy.atlas.tokens import TOKEN
from crossmodal_aug.anatomy.casing import exchanged
from crossmodal_aug.anatomy.statement import MIRROR_MARK, Reading
from crossmodal_aug.anatomy.writing.edits import spliced


def mirrored_text(reading: Reading) -> str:
    """Exchange every word of a mirror pair, and mark or unmark words that imply a side.

    Args:
        reading: What the text says, read with the atlas whose `mirror_words` to exchange.

    Returns:
        The exchanged text. Exchanging twice gives the text that was read.
    """
    scan = reading.scan
    edits: list[tuple[int, int, str]] = []
    for token, sense in enumerate(scan.senses):
        start, end = scan.starts[token], scan.ends[token]
        if sense.mirror is not None:
            words = TOKEN.finditer(scan.text, start, end)
            for word, partner in zip(words, sense.mirror, strict=True):
                new = exchanged(word.group(), partner)
                if new is not None and new != word.group():
                    edits.append((*word.span(), new))
        elif token in reading.implied:
            # An odd number of marks means the other side, so one mark more or less turns the word around.
            edits.append((end - len(MIRROR_MARK), end, "") if token in scan.flipped else (end, end, MIRROR_MARK))
    return spliced(scan.text, edits)

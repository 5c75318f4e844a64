"""Exchanging left and right in words."""

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.lexicon import lexicon_for
from crossmodal_aug.anatomy.reading import read
from crossmodal_aug.anatomy.scanner import MIRROR_MARK
from crossmodal_aug.anatomy.splicing import spliced
from crossmodal_aug.anatomy.tokens import TOKEN, exchanged


def mirrored_text(text: str, atlas: Atlas) -> str:
    """Exchange every word of a mirror pair, and mark or unmark words that imply a side.

    Args:
        text: Any text.
        atlas: The atlas whose `mirror_words` to exchange.

    Returns:
        The exchanged text. Exchanging twice gives `text`.
    """
    reading = read(text, lexicon_for(atlas), atlas.bare)
    scan = reading.scan
    edits: list[tuple[int, int, str]] = []
    for token, sense in enumerate(scan.senses):
        start, end = scan.starts[token], scan.ends[token]
        if sense.mirror is not None:
            words = TOKEN.finditer(text, start, end)
            for word, partner in zip(words, sense.mirror, strict=True):
                new = exchanged(word.group(), partner)
                if new is not None and new != word.group():
                    edits.append((*word.span(), new))
        elif token in reading.implied:
            # An odd number of marks means the other side, so one mark more or less turns the word around.
            edits.append((end - len(MIRROR_MARK), end, "") if token in scan.flipped else (end, end, MIRROR_MARK))
    return spliced(text, edits)

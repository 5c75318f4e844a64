"""Unknown words: what a corpus says that an atlas cannot read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import UNKNOWN, lexicon_for
from crossmodal_aug.anatomy.reading.scanner import scan


def unknown_words(texts: Iterable[str], atlas: Atlas) -> Counter[str]:
    """Count the words that neither the atlas nor the library's plain English lists.

    Most of them say nothing about places and need no entry; those that name a place, or a finding beside a bare
    "left", are what to add to the atlas file. Words of a longer form ("axillary tail") are known inside it alone.

    Args:
        texts: The texts of a corpus.
        atlas: The atlas to read them with.

    Returns:
        For each unknown word, in lower case, how often it comes.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> unknown_words(["Opacity in the left zungula.", "Zungula clear"], LUNG_ZONES)
        Counter({'zungula': 2})
    """
    lexicon = lexicon_for(atlas)
    counts: Counter[str] = Counter()
    for text in texts:
        scanned = scan(text, lexicon)
        for sense, start, end in zip(scanned.senses, scanned.starts, scanned.ends, strict=True):
            word = text[start:end].lower()
            if sense is UNKNOWN and word not in lexicon.single:
                counts[word] += 1
    return counts

"""Words that neither the atlas nor the library's plain English lists, by frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crossmodal_aug.doctor.findings import Finding, Level, listed, several
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import shown

MOST_WORDS = 200


def check_words(study: Study) -> Iterator[Finding]:
    """List the words that are not known; few of them speak of places, and those belong into an atlas file."""
    texts = Counter(row.caption for row in study.rows)
    counts: Counter[str] = Counter()
    for text, times in texts.items():
        for word, inside in study.parser.unknown_words([text]).items():
            counts[word] += times * inside
    if not counts:
        yield Finding("words", Level.GOOD, "words", "Every word is known.", figures={"words": {}})
        return
    told = listed([f"{shown(word, 40)[1:-1]} ({times:,})" for word, times in counts.most_common()], most=8)
    text = f"{several(len(counts), 'word')} unread, which does no harm unless one names a place: {told}."
    yield Finding("words", Level.GOOD, "unread-words", text, figures={"words": dict(counts.most_common(MOST_WORDS))})

"""Sections: what an indication, a history or a comparison says is not a finding of the image at hand."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from crossmodal_aug.anatomy.statement import Statement

_MOST_WORDS = 6


@lru_cache(maxsize=1)
def headings() -> dict[str, tuple[bool, bool]]:
    """Return the headings of `sections.toml`, whether what follows each is a finding, and whether findings begin there.

    Returns:
        Heading, in lower case, to two truths.
    """
    content = tomllib.loads(Path(__file__).with_name("sections.toml").read_text(encoding="utf-8"))
    return {word: (row["finds"], row.get("opens", False)) for row in content["section"] for word in row["words"]}


def read_sections(statement: Statement) -> None:
    """Note the sentences that stand under a heading whose section says nothing of the image at hand.

    Args:
        statement: The words of the text; its `silent` is set.
    """
    if ":" not in statement.text and "\uff1a" not in statement.text:
        return
    headed = _headed(statement)
    opening = [place for place, (_, opens) in headed.items() if opens]
    for place, (finds, _) in sorted(headed.items()):
        # A section lasts until the next heading; with no findings announced behind it, it is one sentence.
        later = next((other for other in sorted(headed) if other > place), len(statement.sentences))
        announced = any(other > place for other in opening)
        if not finds:
            statement.silent.update(range(place, later if announced else place + 1))


def _headed(statement: Statement) -> dict[int, tuple[bool, bool]]:
    """Return which sentences open with a heading, and what `headings` says of it."""
    kinds = statement.kinds
    headed: dict[int, tuple[bool, bool]] = {}
    for place, (begin, end) in enumerate(statement.sentences):
        colon = next((at for at in range(begin, min(end, begin + _MOST_WORDS + 1)) if kinds[at] == "colon"), -1)
        if colon > begin:
            said = " ".join(statement.said(begin, colon - 1).lower().split())
            if said in headings() and "noun" not in kinds[begin:colon]:  # the organ of this atlas
                headed[place] = headings()[said]
            elif said in headings():
                headed[place] = (True, False)
    return headed

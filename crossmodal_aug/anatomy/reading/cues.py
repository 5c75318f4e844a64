"""Cues as data: the rows of `cues.toml` and of a user, checked and spelt out."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crossmodal_aug.anatomy.atlas.words import KINDS
from crossmodal_aug.errors import AtlasError, shown

Category = Literal[
    "denies", "absent", "resolved", "clear", "sparing", "except", "otherwise", "growth", "past", "hypothetical",
    "hoped", "degree", "mainly", "than", "compared", "cut off", "stop", "adverb", "plain", "finding", "structure",
    "device", "identity",
]  # fmt: skip
CATEGORIES: tuple[str, ...] = get_args(Category)
DENYING = frozenset({"denies", "absent", "resolved", "clear", "sparing", "except"})
# What a denial of what follows does not pass, unless its row says otherwise.
_ENDS = ("stop", "there", "relative", "except", "dash", "with", "sparing", "degree")
# Kinds of plain words that no atlas lists.
_PLAIN_KINDS = frozenset({
    "there", "relative", "dash", "with", "comma", "and", "or", "colon", "open", "close", "article", "in", "of", "near",
    "verb", "agreeing verb", "excepting verb", "number", "slash", "hyphen", "affirmation", "whole",
})  # fmt: skip
_CHOICE = re.compile(r"\{([^{}]*)\}")
_MOST_FORMS = 5_000
# What a pattern may ask: there is no lemma and no part of speech here.
_ASKED = frozenset({
    "ORTH", "TEXT", "NORM", "LOWER", "LENGTH", "SHAPE", "OP", "IS_ALPHA", "IS_ASCII", "IS_DIGIT", "IS_LOWER",
    "IS_UPPER", "IS_TITLE", "IS_PUNCT", "IS_SPACE", "IS_STOP", "LIKE_NUM", "PREFIX", "SUFFIX",
})  # fmt: skip


class Cue(BaseModel):
    """One row: words that change what a sentence says of the places around them.

    Args:
        name: What the row is called.
        category: What its words do.
        words: The words, lower case; "{a|b}" stands for either.
        pattern: One spaCy token pattern, in the place of words.
        reach: How many words it reaches at most.
        ends: Kinds of words that it does not pass.
        fits: A sentence that it must change, its places marked "{-...}" denied, "{+...}" affirmed or "{0...}" neither.
        fails: A sentence that it must leave alone, marked in the same way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1)
    category: Category
    words: list[str] = []
    pattern: list[dict[str, Any]] = []
    reach: int = Field(default=40, ge=1, le=40)
    ends: list[str] = list(_ENDS)
    fits: str = ""
    fails: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Cue:
        if bool(self.words) == bool(self.pattern):
            raise ValueError("a cue has `words` or a `pattern`, and not both")
        if not all(word.strip() and word == word.lower() for word in self.words):
            raise ValueError("the words of a cue are in lower case and not empty")
        if any(mark in _CHOICE.sub("", word) for word in self.words for mark in "{}|"):
            raise ValueError('a choice opens with "{", closes with "}" and holds "|"')
        strange = sorted(set(self.ends) - KINDS.keys() - _PLAIN_KINDS - set(CATEGORIES))
        if strange:
            raise ValueError(f"`ends` names kinds of words, and {', '.join(strange)} is none")
        unknown = sorted({key for token in self.pattern for key in token} - _ASKED)
        if unknown:
            raise ValueError(
                f"a pattern cannot ask for {', '.join(unknown)}; it may ask for {', '.join(sorted(_ASKED))}"
            )
        return self

    def forms(self) -> list[str]:
        """Return its words with every choice spelt out."""
        return [form for word in self.words for form in spelt_out(word)]


def spelt_out(word: str) -> list[str]:
    """Return what a form with choices stands for.

    Args:
        word: A form such as "no {longer|} seen".

    Returns:
        Each way to read it.

    Raises:
        AtlasError: It stands for more than 5,000 forms.

    Examples:
        >>> spelt_out("no {longer|} seen")
        ['no longer seen', 'no seen']
    """
    parts = _CHOICE.split(word)
    choices = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > _MOST_FORMS:
        raise AtlasError(
            f"Expected a form to stand for at most {_MOST_FORMS} others, but {shown(word)} stands for {total}."
        )
    return list(dict.fromkeys(" ".join("".join(one).split()) for one in itertools.product(*choices)))


def read_cues(rows: Iterable[Cue | Mapping[str, Any]], where: str) -> tuple[Cue, ...]:
    """Check cue rows.

    Args:
        rows: Cues, or what a TOML file says of them.
        where: What to call their source in errors.

    Returns:
        The cues.

    Raises:
        AtlasError: A row is not as it must be; the message names the row, the field and what came.
    """
    if isinstance(rows, str | Mapping) or not isinstance(rows, Iterable):
        raise AtlasError(f"{where}: Expected cues to be a list of rows, but got {type(rows).__name__}.")
    cues: list[Cue] = []
    for place, row in enumerate(rows):
        if isinstance(row, Cue):
            cues.append(row)
            continue
        if not isinstance(row, Mapping):
            raise AtlasError(f"{where}: Expected cue {place} to be a table, but got {type(row).__name__}.")
        try:
            cues.append(Cue.model_validate(dict(row)))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the row"
            name = row.get("name", f"number {place}")
            raise AtlasError(
                f"{where}: Expected cue {shown(name)} to be right, but {field}: {first['msg']}, got "
                f"{shown(str(first['input'])[:80])}."
            ) from error
    names = [cue.name for cue in cues]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise AtlasError(f"{where}: Expected each cue to have a name of its own, but {shown(twice)} comes twice.")
    return tuple(cues)


@lru_cache(maxsize=1)
def english_cues() -> tuple[Cue, ...]:
    """Return the cues that come with the library.

    Returns:
        The rows of `cues.toml`, in its order.
    """
    path = Path(__file__).with_name("cues.toml")
    return read_cues(tomllib.loads(path.read_text(encoding="utf-8"))["cue"], where=path.name)

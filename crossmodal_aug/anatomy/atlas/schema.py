"""Schema of an atlas file, as strict pydantic models, and the first fault of a file in words.

The description of a field ends "Expected `field` to be ...", and its examples are the values that there are. Importing
pydantic takes its time, so this module is imported when the first file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Predicate
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from crossmodal_aug.anatomy.atlas.faults import hint
from crossmodal_aug.anatomy.atlas.geometry import Frame, Laterality, are_rising
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import KINDS, PATTERNS, is_pattern
from crossmodal_aug.errors import AtlasError, shown


def _is_filled(text: str) -> bool:
    return bool(text.strip())


def _has_words(text: str) -> bool:
    return bool(words_of(text))


def _is_inside(box: list[float]) -> bool:
    return len(box) == 4 and 0 <= box[0] < box[1] <= 1 and 0 <= box[2] < box[3] <= 1


def _pattern(key: str) -> Any:
    return Predicate(lambda text: is_pattern(key, text)), Field(description=PATTERNS[key])


Text = Annotated[str, Predicate(_is_filled), Field(description="a text that is not empty")]
Words = Annotated[str, Predicate(_has_words)]
Pair = Annotated[list[Words], Field(min_length=2, max_length=2)]
Names = Annotated[list[str] | Literal["all"], Field(description='a list of names or "all"')]
Cell = Annotated[int | None, Field(description="a whole number")]
Box = Annotated[list[float], Predicate(_is_inside)]
Cuts = Annotated[
    list[float], Predicate(are_rising), Field(description="a list of numbers that increase strictly inside (0, 1)")
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RegionTable(_Table):
    """A `[[region]]` table: a region, its place and how it is written."""

    name: Text
    phrase: Text
    mirror: Text = ""
    row: Cell = None
    column: Cell = None
    box: Box | None = Field(default=None, description="[y0, y1, x0, x1] inside the image, fractions of its size")
    side: Text = ""
    part: Text = ""

    @model_validator(mode="after")
    def _has_one_place(self) -> RegionTable:
        missing = [key for key in ("row", "column") if getattr(self, key) is None]
        if self.box is not None and len(missing) < 2:
            raise ValueError("to have `row` and `column`, or a `box`, but it has both")
        if self.box is None and missing:
            raise ValueError(f"to have `row` and `column`, or a `box`, but it has no `{missing[0]}`")
        return self


class WordsTable(_Table):
    """A `[[words]]` table: words of one kind with one meaning."""

    kind: Annotated[str, Predicate(KINDS.__contains__)] = Field(
        description="one of the kinds of words", examples=list(KINDS)
    )
    forms: Annotated[list[Words], Field(min_length=1)] = Field(description="a list of words")
    axis: Text = ""
    regions: Names = []
    implied: Names = []
    plural: bool = Field(default=False, description="true or false")

    @model_validator(mode="after")
    def _takes_turns(self) -> WordsTable:
        if self.kind == "count noun" and len(self.forms) % 2:
            raise ValueError(f"to have `forms` that take turns, one and several, but it has {len(self.forms)}")
        return self


class PhrasesTable(_Table):
    """The `[phrases]` table: how regions are put into words."""

    some: Annotated[str, *_pattern("some")]
    whole: Annotated[str, *_pattern("whole")] = ""
    coarse: Annotated[str, *_pattern("coarse")]
    join: Annotated[str, *_pattern("join")]
    present: Annotated[str, *_pattern("present")]
    absent: Annotated[str, *_pattern("absent")]
    absent_caption: Annotated[str, *_pattern("absent_caption")]


class FrameTable(_Table):
    """A `[[frames]]` table: a sentence to choose from where positions are stated anew."""

    name: Text
    text: Annotated[str, *_pattern("frames")]


class AtlasTable(_Table):
    """An atlas file."""

    name: Text
    laterality: Laterality = Field(
        default="viewer", description='"viewer" or "patient"', examples=["viewer", "patient"]
    )
    bare: Literal["finding", "locative"] = Field(
        default="finding", description='"finding" or "locative"', examples=["finding", "locative"]
    )
    frame: Frame | None = Field(default=None, description='"body" or "image"', examples=["body", "image"])
    rows: Cuts = []
    columns: Cuts = []
    mirror_words: list[Pair] = Field(default=[], description="a list of pairs of words")
    region: list[RegionTable] = Field(min_length=1, description="one or more tables written [[region]]")
    words: list[WordsTable] = Field(default=[], description="tables written [[words]]")
    phrases: PhrasesTable = Field(description="a table written [phrases]")
    frames: list[FrameTable] = Field(default=[], description="tables written [[frames]]")


class Vocabulary(_Table):
    """The words of a file, without regions of its own."""

    words: list[WordsTable] = Field(default=[], description="tables written [[words]]")


_LISTED: dict[str, type[_Table]] = {"region": RegionTable, "words": WordsTable, "frames": FrameTable}
_Model = TypeVar("_Model", AtlasTable, Vocabulary)


def validated(model: type[_Model], content: Mapping[str, Any]) -> _Model:
    """Return the tables of a file, of which every field is as it must be.

    Args:
        model: What the file must be.
        content: The parsed file.

    Returns:
        Its tables.

    Raises:
        AtlasError: A key is unknown or missing, or a value is not as it must be; the message names the first such
            fault: its table, its key, what was expected and what came.
    """
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        # A key with a typing error is the reason why another one is missing.
        faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
        raise AtlasError(_in_words(faults[0], model, content)) from None


def entry(key: str, place: int, table: Mapping[str, Any]) -> str:
    """Return what to call an entry of a file in errors.

    Args:
        key: Key of the tables: "region", "words" or "frames".
        place: Index of the entry among them.
        table: The entry.

    Returns:
        Its place, counted from 1, and what tells it from the others, as a part of a sentence.

    Examples:
        >>> entry("words", 2, {"kind": "finding", "forms": ["opacity"]})
        "[[words]] 3, the finding words 'opacity',"
    """
    where = f"[[{key}]] {place + 1}"
    if key != "words":
        name = table.get("name")
        return f"{where}, {shown(name)}," if isinstance(name, str) and name else where
    forms = table.get("forms")
    if not isinstance(forms, list) or not forms:
        return where
    kind = f"{table['kind']} " if table.get("kind") in list(KINDS) else ""
    rest = ", ..." if len(forms) > 3 else ""
    return f"{where}, the {kind}words {', '.join(map(shown, forms[:3]))}{rest},"


def _in_words(fault: ErrorDetails, model: type[_Table], content: Mapping[str, Any]) -> str:
    table, where, path = content, "the atlas", list(fault["loc"])
    is_whole = fault["type"] == "value_error"  # of an entry whose fields are each as they must be
    if path[0] == "phrases" and len(path) > 1:
        model, table, where, path = PhrasesTable, table["phrases"], "[phrases]", path[1:]
    elif path[0] in _LISTED and (len(path) > 2 or is_whole):
        key, place = str(path[0]), int(path[1])
        model, table, path = _LISTED[key], table[key][place], path[2:]
        where = entry(key, place, table)
    if is_whole:
        return f"Expected {where} {fault['ctx']['error']}."
    name = str(path[0])
    if fault["type"] == "extra_forbidden":
        known = sorted(model.model_fields)
        return f"Expected {where} to have only {', '.join(known)}, but got {shown(name)}{hint(name, known)}"
    field = model.model_fields[name]
    if fault["type"] == "missing":
        return f"Expected {where} to have `{name}`, {field.description}, but it is missing."
    value = table[name]
    items = [part for part in path[1:] if isinstance(part, int)]
    came = f"item {items[0] + 1} is {shown(value[items[0]])}" if items else f"got {shown(value)}"
    of = "" if table is content else f" of {where}"
    return f"Expected `{name}`{of} to be {field.description}, but {came}{hint(value, field.examples or ())}"

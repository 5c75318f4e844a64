"""Sheets of captions, xlsx or csv, as people hand them round.

What is forgiven: a byte order mark, blanks around heads and cells, heads in any case and order, columns that nobody
asked for, empty rows, names that Excel took for numbers, semicolons or tabs in place of commas.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from crossmodal_aug.errors import InvalidValueError, reason
from semimedref.data.archives import DAMAGED_ZIP
from semimedref.data.entries import Entry, check_entry

NAME_HEADS, CAPTION_HEADS = ("image",), ("description", "text", "caption")
OTHER_HEADS = {"split": ("split",), "mask": ("mask",), "patient": ("patient",)}
"""Columns that need not be there."""

SUFFIXES = (".xlsx", ".csv")
LONGEST_HEAD = 40
MOST_ROWS = 2**20
"""Rows of the largest sheet that a spreadsheet program makes."""


def is_sheet(path: Path) -> bool:
    """Return whether a file is a sheet, by its name; Excel's lock files (`~$...`) and hidden ones are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(("~$", "."))


def read_sheet(path: Path) -> list[Entry]:
    """Read the entries of a sheet.

    Args:
        path: An xlsx file, whose first sheet is read, or a csv file in UTF-8.

    Returns:
        One entry for each row that is not empty, in their order. Rows are counted as a spreadsheet shows them: the
        heads are row 1.

    Raises:
        InvalidValueError: The file is missing or unreadable, lacks a column, has no rows, or a row lacks its name or
            its caption.
    """
    rows: Iterable[Sequence[object]] = _xlsx_rows(path) if path.suffix.lower() == ".xlsx" else csv_rows(path)
    filled = ((number, cells) for number, cells in enumerate(rows, 1) if any(cell not in (None, "") for cell in cells))
    first = next(filled, None)
    if first is None:
        raise InvalidValueError(f"{path}: expected rows of names and captions, but it is empty.")
    heads = [str(cell or "") for cell in first[1]]
    name, caption = (_column(path, heads, wanted, needed=True) for wanted in (NAME_HEADS, CAPTION_HEADS))
    others = {key: _column(path, heads, wanted, needed=False) for key, wanted in OTHER_HEADS.items()}
    entries = []
    for number, given in filled:
        cells = [*given, *[None] * (len(heads) - len(given))]
        said = {key: _as_name(cells[place]) if place >= 0 else None for key, place in others.items()}
        said["split"] = str(said["split"] or "")
        where = f"{path}, row {number}"
        entries.append(
            check_entry(where, _as_name(cells[name]), cells[caption], heads=(heads[name], heads[caption]), **said)
        )
    if not entries:
        raise InvalidValueError(f"{path}: expected rows of names and captions, but got only the heads.")
    return entries


def named(heads: Sequence[str], most: int = 20) -> str:
    """Return the names of columns as an error lists them: the first of them, each cut short."""
    names = [(head if len(head) <= LONGEST_HEAD else head[: LONGEST_HEAD - 3] + "...") or "(no name)" for head in heads]
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])


def _column(path: Path, heads: list[str], wanted: tuple[str, ...], *, needed: bool) -> int:
    found = [place for place, head in enumerate(heads) if head.casefold() in wanted]
    if len(found) > 1 or (needed and not found):
        raise InvalidValueError(
            f"{path}: expected one column {' or '.join(word.capitalize() for word in wanted)}, but got the columns "
            + named(heads)
            + "."
        )
    return found[0] if found else -1


def _as_name(cell: object) -> object:
    """Names made of digits alone come out of a spreadsheet as numbers."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _strip(row: Iterable[object]) -> list[object]:
    return [cell.strip() if isinstance(cell, str) else cell for cell in row]


def _check_number(path: Path, number: int) -> None:
    if number > MOST_ROWS:
        raise InvalidValueError(f"{path}: expected at most {MOST_ROWS} rows, as a spreadsheet has.")


def _xlsx_rows(path: Path) -> Iterator[list[object]]:
    # Damage shows in any of these, depending on whether the archive, its parts, their XML or its values are hit.
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as workbook:
            sheet = workbook.worksheets[0]
            # Some writers store a wrong extent, which would cut rows off.
            sheet.reset_dimensions()
            # Rows that lack are made up, as many as the number of the next one says.
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                _check_number(path, number)
                yield _strip(row)
    except InvalidValueError:
        raise
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path}: no such file.") from error
    except (
        *(InvalidFileException, OSError, EOFError, SyntaxError, *DAMAGED_ZIP),
        *(KeyError, IndexError, ValueError, TypeError, AttributeError),
    ) as error:
        raise InvalidValueError(f"{path}: not a readable xlsx file ({reason(error)}).") from error


def csv_rows(path: Path) -> list[list[str]]:
    """Read a csv file.

    Args:
        path: A file in UTF-8, with or without byte order mark. Commas part its columns, or else semicolons or tabs,
            by what its first line holds.

    Returns:
        The cells of each row, without the blanks around them.

    Raises:
        InvalidValueError: The file is missing or unreadable.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path}: no such file.") from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{path}: not a csv file in UTF-8 ({error}).") from error
    head = text.lstrip().partition("\n")[0]
    delimiter = next((one for one in ",;\t" if one in head), ",")
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise InvalidValueError(f"{path}: not a readable csv file ({error}).") from error

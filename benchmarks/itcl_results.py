"""The stored results of `itcl_scaling.py`: which cells a new measurement replaces, and which stay."""

FORMS = ("plain", "chunked", "open_clip")


def started(stored, current):
    """Return the stored results to go on with, or empty ones; stop where they were measured in another setting."""
    if stored is None:
        return {**current, "cells": [], "left_out": []}
    other = [f"{name} {stored[name]!r} and now {value!r}" for name, value in current.items() if stored[name] != value]
    if other:
        raise SystemExit(f"The stored results have {', '.join(other)}: --fresh starts anew and forgets them")
    return stored


def merged(results, *, cell=None, left_out=None):
    """Return the results with a cell in place of the one of its form and size; left out counts if none is there."""
    new = cell or left_out
    key = (new["form"], new["size"])
    cells, gaps = ({(old["form"], old["size"]): old for old in results[field]} for field in ("cells", "left_out"))
    if cell:
        gaps.pop(key, None)
        cells[key] = cell
    elif key not in cells:
        gaps[key] = left_out

    def order(item):
        return item["size"], FORMS.index(item["form"])

    return {**results, "cells": sorted(cells.values(), key=order), "left_out": sorted(gaps.values(), key=order)}


def write_whole(path, text):
    """Write a file at once, so that a stop never leaves half of it."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)

"""Captions under pictures, with the words that changed set off."""

from difflib import SequenceMatcher
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

from semimedref.drawing import shortened

LINE = 46
SIZE = 8.5


def compared_words(before: str, after: str) -> list[tuple[str, str]]:
    """Return the words of a text, and those that it lost, each with its fate: "kept", "new" or "gone".

    Example:
        >>> compared_words("upper left lung.", "all left lung.")
        [('upper', 'gone'), ('all', 'new'), ('left', 'kept'), ('lung.', 'kept')]
    """
    old, new = before.split(), after.split()
    words = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            words += [(word, "kept") for word in new[b0:b1]]
        else:
            words += [(word, "gone") for word in old[a0:a1]] + [(word, "new") for word in new[b0:b1]]
    return words


def write_caption(axis: Axes, text: str, *, ink: str, faint: str, accent: str, before: str | None = None) -> None:
    """Write a caption beneath an image, in lines.

    Args:
        axis: The axes that show the image.
        text: The caption.
        ink: Colour of the words.
        faint: Colour of the words that ``before`` had and the caption has not, which are struck through.
        accent: Colour of the words that ``before`` had not.
        before: What the caption was; None sets no word off.
    """
    looks = {"kept": (ink, "normal"), "new": (accent, "bold"), "gone": (faint, "normal")}
    lines: list[list[Artist]] = [[]]
    length = 0
    text, before = shortened(text), None if before is None else shortened(before)
    for word, fate in compared_words(text if before is None else before, text):
        if length + len(word) > LINE:
            lines.append([])
            length = 0
        length += len(word) + 1
        colour, weight = looks[fate]
        # The combining stroke after each letter strikes it through.
        shown = "".join(f"{letter}\u0336" for letter in word) if fate == "gone" else word
        lines[-1].append(TextArea(shown, textprops={"color": colour, "weight": weight, "size": SIZE}))
    rows: list[Artist] = [HPacker(children=line, pad=0, sep=3.2, align="baseline") for line in lines]
    box = VPacker(children=rows, pad=0, sep=2.5, align="left")
    place: dict[str, Any] = {"xycoords": "axes fraction", "box_alignment": (0, 1), "annotation_clip": False}
    axis.add_artist(AnnotationBbox(box, (0.0, -0.03), frameon=False, pad=0, **place))

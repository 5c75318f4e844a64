"""Captions in the words of a template, for models that were trained on one wording."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.terminal import plain
from semimedref.models import ReferringModel

UNREAD_FILE = "unread_captions.txt"


@dataclass(frozen=True)
class Styled:
    """Captions in the words of a template.

    Attributes:
        template: A caption that names regions; its words are those of all.
        texts: The captions in these words; those that could not be read are as they were.
        unread: For the index of each of those, why.
    """

    template: str
    texts: list[str]
    unread: dict[int, str]

    @property
    def note(self) -> str:
        """A line that says how many captions could not be read."""
        return f"{len(self.unread)} of {len(self.texts)} captions could not be read, and are left as they are"

    def unread_list(self, names: Sequence[str]) -> str:
        """Return a line for each caption that could not be read: the name of its image, and why."""
        return "".join(f"{plain(names[index])}: {plain(' '.join(why.split()))}\n" for index, why in self.unread.items())


def in_style(texts: Sequence[str], template: str, parser: PositionParser) -> Styled:
    """Bring captions into the words of a template.

    Args:
        texts: The captions.
        template: A caption that names regions.
        parser: Reads and rewrites them.

    Raises:
        InvalidValueError: The template names no region.
    """
    report = parser(template)
    if not report.regions or report.unread:
        raise InvalidValueError(f"Expected --in-style with a caption that names regions, but got {shown(template)}.")
    return Styled(template, *parser.in_style_many(texts, template))


def usual_caption(texts: Sequence[str], parser: PositionParser) -> str | None:
    """Return the most frequent caption that names regions; None where none does.

    Args:
        texts: Captions.
        parser: Reads them.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> texts = ["Pneumonia.", "Pneumonia.", "Lower left lung.", "Lower left lung.", "Upper left lung."]
        >>> usual_caption(texts, PositionParser(LUNG_ZONES))
        'Lower left lung.'
    """
    for text, _ in Counter(texts).most_common():
        report = parser(text)
        if report.regions and not report.unread:
            return text
    return None


def reads_in_style(model: ReferringModel, parser: PositionParser, template: str) -> None:
    """Make a model read every caption in the words of a template; what cannot be read it gets as it is.

    Args:
        model: The model; its `tokenize` is replaced.
        parser: Reads the captions.
        template: A caption that names regions.
    """
    tokenize = model.tokenize
    model.tokenize = lambda texts: tokenize(parser.in_style_many(texts, template)[0])  # type: ignore[method-assign]

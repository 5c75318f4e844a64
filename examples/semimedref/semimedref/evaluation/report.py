"""report.html: one file that needs no other, no script and no network."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crossmodal_aug import Atlas
from semimedref.evaluation.bootstrap import Interval
from semimedref.evaluation.tables import Table, shown

TEMPLATE = "report.html.jinja"


class Picture(NamedTuple):
    """A picture of the report.

    Attributes:
        path: Its PNG file.
        title: What it shows, in a few words.
        about: The same at more length; stands beneath it.
    """

    path: Path
    title: str
    about: str = ""


class Case(NamedTuple):
    """An image of the gallery.

    Attributes:
        whole: PNG file of the image as it is, without anything drawn on it.
        about: What it is; stands beneath it.
        picture: The image with its mask, and with what was found.
    """

    whole: Path
    about: str
    picture: Picture


class Headline(NamedTuple):
    """A number that stands at the top.

    Attributes:
        name: What it is.
        interval: Its value and limits.
        unit: Of the value.
    """

    name: str
    interval: Interval
    unit: str

    @property
    def text(self) -> str:
        """Value and limits."""
        return shown(self.interval, 1)


def whose_left(atlas: Atlas) -> str:
    r"""Return a sentence that says whose left and right the captions mean.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> whose_left(LUNG_ZONES)
        '"Left" in the captions is the viewer\'s left: the left of the image.'
    """
    where = "left" if atlas.laterality == "viewer" else "right"
    return f'"Left" in the captions is the {atlas.laterality}\'s left: the {where} of the image.'


def report_html(
    title: str,
    about: dict[str, str],
    left: str,
    headlines: Sequence[Headline],
    wrong: Sequence[str],
    tables: Sequence[Table],
    plots: Sequence[Picture],
    gallery: dict[str, list[Case]],
) -> str:
    """Return the report.

    Args:
        title: Its heading.
        about: What was evaluated, how and when, by name; the first four stand at the top too.
        left: Whose left is meant.
        headlines: The numbers at the top.
        wrong: What should be so and is not, a line each.
        tables: In reading order.
        plots: Beneath the tables.
        gallery: Cases by heading.
    """
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    pages.filters["embedded"] = _embedded
    return pages.get_template(TEMPLATE).render(
        title=title,
        lead=" · ".join(list(about.values())[:4]),
        left=left,
        headlines=headlines,
        wrong=wrong,
        tables=tables,
        plots=plots,
        gallery=gallery,
        facts=Table("What was evaluated", ("", ""), tuple(about.items()), words=(0, 1)),
    )


def _embedded(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"

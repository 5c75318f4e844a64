"""report.html: one file that needs no other, no script and no network."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from semimedref.evaluation.bootstrap import Interval
from semimedref.evaluation.tables import Table, shown

CSS = """
:root { color-scheme: light dark; --ink: #1b2430; --faint: #5c6773; --paper: #fbfcfd; --card: #ffffff;
        --line: #d9dfe6; --accent: #1d5f86; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --faint: #9aa5b1; --paper: #14181d; --card: #1c2229; --line: #333c46; --accent: #7cc3ea; }
  img { filter: brightness(.88); }
}
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
.note { color: var(--faint); font-size: .88rem; max-width: 50rem; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
.card, figure { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.card { flex: 1 1 10rem; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--accent);
          font-variant-numeric: tabular-nums; }
.card span { color: var(--faint); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; background: var(--card); }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--faint); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child { min-width: 9rem; }
.pictures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1rem; }
figure { flex: 1 1 26rem; max-width: 34rem; margin: 0; overflow: hidden; }
figure img { width: 100%; display: block; }
figcaption { padding: .5rem .8rem; font-size: .85rem; overflow-wrap: anywhere; }
"""


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


def report_html(
    title: str,
    about: dict[str, str],
    headlines: Sequence[Headline],
    tables: Sequence[Table],
    plots: Sequence[Picture],
    gallery: dict[str, list[Picture]],
) -> str:
    """Return the report.

    Args:
        title: Its heading.
        about: What was evaluated, how and when, by name; the first four stand at the top too.
        headlines: The numbers at the top.
        tables: In reading order.
        plots: Beneath the tables.
        gallery: Cases by heading.
    """
    facts = Table("What was evaluated", ("", ""), tuple(about.items()), words=(0, 1))
    cases = "\n".join(f"<h2>{escape(heading)}</h2>\n{_pictures(pictures)}" for heading, pictures in gallery.items())
    cards = "\n".join(_card(one) for one in headlines)
    lead = " · ".join(about[name] for name in list(about)[:4])
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="note">{escape(lead)}</p>
<div class="cards">
{cards}
</div>
{chr(10).join(table.to_html() for table in tables)}
<h2>Plots</h2>
{_pictures(plots)}
{cases}
{facts.to_html()}
</body>
</html>
"""


def _card(headline: Headline) -> str:
    value, _, limits = shown(headline.interval, 1).partition(" ")
    unit = f" {headline.unit}" if limits else ""
    return (
        f'<div class="card">{escape(headline.name)}<b>{escape(value + unit)}</b>'
        f"<span>{f'95 %: {limits[1:-1]}' if limits else 'no image tells'}</span></div>"
    )


def _pictures(pictures: Sequence[Picture]) -> str:
    return "\n".join(['<div class="pictures">', *map(_figure, pictures), "</div>"])


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(picture.title)}">'
    if not picture.about:
        return f"<figure>{image}</figure>"
    return f"<figure>{image}<figcaption><b>{escape(picture.title)}</b><br>{escape(picture.about)}</figcaption></figure>"

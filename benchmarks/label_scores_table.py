"""Table of `label_scores.py`: means of each method, and how it differs from another by patient."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

import numpy as np
from json_lines import Line
from label_cells import METHODS, TITLES, config_of, method_of, set_of
from label_counts import unpacked
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.paired import Difference, paired
from semimedref.evaluation.tally import Tally
from semimedref.method_settings import MethodSettings
from semimedref.presets import PRESETS

RESAMPLES, EXCHANGES = 2000, 4999
OF_A_METHOD = {one.name for one in fields(MethodSettings)}
OF_A_RUN = ("seed", "split_seed")
ABOUT = ("labels", "model", "size", "steps")
"""Settings that stand in the heading of a comparison; it says of the others only that they are shared."""
PAIRED = ("global Dice", "per-image Dice", "obedience by side", "in other words", "count two")

Group = dict[str, dict[tuple[int, int], Line]]
"""Lines by method, and then by the seed of the run and of its labelled images."""


def table(results: list[Line], counts: list[Line], images: list[Line], against: Sequence[str]) -> Iterator[str]:
    """Markdown: one part for each comparison, then every run that was scored.

    Args:
        results: Lines of scores.
        counts: Lines of counts.
        images: Lines of images.
        against: Names of the methods that the others are compared with.
    """
    yield "# Scores of the runs at few labels\n"
    yield "Test images; checkpoint chosen on the validation set. Percent; mean over a method's runs, and their range."
    yield "*By side* and by zone: Dice under captions narrowed to it, against the mask there (obedience)."
    yield "*Floor*: what is found under the whole caption, scored so. *Crop*: that cut to the place, for which no model"
    yield "need read; **bold** where it beats what the model makes of the narrowed caption. *Other words*: mean of four"
    yield "wordings that are in no training; *in style*: these brought into the words of the training; *two*: the"
    yield "number always says so; *mirrored*: averaged with the mirror image under the mirrored caption.\n"
    tallies = {(line["run"], line["weights"]): line for line in counts}
    known = {line["data"]: line for line in images}
    for (data, about), group in comparisons(results).items():
        yield f"## {about}; test set {data}\n"
        yield from _means(group)
        for one in against:
            yield from _differences(group, tallies, known, one)
    yield "## Every run\n"
    yield "| run | draw | seed | trained at | scored at | Dice | by side | other words | seconds at work |"
    yield "|---|--:|--:|---|---|--:|--:|--:|--:|"
    for line in results:
        config, found = config_of(line), line["scores"]
        cells = (number(found.get(name)) for name in ("global Dice", "obedience by side", "in other words"))
        about = (line["run"], config.get("split_seed", 0), config["seed"], line["trained_at"] or "not noted")
        row = (*about, line["scored_at"], *cells, round(line["processor_seconds"]))
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
    yield from sorted({f"Scored on: {line['machine']}." for line in results})
    yield ""


def comparisons(results: Iterable[Line]) -> dict[tuple[str, str], Group]:
    """Return the newest line of each run that can be compared with others, by test set and by the shared settings."""
    groups: dict[tuple[str, str], Group] = {}
    for line in results:
        if line["scored_at"].endswith("-dirty"):
            continue
        config = config_of(line)
        shared = {name: value for name, value in config.items() if name not in (*OF_A_METHOD, *OF_A_RUN)}
        name = set_of(line)
        told = ", ".join((TITLES.get(name, name), *(f"{name} {shared[name]}" for name in ABOUT)))
        rest = sorted((name, value) for name, value in shared.items() if name not in (*ABOUT, "data"))
        # Two comparisons of one heading differ in a setting that it does not name.
        same = [key for key in groups if key[0] == line["data"] and key[1].startswith(told)]
        about = told
        for key in same:
            other = config_of(next(iter(next(iter(groups[key].values())).values())))
            differing = [f"{name} {value}" for name, value in rest if other[name] != value]
            about = key[1] if not differing else f"{told}, {', '.join(differing)}"
            if not differing:
                break
        runs = groups.setdefault((line["data"], about), {}).setdefault(name_of(line), {})
        runs[config["seed"], config.get("split_seed", 0)] = line
    return groups


def name_of(line: Line) -> str:
    """Return the method of a line, with the ingredients that are not those of its row in the comparison."""
    config, name = config_of(line), method_of(line)
    usual = {**PRESETS[config["method"]], **{key.replace("-", "_"): one for key, one in METHODS[name].items()}}
    other = [f"{key} {config[key]}" for key, value in usual.items() if key in config and config[key] != value]
    return ", ".join((name, *other))


def _means(group: Group) -> Iterator[str]:
    zones = zones_of(group)
    heads = ["method", "runs", "Dice", "per-image", "by side", "floor", "crop"]
    for zone in zones:
        heads += [zone, "crop"]
    heads += ["other words", "in style", "two", "mirrored", "HD95 px", "lesions found", "ECE"]
    yield f"| {' | '.join(heads)} |"
    yield "|---|" + "--:|" * (len(heads) - 1)
    for method, runs in group.items():
        lines = list(runs.values())
        cells = [method, str(len(lines))]
        cells += [spread([score(line, name) for line in lines]) for name in ("global Dice", "per-image Dice")]
        cells += _beside_crop(lines, "obedience by side", floor=True)
        for zone in zones:
            cells += _beside_crop(lines, f"obedience zone {zone}", floor=False)
        names = ("in other words", "in other words, in-style", "count two", "global Dice, mirrored")
        cells += [number(mean(score(line, name) for line in lines)) for name in names]
        cells += [number(mean(other(line, name) for line in lines)) for name in ("hd95", "lesions", "ece")]
        yield f"| {' | '.join(cells)} |"
    yield ""


def zones_of(group: Group) -> list[str]:
    """Return the names of the zones that captions were narrowed to."""
    start = "obedience zone "
    lines = [line for runs in group.values() for line in runs.values()]
    names = [name.removeprefix(start) for line in lines for name in line["scores"] if name.startswith(start)]
    return [name for name in dict.fromkeys(names) if "," not in name]


def _beside_crop(lines: Sequence[Line], name: str, *, floor: bool) -> list[str]:
    values = [score(line, name) for line in lines]
    crop = mean(score(line, f"{name}, crop") for line in lines)
    shown = f"**{number(crop)}**" if crop > mean(values) else number(crop)
    return [spread(values), *([number(mean(score(line, f"{name}, floor") for line in lines))] if floor else []), shown]


def _differences(
    group: Group, tallies: dict[tuple[str, str], Line], images: dict[str, Line], against: str
) -> Iterator[str]:
    if against not in group:
        yield f"{against} was not run here: no differences.\n"
        return
    names = [*PAIRED, *(f"obedience zone {zone}" for zone in zones_of(group))]
    yield f"Less {against} with the same seed and the same labelled images; in brackets the 95 % interval by patient,"
    yield "and behind it, where there are several pairs, that over patients and pairs of runs; p by exchange of"
    yield "patients.\n"
    yield f"| method | pairs | {' | '.join(names)} |"
    yield "|---|--:|" + "--:|" * len(names)
    for method, runs in group.items():
        pairs = [key for key in runs if key in group[against]] if method != against else []
        if not pairs:
            continue
        first, second = ([_tally(tallies, images, one[key]) for key in pairs] for one in (runs, group[against]))
        found = {
            one.name: one
            for one in paired(first, second, Bootstrap(RESAMPLES, seed=0), exchanges=EXCHANGES, only=names)
        }
        cells = (difference(found[name]) if name in found else "" for name in names)
        yield f"| {method} | {len(pairs)} | {' | '.join(cells)} |"
    yield ""


def _tally(tallies: dict[tuple[str, str], Line], images: dict[str, Line], line: Line) -> Tally:
    return unpacked(tallies[line["run"], line["weights"]], images[line["data"]])


def difference(one: Difference) -> str:
    """Return a difference as a cell."""

    def limits(interval: Interval) -> str:
        return f"{interval.low:+.2f} to {interval.high:+.2f}"

    over_runs = "" if one.over_runs is None else f" [{limits(one.over_runs)}]"
    return f"{one.difference.value:+.2f} ({limits(one.difference)}){over_runs}, p {one.p:.4f}"


def score(line: Line, name: str) -> float:
    """Return a score of a line; NaN where it has none."""
    value = line["scores"].get(name)
    return math.nan if value is None else float(value)


def other(line: Line, name: str) -> float:
    """Return one of the other measures of a line; NaN where it is undefined."""
    value = line["other"].get(name)
    return math.nan if value is None else float(value)


def mean(values: Iterable[float]) -> float:
    """Return the mean of some numbers; NaN where one is."""
    return float(np.mean(list(values)))


def spread(values: Sequence[float]) -> str:
    """Return the mean of some numbers, and their range where there are several."""
    if len(values) < 2 or any(map(math.isnan, values)):
        return number(mean(values))
    return f"{mean(values):.2f} ({min(values):.1f} to {max(values):.1f})"


def number(value: float | None) -> str:
    """Return a number as a cell; nothing where it is undefined."""
    return "" if value is None or math.isnan(value) else f"{value:.2f}"

"""Score a checkpoint on the data set that it was trained on, or on another one of the same layout.

python examples/semimedref/evaluate.py runs/NAME
python examples/semimedref/evaluate.py runs/NAME/best.ckpt --out runs/NAME/evaluation
python examples/semimedref/evaluate.py --masks MADE_ELSEWHERE --truth TRUE_MASKS
"""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from semimedref.atlases import parser_for
from semimedref.checkpoints import Trained, load_trained
from semimedref.cli import OneLineParser, add_device, check_device, run, say
from semimedref.data import load_data, load_to_score
from semimedref.data.digest import changed_parts, data_digests
from semimedref.data.samples import DataSet, Samples
from semimedref.evaluation.answers import readings
from semimedref.evaluation.bootstrap import Bootstrap
from semimedref.evaluation.evaluation import evaluate
from semimedref.evaluation.folder import check_new, write_evaluation
from semimedref.evaluation.outside import check_kind, score_masks
from semimedref.evaluation.report import whose_left
from semimedref.evaluation.tables import Table, tables
from semimedref.evaluation.tally import Tally, tally
from semimedref.evaluation.tally_file import write_tally
from semimedref.files import sweep, write_text
from semimedref.mirroring import ABOUT, NOT_TRAINED, averages_mirrored
from semimedref.runs import RunFolder
from semimedref.styling import UNREAD_FILE, Styled, in_style, reads_in_style, usual_caption

from crossmodal_aug import PositionParser, __version__
from crossmodal_aug.errors import InvalidValueError

CHANGED = "images, captions or masks have changed since the model was trained, of these parts:"


def main(arguments: Sequence[str]) -> None:
    """Score a run, or masks from elsewhere."""
    options = parsed(arguments)
    bootstrap = Bootstrap(options.resamples, options.seed)
    # Before the work, which may take long.
    check_new({option: path for option, path in (("--json", options.json), ("--out", options.out)) if path is not None})
    if options.masks is not None:
        score_masks(options, bootstrap)
    else:
        score_run(options, bootstrap)


def score_run(options: Namespace, bootstrap: Bootstrap) -> None:
    """Load checkpoint and data, print the tables, write the report."""
    folder = RunFolder(options.checkpoint) if options.checkpoint.is_dir() else None
    options.checkpoint = options.checkpoint if folder is None else folder.best
    trained = load_trained(options.checkpoint)
    if options.root is not None and trained.config.data == "phantom":
        raise InvalidValueError(
            f"Expected no --root, since {options.checkpoint} was trained on phantoms, which are drawn."
        )
    given = {name: value for name in ("root", "mask_values") if (value := getattr(options, name)) is not None}
    config = replace(
        trained.config, **given, allow_duplicates=options.allow_duplicates or trained.config.allow_duplicates
    )
    # The run's own atlas: the file that it was read from may be gone.
    own = {"atlas": trained.atlas}
    data = load_data(config, **own) if options.root is None else load_to_score(config, options.part, **own)
    changed: list[str] = []
    if options.root is not None:
        # The run has told what it found in its own data.
        say(*data.notes)
    else:
        changed = changed_parts(trained.digests, data_digests(data))
        if changed:
            say(f"note: {CHANGED} {', '.join(changed)}")
    samples = data.test if options.part == "test" else data.valid
    reader = parser_for(data.atlas)
    for model in trained.models.values():
        model.to(options.device)
    say("counting under every kind of captions ...")
    template = template_of(options, data, reader)
    counted = counted_on(options, trained, data, samples, reader, template)
    styled, switched = switched_on(options, trained, samples, reader, template)
    found = evaluate(
        trained,
        samples,
        data.atlas,
        bootstrap,
        counted,
        switched=switched,
        tell=lambda stage: say(f"{stage} ..."),
    )
    settings = asdict(trained.config)
    about = {
        "checkpoint": f"{options.checkpoint}, step {trained.step}",
        "data": f"{config.data}, {options.part} set" + (f", {config.root}" if config.root else ""),
        "images": f"{len(samples)} images, shown to the model at {config.size} x {config.size} pixels",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "left": whose_left(data.atlas),
        "model": f"{found.used} of {config.model}, trained with {config.method} on "
        f"{100 * trained.config.labels:g} % labels",
        "decision": "a pixel is lesion from probability 0.5",
        "bootstrap": f"{options.resamples} samples of the patients, seed {options.seed}",
        "software": f"crossmodal-aug {__version__}, torch {torch.__version__}, on {options.device}",
        "settings of the run": ", ".join(f"{name} {value}" for name, value in settings.items() if value != ""),
    }
    if changed:
        about["data, changed"] = f"{CHANGED} {', '.join(changed)}"
    about |= about_switches(options, trained, styled)
    shown = tables(found, options.resamples)
    tell(about, shown, found.not_as_it_should)
    if folder is not None and options.root is None and options.part == "test":
        sweep(folder.path)
        write_tally(folder.counts, counted)
        say("", folder.counts)
    if options.json is not None:
        write_text(
            options.json, json.dumps({name: one.to_dict() for name, one in found.models.items()}, indent=2) + "\n"
        )
        say("", options.json)
    if options.out is not None:
        stored = {**about, "settings of the run": settings, "step": trained.step, "part": options.part}
        write_evaluation(options.out, found, trained.model, reader, shown, about, stored)
        names = ["report.html", "scores.json", "per_image.csv", RunFolder(options.out).counts.name, "gallery"]
        if styled is not None and styled.unread:
            write_text(options.out / UNREAD_FILE, styled.unread_list(samples.names))
            names.append(UNREAD_FILE)
        say("", *(options.out / name for name in names))


def parsed(arguments: Sequence[str]) -> Namespace:
    """Return the options of the command line, or end the process where they make no sense."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument(
        "checkpoint",
        nargs="?",
        type=Path,
        metavar="RUN",
        help="folder of a run, whose best.ckpt is scored and which keeps the counts of each image, for compare.py; or "
        "one of its checkpoints",
    )
    parser.add_argument("--root", help="folder of the data set, where it is not the one of the run")
    parser.add_argument(
        "--mask-values", help="as in train.py (default: those of the run; with --masks each file tells)"
    )
    parser.add_argument("--allow-duplicates", action="store_true", help="as in train.py (default: as in the run)")
    parser.add_argument("--part", choices=("valid", "test"), default="test", help="what to score (default: test)")
    parser.add_argument("--out", type=Path, help="also write a report with pictures to this folder, which is made")
    parser.add_argument("--json", type=Path, help="also write the plain scores to this file, which must not exist")
    parser.add_argument(
        "--in-style",
        nargs="?",
        const="",
        metavar="TEMPLATE",
        help="read all captions in the words of this one, or without TEMPLATE in those of the most frequent one of the "
        "training",
    )
    parser.add_argument(
        "--mirrored",
        action="store_true",
        help="average over each image and its mirror image, left and right exchanged in its caption",
    )
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="in place of RUN: score the masks in this folder, made by any program"
    )
    parser.add_argument(
        "--truth", type=Path, metavar="DIR", help="with --masks: folder of true masks of the same names"
    )
    parser.add_argument("--resamples", type=int, default=1000, help="bootstrap samples of the patients (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default: 0)")
    add_device(parser)
    options = parser.parse_args(arguments)
    check_kind(parser, options)
    if options.in_style == "" and options.root is not None:
        raise InvalidValueError("Expected --in-style with a TEMPLATE, since --root holds other captions than the run.")
    if options.seed < 0:
        raise InvalidValueError(f"Expected --seed to be 0 or more, but got {options.seed}.")
    check_device(options.device)
    return options


def template_of(options: Namespace, data: DataSet, reader: PositionParser) -> str | None:
    """Return the caption in whose words all are read under a template; None where nothing tells one.

    Raises:
        InvalidValueError: It is asked for, and no training caption names regions.
    """
    if options.in_style:
        return str(options.in_style)
    if options.root is not None:
        # Its captions are not those that the model was trained on.
        return None
    template = usual_caption((*data.labelled.texts, *data.unlabelled.texts), reader)
    if template is None and options.in_style == "":
        raise InvalidValueError("Expected --in-style with a TEMPLATE, since no training caption names regions.")
    if template is None:
        say("note: no training caption names regions, so that nothing is scored in the words of one")
    return template


def counted_on(
    options: Namespace,
    trained: Trained,
    data: DataSet,
    samples: Samples,
    reader: PositionParser,
    template: str | None,
) -> Tally:
    """Count the pixels of the model to use, as it was trained and with every switch on."""
    about = {
        "checkpoint": options.checkpoint.name,
        "step": trained.step,
        "part": options.part,
        "data": data_digests(data)[options.part],
        "template": template,
        "settings": asdict(trained.config),
    }
    return tally(trained.model, samples, reader, readings(template), about=about)


def switched_on(
    options: Namespace, trained: Trained, samples: Samples, reader: PositionParser, template: str | None
) -> tuple[Styled | None, list[str]]:
    """Make the models do what the command line switches on.

    Args:
        options: Those of the command line.
        trained: The models; they are altered.
        samples: What is scored.
        reader: Reads the captions.
        template: In whose words they are read, where that is switched on.

    Returns:
        The captions of the samples in the words of the template, if it is switched on, and the ways of reading as each
        switch is turned on: none where nothing is.
    """
    styled, ways = None, ["raw"]
    if options.in_style is not None and template is not None:
        styled = in_style(samples.texts, template, reader)
        say(f'captions are read in the words of "{template}": {styled.note}')
        for model in trained.models.values():
            reads_in_style(model, reader, template)
        ways.append("in-style")
    if options.mirrored:
        say(ABOUT, *([] if trained.config.flip else [f"note: {NOT_TRAINED}"]))
        for model in trained.models.values():
            averages_mirrored(model, reader)
        ways.append("mirrored" if styled is None else "in-style, mirrored")
    return styled, ways if len(ways) > 1 else []


def tell(about: dict[str, str], shown: Sequence[Table], wrong: Sequence[str]) -> None:
    """Print what was evaluated, the tables, and what should be so and is not."""
    say("", about["checkpoint"], f"{about['data']}, {about['images']}")
    for table in shown:
        say("", *table.to_text().split("\n"))
    if wrong:
        say("", "What should be so, and is not:", *(f"- {line}" for line in wrong))


def about_switches(options: Namespace, trained: Trained, styled: Styled | None) -> dict[str, str]:
    """Return what the report says of the switches, by name."""
    about = {}
    if styled is not None:
        about["captions"] = f'read in the words of "{styled.template}"; {styled.note}'
    if options.mirrored:
        about["mirrored"] = ABOUT + ("" if trained.config.flip else f"; {NOT_TRAINED}")
    return about


if __name__ == "__main__":
    run(main)

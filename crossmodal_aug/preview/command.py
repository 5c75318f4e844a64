"""The command `crossmodal-aug preview`."""

from __future__ import annotations

import argparse
from pathlib import Path

from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.doctor.options import add_atlas, add_data, add_mask_values, add_ops, check_folder
from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.terminal import plain

EPILOG = "example: crossmodal-aug preview --data data/qata --op zone-mix:unit=region,p=1.0 --op sync-flip:p=1.0"


def add_preview(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser("preview", help="write a page that shows samples before and after ops", epilog=EPILOG)
    data = parser.add_argument_group("what to look at")
    add_data(data)
    add_mask_values(data)
    data.add_argument("--part", help="the part that samples come from; default: train where there is one, else all")
    data.add_argument("--samples", type=_positive, default=24, metavar="N", help="how many samples (24)")
    data.add_argument("--size", type=_positive, default=224, metavar="PX", help="side of the images for the ops (224)")
    atlas = parser.add_argument_group("the atlas")
    add_atlas(atlas, default="lung_zones")
    atlas.add_argument("--rows", metavar="CUTS", help="its row cuts, such as 0.31,0.38; default: the atlas's")
    ops = parser.add_argument_group("the ops")
    add_ops(ops, required=True)
    ops.add_argument("--sequence", action="store_true", help="show them run one after the other, too")
    parser.add_argument(
        "--out", type=Path, default=Path("preview.html"), metavar="FILE", help="the page (preview.html)"
    )
    parser.set_defaults(run=run_preview)


def run_preview(options: argparse.Namespace) -> None:
    """Read samples, run the ops, write the page, and say what is in it."""
    # torch, spaCy and the libraries of the page, for this command alone
    from crossmodal_aug.anatomy.parser import PositionParser  # noqa: PLC0415
    from crossmodal_aug.augment.sequential import CrossModalSequential  # noqa: PLC0415
    from crossmodal_aug.doctor.findings import several  # noqa: PLC0415
    from crossmodal_aug.doctor.layouts import read_listing  # noqa: PLC0415
    from crossmodal_aug.doctor.pictures import LARGEST_SIDE  # noqa: PLC0415
    from crossmodal_aug.doctor.specs import op_of  # noqa: PLC0415
    from crossmodal_aug.doctor.values import MaskValues  # noqa: PLC0415
    from crossmodal_aug.functional.checks import LARGEST_SEED, check_between  # noqa: PLC0415
    from crossmodal_aug.preview.page import write_page  # noqa: PLC0415
    from crossmodal_aug.preview.samples import read_samples  # noqa: PLC0415

    check_between("seed", options.seed, 0, LARGEST_SEED)
    check_between("size", options.size, 1, LARGEST_SIDE)
    check_folder("out", options.out)
    rows = None if options.rows is None else _cuts(options.rows)
    atlas = named_atlas(options.atlas).with_geometry(rows=rows, laterality=options.laterality)
    parser = PositionParser(atlas)
    ops = {spec: op_of(spec, parser) for spec in options.op}
    if options.sequence:
        ops["one after the other"] = CrossModalSequential(*ops.values())
    samples = read_samples(
        read_listing(
            options.data,
            layout=options.layout,
            images=options.images,
            masks=options.masks,
            captions=options.captions,
        ),
        part=options.part,
        count=options.samples,
        size=options.size,
        seed=options.seed,
        values=MaskValues.parse(options.mask_values),
    )
    path = write_page(
        options.out,
        ops,
        samples.images,
        samples.texts,
        samples.target,
        names=samples.names,
        seed=options.seed,
        title=f"Before and after: {(options.data or options.captions).resolve().name}",
    )
    size = path.stat().st_size / 1e6
    account = f"{several(len(samples.names), 'sample')}, {several(len(ops), 'op')}, {size:.1f} MB"
    print(f"{plain(str(path))}: {account}")  # noqa: T201
    for told in samples.masks_hold:
        print(f"masks: {plain(told)}")  # noqa: T201


def _cuts(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(cut) for cut in text.split(","))
    except ValueError as error:
        raise InvalidValueError(
            f"Expected `rows` to be numbers with commas between them, such as 0.31,0.38, but got {shown(text)}."
        ) from error


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or not text.strip("0 "):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, but got {shown(text)}")
    try:
        return int(text)
    except ValueError as error:  # thousands of digits
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, but got {shown(text)}") from error

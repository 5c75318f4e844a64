"""Write the labelled images of a data set, and its test images, as nnU-Net (version 2) reads them.

python examples/semimedref/export_nnunet.py --data qata --root DIR --labels 0.05 --out nnUNet_raw/Dataset101_QaTa
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from semimedref.cli import OneLineParser, run, say
from semimedref.config import Config
from semimedref.data.folder_data import SOURCES
from semimedref.nnunet import export
from semimedref.settings import flag

OPTIONS = ("labels", "split", "split_seed", "total", "mask_values")
"""Settings of `train.py` that say which samples are labelled and what their masks hold."""


def main(arguments: Sequence[str]) -> None:
    """Read the data set, write the folder, and print what comes next."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--data", choices=tuple(SOURCES), required=True, help="which data set, as in train.py")
    parser.add_argument("--root", type=Path, required=True, help="its folder")
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder to make, such as nnUNet_raw/Dataset101_QaTa"
    )
    for one in fields(Config):
        if one.name in OPTIONS and isinstance(one.type, type):
            about = one.metadata["about"] + ("" if one.default in ("", 0) else f" (default: {one.default})")
            about = about.replace("%", "%%")
            choices = one.metadata["choices"] or None
            parser.add_argument(flag(one.name), type=one.type, default=one.default, choices=choices, help=about)
    parser.add_argument("--allow-duplicates", action="store_true", help="as in train.py")
    options = parser.parse_args(arguments)
    # The same checks as those of a run on these data.
    atlas = {"atlas": "quadrants"} if options.data == "folder" else {}
    Config(data=options.data, root=str(options.root), **atlas, **{name: getattr(options, name) for name in OPTIONS})
    lines = export(
        options.data,
        options.root,
        options.out,
        labels=options.labels,
        split=options.split,
        total=options.total,
        draw=options.split_seed,
        mask_values=options.mask_values,
        allow_duplicates=options.allow_duplicates,
    )
    number = options.out.name[len("Dataset") :][:3]
    evaluate = Path(__file__).with_name("evaluate.py")
    say(
        *lines,
        options.out,
        "",
        "next:",
        f"  nnUNetv2_plan_and_preprocess -d {number} --verify_dataset_integrity -c 2d",
        f"  nnUNetv2_train {number} 2d all",
        f"  nnUNetv2_predict -i {options.out / 'imagesTs'} -o predicted -d {number} -c 2d -f all",
        f"  python {evaluate} --masks predicted --truth {options.out / 'labelsTs'}",
    )


if __name__ == "__main__":
    run(main)

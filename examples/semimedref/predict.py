"""Segment images by their captions: writes a mask for each, and a picture of it over the image.

python examples/semimedref/predict.py runs/NAME/best.ckpt chest.png "unilateral pulmonary infection, left lung."
python examples/semimedref/predict.py runs/NAME/best.ckpt FOLDER --captions captions.csv --out masks
"""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semimedref.atlases import parser_for
from semimedref.checkpoints import Trained, load_trained
from semimedref.cli import OneLineParser, add_device, check_device, complain, run, say
from semimedref.data.entries import has_half_characters, short
from semimedref.data.formats import not_found
from semimedref.files import sweep, write_text
from semimedref.mirroring import NOT_TRAINED
from semimedref.predictions import Job, Prediction, images_in, jobs_from_csv, jobs_with_one_caption, predict
from semimedref.styling import UNREAD_FILE, in_style

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import CrossModalError, InvalidValueError

SHOWN_NAMES, SHOWN_WORDS = 5, 20
LONGEST_WORD = 255

TURNED = "turned or mirrored, as its EXIF orientation says, and so is the mask"


def main(arguments: Sequence[str]) -> None:
    """Read images and captions, segment, write two files each."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    parser.add_argument(
        "image", type=Path, help="an image like those of the training that Pillow can read, or a folder of them"
    )
    parser.add_argument("caption", nargs="?", help="what to segment; left as in the captions of the training")
    parser.add_argument("--captions", type=Path, help="CSV file with columns image and caption, for a folder")
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to (default: the current one)")
    parser.add_argument("--in-style", metavar="TEMPLATE", help="a caption of the training, in whose words all are read")
    parser.add_argument(
        "--mirrored", action="store_true", help="average over the image and its mirror image, its caption mirrored too"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files of an earlier prediction")
    add_device(parser)
    options = parser.parse_args(arguments)
    check_device(options.device)

    if (options.caption is None) == (options.captions is None):
        raise InvalidValueError("Expected either a caption, or --captions with a CSV file.")
    if options.caption is not None and not options.caption.strip():
        raise InvalidValueError("Expected a caption, but got an empty one.")
    if options.caption is not None and has_half_characters(options.caption):
        raise InvalidValueError(f"Expected a caption in the encoding of this shell, but got {short(options.caption)}.")
    if not options.image.exists():
        raise InvalidValueError(not_found(options.image))
    sweep(options.out)
    how = {"overwrite": options.overwrite, "mirrored": options.mirrored, "template": options.in_style}
    if not options.image.is_dir():
        if options.captions is not None:
            raise InvalidValueError(f"Expected a folder of images with --captions, but got {options.image}.")
        trained = loaded(options)
        reader = parser_for(trained.atlas)
        (job,) = styled([Job(options.image, options.caption)], reader, options)
        report(predict(trained, reader, job, options.out, **how))
        return

    jobs = folder_jobs(options.image, options.caption, options.captions, options.out)
    trained = loaded(options)
    reader = parser_for(trained.atlas)
    jobs = styled(jobs, reader, options)
    failed = 0
    for job in jobs:
        try:
            found = predict(trained, reader, job, options.out, **how)
        except (CrossModalError, OSError) as error:
            failed += 1
            complain(error)
        else:
            words = f"; never met: {listed(found.unknown)}" if found.unknown else ""
            turned = f"; {TURNED}" if found.turned else ""
            named = ", ".join(found.regions) or "no region"
            say(f"{job.image.name}: {named}; {share_of(found)} found{words}{turned}")
    say(f"{len(jobs) - failed} of {len(jobs)} done, in {options.out}")
    if failed:
        raise InvalidValueError(f"{failed} of {len(jobs)} images could not be done.")


def loaded(options: Namespace) -> Trained:
    """Return what the checkpoint holds, on its device, and say where its model never saw a mirrored image."""
    trained = load_trained(options.checkpoint)
    trained.model.to(options.device)
    if options.mirrored and not trained.config.flip:
        say(f"note: {NOT_TRAINED}")
    return trained


def share_of(found: Prediction) -> str:
    """Return the share of the image that was found, and that without the mirror image."""
    return f"{found.share:.1f} %" + ("" if found.raw_share is None else f" ({found.raw_share:.1f} % unmirrored)")


def folder_jobs(folder: Path, caption: str | None, captions: Path | None, out: Path) -> list[Job]:
    """Return what to do in a folder, and print what is left out.

    Raises:
        InvalidValueError: There is nothing to do, the CSV file cannot be read, or ``out`` is the folder itself.
    """
    if out.resolve() == folder.resolve():
        raise InvalidValueError(f"Expected --out to be another folder than that of the images, but got {out} for both.")
    images, others = images_in(folder)
    if captions is None:
        if not images:
            raise InvalidValueError(f"{folder}: expected images, but there is none.")
        print_left_out("no image", others)
        return jobs_with_one_caption(images, caption or "")
    jobs = jobs_from_csv(captions, folder)
    named = {job.image.name for job in jobs}
    print_left_out(f"not named in {captions}", [image.name for image in images if image.name not in named])
    return jobs


def styled(jobs: list[Job], reader: PositionParser, options: Namespace) -> list[Job]:
    """Return jobs with their captions in the words of `--in-style`, and list those that could not be read.

    Raises:
        InvalidValueError: The template names no region, or there is a list of an earlier prediction.
    """
    if options.in_style is None:
        return jobs
    sound = [job for job in jobs if not job.fault]
    found = in_style([job.caption for job in sound], options.in_style, reader)
    say(found.note)
    if found.unread:
        unread = options.out / UNREAD_FILE
        if unread.exists() and not options.overwrite:
            raise InvalidValueError(f"{unread} exists: give --overwrite, or another --out.")
        options.out.mkdir(parents=True, exist_ok=True)
        write_text(unread, found.unread_list([job.image.name for job in sound]))
        say(unread)
    texts = iter(found.texts)
    return [job if job.fault else replace(job, caption=next(texts)) for job in jobs]


def print_left_out(why: str, names: Sequence[str]) -> None:
    """Print how many files are left out, and the first of them."""
    if names:
        say(f"note: {len(names)} left out ({why}): {listed(names, SHOWN_NAMES)}")


def listed(words: Sequence[str], most: int = SHOWN_WORDS) -> str:
    """Return the first of several words or names, each cut short, and a sign that there are more."""
    short_ones = [word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 3] + "..." for word in words[:most]]
    return ", ".join([*short_ones, *(["..."] if len(words) > most else [])])


def report(found: Prediction) -> None:
    """Print what was found in a single image."""
    if found.turned:
        say(f"note: {TURNED}")
    if found.unknown:
        say(f"note: the model never met these words: {listed(found.unknown)}")
    say(f"the caption names: {', '.join(found.regions) or 'no region'}")
    say(f"found: {share_of(found)} of the image", *found.files)


if __name__ == "__main__":
    run(main)

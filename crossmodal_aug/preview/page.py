"""`write_page`: the pairs before and after each op, on one page that needs nothing beside it."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import check_texts
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import LARGEST_SEED, check_between
from crossmodal_aug.preview.pairs import Pair, pairs_of

try:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup
except ImportError as error:
    raise MissingDependencyError("Expected jinja2 to be installed: pip install 'crossmodal-aug[doctor]'.") from error

Values = Tensor | NDArray[np.generic]


def write_page(
    path: str | Path,
    ops: CrossModalOp | Sequence[CrossModalOp] | Mapping[str, CrossModalOp],
    images: Values,
    texts: Sequence[str],
    target: Values | None = None,
    *,
    evidence: Values | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    title: str = "Before and after",
) -> Path:
    """Write a page on which the pairs before and after each op can be looked through.

    Experimental: may change in every version.

    The page shows each sample with the outline of its mask and of the regions that its caption names, the words that
    changed, where pixels came from, and why a sample was left alone. It filters by op, by accepted, by reason and by
    changed words, is steered by keys as well, and loads nothing: it can be opened from a disk and sent as it is.

    Args:
        path: Where the page is written, such as "preview.html".
        ops: One op, several, or several by the names that the page shows. Each is run by itself; for some run one after
            the other, give a `CrossModalSequential`.
        images: (B, C, H, W) tensor or array. Three channels are shown in colour, of any others the first in grey.
            Bytes and numbers in [0, 1] are shown as they are, others stretched from the lowest to the highest value.
        texts: B captions.
        target: (B, ..., H, W) tensor or array that the page outlines, or None.
        evidence: What the ops read as evidence, where that is not the target; see `CrossModalOp.forward`.
        names: B names of the samples; None numbers them.
        seed: Where the randomness of each op starts.
        title: The heading of the page.

    Returns:
        The path.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes or numbers disagree, there is no sample or no op, or an op cannot work on the batch.
        OSError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> op = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_page(f"{folder}/preview.html", op, torch.rand(1, 1, 24, 24), ["Left base opacity."])
        ...     page = path.read_text(encoding="utf-8")
        >>> "<ins>Right</ins> base opacity." in page
        True
    """
    if not isinstance(path, (str, Path)):
        raise InvalidTypeError(f"Expected `path` to be a string or a Path, but got {type(path).__name__}.")
    if not isinstance(title, str):
        raise InvalidTypeError(f"Expected `title` to be a string, but got {type(title).__name__}.")
    named, seed = _named(ops), check_between("seed", seed, 0, LARGEST_SEED)
    images = _tensor("images", images)
    if images.ndim != 4 or not images.numel():
        raise InvalidValueError(f"Expected `images` of shape (B, C, H, W), with pixels, but got {tuple(images.shape)}.")
    texts = check_texts("texts", texts, len(images))
    names = [str(number) for number in range(len(images))] if names is None else names
    pairs = pairs_of(
        named,
        images,
        texts,
        None if target is None else _tensor("target", target),
        evidence=None if evidence is None else _tensor("evidence", evidence),
        names=check_texts("names", names, len(images)),
        seed=seed,
    )
    page = _rendered(list(pairs), named, images, seed, title)
    path = Path(path)
    # What is half of a character in a caption is no text that a file can hold.
    path.write_text(page, encoding="utf-8", errors="replace")
    return path


def _named(ops: object) -> dict[str, CrossModalOp]:
    if isinstance(ops, CrossModalOp):
        ops = [ops]
    if isinstance(ops, Mapping):
        named = dict(ops)
    elif isinstance(ops, Sequence) and not isinstance(ops, str):
        kinds = [type(op).__name__ for op in ops]
        named = {
            kind if kinds.count(kind) == 1 else f"{kind} {kinds[: at + 1].count(kind)}": ops[at]
            for at, kind in enumerate(kinds)
        }
    else:
        raise InvalidTypeError(f"Expected `ops` to be an op, several, or a mapping, but got {type(ops).__name__}.")
    if not named:
        raise InvalidValueError("Expected `ops` to hold at least one op, but got none.")
    for name, op in named.items():
        if not isinstance(name, str):
            raise InvalidTypeError(f"Expected the names of `ops` to be strings, but got {type(name).__name__}.")
        if not isinstance(op, CrossModalOp):
            raise InvalidTypeError(f"Expected `ops` to hold ops of crossmodal_aug, but got {type(op).__name__}.")
    return named


def _tensor(name: str, value: object) -> Tensor:
    if not isinstance(value, (Tensor, np.ndarray)):
        raise InvalidTypeError(f"Expected `{name}` to be a tensor or an array, but got {type(value).__name__}.")
    try:
        # A copy: an array may be read-only, or run backwards, which torch does not take.
        tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"Expected `{name}` to hold numbers, but got {value.dtype}.") from error
    if tensor.is_complex():
        raise InvalidTypeError(f"Expected `{name}` to hold real numbers, but got {tensor.dtype}.")
    return tensor.detach()


def _rendered(pairs: list[Pair], ops: Mapping[str, CrossModalOp], images: Tensor, seed: int, title: str) -> str:
    uris = list(dict.fromkeys(uri for pair in pairs for uri in (pair.before.uri, pair.after.uri)))
    words = Counter(word for pair in pairs for word in pair.caption.words)
    script, style = (_part(f"page.{kind}") for kind in ("js", "css"))
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_part("page.html"))
    height, width = images.shape[-2:]
    return template.render(
        # Nothing runs and nothing is styled but what is the package's own, and nothing is loaded.
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}",
        title=title,
        script=Markup(script),  # noqa: S704  (the package's own, not the caller's)
        style=Markup(style),  # noqa: S704
        samples=len(images),
        width=width,
        height=height,
        letter=round(width / 20, 1),
        atlases=list(dict.fromkeys(op.atlas.name for op in ops.values())),
        seed=seed,
        ops=[_account(name, op, [pair for pair in pairs if pair.op == name]) for name, op in ops.items()],
        reasons=Counter(reason for pair in pairs for reason in pair.reasons).most_common(),
        words=words.most_common(),
        foreign=any(pair.after.foreign for pair in pairs),
        pairs=pairs,
        changed=_changed,
        numbers={uri: number for number, uri in enumerate(uris)},
        pictures=uris,
        facts=[
            {
                "op": pair.op,
                "accepted": pair.accepted,
                "reasons": pair.reasons,
                "changed": _changed(pair),
                "words": pair.caption.words,
            }
            for pair in pairs
        ],
    )


def _account(name: str, op: CrossModalOp, pairs: Sequence[Pair]) -> dict[str, Any]:
    return {
        "name": name,
        "settings": str(op),
        "altered": sum(pair.accepted for pair in pairs),
        "reasons": Counter(reason for pair in pairs for reason in pair.reasons).most_common(),
    }


def _changed(pair: Pair) -> bool:
    return any(span.changed for span in (*pair.caption.old, *pair.caption.new))


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The content of an element as a security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

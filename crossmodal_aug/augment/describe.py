"""What an op did to a batch, in words."""

from collections.abc import Sequence

from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.batch import Augmented, calls_of
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


def describe(out: Augmented, atlas: Atlas | PositionParser) -> str:
    """Say for each sample what was altered.

    Args:
        out: What an op or a sequence of ops returned.
        atlas: The atlas of its parser, for the names of the regions; or the parser itself.

    Returns:
        One line for the batch and one for each sample; with a sequence, a block for each op.

    Raises:
        InvalidTypeError: `out` carries no parameters of an op, or `atlas` is neither an Atlas nor a parser.
        InvalidValueError: The atlas has another number of regions than the op's.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip, describe
        >>> out = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)(torch.zeros(1, 1, 2, 2), ["Left upper lobe nodule."])
        >>> print(describe(out, LUNG_ZONES))
        SyncFlipParams: 1 of 1 samples altered
          0: added right upper; removed left upper; "Right upper lobe nodule."
    """
    if isinstance(atlas, PositionParser):
        atlas = atlas.atlas
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(
            f"Expected `atlas` to be the Atlas of the op, or its PositionParser, but got {type(atlas).__name__}."
        )
    if not isinstance(out, Augmented):
        raise InvalidTypeError(f"Expected `out` to be what an op returned, but got {type(out).__name__}.")
    calls = calls_of(out.params)
    if not calls:
        raise InvalidTypeError("Expected `out` to be what an op returned, but its `params` are not those of an op.")
    regions = calls[0].positions.shape[1]
    if regions != len(atlas):
        raise InvalidValueError(
            f"Expected `atlas` with {regions} regions, as the op has, but got {len(atlas)}: {', '.join(atlas.names)}."
        )
    blocks = [_describe_call(call, atlas, out.texts if call is calls[-1] else None) for call in calls]
    return "\n".join(blocks)


def _describe_call(params: Params, atlas: Atlas, texts: Sequence[str] | None) -> str:
    accepted, reasons = params.accepted.tolist(), params.reason.tolist()
    lines = [f"{type(params).__name__}: {sum(accepted)} of {len(accepted)} samples altered"]
    for sample, altered in enumerate(accepted):
        parts = [f"as it was: {Reason(reasons[sample]).words}"]
        if altered:
            parts = [*_sources(params, sample)]
            for word, bits in (("added", params.added), ("removed", params.removed)):
                names = [name for name, bit in zip(atlas.names, bits[sample].tolist(), strict=True) if bit]
                parts += [f"{word} {', '.join(names)}"] if names else []
            parts = parts or ["no region added or removed"]
        if texts is not None:
            parts.append(f'"{texts[sample]}"')
        lines.append(f"  {sample}: {'; '.join(parts)}")
    return "\n".join(lines)


def _sources(params: Params, sample: int) -> list[str]:
    donors, share = getattr(params, "donors", None), getattr(params, "mixed_share", None)
    if not isinstance(donors, Tensor) or not isinstance(share, Tensor):
        return []
    return [f"{float(share[sample]):.1%} of the pixels from donor {int(donors[sample])}"]

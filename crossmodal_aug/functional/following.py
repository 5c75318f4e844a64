"""Which regions hold once an image has been turned, shifted, cropped or scaled, and which captions survive that."""

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.body_frame import in_body
from crossmodal_aug.functional.checks import check_choice, check_positions, check_tensor
from crossmodal_aug.functional.evidence import check_evidence, reaches
from crossmodal_aug.functional.geometry import check_matrices
from crossmodal_aug.functional.image_frame import in_image

_TOGETHER = 8  # samples whose evidence is warped at once, which takes some 40 bytes a pixel


def follow(
    matrices: Tensor,
    positions: Tensor,
    atlas: Atlas,
    evidence: Tensor | None = None,
    frame: Frame | None = None,
) -> tuple[Tensor, Tensor]:
    """Work out which regions hold after a geometry, and which samples keep a true caption.

    *Image frame*: words speak of a place in the picture. Where the matrix takes each region's box to the box of a
    region (within 1e-6, and painted in the same order), positions are permuted. Elsewhere evidence tells
    by which of two habits the caption names regions. One that lists all regions that hold evidence lists those of the
    result. One that points at the middle of all evidence (it lies in the box of a named region: "right of the image")
    goes on to name the same, as the nearest flip or turn exchanges them, while the middle lies there in the result.
    Otherwise it names the region in which the middle lies, if it named one place (one box). One place that may be
    meant by either habit must come out the same by both. A sample is not kept that follows neither, nor one whose
    evidence leaves the view. Without evidence the named regions' places are mapped, 32 x 32 points of each box less
    what later regions cover. Half of them must stay in the view, and 90 % of these lie in one region, which takes its
    name.

    *Body frame*: words travel with the tissue. Crop, shift, scale and turns up to 45 degrees change none. A mirror
    exchanges regions by `atlas.mirror`. A sample turned further is not kept (a vertical flip is a mirror and a half
    turn). A named region is dropped whose evidence left the view. One without evidence of its own stays; if its place
    left the view, nothing tells, and the sample is not kept. Nor is a sample whose evidence left the view altogether,
    or whose regions are all dropped.

    Args:
        matrices: (B, 3, 3) floating: homogeneous, from source to result, on (x, y) in shares of the image: x to the
            right, y down, both in [0, 1]. `matrices_from_pixels` brings those of other libraries there. A perspective
            is turned as at the centre of the image.
        positions: (B, K) multi-hot regions before the geometry.
        atlas: K regions with their place in the image.
        evidence: (B, 1, *spatial) or (B, *spatial) of the source: a map in [0, 1] (at least 0.5 = lesion) or a mask.
            The last two axes are height and width, also of the result; None where there is none. Channels would be
            read as the slices of a volume: of one-hot ones give `1 - one_hot[:, :1]`.
        frame: "body" or "image"; None takes that of the atlas.

    Returns:
        positions: (B, K) bool, unchanged rows where the sample is not kept.
        kept: (B,) bool.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes or devices disagree, or `frame` is neither of the two. On the CPU also: a matrix is
            singular or not finite, or evidence lies outside [0, 1]. Or every image that is moved lands more than four
            times its size out of view, as by matrices in pixels.

    Examples:
        >>> from crossmodal_aug import QUADRANTS
        >>> flip = torch.tensor([[[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> top_left = torch.tensor([[True, False, False, False, False]])
        >>> follow(flip, top_left, QUADRANTS)
        (tensor([[False,  True, False, False, False]]), tensor([True]))

    Convention:
        - Region rule: that of `region_evidence`, with a pixel enough; later regions are painted over earlier ones.
        - Column x of W becomes W - 1 - x in a mirror. Where a cut of the atlas lies in the middle of an odd width, the
          middle column belongs to one side, before and after. A region touched in it alone is named on the other side.
        - A pixel of the result shows the source pixel in which its centre comes to lie (nearest neighbour).
        - Angles are those of pixels; without evidence, whose size tells, those of a square image.
        - Randomness: none. No trip to the host; compiles with `fullgraph=True`. On a device other than the CPU, samples
          with singular or non-finite matrices are not kept.
        - Precision: float32 at the least, also under autocast.
    """
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    matrices, sound = check_matrices(matrices)
    named = check_positions("positions", positions, (matrices.shape[0], len(atlas)))
    _check_device("positions", named, matrices)
    lesion = None if evidence is None else _check_evidence(evidence, matrices)
    frame = atlas.frame if frame is None else frame
    check_choice("frame", frame, ("body", "image"))
    return followed(matrices, sound, named, atlas, lesion, frame)


def followed(
    matrices: Tensor, sound: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None, frame: Frame
) -> tuple[Tensor, Tensor]:
    """Do what `follow` does with what it has checked.

    Args:
        matrices: (B, 3, 3) with a third coordinate of 1 at the centre of the image.
        sound: (B,) bool: which of them are finite and invertible.
        named: (B, K) bool.
        atlas: K regions.
        lesion: (B, H, W) bool, or None.
        frame: "body" or "image".

    Returns:
        positions: (B, K) bool.
        kept: (B,) bool.
    """
    rule = in_body if frame == "body" else in_image
    if lesion is None or torch.compiler.is_compiling():  # a compiler plans memory itself
        after, kept = rule(matrices, named, atlas, lesion)
    else:
        groups = (torch.split(one, _TOGETHER) for one in (matrices, named, lesion))
        parts = [rule(turned, before, atlas, held) for turned, before, held in zip(*groups, strict=True)]
        after, kept = (torch.cat(rows) for rows in zip(*parts, strict=True))
    kept = kept & sound
    return torch.where(kept.unsqueeze(1), after, named), kept


def _check_evidence(evidence: object, matrices: Tensor) -> Tensor:
    """Where lesion is, through the depth of a volume: (B, H, W) bool."""
    evidence = check_tensor("evidence", evidence)
    batch = matrices.shape[0]
    if evidence.ndim < 3 or evidence.shape[0] != batch or 0 in evidence.shape[1:]:
        raise InvalidValueError(
            f"Expected `evidence` of shape ({batch}, 1, *spatial) or ({batch}, *spatial), but got "
            f"{tuple(evidence.shape)}."
        )
    _check_device("evidence", evidence, matrices)
    return lesion_of(check_evidence("evidence", evidence))


def lesion_of(evidence: Tensor) -> Tensor:
    """Where evidence (B, ..., H, W) is at least 0.5, through the depth of a volume: (B, H, W) bool."""
    lesion = reaches(evidence, 0.5)
    return lesion.flatten(1, -3).any(dim=1) if lesion.ndim > 3 else lesion


def _check_device(name: str, tensor: Tensor, matrices: Tensor) -> None:
    if tensor.device != matrices.device:
        raise InvalidValueError(f"Expected `{name}` on {matrices.device}, as `matrices`, but got {tensor.device}.")

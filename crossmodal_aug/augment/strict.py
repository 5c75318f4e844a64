"""The promises of the library, checked at run time for those who want to see them held on their own data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError, PromiseError
from crossmodal_aug.functional.alignment import check_alignment
from crossmodal_aug.functional.evidence import is_mask

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.atlas import Atlas
    from crossmodal_aug.augment.base import CrossModalOp
    from crossmodal_aug.augment.batch import Augmented, Batch


# Samples that a data set is judged by; `check_alignment` is almost certain with that many.
_MOST_WATCHED = 256


class AlignmentWatch:
    """Collects the masks and captions of the first batches, and checks that they are not turned against each other."""

    def __init__(self) -> None:
        self._masks: list[Tensor] = []
        self._positions: list[Tensor] = []
        self._size: tuple[int, ...] = ()

    def look_at(self, batch: Batch, atlas: Atlas) -> None:
        """Look at one more batch, until enough samples were seen.

        Maps in floating point are passed over: a teacher that has learnt nothing yet proves nothing about the data. So
        are labels of several values, which do not say what is lesion.

        Args:
            batch: The batch.
            atlas: The atlas of its positions.

        Raises:
            AlignmentError: Rows and columns, or sides, are exchanged, or masks belong to other captions.
        """
        masks = batch.target if batch.evidence is None else batch.evidence
        seen = sum(map(len, self._masks))
        if masks is None or masks.is_floating_point() or masks.is_complex() or seen >= _MOST_WATCHED:
            return
        axes = len(batch.spatial)
        if masks.ndim not in (axes + 1, axes + 2) or (masks.ndim == axes + 2 and masks.shape[1] != 1):
            return  # one-hot labels are no evidence
        if not is_mask(masks):
            return  # neither are class ids and ignore values
        if self._size not in ((), batch.spatial):
            self._masks, self._positions = [], []  # batches of several sizes are judged one by one
        self._size = batch.spatial
        lesion = (masks != 0).flatten(1, -axes - 1) if masks.ndim == axes + 2 else (masks != 0)
        lesion = lesion.flatten(1, -3).any(dim=1) if lesion.ndim > 3 else lesion
        self._masks.append(lesion.cpu())
        self._positions.append(batch.positions.cpu())
        check_alignment(atlas, torch.cat(self._masks), torch.cat(self._positions))


def check_promises(op: CrossModalOp, batch: Batch, donors: Batch | None, out: Augmented) -> None:
    """Check one output against the batch that it was made from.

    Args:
        op: The op that made it.
        batch: What it was given.
        donors: The second batch, if there was one.
        out: What it returned.

    Raises:
        InvalidValueError: The caller's positions are not those of the texts.
        PromiseError: A promise does not hold; the message names the sample.
    """
    name = type(op).__name__
    if batch.texts is not None and not op.hides_positions:  # which may come after another that hides some
        agree = (op.parser.encode(batch.texts).to(batch.positions.device) == batch.positions).all(dim=1)
        if not bool(agree.all()):
            raise InvalidValueError(
                "Expected `positions` to be those that `texts` state, as strict mode asks, but got others for samples "
                f"{(~agree).nonzero().flatten().tolist()}."
            )
    accepted = out.params.accepted
    pairs: list[tuple[str, Tensor | None, Tensor | None, Tensor | None]] = [
        ("images", batch.images, out.images, None if donors is None else donors.images),
        ("target", batch.target, out.target, None if donors is None else donors.target),
        ("evidence", batch.evidence, out.evidence, None if donors is None else donors.evidence),
    ]
    for index, (one, altered) in enumerate(zip(batch.maps, out.maps, strict=True)):
        pairs.append((f"maps[{index}]", one, altered, None if donors is None else donors.maps[index]))
    for what, before, after, theirs in pairs:
        if before is None or after is None:  # a batch without a target
            continue
        _require(name, f"left {what} of an unaccepted sample as it was", accepted | _same(before, after))
        role: Any = {"images": "image", "target": "target", "evidence": "evidence"}.get(what, "map")
        again = op.replay(before, out.params, role=role, donors=theirs)
        _require(name, f"gives the same {what} again on replay", _same(again, after))
    unmoved = (batch.positions == out.params.positions).all(dim=1)
    _require(name, "left the positions of an unaccepted sample as they were", accepted | unmoved)
    if batch.texts is None or out.texts is None:
        return
    kept = [old is new for old, new in zip(batch.texts, out.texts, strict=True)]
    same_object = torch.tensor(kept, dtype=torch.bool, device="cpu")
    _require(name, "left the text of an unaccepted sample the same object", accepted.cpu() | same_object)
    if op.states_positions:
        stated = op.parser.encode(out.texts).to(accepted.device)
        agrees = ~accepted | (stated == out.params.positions).all(dim=1)
        _require(name, "makes the text of an accepted sample state its positions", agrees)


def _same(before: Tensor, after: Tensor) -> Tensor:
    """Which samples are bit for bit the same, NaN included: (B,) bool."""
    equal = (before == after) | (before.isnan() & after.isnan())
    return equal.flatten(1).all(dim=1)


def _require(op: str, promise: str, held: Tensor) -> None:
    broken = (~held).nonzero().flatten().tolist()
    if broken:
        raise PromiseError(f"Expected that {op} {promise}, but it does not hold for samples {broken} of the batch.")

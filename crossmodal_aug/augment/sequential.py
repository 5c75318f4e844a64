"""CrossModalSequential: several ops as one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeGuard, overload

import torch
from torch import Tensor, nn

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented, Batch, can_be_read, check_texts
from crossmodal_aug.augment.pos_aug import PosAug
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


class CrossModalSequential(CrossModalOp):
    """Runs ops in order; replays as one, and is an op like any other, so that sequences nest.

    Args:
        *ops: The ops, all on atlases with the same regions.

    Raises:
        InvalidTypeError: One of them is not a `CrossModalOp`.
        InvalidValueError: There is none, their atlases differ in their regions, or an op that rewrites texts
            comes after `PosAug(mode="mask")`, whose mask it would undo.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, ZoneMix
        >>> parser = PositionParser(LUNG_ZONES)
        >>> op = CrossModalSequential(ZoneMix(parser), SyncFlip(parser))
        >>> images = torch.rand(2, 1, 6, 4)
        >>> out = op(images, ["Clear.", "Left base opacity."], generator=torch.Generator().manual_seed(0))
        >>> torch.equal(op.replay(images, out.params), out.images)
        True

    Convention:
        - `params` is the tuple of the ops' parameters, in order; of a sequence inside, a tuple in its place.
        - `donors` and `generator` are handed to each op.
        - `len`, iteration and `sequence[0]` give its ops; a slice is a sequence, which replays that slice of `params`.
        - `PosAug` belongs at the end: what it takes out of a text, the ops after it do not know of.
    """

    def __init__(self, *ops: CrossModalOp) -> None:
        if not ops:
            raise InvalidValueError("Expected `ops` to hold at least one op, but got none.")
        for index, op in enumerate(ops):
            if not isinstance(op, CrossModalOp):
                raise InvalidTypeError(
                    f"Expected `ops[{index}]` to be an op of crossmodal_aug, but got {type(op).__name__}."
                )
            if op.atlas.names != ops[0].atlas.names:
                raise InvalidValueError(
                    f"Expected `ops[{index}]` on the regions {ops[0].atlas.names}, but got {op.atlas.names}."
                )
        hiding = [op.hides_positions for op in ops]
        for index, op in enumerate(ops):
            if any(hiding[:index]) and not isinstance(op, PosAug):
                raise InvalidValueError(
                    "Expected PosAug(mode='mask') to come last, since a later op would write down again what it "
                    f"masked, but got {type(op).__name__} after it."
                )
        super().__init__(ops[0].parser)
        self.ops = nn.ModuleList(ops)
        self.mixes = any(op.mixes for op in ops)
        self.moves_pixels = any(op.moves_pixels for op in ops)

    def __len__(self) -> int:
        """The number of its ops; one that is a sequence counts as one."""
        return len(self.ops)

    def __iter__(self) -> Iterator[CrossModalOp]:
        """Its ops, in order."""
        return iter(self._steps)

    @overload
    def __getitem__(self, index: int) -> CrossModalOp: ...
    @overload
    def __getitem__(self, index: slice) -> "CrossModalSequential": ...
    def __getitem__(self, index: int | slice) -> CrossModalOp:
        """Return one of its ops, or a sequence of some of them.

        Args:
            index: An integer, from the end where it is negative, or a slice.

        Returns:
            The op itself; for a slice a sequence of the ops themselves.

        Raises:
            IndexError: There is no such op.
            InvalidTypeError: It is neither an integer nor a slice.
            InvalidValueError: The slice holds no op.
        """
        if isinstance(index, slice):
            if not self._steps[index]:
                raise InvalidValueError(f"Expected a slice of at least one of the {len(self)} ops, but got {index}.")
            return CrossModalSequential(*self._steps[index])
        if not hasattr(index, "__index__"):
            raise InvalidTypeError(f"Expected an integer or a slice, but got {type(index).__name__}.")
        return self._steps[index]

    @property
    def _steps(self) -> list[CrossModalOp]:
        return [op for op in self.ops if isinstance(op, CrossModalOp)]

    def extra_repr(self) -> str:
        """Nothing: `print` shows the ops."""
        return ""

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state the positions of the last op."""
        return all(op.states_positions for op in self.ops)

    @property
    def hides_positions(self) -> bool:
        """Whether one of the ops takes places out of texts."""
        return any(op.hides_positions for op in self.ops)

    def forward(
        self,
        images: Tensor | None,
        texts: Sequence[str] | None,
        target: Tensor | None = None,
        *,
        evidence: Tensor | None = None,
        positions: Tensor | None = None,
        maps: Sequence[Tensor] = (),
        donors: Augmented | None = None,
        generator: torch.Generator | None = None,
    ) -> Augmented:
        """Alter a batch by one op after the other; see `CrossModalOp.forward`."""
        params, carried = [], evidence
        out = Augmented(images, texts, target, positions, maps)
        for index, op in enumerate(self._steps, start=1):
            before = out.target
            out = op(
                out.images,
                out.texts,
                before,
                evidence=carried,
                positions=out.positions,
                maps=out.maps,
                donors=donors,
                generator=generator,
            )
            params.append(out.params)
            carried = out.evidence
            if carried is None and index < len(self) and _fills_targets(op) and _says_where(before, images, donors):
                # What it filled into the target is not a lesion to the next.
                theirs = None if donors is None else donors.target
                carried = op.replay(before, out.params, role="evidence", donors=theirs)
                donors = None if donors is None else replace(donors, evidence=theirs)
        # Written out: the compiler of torch 2.5 cannot follow `dataclasses.replace`.
        return Augmented(
            images=out.images,
            texts=out.texts,
            target=out.target,
            positions=out.positions,
            maps=out.maps,
            params=tuple(params),
            evidence=None if evidence is None else out.evidence,
        )

    def draw(
        self, batch: Batch, donors: Batch | None, generator: torch.Generator | None
    ) -> tuple[Any, list[str] | None]:
        """Draw the parameters of each op, which depend on what those before it made of the batch."""
        second = None if donors is None else _augmented(donors)
        out = self.forward(
            batch.images,
            batch.texts,
            batch.target,
            evidence=batch.evidence,
            positions=batch.positions,
            maps=batch.maps,
            donors=second,
            generator=generator,
        )
        return out.params, None if out.texts is None else list(out.texts)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> Any:
        """Draw the parameters of each op."""
        return self.draw(batch, donors, generator)[0]

    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Alter a tensor by one op after the other."""
        return self.replay(tensor, params, role=role, donors=donors)

    def replay(self, tensor: Tensor, params: Any, *, role: Role = "image", donors: Tensor | None = None) -> Tensor:
        """Repeat on another aligned tensor what a call did; see `CrossModalOp.replay`."""
        for op, one in self._pairs(params):
            tensor = op.replay(tensor, one, role=role, donors=donors)
        return tensor

    def rewrite(self, texts: Sequence[str], params: Any) -> list[str]:
        """Repeat on other texts what a call did; see `CrossModalOp.rewrite`."""
        rewritten = check_texts("texts", texts)
        for op, one in self._pairs(params):
            rewritten = op.rewrite(rewritten, one)
        return rewritten

    def _pairs(self, params: Any) -> list[tuple[CrossModalOp, Any]]:
        # A DataLoader of torch 2.5 makes a list of a tuple where it pins memory.
        if not isinstance(params, (tuple, list)) or len(params) != len(self.ops):
            raise InvalidTypeError(
                f"Expected `params` to be the tuple of {len(self.ops)} that a call returned, but got "
                f"{type(params).__name__}."
            )
        return list(zip(self._steps, params, strict=True))


def _fills_targets(op: Any) -> bool:
    """Whether an op, or one of a sequence, gives the target values that it did not have."""
    if isinstance(op, CrossModalSequential):
        return any(map(_fills_targets, op.ops))
    return bool(getattr(op, "target_fill", 0))


def _says_where(target: Tensor | None, images: Tensor | None, donors: Augmented | None) -> TypeGuard[Tensor]:
    """Whether the target of a batch, and that of its donors, can be read as evidence."""
    targets = [target] if donors is None else [target, donors.target]
    return images is not None and all(one is not None and can_be_read(one, images.ndim - 2) for one in targets)


def _augmented(batch: Batch) -> Augmented:
    return Augmented(batch.images, batch.texts, batch.target, batch.positions, batch.maps, evidence=batch.evidence)

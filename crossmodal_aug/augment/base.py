"""What the ops share: the batch they return, the order of their steps, and the rewriting of texts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence, Sized
from typing import Any

import torch
from torch import Tensor, nn

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.budget import TokenBudget
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.batch import (
    Augmented,
    Batch,
    check_aligned,
    check_batch,
    check_donors,
    check_texts,
)
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.augment.replaying import check_source, to_host
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.augment.strict import AlignmentWatch, check_promises
from crossmodal_aug.errors import CannotSay, InvalidTypeError
from crossmodal_aug.functional.bits import STORED, as_bits
from crossmodal_aug.functional.checks import check_choice, check_generator, check_tensor
from crossmodal_aug.functional.formats import channels_last_of


class CrossModalOp(nn.Module, ABC):
    """One alteration of image, maps and caption together.

    Experimental: may change in every version.

    A subclass says how its parameters are drawn (`sample`) and what they do to a tensor (`alter`); what they do to
    the texts is to make them state `params.positions`, unless it says otherwise (`rewrite`).

    A call holds at most 1.2 times the size of its outputs at once. On images and targets of one or two bytes per value,
    patches of half an image or volume and more may take 1.7 times, and `max_cut` on a single sample 1.8 times.
    Tensors in a channels-last format may take 2.2 times.
    Parameters drawn in `torch.inference_mode` cannot be replayed with gradients, and `torch.compile` cannot trace a
    call that is given a `torch.Generator`.

    Args:
        parser: Reads and rewrites the texts.
        max_tokens: Leave a sample alone whose altered caption would be longer than this many tokens and longer than
            it was; needs `tokenizer`. None takes the limit of the parser, if it has one. A caption is never cut.
        tokenizer: Any function from a text to a sequence with one entry per token.
        strict: Check the library's promises on every output, and raise `PromiseError` naming the sample that breaks
            one. The masks of the first batches go through `crossmodal_aug.functional.check_alignment`, which raises
            `AlignmentError` where rows and columns, or sides, are exchanged against the captions. For debugging: it
            costs several times the op.

    Attributes:
        mixes: Whether it takes pixels from donors; an adapter of single samples refuses it. A subclass says so.
        moves_pixels: Whether pixels of the image come to lie elsewhere, or others come in; False for an op on words,
            and for one that alters the target alone. Boxes and keypoints stay true only beside such an op.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: `max_tokens` is below 1, or given without `tokenizer`.
    """

    mixes: bool = False
    moves_pixels: bool = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        max_tokens: int | None = None,
        tokenizer: Callable[[str], Sized] | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(parser, PositionParser):
            raise InvalidTypeError(f"Expected `parser` to be a PositionParser, but got {type(parser).__name__}.")
        self.parser = parser
        self.budget = parser.budget if max_tokens is None else TokenBudget(max_tokens, tokenizer)
        self.strict = strict
        self._watch = AlignmentWatch()

    @property
    def atlas(self) -> Atlas:
        """The atlas of the parser."""
        return self.parser.atlas

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
        """Alter a batch.

        Args:
            images: (B, C, H, W) or (B, C, D, H, W), any dtype and device.
            texts: B captions, or None where only `positions` are carried.
            target: Aligned map (B, ..., *spatial) that the loss will compare with.
            evidence: Aligned map (B, 1, *spatial) or (B, *spatial) that says where lesion is: floating probabilities
                in [0, 1], or a bool or integer mask of 0 and one value above. It is altered as the target is. None
                takes the target itself; give it apart where the target holds class labels, ignore values, one-hot
                channels or logits: `evidence=(labels > 0) & (labels != 255)`, `evidence=logits.sigmoid()`.
            positions: (B, K) multi-hot regions; None reads them from `texts`.
            maps: Further aligned tensors (B, ..., *spatial), altered like the images.
            donors: A second batch to take pixels from; None takes them from a permutation of this one.
            generator: Source of randomness; None takes torch's global one.

        Returns:
            The altered batch. No input is changed. Samples with `params.accepted` False come out bit for bit as
            they went in, with the same text object.

        Raises:
            InvalidTypeError: An argument has the wrong type.
            InvalidValueError: Shapes, batch sizes or devices disagree, the op reads evidence that holds NaN or class
                labels (looked at on the CPU, elsewhere in strict mode), or `texts` and `positions` are missing.
        """
        check_generator(generator)
        batch = check_batch(images, texts, target, positions, maps, self.parser, evidence=evidence)
        second = None if donors is None else check_donors(donors, batch, self.parser)
        params, texts = self.draw(batch, second, generator)
        out = self._altered(batch, texts, params, second)
        if self.strict:
            self._watch.look_at(batch, self.atlas)
            check_promises(self, batch, second, out)
        return out

    def draw(
        self, batch: Batch, donors: Batch | None, generator: torch.Generator | None
    ) -> tuple[Any, list[str] | None]:
        """Draw the parameters of one call and rewrite its texts.

        Samples are left alone whose text cannot be rewritten well (`CannotSay`), or would break the budget.

        Args:
            batch: A checked batch.
            donors: The checked second batch, if there is one.
            generator: Source of randomness; None takes torch's global one.

        Returns:
            The parameters, and B texts, or None where the batch has none.
        """
        params = self.sample(batch, donors, generator)
        if batch.texts is None:
            return params, None
        written = self._written(batch.texts, params)
        texts = [new if isinstance(new, str) else old for old, new in zip(batch.texts, written, strict=True)]
        refused = [not isinstance(new, str) for new in written]
        if self.budget is not None:
            refused = [no or long for no, long in zip(refused, self.budget.exceeded(batch.texts, texts), strict=True)]
        if any(refused):
            # Decided before a pixel moves: a text that cannot follow leaves its sample alone.
            unsaid = [Reason.TOO_LONG if isinstance(new, str) else new or Reason.CANNOT_SAY for new in written]
            rows = torch.tensor([refused, unsaid], device="cpu").to(batch.positions.device)
            params = params.undone(rows[0].bool(), rows[1])
            texts = [old if no else new for no, old, new in zip(refused, batch.texts, texts, strict=True)]
        return params, texts

    def _altered(self, batch: Batch, texts: list[str] | None, params: Params, second: Batch | None) -> Augmented:
        target, other_target = batch.target, None if second is None else second.target
        evidence, other_evidence = batch.evidence, None if second is None else second.evidence
        others = [None] * len(batch.maps) if second is None else second.maps
        return Augmented(
            images=self._alter_bits(batch.images, params, "image", None if second is None else second.images),
            texts=texts,
            target=None if target is None else self._alter_bits(target, params, "target", other_target),
            evidence=None if evidence is None else self._alter_bits(evidence, params, "evidence", other_evidence),
            positions=params.positions,
            maps=tuple(
                self._alter_bits(one, params, "map", other) for one, other in zip(batch.maps, others, strict=True)
            ),
            params=params,
        )

    def replay(self, tensor: Tensor, params: Any, *, role: Role = "image", donors: Tensor | None = None) -> Tensor:
        """Repeat on another aligned tensor what a call did.

        Args:
            tensor: (B, ..., *spatial), of the batch and spatial size of that call.
            params: `out.params` of that call.
            role: What the tensor is. `Focus` empties a "target" and "evidence" and leaves an "image" and a "map" alone.
                `SyncGeometry` interpolates an "image" and takes the nearest pixel of all others. No other op tells
                them apart.
            donors: The donors' tensor, where that call took pixels from a second batch.

        Returns:
            The altered tensor, in the dtype that it came in.

        Raises:
            InvalidTypeError: `tensor` is not a tensor, or `params` are not those of this kind of op.
            InvalidValueError: The tensor does not fit the parameters.
        """
        self._check_replay(tensor, params, role)
        check_source(params, donors)
        return self._alter_bits(tensor, params, role, donors)

    def rewrite(self, texts: Sequence[str], params: Any) -> list[str]:
        """Repeat on other texts what a call did: accepted samples come to state `params.positions`.

        Args:
            texts: B strings.
            params: `out.params` of that call.

        Returns:
            B strings; those of samples that were not accepted are the same objects.

        Raises:
            CannotSay: The text of an accepted sample cannot be rewritten well; the message says which and why.
            InvalidTypeError: A text is not a string, or `params` are not those of this kind of op.
            InvalidValueError: There are not B texts.
        """
        self._check_params(params)
        texts = check_texts("texts", texts, params.accepted.shape[0])
        rewritten = []
        for index, new in enumerate(self._written(texts, params)):
            if not isinstance(new, str):
                raise CannotSay(
                    f"Expected texts that can follow the call, but texts[{index}] cannot be rewritten well."
                )
            rewritten.append(new)
        return rewritten

    def _written(self, texts: list[str], params: Any) -> Sequence[str | Reason | None]:
        """Return each text as it follows the call; None, or a reason, where it cannot be written well and truly."""
        written: list[str | Reason | None] = []
        for text, row in zip(texts, to_host(params), strict=True):
            try:  # the caller's own string where nothing is changed: the parser's may be an equal one from its cache
                new = self.write(text, row.positions) if row.accepted else text
                if row.accepted and self._miscounts(new):
                    written.append(None)
                    continue
                denies = row.accepted and row.denied_by(text, new, self.parser)
                written.append(Reason.EVIDENCE if denies else new)
            except CannotSay:
                written.append(None)
        return written

    def _miscounts(self, text: str) -> bool:
        """Whether a text of an altered sample counts findings ("a single nodule") of which there may be others now."""
        if not (self.states_positions and (self.mixes or self.narrows)):
            return False
        (report,) = self.parser.parse_many([text])
        return report.counted == "several" or (self.mixes and report.counted == "one")

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Return what a text of an altered sample becomes.

        Args:
            text: The text.
            positions: One bit a region: those that hold after the op.

        Returns:
            The text, made to state them.

        Raises:
            CannotSay: It cannot be rewritten well.
        """
        return self.parser.rewrite(text, positions)

    def _alter_bits(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """`alter` in the memory format of a tensor, and on the bits of dtypes that torch can hardly compute with."""
        if self._reads_values or tensor.dtype not in STORED or (donors is not None and donors.dtype != tensor.dtype):
            out = self.alter(tensor, params, role, donors)
        else:
            donors = None if donors is None else as_bits(donors)
            out = self.alter(as_bits(tensor), params, role, donors).view(tensor.dtype)
        last = channels_last_of(tensor)
        return out if last is None else out.contiguous(memory_format=last)

    @abstractmethod
    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> Any:
        """Draw the parameters of one call for a checked batch."""

    @abstractmethod
    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Do to a checked tensor what the parameters say, with pixels from `donors`, or from itself for None."""

    params_type: type[Params] = Params

    # Whether findings are taken out of the target, so that those that a text counts may be fewer.
    narrows = False

    # Whether `alter` computes with values, or compares them, and so takes every dtype as it is.
    _reads_values = False

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state `params.positions`."""
        return True

    @property
    def hides_positions(self) -> bool:
        """Whether it takes places out of texts, which a later op would write down again."""
        return False

    def _check_replay(self, tensor: Tensor, params: Any, role: Role) -> None:
        """Raise unless a tensor is in line with the call that is replayed on it."""
        self._check_params(params)
        check_tensor("tensor", tensor)
        check_choice("role", role, ("image", "map", "target", "evidence"))
        check_aligned("tensor", tensor, params.accepted.shape[0], params.spatial, params.accepted.device)

    def _check_params(self, params: object) -> None:
        if not isinstance(params, self.params_type):
            raise InvalidTypeError(
                f"Expected `params` to be the {self.params_type.__name__} of a {type(self).__name__} call, "
                f"but got {type(params).__name__}."
            )

"""What the ops on words alone share: images may be None, and are handed on as they are."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented, Batch, check_batch, check_texts, resolve_positions
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.augment.strict import check_promises
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.checks import check_generator, check_tensor


class TextOp(CrossModalOp):
    """An op that alters texts alone; a subclass says how (`draw_texts`).

    Experimental: may change in every version.

    Images, target and maps come out as the same objects, and images may be None. The arguments and errors are those
    of `CrossModalOp`.
    """

    moves_pixels = False

    @abstractmethod
    def draw_texts(
        self, texts: list[str], positions: Tensor, spatial: tuple[int, ...], generator: torch.Generator | None
    ) -> tuple[Any, list[str]]:
        """Draw the parameters of one call within the budget, and alter the texts.

        Args:
            texts: B texts.
            positions: (B, K) bool: the regions that they name.
            spatial: Size of the images, or () without images.
            generator: Source of randomness; None takes torch's global one.

        Returns:
            The parameters, and B texts; those of samples that were not accepted are the same objects.
        """

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
        """Alter the texts of a batch; see `CrossModalOp.forward`. `images` may be None, `texts` may not."""
        check_generator(generator)
        texts = check_texts("texts", texts)
        batch = None
        if images is not None:
            batch = check_batch(images, texts, target, positions, maps, self.parser, evidence=evidence)
            positions, spatial = batch.positions, batch.spatial
        else:
            device = torch.device("cpu") if positions is None else check_tensor("positions", positions).device
            reports, spatial = self.parser.parse_many(texts), ()
            positions = resolve_positions(reports, positions, len(texts), self.parser, device)
            _check_no_tensors(target, evidence, maps, donors)
        params, altered = self.draw_texts(texts, positions, spatial, generator)
        out = Augmented(images, altered, target, params.positions, tuple(maps), params, evidence)
        if self.strict and batch is not None:
            check_promises(self, batch, None, out)
        return out

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> Any:
        """Draw the parameters of one call, and work out which texts change."""
        return self.draw(batch, donors, generator)[0]

    def draw(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> tuple[Any, list[str]]:
        """Draw the parameters of one call, and alter the texts; see `CrossModalOp.draw`."""
        return self.draw_texts(check_texts("texts", batch.texts), batch.positions, batch.spatial, generator)

    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Return the tensor as it is."""
        return tensor


def _check_no_tensors(target: object, evidence: object, maps: object, donors: object) -> None:
    """Raise where something comes along that only images could be in line with."""
    for name, value in (("target", target), ("evidence", evidence), ("donors", donors)):
        if value is not None:
            raise InvalidValueError(f"Expected no `{name}` where `images` is None, but got {type(value).__name__}.")
    if not isinstance(maps, Sequence) or len(maps):
        raise InvalidValueError("Expected no `maps` where `images` is None, but got some.")

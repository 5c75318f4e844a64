"""Affinities of a batch with its columns, given a block of rows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.affinity import jaccard, label_sets
from crossmodal_aug.functional.contrastive_checks import check_affinity_block
from crossmodal_aug.functional.similarity import AffinityRows

AffinityFunction = Callable[[Tensor, Tensor], Tensor]
"""Takes (n, ...) and (m, ...) labels and returns their (n, m) non-negative affinities."""


def affinity_rows(
    affinity: AffinityFunction | Tensor | None,
    labels: Tensor,
    others: Tensor,
    *,
    dtype: torch.dtype,
    first_column: int = 0,
    transposed: bool = False,
) -> AffinityRows:
    """Return the function that gives the affinities of a block of samples with the others.

    Args:
        affinity: A function of two sets of labels, the matrix itself, or None for Jaccard.
        labels: (N, ...) labels of the samples.
        others: (M, ...) labels of the columns.
        dtype: Floating dtype of the affinities.
        first_column: Where the others stand in an affinity matrix.
        transposed: Whether to ask for the affinities of the others with the samples, turned round.
    """
    if isinstance(affinity, Tensor):
        matrix = affinity.detach()[:, first_column : first_column + len(others)]
        return _unchanged(lambda block: matrix[block].to(dtype), affinity=affinity)
    if affinity is None:
        # Made ready once: for many labels that is more work than a block's products.
        rows = label_sets(labels, dtype)
        columns = rows if others is labels else label_sets(others, dtype)
        return lambda block: jaccard(rows.block(block), columns, dtype)

    def by_function(block: slice) -> Tensor:
        pair = (others, labels[block]) if transposed else (labels[block], others)
        with torch.no_grad():
            weight = affinity(*pair)
        check_affinity_block(weight, (len(pair[0]), len(pair[1])))
        return (weight.T if transposed else weight).to(dtype)

    return _unchanged(by_function, positions=labels, ref_positions=others)


def _unchanged(rows: AffinityRows, **constants: Tensor) -> AffinityRows:
    """Return `rows`, made to raise once a constant was changed in place: blocks built again would be others."""
    # Tensors from inference mode have no version, and refuse to be changed outside it.
    versions = {name: tensor._version for name, tensor in constants.items() if not tensor.is_inference()}

    def checked(block: slice) -> Tensor:
        for name, version in versions.items():
            if constants[name]._version != version:
                raise InvalidValueError(
                    f"Expected `{name}` to stay as it was until the backward pass, which reads it again, but got "
                    "one that was changed in place; give the loss a copy."
                )
        return rows(block)

    return checked

"""ITCL: image-text contrastive learning whose positives are as soft as the position sets overlap."""

import math
from functools import partial
from typing import Literal, NamedTuple, TypedDict, Unpack, overload

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import contrastive_checks as checks
from crossmodal_aug.functional.affinity_rows import AffinityFunction, affinity_rows
from crossmodal_aug.functional.distributed import gather_row_counts, gather_rows, sum_over_ranks, world_size
from crossmodal_aug.functional.similarity import SimilarityPlan, row_and_column_stats, row_stats

MAX_LOGIT_SCALE = math.log(100)
"""Upper limit of a learnable logit scale, as in CLIP: similarities are never scaled by more than 100."""

Reduction = Literal["mean", "sum", "none"]


class ITCLParts(NamedTuple):
    """The loss and what it is made of, all reduced in the same way.

    Attributes:
        loss: Mean of the two directions.
        image_to_text: Cross-entropy of images against texts.
        text_to_image: Cross-entropy of texts against images.
        target_entropy: The least that `loss` can reach; `loss - target_entropy` is the KL divergence.
    """

    loss: Tensor
    image_to_text: Tensor
    text_to_image: Tensor
    target_entropy: Tensor


class _Options(TypedDict, total=False):
    temperature: float
    logit_scale: Tensor | None
    weights: Tensor | None
    ref_image_embeddings: Tensor | None
    ref_text_embeddings: Tensor | None
    ref_positions: Tensor | None
    affinity: AffinityFunction | Tensor | None
    normalize: bool
    chunk_size: int
    gather_distributed: bool
    reduction: Reduction


@overload
def itcl_loss(
    image_embeddings: Tensor,
    text_embeddings: Tensor,
    positions: Tensor | None = None,
    *,
    return_parts: Literal[False] = False,
    **options: Unpack[_Options],
) -> Tensor: ...


@overload
def itcl_loss(
    image_embeddings: Tensor,
    text_embeddings: Tensor,
    positions: Tensor | None = None,
    *,
    return_parts: Literal[True],
    **options: Unpack[_Options],
) -> ITCLParts: ...


@overload
def itcl_loss(
    image_embeddings: Tensor,
    text_embeddings: Tensor,
    positions: Tensor | None = None,
    *,
    return_parts: bool,
    **options: Unpack[_Options],
) -> Tensor | ITCLParts: ...


def itcl_loss(
    image_embeddings: Tensor,
    text_embeddings: Tensor,
    positions: Tensor | None = None,
    *,
    temperature: float = 0.07,
    logit_scale: Tensor | None = None,
    weights: Tensor | None = None,
    ref_image_embeddings: Tensor | None = None,
    ref_text_embeddings: Tensor | None = None,
    ref_positions: Tensor | None = None,
    affinity: AffinityFunction | Tensor | None = None,
    normalize: bool = True,
    chunk_size: int = 0,
    gather_distributed: bool = False,
    reduction: Reduction = "mean",
    return_parts: bool = False,
) -> Tensor | ITCLParts:
    r"""Return the image-text contrastive loss with soft positives, Semi-MedRef (arXiv 2605.15720).

    With `s = u v^T / temperature` and `A` the Jaccard affinity of the positions::

        L = 1/2 mean_i[ -sum_j A_ij log softmax_j(s_ij) / sum_j A_ij ] + 1/2 (the same on the transpose)

    With one-hot positions this is CLIP's symmetric cross-entropy.

    Convention:
        - Computed in float32 (float64 if an embedding is float64), under autocast too.
        - A zero vector stays zero: it is equally similar, 0, to everything.
        - A sample without any affinity (possible only with an own `affinity`) has loss 0.
        - If all weights are 0, the mean is 0.
        - Labels, affinities and weights are constants: no gradient flows into them.
        - `chunk_size` changes memory and time, not value or gradient. An own `affinity` is called again for
          blocks built again, so it must be deterministic, and labels and matrices must stay as they are until
          the backward pass. `torch.func` transforms need the plain form.
        - Embeddings whose squared norm leaves the dtype (float32: norms below 1e-22 or above 1e19) count as zero. All
          others have a finite gradient where its dtype holds it; float16 does from a norm of about 1e-3 on.

    Args:
        image_embeddings: (N, D) projections of the images.
        text_embeddings: (N, D) projections of the texts; row i belongs to image i.
        positions: (N, K) multi-hot labels, bool or integer 0/1. With a callable `affinity` any (N, ...)
            labels that it takes. Not needed with an affinity matrix.
        temperature: What similarities are divided by.
        logit_scale: () log of the factor of the similarities, CLIP's parameter (`model.logit_scale`, not its
            exponential); replaces `temperature`. Its factor is limited to 100. The gradient still flows at the
            limit, so that training can come back.
        weights: (N,) non-negative weight of each sample.
        ref_image_embeddings: (R, D) further columns: a queue, another rank, a teacher.
        ref_text_embeddings: (R, D) further columns; row j belongs to reference image j.
        ref_positions: (R, K) labels of the references.
        affinity: A function of two sets of labels, or the (N, N + R) matrix itself, instead of Jaccard.
            `A_ij` weighs text j for image i, and image i for text j; a reference's column holds for both
            directions.
        normalize: Whether to divide embeddings by their norm first.
        chunk_size: Rows of the (N, N) matrices held at a time, built a second time in the backward pass; 0
            holds all.
        gather_distributed: Whether to take the samples of all ranks as columns. Local batches may differ in
            size. Every rank returns the loss of the whole batch ("none": of its own samples), and parameters
            under DistributedDataParallel get the gradient that one process would compute. References must be
            the same on all ranks. Without a process group nothing is gathered.
        reduction: "mean" weighs and averages, "sum" weighs and adds, "none" returns (N,) weighted losses.
        return_parts: Whether to return `ITCLParts` instead of the loss alone.

    Returns:
        The loss, or its parts.

    Raises:
        InvalidTypeError: If an argument has the wrong type.
        InvalidValueError: If shapes, devices or values do not fit; in the backward pass of the chunked form, if
            labels or a matrix were changed in place.

    Examples:
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, texts = (torch.randn(4, 8, generator=generator) for _ in range(2))
        >>> positions = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
        >>> loss = itcl_loss(images, texts, positions)
        >>> torch.allclose(loss, itcl_loss(images, texts, positions, chunk_size=3))
        True
    """
    checks.check_settings(temperature, chunk_size, reduction)
    checks.check_flags(normalize=normalize, gather_distributed=gather_distributed, return_parts=return_parts)
    gather = gather_distributed and world_size() > 1
    checks.check_embeddings(image_embeddings, text_embeddings)
    checks.check_labels(positions, image_embeddings, affinity)
    checks.check_references(
        ref_image_embeddings, ref_text_embeddings, ref_positions, (image_embeddings, positions), affinity
    )
    count = len(image_embeddings)
    width = count if ref_image_embeddings is None else count + len(ref_image_embeddings)
    checks.check_affinity(affinity, (count, width), image_embeddings, gather=gather)
    checks.check_weights(weights, image_embeddings)
    checks.check_logit_scale(logit_scale, image_embeddings)
    if count == 0 and not gather:
        raise InvalidValueError("Expected `image_embeddings` of at least one row, but got 0.")

    wide = torch.float64 if torch.float64 in (image_embeddings.dtype, text_embeddings.dtype) else torch.float32
    embedded = partial(_embedded, dtype=wide, normalize=normalize)
    # An affinity matrix needs no labels; rows without any column stand in for them.
    labels = image_embeddings[:, :0] if positions is None else positions
    if affinity is None:
        labels = labels.bool()  # an eighth of int64 on the wire, and one dtype on all ranks
    # Half precision would cost up to a fifth of a logit at scale 100, so autocast ends here.
    with torch.autocast(device_type=image_embeddings.device.type, enabled=False):
        images, texts = embedded(image_embeddings), embedded(text_embeddings)
        scale = _scale(temperature, logit_scale, images)
        plan = partial(SimilarityPlan, chunk_size=chunk_size, entropy=return_parts)
        if gather:
            counts = gather_row_counts(embeddings=images, positions=labels)
            all_images, all_texts = gather_rows(torch.cat([images, texts], dim=1), counts).chunk(2, dim=1)
            all_labels = gather_rows(labels, counts)
            own = affinity_rows(affinity, labels, all_labels, dtype=wide)
            image_stats = row_stats(images, all_texts, scale, plan(own))
            if affinity is not None:  # Jaccard is symmetric
                own = affinity_rows(affinity, labels, all_labels, dtype=wide, transposed=True)
            text_stats = row_stats(texts, all_images, scale, plan(own))
        else:
            own = affinity_rows(affinity, labels, labels, dtype=wide)
            image_stats, text_stats = row_and_column_stats(images, texts, scale, plan(own))
        # Joining the sums of no columns, minus infinity among them, has no finite second derivative.
        if ref_image_embeddings is not None and ref_text_embeddings is not None and len(ref_image_embeddings):
            ref_labels = ref_image_embeddings[:, :0] if ref_positions is None else ref_positions
            further = plan(affinity_rows(affinity, labels, ref_labels, dtype=wide, first_column=count))
            ref_images, ref_texts = embedded(ref_image_embeddings), embedded(ref_text_embeddings)
            image_stats = image_stats.joined(row_stats(images, ref_texts, scale, further))
            text_stats = text_stats.joined(row_stats(texts, ref_images, scale, further))

        image_to_text, text_to_image = image_stats.cross_entropy(), text_stats.cross_entropy()
        entropy = (image_stats.target_entropy() + text_stats.target_entropy()) / 2
        samples = torch.stack([(image_to_text + text_to_image) / 2, image_to_text, text_to_image, entropy])
        parts = ITCLParts(*_reduced(samples, weights, reduction, gather=gather))
    return parts if return_parts else parts.loss


def _embedded(embeddings: Tensor, *, dtype: torch.dtype, normalize: bool) -> Tensor:
    embeddings = embeddings.to(dtype)
    if not normalize:
        return embeddings
    # First by the norm as a constant: squares of vectors near 1 stay within the dtype, on the way back too. A zero
    # vector is divided by 1, not by a tiny number: its gradient stays of ordinary size. The choices stand before the
    # roots, whose own derivatives at 0 are not finite.
    norm = _norms(embeddings.detach())
    least, most = _usable_norms(dtype)
    divisor = torch.where(norm < least, 1, torch.where(norm > most, torch.inf, norm))
    near_unit = embeddings / divisor
    square = near_unit.square().sum(dim=1, keepdim=True)
    return near_unit / torch.where((norm < least) | (norm > most), 1, square).sqrt()


def _norms(vectors: Tensor) -> Tensor:
    """Return the (N, 1) norms of (N, D) vectors, of any size that the dtype holds."""
    size = vectors.abs().sum(dim=1, keepdim=True)
    size = torch.where(size == 0, 1, size)
    return size * (vectors / size).square().sum(dim=1, keepdim=True).sqrt()


def _usable_norms(dtype: torch.dtype) -> tuple[float, float]:
    """Return the least and the largest number whose square the dtype holds."""
    info = torch.finfo(dtype)
    return math.sqrt(info.tiny * info.eps), math.sqrt(info.max)


def _scale(temperature: float, logit_scale: Tensor | None, like: Tensor) -> Tensor:
    if logit_scale is None:
        return like.new_full((), 1 / temperature)
    # Added as a constant, the limit leaves the gradient alone: a clamped parameter could never come back.
    value = logit_scale.detach()
    limited = logit_scale + (value.clamp(max=MAX_LOGIT_SCALE) - value)
    return limited.to(like.dtype).exp()


def _reduced(samples: Tensor, weights: Tensor | None, reduction: Reduction, *, gather: bool) -> Tensor:
    """Return weighted (4, N) losses as they are, or their (4,) sums or means over all ranks' samples."""
    weights = samples.new_ones(samples.shape[1]) if weights is None else weights.detach().to(samples.dtype)
    weighted = samples * weights
    if reduction == "none":
        return weighted
    total, mass = weighted.sum(dim=1), weights.sum()
    if gather:
        total, mass = sum_over_ranks(total), sum_over_ranks(mass)
    return total if reduction == "sum" else total / torch.where(mass > 0, mass, 1)

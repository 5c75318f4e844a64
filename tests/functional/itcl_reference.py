"""ITCL written out in NumPy and Python sets, straight from its formula; shares nothing with the library."""

import numpy as np


def jaccard(positions, others):
    """Affinity of each pair of label sets, one pair at a time."""
    rows = [set(np.flatnonzero(row)) for row in np.asarray(positions)]
    columns = [set(np.flatnonzero(row)) for row in np.asarray(others)]
    return np.array([[len(a & b) / len(a | b) if a | b else 1.0 for b in columns] for a in rows])


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def unit(embeddings):
    norm = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.divide(embeddings, norm, out=np.zeros_like(embeddings), where=norm > 0)


def soft_cross_entropy(logits, affinity):
    """Each row's cross-entropy against its affinities divided by their sum."""
    return -(affinity * log_softmax(logits)).sum(axis=1) / affinity.sum(axis=1)


def sample_losses(images, texts, positions, *, temperature=0.07, refs=None, affinity=None):
    """(i2t, t2i) losses of each sample; `refs` is (images, texts, positions) of further columns."""
    u, v = unit(np.asarray(images)), unit(np.asarray(texts))
    own = jaccard(positions, positions) if affinity is None else affinity
    image_columns, text_columns, i2t_affinity, t2i_affinity = u, v, own, own.T
    if refs is not None:
        further = jaccard(positions, refs[2])
        image_columns = np.concatenate([u, unit(np.asarray(refs[0]))])
        text_columns = np.concatenate([v, unit(np.asarray(refs[1]))])
        i2t_affinity = np.concatenate([own, further], axis=1)
        t2i_affinity = np.concatenate([own.T, further], axis=1)
    return (
        soft_cross_entropy(u @ text_columns.T / temperature, i2t_affinity),
        soft_cross_entropy(v @ image_columns.T / temperature, t2i_affinity),
    )


def itcl(images, texts, positions, *, weights=None, **options):
    """The loss of the batch: mean of both directions, weighted mean over samples."""
    i2t, t2i = sample_losses(images, texts, positions, **options)
    return float(np.average((i2t + t2i) / 2, weights=weights))


def numeric_gradient(function, array, step=1e-6):
    """Central differences of a scalar function of one array."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(*array.shape):
        ahead, behind = array.copy(), array.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (function(ahead) - function(behind)) / (2 * step)
    return gradient

"""Hugging Face: tokenize again what an op rewrote, and nothing else."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from crossmodal_aug.augment.batch import check_texts
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.checks import check_choice, check_tensor

# Per-token tensors that a tokenizer returns only when asked.
_ON_REQUEST = {
    "token_type_ids": "return_token_type_ids",
    "special_tokens_mask": "return_special_tokens_mask",
    "offset_mapping": "return_offsets_mapping",
}


class TruncationWarning(UserWarning):
    """A caption was longer than its row of tokens, and its end was cut off."""


def retokenize(
    texts: Sequence[str],
    tokenizer: Callable[..., Mapping[str, Any]],
    encoding: Mapping[str, Tensor] | None = None,
    changed: Tensor | Sequence[bool] | None = None,
    *,
    max_length: int | None = None,
    on_cut: Literal["raise", "warn"] = "raise",
) -> dict[str, Any]:
    """Tokens of the texts, where only the rows of changed texts are made anew.

    Args:
        texts: B texts, as they now read.
        tokenizer: A tokenizer of Hugging Face transformers, fast or slow, or anything that is called like one.
        encoding: The tokens of the texts as they were: (B, L) "input_ids" and whatever else the tokenizer returned.
            None tokenizes all texts.
        changed: Which rows to make anew, (B,) bool, such as `out.params.accepted`; None takes all.
        max_length: Length of a row where no `encoding` gives it; None takes that of the longest text.
        on_cut: What to do where a changed text does not fit into L tokens: "raise", or "warn" with a
            `TruncationWarning` that names the rows, and cut its end off.

    Returns:
        A new dictionary with the keys of `encoding`, each tensor of the same shape, dtype and device. Entries that
        the tokenizer does not make (labels, say) are handed on as they are, and so is every row that did not change.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Sizes disagree, or a text would be cut and `on_cut` is "raise".

    Examples:
        >>> def letters(texts, padding=False, truncation=False, max_length=None, **kwargs):
        ...     rows = [[ord(letter) - 96 for letter in text][:max_length] for text in texts]
        ...     ids = [row + [0] * ((max_length or 0) - len(row)) for row in rows]
        ...     return {"input_ids": ids, "attention_mask": [[int(i > 0) for i in row] for row in ids]}
        >>> before = retokenize(["abc", "b"], letters, max_length=4)
        >>> after = retokenize(["abc", "dd"], letters, before, changed=[False, True])
        >>> after["input_ids"].tolist()
        [[1, 2, 3, 0], [4, 4, 0, 0]]
    """
    texts = check_texts("texts", texts)
    check_choice("on_cut", on_cut, ("raise", "warn"))
    if not callable(tokenizer):
        raise InvalidTypeError(f"Expected `tokenizer` to be callable, but got {type(tokenizer).__name__}.")
    if encoding is None:
        if changed is not None:
            raise InvalidValueError("Expected an `encoding` to keep the rows of, where `changed` is given.")
        rows = list(range(len(texts)))
        length = _check_length(max_length)
    else:
        if max_length is not None:
            raise InvalidValueError("Expected no `max_length` beside an `encoding`, which gives the length of a row.")
        length = _check_encoding(encoding, len(texts))
        rows = _changed_rows(changed, len(texts))
        if not rows:
            return dict(encoding)
    if not rows:
        raise InvalidValueError("Expected `texts` to hold at least one text, but got none.")
    some = [texts[row] for row in rows]
    length = _fit(some, rows, tokenizer, length, on_cut)
    wanted = {name: True for key, name in _ON_REQUEST.items() if encoding is not None and key in encoding}
    made = {
        key: torch.as_tensor(value)
        for key, value in tokenizer(some, padding="max_length", truncation=True, max_length=length, **wanted).items()
    }
    if encoding is None:
        return made
    return {key: _with_rows(key, value, rows, made, length) for key, value in encoding.items()}


def _fit(
    texts: list[str],
    rows: list[int],
    tokenizer: Callable[..., Mapping[str, Any]],
    length: int | None,
    on_cut: str,
) -> int:
    """The length of a row; raise or warn where a text is longer."""
    counts = [len(ids) for ids in tokenizer(texts, padding=False, truncation=False)["input_ids"]]
    if length is None:
        return max(counts)
    cut = [(row, count) for row, count in zip(rows, counts, strict=True) if count > length]
    if cut:
        message = (
            f"Expected texts of at most {length} tokens, but got "
            + ", ".join(f"{count} in row {row}" for row, count in cut)
            + ": their ends would be cut off."
        )
        if on_cut == "raise":
            raise InvalidValueError(message + ' Tokenize to a greater length, or pass on_cut="warn".')
        warnings.warn(message, TruncationWarning, stacklevel=3)
    return length


def _with_rows(key: str, value: Any, rows: list[int], made: Mapping[str, Tensor], length: int) -> Any:
    """A copy of one entry of an encoding with some rows made anew; as it is where the tokenizer does not make it."""
    if key not in made:
        return value
    check_tensor(f"encoding[{shown(key)}]", value)
    new = made[key].to(dtype=value.dtype, device=value.device)
    if value.shape[1:] != new.shape[1:]:
        raise InvalidValueError(
            f"Expected `encoding[{shown(key)}]` of shape (B, {length}, ...) like its input_ids, but got "
            f"{tuple(value.shape)} where the tokenizer makes {tuple(new.shape)}."
        )
    return value.index_copy(0, torch.tensor(rows, device=value.device), new)


def _check_encoding(encoding: object, batch: int) -> int:
    """Return the length of a row, or raise unless it is an encoding of `batch` texts."""
    if not isinstance(encoding, Mapping):
        raise InvalidTypeError(f"Expected `encoding` to be a mapping, but got {type(encoding).__name__}.")
    if "input_ids" not in encoding:
        raise InvalidValueError(f"Expected `encoding` to hold 'input_ids', but got {list(encoding)}.")
    ids = check_tensor("encoding['input_ids']", encoding["input_ids"])
    if ids.ndim != 2 or ids.shape[0] != batch:
        raise InvalidValueError(f"Expected `encoding['input_ids']` of shape ({batch}, L), but got {tuple(ids.shape)}.")
    return ids.shape[1]


def _changed_rows(changed: Tensor | Sequence[bool] | None, batch: int) -> list[int]:
    if changed is None:
        return list(range(batch))
    flags = changed.tolist() if isinstance(changed, Tensor) else list(changed)
    if any(not isinstance(flag, bool) for flag in flags):
        raise InvalidTypeError(f"Expected `changed` to hold booleans, but got {shown(changed)}.")
    if len(flags) != batch:
        raise InvalidValueError(f"Expected `changed` to hold {batch} booleans, one a text, but got {len(flags)}.")
    return [row for row, flag in enumerate(flags) if flag]


def _check_length(max_length: object) -> int | None:
    if max_length is None:
        return None
    if isinstance(max_length, bool) or not isinstance(max_length, int):
        raise InvalidTypeError(f"Expected `max_length` to be an integer, but got {type(max_length).__name__}.")
    if max_length < 1:
        raise InvalidValueError(f"Expected `max_length` of at least 1, but got {max_length}.")
    return max_length

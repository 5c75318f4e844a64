"""A limit on the length of captions, kept by leaving samples alone rather than by cutting words off."""

from collections.abc import Callable, Mapping, Sequence, Sized

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown


class TokenBudget:
    """Says which altered captions no longer fit into the tokens that a text encoder reads.

    Args:
        max_tokens: Most tokens of a caption, special tokens included if the tokenizer adds them.
        tokenizer: Any function from a text to a sequence with one entry per token.

    Raises:
        InvalidTypeError: `max_tokens` is not an integer, `tokenizer` is not a function, or what that returns is not a
            sequence.
        InvalidValueError: `max_tokens` is below 1.

    Examples:
        >>> TokenBudget(3, str.split).exceeded(["left lung", "a b c d"], ["left and right lung", "a b c d"])
        [True, False]
    """

    def __init__(self, max_tokens: int, tokenizer: Callable[[str], Sized] | None) -> None:
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int):
            raise InvalidTypeError(f"Expected `max_tokens` to be an integer, but got {type(max_tokens).__name__}.")
        if max_tokens < 1:
            raise InvalidValueError(f"Expected `max_tokens` of at least 1, but got {shown(max_tokens)}.")
        if not callable(tokenizer):
            raise InvalidTypeError(
                "Expected `tokenizer` to be a function from a text to its tokens, which `max_tokens` counts, "
                f"but got {type(tokenizer).__name__}."
            )
        self.max_tokens = max_tokens
        self.tokenizer = tokenizer

    def exceeded(self, before: Sequence[str], after: Sequence[str]) -> list[bool]:
        """Whether each altered text is over the limit and longer than it was."""
        return [
            new is not old and self._length(new) > max(self.max_tokens, self._length(old))
            for old, new in zip(before, after, strict=True)
        ]

    def _length(self, text: str) -> int:
        tokens = self.tokenizer(text)
        # A tokenizer of Hugging Face returns a mapping, whose length is that of its keys.
        if isinstance(tokens, Mapping) or not isinstance(tokens, Sized):
            raise InvalidTypeError(
                "Expected `tokenizer` to return a sequence with one entry per token, but got "
                f"{type(tokens).__name__}; for Hugging Face, `lambda text: tokenizer(text)['input_ids']`."
            )
        return len(tokens)

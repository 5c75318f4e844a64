"""Settings that every op takes, and what a tensor is to an op."""

from collections.abc import Callable, Sized
from typing import Literal, TypedDict

Role = Literal["image", "map", "target", "evidence"]


class Settings(TypedDict, total=False):
    """Keyword settings that every op takes; `CrossModalOp` says what they mean."""

    max_tokens: int | None
    tokenizer: Callable[[str], Sized] | None
    strict: bool

"""Preview: one page on which the pairs before and after an op can be looked through."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossmodal_aug.preview.page import write_page

__all__ = ["write_page"]


def __getattr__(name: str) -> Any:
    # The command line asks this package for its options alone, and shall not pay for torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.page"), name)

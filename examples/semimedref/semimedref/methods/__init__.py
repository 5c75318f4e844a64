"""Training methods, by name."""

from semimedref.methods.base import Method
from semimedref.methods.semimedref import SemiMedRef
from semimedref.methods.supervised import Supervised

__all__ = ["METHODS", "Method"]

METHODS: dict[str, type[Method]] = {"supervised": Supervised, "semimedref": SemiMedRef}

"""Training methods, by name."""

from semimedref.methods.base import Method
from semimedref.methods.mean_teacher import MeanTeacher
from semimedref.methods.supervised import Supervised
from semimedref.presets import PRESETS

__all__ = ["METHODS", "Method"]

METHODS: dict[str, type[Method]] = {name: Supervised if name == "supervised" else MeanTeacher for name in PRESETS}

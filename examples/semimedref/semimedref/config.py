"""Config: every setting of a run, from the command line to the run's config.json."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import yaml

from crossmodal_aug.errors import InvalidValueError, reason, shown
from semimedref.presets import PRESETS

DEFAULT_STEPS = {"phantom": 400, "qata": 800, "mosmed": 800}

LARGEST_BATCH = 65536
"""Labelled samples in a step. They are drawn with replacement, so their number alone sets no limit."""

FREE_TO_CHANGE = ("accelerator", "cache")
"""Settings that may differ when a run is resumed: they say where to compute, not what."""


def _setting(default: Any, about: str, choices: Sequence[str] = ()) -> Any:
    return field(default=default, metadata={"about": about, "choices": tuple(choices)})


def _ingredient(about: str, choices: Sequence[str] = ()) -> Any:
    """A setting that comes with the method where none is given."""
    return _setting(None, about, choices)


class SettingsLoader(yaml.SafeLoader):
    """PyYAML's loader without merge keys (`<<`): settings are flat, and a few lines of merges can fill the memory."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a merge key."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "settings are not merged by <<", key.start_mark)
        super().flatten_mapping(node)


@dataclass(frozen=True)
class Config:
    """All settings of one run.

    What a method is made of (``mix`` to ``unlabelled_weight``) is taken from its preset where it is not given, so
    ``Config(method="semimedref", flip=0.0)`` is an ablation. Once made, settings hold every value.

    Raises:
        InvalidValueError: A value lies outside its range, or does not go together with another.
    """

    data: str = _setting("phantom", "what to train on", ("phantom", "qata", "mosmed"))
    root: str = _setting("", "folder of the data set (not for phantoms, which are drawn)")
    cache: str = _setting(
        "", "folder that keeps decoded images for later runs, which then start sooner; nothing is kept if empty"
    )
    labels: float = _setting(0.05, "share of the training set whose masks are used")
    split: str = _setting(
        "auto",
        "how the labelled samples are chosen: the published shuffle of the training names, or their order in the "
        "file; auto takes file-order for a file that is in the published order already",
        ("auto", "shuffle", "file-order"),
    )
    total: int = _setting(
        0,
        "training samples that --labels is a share of, where the files are an excerpt; 0 takes the size of QaTa-COV19 "
        "for a file in its published order, and else the number of training samples",
    )
    model: str = _setting("compact", "the network", ("compact", "mmi-unet", "guide-decoder"))
    width: int = _setting(
        0,
        "channels of the network's finest level; 0 takes the network's own: 16 for compact, 96 for the others",
    )
    pretrained: str = _setting(
        "imagenet",
        "where mmi-unet and guide-decoder start: imagenet takes those weights for the image encoder and its own for "
        "the text encoder; text takes the latter alone; none starts both at random; compact always starts at random",
        ("imagenet", "text", "none"),
    )
    image_weights: str = _setting(
        "", "file with weights of torchvision's convnext_tiny, instead of downloading those of ImageNet"
    )
    text_encoder: str = _setting(
        "microsoft/BiomedVLP-CXR-BERT-specialized",
        "frozen BERT that reads the captions for mmi-unet and guide-decoder: a folder with config.json, vocab.txt and "
        "weights, or a name on the Hugging Face hub",
    )
    max_tokens: int = _setting(
        48, "longest caption that mmi-unet and guide-decoder read, in word pieces with [CLS] and [SEP]; published: 24"
    )
    size: int = _setting(96, "side in pixels that images are resized to")
    method: str = _setting("semimedref", "how it is trained: a preset of the ingredients below", tuple(PRESETS))
    mix: str = _ingredient(
        "what crosses between images: T-PatchMix patches and captions as it finds them, ZoneMix sides, both; CutMix "
        "patches under untouched captions; T-PatchMix as in the paper, or as its code was released",
        ("none", "patch", "zone", "both", "cutmix", "paper", "released"),
    )
    flip: float = _ingredient("probability of SyncFlip")
    focus: float = _ingredient("probability of Focus, which narrows caption and mask to one side")
    pos_aug: str = _ingredient(
        "how half of the position phrases of unlabelled captions are made vaguer: masked or fuzzed as in the paper, or "
        "masked, fuzzed or coarsened",
        ("none", "paper", "mix"),
    )
    itcl: float = _ingredient("factor of the published weights of the contrastive loss; 0 leaves it out")
    alter: str = _ingredient("which images are mixed, flipped and narrowed", ("both", "unlabelled"))
    pseudo_weight: str = _ingredient(
        "what a pixel of a pseudo-mask counts: how sure the teacher is, 1 where it is 0.9 sure and else 0, or always 1",
        ("certainty", "threshold", "equal"),
    )
    unlabelled_weight: float = _ingredient("weight of the unlabelled loss after the ramp")
    steps: int = _setting(
        0,
        "optimiser steps, rounded up to whole stretches between validations; 0 takes "
        + ", ".join(f"{steps} for {data}" for data, steps in DEFAULT_STEPS.items()),
    )
    batch_size: int = _setting(
        16, f"labelled samples in a step, at most {LARGEST_BATCH}; as many unlabelled ones beside them"
    )
    learning_rate: float = _setting(2e-3, "peak of the cosine schedule")
    burn_in: float = _setting(0.15, "share of the steps before the teacher is used")
    ramp_up: float = _setting(0.25, "share of the steps over which its weight grows to --unlabelled-weight")
    validate_every: int = _setting(50, "steps between validations, each of which writes a checkpoint")
    seed: int = _setting(0, "seed of everything random")
    patience: int = _setting(0, "validations without a better Dice after which training stops; 0 never does")
    accumulate: int = _setting(1, "batches whose gradients are summed up for one optimiser step")
    precision: str = _setting("32-true", "of the networks' arithmetic", ("32-true", "bf16-mixed"))
    deterministic: bool = _setting(False, "take algorithms that give the same bits each time, where there are such")
    accelerator: str = _setting("auto", "where to compute", ("auto", "cpu", "gpu", "mps"))
    devices: int = _setting(1, "processes, one a device, on each node; each takes --batch-size samples")
    nodes: int = _setting(1, "machines")
    strategy: str = _setting("auto", "how processes train together: auto takes ddp for several", ("auto", "ddp"))
    runs: str = _setting("runs", "folder of all runs")
    name: str = _setting("", "folder of this run under --runs; made up from the settings if empty")

    def __post_init__(self) -> None:
        preset = PRESETS.get(self.method, {}) if isinstance(self.method, str) else {}
        for name, value in preset.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        # The method first: without a known one, the ingredients are open.
        for one in sorted(fields(self), key=lambda one: one.name != "method"):
            value, choices = getattr(self, one.name), one.metadata["choices"]
            # JSON writes 1.0 as 1 in hand-edited files; every other type must be the declared one.
            if type(value) is not one.type and not (one.type is float and type(value) is int):
                raise InvalidValueError(f"Expected `{one.name}` to be {_type_name(one.type)}, but got {shown(value)}")
            if choices and value not in choices:
                raise InvalidValueError(
                    f"Expected `{one.name}` to be one of {', '.join(choices)}, but got {shown(value)}"
                )
        self._check_numbers()
        for name in ("root", "cache", "runs", "image_weights", "text_encoder"):
            self._check(_can_be_a_path(getattr(self, name)), name, "text that can be a path")
        is_name = Path(self.name).name == self.name and self.name not in (".", "..")
        self._check(is_name and (self.name.isprintable() or not self.name), "name", "a folder name")
        self._check_goes_together()
        if self.data != "phantom" and not self.root:
            raise InvalidValueError(f"Expected --root, the folder that holds the {self.data} files, but got none")

    def _check_numbers(self) -> None:
        """Raise where a number lies outside its range."""
        positive = ("size", "batch_size", "validate_every", "max_tokens", "accumulate", "devices", "nodes")
        for name in positive:
            self._check(getattr(self, name) >= 1, name, "at least 1")
        for name in ("width", "steps", "total", "seed", "patience"):
            self._check(getattr(self, name) >= 0, name, "0 or more")
        for one in fields(self):
            if one.type is int:
                self._check(getattr(self, one.name) < 2**32, one.name, "below 2**32")
        self._check(self.batch_size <= LARGEST_BATCH, "batch_size", f"at most {LARGEST_BATCH}")
        self._check(0 < self.labels <= 1, "labels", "in (0, 1]")
        self._check(0 < self.learning_rate <= 1, "learning_rate", "in (0, 1]")
        for name in ("burn_in", "ramp_up", "flip", "focus"):
            self._check(0 <= getattr(self, name) <= 1, name, "in [0, 1]")
        for name in ("unlabelled_weight", "itcl"):
            self._check(0 <= getattr(self, name) < float("inf"), name, "finite and 0 or more")

    def _check_goes_together(self) -> None:
        """Raise where one setting leaves another without effect."""
        if self.image_weights and self.pretrained != "imagenet":
            raise InvalidValueError(
                f"Expected no --image-weights beside --pretrained {self.pretrained}, but got {self.image_weights}"
            )
        if self.image_weights and self.model == "compact":
            raise InvalidValueError(
                f"Expected no --image-weights, since compact starts at random, but got {self.image_weights}"
            )
        if self.method != "supervised":
            return
        if self.pos_aug != "none":
            raise InvalidValueError(
                "Expected --pos-aug none for supervised, since it is made on unlabelled captions alone, but got "
                f"{self.pos_aug}"
            )
        if self.alter == "unlabelled" and (self.mix != "none" or self.flip or self.focus):
            raise InvalidValueError(
                "Expected --alter both for supervised, which sees no unlabelled image to mix, flip or narrow, but got "
                "unlabelled"
            )

    def _check(self, holds: bool, name: str, wanted: str) -> None:
        if not holds:
            raise InvalidValueError(f"Expected `{name}` to be {wanted}, but got {shown(getattr(self, name))}")

    @property
    def optimiser_steps(self) -> int:
        """Number of optimiser steps, worked out where it was left open."""
        return self.steps or DEFAULT_STEPS[self.data]

    @property
    def ranks(self) -> int:
        """Number of processes that train together."""
        return self.devices * self.nodes

    @property
    def default_name(self) -> str:
        """Name of the run's folder where none was given; it names the switches that are not the method's own."""
        usual = PRESETS[self.method]
        others = [name for name in usual if getattr(self, name) != usual[name]]
        switches = "".join(f"-{name.replace('_', '-')}-{getattr(self, name)}" for name in others)
        return f"{self.data}-{self.model}-{self.method}-{100 * self.labels:g}pct{switches}"

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> Self:
        """Read settings from JSON; ``source`` is the file that an error message names.

        Raises:
            InvalidValueError: The text is no JSON object of known settings.
        """
        try:
            stored = json.loads(text)
        # ValueError: no JSON, no text at all, or a number of more digits than Python reads.
        except (ValueError, RecursionError) as error:
            raise InvalidValueError(f"{source}: not a JSON file ({error})") from error
        return cls.from_dict(stored, source)

    @classmethod
    def read_yaml(cls, path: Path) -> dict[str, Any]:
        """Read settings from a YAML file, for what the command line does not give.

        Args:
            path: The file: a mapping from names of settings, as in config.json, to values.

        Returns:
            The settings by name.

        Raises:
            InvalidValueError: The file is missing, no YAML mapping, or holds an unknown or wrong setting.
        """
        if not path.is_file():
            raise InvalidValueError(f"{path}: no such file of settings")
        try:
            stored = yaml.load(path.read_text(encoding="utf-8"), Loader=SettingsLoader)
        # Where a value does not fit its tag (`!!int abc`), or is no date (2020-13-45), PyYAML lets anything through.
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise InvalidValueError(f"{path}: not a YAML file ({reason(error)})") from error
        if isinstance(stored, dict):
            numbers = {one.name for one in fields(cls) if one.type is float}
            stored = {str(name).replace("-", "_"): value for name, value in stored.items()}
            stored = {name: _exponent(value) if name in numbers else value for name, value in stored.items()}
        # The folder of the data is the reader's own; the rest must hold by itself.
        cls.from_dict({"root": "DIR", **stored} if isinstance(stored, dict) else stored, str(path))
        return dict(stored)

    @classmethod
    def from_dict(cls, stored: object, source: str) -> Self:
        """Make settings from a plain dictionary; ``source`` is the file that an error message names.

        Raises:
            InvalidValueError: It is no dictionary of known settings.
        """
        known = {one.name for one in fields(cls)}
        if not isinstance(stored, dict) or not set(stored) <= known:
            came = type(stored).__name__
            if isinstance(stored, dict):
                names = (name if isinstance(name, str) else shown(name) for name in set(stored) - known)
                came = shown(sorted(names))
            raise InvalidValueError(f"{source}: expected the settings of a run, but got {came}")
        try:
            return cls(**stored)
        except InvalidValueError as error:
            raise InvalidValueError(f"{source}: {error}") from error

    def with_given(self, given: dict[str, Any], *, source: str) -> Self:
        """Return these settings, or raise if some given on the command line contradict them.

        Raises:
            InvalidValueError: A given value differs from the stored one.
        """
        for name, value in given.items():
            if name not in ("runs", "name", *FREE_TO_CHANGE) and getattr(self, name) != value:
                raise InvalidValueError(
                    f"Expected {flag(name)} {getattr(self, name)}, as in {source}, to resume that run, but got "
                    f"{shown(value)}"
                )
        return replace(self, **{key: value for key, value in given.items() if key in FREE_TO_CHANGE})


def _exponent(value: object) -> object:
    """Return the number of a text such as 1e-3, which YAML takes for a text since it has no point; else the value."""
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


def _can_be_a_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def flag(name: str) -> str:
    """Return the command-line option of a setting."""
    return "--" + name.replace("_", "-")


def _type_name(kind: Any) -> str:
    names: dict[Any, str] = {int: "an integer", float: "a number", bool: "true or false"}
    return names.get(kind, "a string")

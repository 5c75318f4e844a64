"""What a BERT is made from: its architecture, its vocabulary and its weights, from a folder or the Hugging Face hub."""

import hashlib
import json
import logging
import pickle
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError, shown
from semimedref.stored import check_whole

if TYPE_CHECKING:
    from transformers import BertModel, BertTokenizer

ARCHITECTURE: dict[str, type] = {
    "vocab_size": int,
    "hidden_size": int,
    "num_hidden_layers": int,
    "num_attention_heads": int,
    "intermediate_size": int,
    "max_position_embeddings": int,
    "type_vocab_size": int,
    "hidden_act": str,
    "layer_norm_eps": float,
}
"""The fields of a BERT's config.json that say which network it is; the others concern its training."""

SPELLING: dict[str, bool | None] = {"do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True}
"""The fields of tokenizer_config.json that decide what a text becomes, and their values where it says nothing."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class BertParts:
    """A BERT without its weights, in plain types, so that a checkpoint can hold it.

    Attributes:
        architecture: The fields `ARCHITECTURE`.
        vocabulary: Word pieces in the order of their numbers.
        spelling: The fields `SPELLING`.

    Raises:
        InvalidValueError: A field is missing or of the wrong type, or the vocabulary does not fit the architecture.
    """

    architecture: dict[str, Any]
    vocabulary: list[str]
    spelling: dict[str, Any]

    def __post_init__(self) -> None:
        for name, kind in ARCHITECTURE.items():
            value = self.architecture.get(name)
            if type(value) is not kind or (isinstance(value, int) and value < 1):
                raise InvalidValueError(f"Expected `{name}` to be a positive {kind.__name__}, but got {shown(value)}.")
        if self.architecture["num_hidden_layers"] < 2:
            raise InvalidValueError("Expected a BERT of at least 2 layers, but got 1.")
        width, heads = self.architecture["hidden_size"], self.architecture["num_attention_heads"]
        if width % heads:
            raise InvalidValueError(
                f"Expected `num_attention_heads` to divide the hidden size {width}, but got {heads}."
            )
        missing = [word for word in SPECIAL if word not in self.vocabulary]
        if missing:
            raise InvalidValueError(f"Expected {', '.join(SPECIAL)} in the vocabulary, but {', '.join(missing)} lack.")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise InvalidValueError("Expected the pieces of the vocabulary to differ from each other.")
        if len(self.vocabulary) > self.architecture["vocab_size"]:
            raise InvalidValueError(
                f"Expected a vocabulary of at most {self.architecture['vocab_size']} pieces, but got "
                f"{len(self.vocabulary)}."
            )

    @classmethod
    def read(cls, name: str) -> Self:
        """Read config.json, vocab.txt and, where there is one, tokenizer_config.json.

        Args:
            name: A folder, or a name on the Hugging Face hub; files in the hub's cache are taken from there.

        Raises:
            MissingDependencyError: transformers is not installed.
            InvalidValueError: A file cannot be had, or is not what a BERT has.
        """
        config = _read_json(name, "config.json")
        if not config.keys() & ARCHITECTURE.keys():
            raise InvalidValueError(f"{name}: expected the config.json of a BERT, but it has none of its fields.")
        defaults = import_transformers().BertConfig()
        spelling = _read_json(name, "tokenizer_config.json", required=False)
        # vocab.txt ends its lines with \n alone: other separators may be pieces of their own.
        vocabulary = _read_text(name, "vocab.txt").removesuffix("\n").split("\n")
        try:
            return cls(
                {key: config.get(key, getattr(defaults, key)) for key in ARCHITECTURE},
                vocabulary,
                {key: spelling.get(key, default) for key, default in SPELLING.items()},
            )
        except InvalidValueError as error:
            raise InvalidValueError(f"{name}: {error}") from error

    def to_plain(self) -> dict[str, Any]:
        """Return a dictionary of the attributes: what the constructor takes."""
        return asdict(self)

    def tokenizer(self) -> "BertTokenizer":
        """Make the tokenizer."""
        transformers = import_transformers()
        # The constructor takes other arguments in each major version of transformers; files are read by all.
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "vocab.txt").write_text("\n".join(self.vocabulary) + "\n", encoding="utf-8", newline="\n")
            Path(folder, "tokenizer_config.json").write_text(json.dumps(self.spelling), encoding="utf-8")
            tokenizer: BertTokenizer = transformers.BertTokenizer.from_pretrained(folder)
        return tokenizer

    def model(self, weights: str | None = None) -> "BertModel":
        """Make the network.

        Args:
            weights: A folder or a name on the hub, whose weights to take; None starts at random.

        Raises:
            MissingDependencyError: transformers is not installed.
            InvalidValueError: The activation is unknown, or the weights cannot be had or belong to another network.
        """
        transformers = import_transformers()
        activations, activation = transformers.activations.ACT2FN, self.architecture["hidden_act"]
        if activation not in activations:
            raise InvalidValueError(
                f"Expected `hidden_act` to be one of {', '.join(activations)}, but got {shown(activation)}."
            )
        config = transformers.BertConfig(**self.architecture, pad_token_id=self.vocabulary.index("[PAD]"))
        if weights is not None:
            return _load_weights(weights, config)
        bert: BertModel = transformers.BertModel(config, add_pooling_layer=False)
        return bert


def import_transformers() -> ModuleType:
    """Return the library, which only these models need.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingDependencyError(
            "Expected transformers to be installed: pip install 'crossmodal-aug[examples]'."
        ) from error
    return transformers


def _load_weights(name: str, config: Any) -> "BertModel":
    from safetensors import SafetensorError

    def load(*, local: bool) -> tuple[Any, dict[str, Any]]:
        out: tuple[Any, dict[str, Any]] = import_transformers().BertModel.from_pretrained(
            name, config=config, add_pooling_layer=False, output_loading_info=True, local_files_only=local
        )
        return out

    random = "--pretrained none starts at random"
    with _quiet():
        _check_weights(name)
        try:
            try:
                model, info = load(local=True)
            except OSError:
                if Path(name).is_dir():
                    raise
                model, info = load(local=False)
        except OSError as error:
            raise InvalidValueError(f"{name}: {_cannot_be_had(name, 'weights')}; {random}.") from error
        except (RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
            raise InvalidValueError(
                f"{name}: expected weights that fit its config.json, but they are damaged or of another network."
            ) from error
    if info["missing_keys"]:
        # transformers leaves such weights at random and goes on.
        raise InvalidValueError(
            f"{name}: expected the weights of a BERT, but {len(info['missing_keys'])} lack, such as "
            f"{min(info['missing_keys'])}."
        )
    bert: BertModel = model.float()  # some are stored in half precision
    return bert


def _check_weights(name: str) -> None:
    """Raise where weights that lie here are damaged, as far as their file says what it should be.

    Nothing says it of a model.safetensors in a folder; in the hub's cache a file has its digest for a name.
    """
    remedy = "fetch it again"
    file = _weights_here(name)
    if file is None:
        return
    whole = file.resolve()
    if re.fullmatch("[0-9a-f]{64}", whole.name):
        with whole.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != whole.name:
                raise InvalidValueError(f"{whole}: damaged weights (its digest is another); remove it, and {remedy}.")
    elif file.suffix == ".bin":
        check_whole(file, "file of weights", remedy)


def _weights_here(name: str) -> Path | None:
    """Return the file of weights that transformers takes, where it is in the folder or in the hub's cache."""
    for file in ("model.safetensors", "pytorch_model.bin"):
        if Path(name).is_dir():
            found = Path(name, file)
        else:
            try:
                found = Path(import_transformers().utils.cached_file(name, file, local_files_only=True))
            except OSError:
                continue
        if found.is_file():
            return found
    return None


def _read_json(name: str, file: str, *, required: bool = True) -> dict[str, Any]:
    text = _read_text(name, file, required=required)
    try:
        stored = json.loads(text or "{}")
    # ValueError: no JSON, or a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{name}: expected JSON in {file} ({error}).") from error
    if not isinstance(stored, dict):
        raise InvalidValueError(f"{name}: expected an object in {file}, but got a {type(stored).__name__}.")
    return stored


def _read_text(name: str, file: str, *, required: bool = True) -> str:
    path = _find(name, file, required=required)
    try:
        return "" if path is None else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{name}: expected UTF-8 in {file}.") from error


def _find(name: str, file: str, *, required: bool) -> Path | None:
    """Return where a file lies; None where the folder or the hub has none and it is not required."""
    folder = Path(name)
    if folder.is_dir():
        if (folder / file).is_file():
            return folder / file
        if required:
            raise InvalidValueError(f"{name}: {_cannot_be_had(name, file)}.")
        return None
    cached_file = import_transformers().utils.cached_file
    with _quiet():
        try:
            return Path(cached_file(name, file, local_files_only=True))
        except OSError:
            pass  # not in the cache: ask the hub
        try:
            found = cached_file(name, file, _raise_exceptions_for_missing_entries=required)
        except OSError as error:
            raise InvalidValueError(f"{name}: {_cannot_be_had(name, file)}.") from error
    return None if found is None else Path(found)


def _cannot_be_had(name: str, what: str) -> str:
    if Path(name).is_dir():
        return f"expected the folder of a BERT, with config.json, vocab.txt and weights, but it has no {what}"
    return (
        f"no such folder, and its {what} could not be had from the Hugging Face hub: this machine is offline, or the "
        "hub has no BERT of that name. Give the folder of one as --text-encoder"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' progress bars and reports of retries and unused weights off the screen."""
    shown = import_transformers().utils.logging
    hub = logging.getLogger("huggingface_hub")
    verbosity, level, bars = shown.get_verbosity(), hub.level, shown.is_progress_bar_enabled()
    shown.set_verbosity_error()
    shown.disable_progress_bar()
    hub.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        shown.set_verbosity(verbosity)
        hub.setLevel(level)
        if bars:
            shown.enable_progress_bar()

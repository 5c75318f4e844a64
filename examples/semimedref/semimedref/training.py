"""One run, from its settings to its scores."""

import json
import os
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import lightning.pytorch as pl
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.plugins.layer_sync import TorchSyncBatchNorm

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.atlas_checks import check_atlas
from semimedref.atlases import parser_for
from semimedref.checkpoints import Trained, load_trained, read_checkpoint
from semimedref.config import FREE_TO_CHANGE, Config
from semimedref.data.digest import changed_parts
from semimedref.data.module import SamplesModule
from semimedref.data.samples import DataSet
from semimedref.evaluation.answers import Reading
from semimedref.evaluation.obedience import Obedience, obedience_in
from semimedref.evaluation.tally import OWN, tally
from semimedref.evaluation.tally_file import write_tally
from semimedref.files import write_text
from semimedref.inference import other_captions, score
from semimedref.methods import METHODS, Method
from semimedref.metrics import Scores, overlaps, scores_of
from semimedref.models import MODELS, ReferringModel, make_model
from semimedref.pictures import draw_ops, draw_predictions
from semimedref.ranks import is_first, share_batch_norm
from semimedref.resuming import check_can_go_on, check_fits
from semimedref.runs import RUN_FOLDER, RunFolder
from semimedref.trainer import make_trainer

EXPECTED_WARNINGS = (
    "The '.*_dataloader' does not have many workers",  # batches are cut from memory
    "Checkpoint directory .* exists and is not empty",  # the run folder holds more than checkpoints
    "The number of training batches .* is smaller than the logging interval",
    "Experiment logs directory .* exists",
    "Found .* module.* in eval mode",  # the teacher is, always
    ".*LeafSpec.* is deprecated",  # Lightning's own
    "It is recommended to use .*sync_dist=True",  # every rank scores the whole validation set
)


class TestScores(NamedTuple):
    """What a run reached on the test set.

    Attributes:
        rows: Scores by row of the printed table.
        obedience: The used model under captions narrowed to one side.
    """

    rows: dict[str, Scores]
    obedience: Obedience


def check_data(config: Config, data: DataSet) -> None:
    """Raise unless a data set can be trained on with these settings.

    Raises:
        InvalidValueError: The image size does not fit the model or the size of a batch, or the method needs
            unlabelled samples and there are fewer than a batch; or a setting needs what the atlas has not.
    """
    check_atlas(config, data.atlas)
    stride = MODELS[config.model].stride
    if config.size % stride:
        raise InvalidValueError(
            f"Expected --size to be a multiple of {stride} for {config.model}, but got {config.size}."
        )
    if config.size == stride and config.batch_size == 1:
        raise InvalidValueError(
            f"Expected --size {2 * stride} or more, or --batch-size 2 or more, since normalisation needs more than one "
            f"value a channel, but got {config.size} and 1."
        )
    batch_size = config.batch_size * config.ranks
    if config.method != "supervised" and len(data.unlabelled) < batch_size:
        raise InvalidValueError(
            f"Expected at least {batch_size} unlabelled images, a batch, for {config.method}, but got "
            f"{len(data.unlabelled)}: use fewer --labels, a smaller --batch-size or --method supervised."
        )


def make_student(config: Config, data: DataSet) -> ReferringModel:
    """Seed everything random, and make the model to train.

    Raises:
        CrossModalError: Weights or a library that the settings ask for cannot be had.
    """
    pl.seed_everything(config.seed, verbose=False)
    return make_model([*data.labelled.texts, *data.unlabelled.texts], config, data.atlas)


def train(
    config: Config, data: DataSet, student: ReferringModel, folder: RunFolder, *, accept_changed_data: bool = False
) -> TestScores | None:
    """Train, or go on from the folder's last checkpoint, then score and draw.

    Args:
        config: Settings of the run.
        data: The data set.
        student: The model, as `make_student` returns it.
        folder: The folder of the run.
        accept_changed_data: Whether a run goes on where its images, captions or masks have changed since it began.

    Returns:
        Scores on the test set; on other ranks than the first none.
    """
    started = time.perf_counter()
    stretch = min(config.validate_every, config.optimiser_steps)
    stretches = -(-config.optimiser_steps // stretch)
    batches = SamplesModule(
        data,
        batch_size=config.batch_size * config.ranks,
        steps_an_epoch=stretch,
        seed=config.seed,
        accumulate=config.accumulate,
    )
    method = METHODS[config.method](
        student,
        config,
        data.atlas,
        steps=stretch * stretches,
        steps_a_pass=batches.batches.steps_a_pass / config.accumulate,
    )
    if folder.last.exists():
        stored = load_trained(folder.last)
        check_same_run(stored.config, config, folder.last)
        if not accept_changed_data:
            check_same_data(stored.digests, batches.digests, folder.last)
            check_same_atlas(stored.atlas, data.atlas, config, folder.last)
        check_same_model(stored.model, method.student, folder.last)
        check_fits(check_can_go_on(read_checkpoint(folder.last), folder.last), method, folder.last)
    with warnings.catch_warnings():
        for message in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message)
        trainer = make_trainer(method, folder, stretches)
        if config.ranks > 1:
            os.environ[RUN_FOLDER] = str(folder.path)
            if isinstance(trainer.accelerator, CUDAAccelerator):
                method = TorchSyncBatchNorm().apply(method)
            else:
                share_batch_norm(method)
        if not stopped_early(folder.last, config):
            fit(trainer, method, batches, folder.last)
    if not is_first():
        return None
    trained = load_trained(folder.best)
    for model in trained.models.values():
        model.to(trainer.strategy.root_device)
    return finish(trained, data, folder, seconds=time.perf_counter() - started)


def fit(trainer: pl.Trainer, method: Method, batches: SamplesModule, last: Path) -> None:
    """Train, from the last checkpoint if there is one.

    Raises:
        CannotWriteError: A checkpoint or the log could not be written.
        KeyboardInterrupt: Ctrl-C, for which Lightning ends the process as if training had failed.
    """
    try:
        with quiet_threads():
            trainer.fit(method, batches, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from ended
        raise


@contextmanager
def quiet_threads() -> Iterator[None]:
    """Print nothing where a thread fails to write: that of TensorBoard's log hands its error on to the first thread."""
    usual = threading.excepthook

    def hook(found: threading.ExceptHookArgs) -> None:
        if not issubclass(found.exc_type, OSError):
            usual(found)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = usual


def stopped_early(path: Path, config: Config) -> bool:
    """Return whether a run's last checkpoint is where it stopped for want of a better score.

    Raises:
        InvalidValueError: It is a checkpoint from which no run can go on.
    """
    if not path.exists():
        return False
    stored = check_can_go_on(read_checkpoint(path), path)
    if not config.patience:
        return False
    waited = [state["wait_count"] for name, state in stored["callbacks"].items() if name.startswith("EarlyStopping")]
    return bool(waited) and max(waited) >= config.patience


def check_same_run(stored: Config, config: Config, path: Path) -> None:
    """Raise unless a checkpoint was written by a run with these settings.

    Raises:
        InvalidValueError: It was not; the message names what differs.
    """
    free = ("runs", "name", *FREE_TO_CHANGE)
    differing = [one.name for one in fields(Config) if getattr(stored, one.name) != getattr(config, one.name)]
    differing = [name for name in differing if name not in free]
    if differing:
        pairs = ((name, getattr(stored, name), getattr(config, name)) for name in differing)
        came = ", ".join(f"{name} {shown(old)} for {shown(new)}" for name, old, new in pairs)
        raise InvalidValueError(f"{path}: expected the checkpoint of a run with these settings, but got {came}.")


def check_same_data(stored: Mapping[str, str], now: Mapping[str, str], path: Path) -> None:
    """Raise unless a checkpoint's run was trained on the same data set, by the digests of its parts.

    Raises:
        InvalidValueError: A part is another now.
    """
    changed = changed_parts(stored, now)
    if changed:
        raise InvalidValueError(
            f"{path}: expected the data that its run was trained on, but images, captions or masks of the "
            f"{' and the '.join(changed)} samples have changed since; put them back, or give --accept-changed-data "
            "to go on with what is there now."
        )


def check_same_atlas(stored: Atlas, now: Atlas, config: Config, path: Path) -> None:
    """Raise unless the atlas that the user gives is still the one that a checkpoint's run began with.

    Raises:
        InvalidValueError: It is another now.
    """
    if config.data == "folder" and stored != now:
        raise InvalidValueError(
            f"{path}: expected the atlas that its run was trained with, but {config.atlas} has changed since; put it "
            "back, or give --accept-changed-data to go on with what is there now."
        )


def check_same_model(stored: ReferringModel, new: ReferringModel, path: Path) -> None:
    """Raise unless a checkpoint's model is the one that the settings and the data make now.

    Raises:
        InvalidValueError: It is another model, or knows other words.
    """
    if stored.name != new.name or stored.settings() != new.settings():
        raise InvalidValueError(
            f"{path}: expected the model that these settings and captions make, but got another; the captions of the "
            "data set, or the files of the text encoder, have changed since that run began."
        )


def finish(trained: Trained, data: DataSet, folder: RunFolder, *, seconds: float) -> TestScores:
    """Score the best checkpoint on the test set, draw the pictures and write the metrics and the counts."""
    *others, used = trained.models
    counted = tally(
        trained.model,
        data.test,
        parser_for(data.atlas),
        (Reading("raw"),),
        units=("side",),
        other_words=False,
        about={"checkpoint": folder.best.name, "step": trained.step, "part": "test"},
    )
    counts = counted.row("raw", OWN).counts
    rows = {name: score(trained.models[name], data.test).scores() for name in others} | {used: scores_of(counts)}
    rows[f"{used}, other captions"] = score(trained.model, data.test, other_captions(data.test)).scores()
    draw_ops(folder.path / "ops.png", data)
    draw_predictions(folder.path / "predictions.png", trained, data, overlaps(counts)["dice"].tolist())
    obeyed = obedience_in(counted)
    about = {"best_step": trained.step, "seconds": round(seconds, 1), **obeyed.to_dict()}
    write_tally(folder.counts, counted)
    write_scores(folder.path, rows, about)
    return TestScores(rows, obeyed)


def write_scores(folder: Path, rows: dict[str, Scores], about: dict[str, float | None]) -> None:
    """Write metrics.csv and, last of all, metrics.json."""
    heads = list(next(iter(rows.values())).to_dict())
    lines = [",".join(["model", *heads])]
    lines += [",".join([f'"{name}"', *(f"{one.to_dict()[head]:.6g}" for head in heads)]) for name, one in rows.items()]
    write_text(folder / "metrics.csv", "\n".join(lines) + "\n")
    stored = {**about, "test": {name: one.to_dict() for name, one in rows.items()}}
    write_text(folder / "metrics.json", json.dumps(stored, indent=2) + "\n")

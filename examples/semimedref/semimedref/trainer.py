"""The Lightning trainer of a run: where it computes, what it writes down and when it stops."""

import logging
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from crossmodal_aug.errors import InvalidValueError
from semimedref.checkpoint_writer import AtomicCheckpointIO
from semimedref.config import Config
from semimedref.data.entries import has_half_characters
from semimedref.files import naming
from semimedref.methods import Method
from semimedref.runs import RunFolder

# TensorBoard would write through TensorFlow wherever that is installed, and on a full disk that raises no OSError; with
# this module it writes by itself.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))


def check_devices(config: Config) -> None:
    """Raise unless this machine has the devices that the settings ask for.

    Raises:
        InvalidValueError: It has not.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    try:
        pl.Trainer(accelerator=config.accelerator, devices=config.devices, logger=False, enable_checkpointing=False)
    except MisconfigurationException as error:
        raise InvalidValueError(
            f"Expected a machine with --accelerator {config.accelerator} --devices {config.devices}, but got: "
            f"{str(error).rstrip('.')}."
        ) from error


class KeptCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint, which knows its best score again where the folder of the run was moved or copied."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a stored state, its paths as they are in this folder.

        Lightning deletes the checkpoint before, and any folder of that name: what is not this callback's own file is
        left out.
        """
        own = f"{self.filename}{self.FILE_EXTENSION}"

        def here(path: object) -> str:
            return str(Path(str(self.dirpath)) / own) if isinstance(path, str) and Path(path).name == own else ""

        moved = {**state_dict, "dirpath": self.dirpath}
        for name in ("best_model_path", "last_model_path"):
            moved[name] = here(state_dict.get(name))
        kept = {here(path): value for path, value in state_dict.get("best_k_models", {}).items() if here(path)}
        super().load_state_dict({**moved, "best_k_models": kept, "kth_best_model_path": next(iter(kept), "")})


class NamedCSVLogger(CSVLogger):
    """Lightning's log in CSV, which names its folder where it cannot be written."""

    def save(self) -> None:
        """Write what has been logged."""
        with naming(Path(self.log_dir)):
            super().save()


class NamedTensorBoardLogger(TensorBoardLogger):
    """Lightning's log for TensorBoard, which names its folder where it cannot be written."""

    @property
    def experiment(self) -> Any:
        """Return TensorBoard's writer, which begins its file when it is asked for first."""
        with naming(Path(self.log_dir)):
            return super().experiment

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Log, or say why what was logged before could not be written."""
        with naming(Path(self.log_dir)):
            super().log_metrics(metrics, step)

    def save(self) -> None:
        """Write what has been logged."""
        with naming(Path(self.log_dir)):
            super().save()

    def finalize(self, status: str) -> None:
        """Write what has been logged, and close the file."""
        with naming(Path(self.log_dir)):
            super().finalize(status)


class PlainProgressBar(TQDMProgressBar):
    """Lightning's progress bar, without the number of a logger's version."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return what stands beside the bar."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class PlainTermination(Callback):
    """Lets SIGTERM end the process at once, with its own exit code.

    Checkpoints are written whole or not at all, so nothing has to be finished first; Lightning's handler would end a
    single process as if it had succeeded, and can wait for ever for the other ranks.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the handler of the system back."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def make_trainer(method: Method, folder: RunFolder, epochs: int) -> pl.Trainer:
    """Return the Lightning trainer of a run.

    Args:
        method: What it will train.
        folder: Folder of the run.
        epochs: Stretches between validations.
    """
    config = method.config
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

    def keep(filename: str, monitor: str | None) -> ModelCheckpoint:
        return KeptCheckpoint(
            dirpath=folder.path,
            filename=filename,
            monitor=monitor,
            mode="max",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    callbacks: list[Callback] = [PlainProgressBar(refresh_rate=10), PlainTermination()]
    if config.patience:
        callbacks.append(EarlyStopping("valid/dice", mode="max", patience=config.patience))
    # `last` is written after `best`, so that it knows the score of that `best`.
    callbacks += [keep(folder.best.stem, "valid/dice"), keep(folder.last.stem, None)]
    strategy: Strategy | str = config.strategy
    if config.ranks > 1 or config.strategy == "ddp":
        # Without a contrastive loss the projections are not used.
        strategy = DDPStrategy(find_unused_parameters=True)
    return pl.Trainer(
        max_epochs=epochs,
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.nodes,
        strategy=strategy,
        precision=config.precision,
        accumulate_grad_batches=config.accumulate,
        # Where an operation has no form that gives the same bits each time, torch warns and names it.
        deterministic="warn" if config.deterministic else None,
        # What a rank gets is settled by the number of the step.
        use_distributed_sampler=False,
        callbacks=callbacks,
        logger=_loggers(folder.path),
        plugins=[AtomicCheckpointIO()],
        gradient_clip_val=1.0,
        log_every_n_steps=method.log_every,
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )


def _loggers(folder: Path) -> list[Logger]:
    loggers: list[Logger] = [NamedCSVLogger(folder, name="logs", version=None)]
    if has_half_characters(str(folder)):
        print("note: no curves for TensorBoard, which cannot write to a folder whose name is not UTF-8")
    else:
        loggers.append(NamedTensorBoardLogger(folder, name="logs", version="tensorboard"))
    return loggers

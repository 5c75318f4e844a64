"""The Lightning trainer of a run: where it computes, what it writes down and when it stops."""

import logging

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from crossmodal_aug.errors import InvalidValueError
from semimedref.checkpoints import AtomicCheckpointIO
from semimedref.config import Config
from semimedref.methods import Method
from semimedref.runs import RunFolder


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
            f"Expected a machine with --accelerator {config.accelerator} --devices {config.devices}, but got: {error}"
        ) from error


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
        return ModelCheckpoint(
            dirpath=folder.path,
            filename=filename,
            monitor=monitor,
            mode="max",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    callbacks: list[Callback] = [TQDMProgressBar(refresh_rate=10)]
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
        logger=[
            CSVLogger(folder.path, name="logs", version=None),
            TensorBoardLogger(folder.path, name="logs", version="tensorboard"),
        ],
        plugins=[AtomicCheckpointIO()],
        gradient_clip_val=1.0,
        log_every_n_steps=method.log_every,
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )

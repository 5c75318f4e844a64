"""What a run keeps is used only as it was kept: nothing damaged, and no other data unasked."""

import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref.checkpoint_writer import AtomicCheckpointIO
from semimedref.checkpoints import load_trained
from semimedref.data.digest import changed_parts, data_digests
from semimedref.data.folder_data import load_folder

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import CAPTION, TINY, contents, flip, one_line, stopped

# Damaged files


def test_no_flipped_bit_of_a_checkpoint_is_loaded(drawn_run, tmp_path):
    path = tmp_path / "best.ckpt"
    whole = (drawn_run / "best.ckpt").read_bytes()
    rng = random.Random(0)
    ends = [*range(8 * (len(whole) - 130), 8 * len(whole), 41), *range(0, 8 * 64, 41)]
    for bit in [*ends, *(rng.randrange(8 * len(whole)) for _ in range(40))]:
        path.write_bytes(whole)
        flip(path, bit)
        with pytest.raises(InvalidValueError, match=r"best\.ckpt: not a readable checkpoint \(.*\); take another "):
            load_trained(path)
    path.write_bytes(whole)
    assert load_trained(path).step > 0


@pytest.mark.parametrize("kind", ["cut", "longer", "zeros", "swapped"])
def test_no_other_damage_to_a_checkpoint_is_loaded(spare_run, kind):
    path = spare_run / "best.ckpt"
    whole = path.read_bytes()
    half = len(whole) // 2
    damaged = {
        "cut": whole[:half],
        "longer": whole + b"\0",
        "zeros": whole[:half] + bytes(4096) + whole[half + 4096 :],
        "swapped": whole[half:] + whole[:half],
    }
    path.write_bytes(damaged[kind])
    for read in (load_trained, AtomicCheckpointIO().load_checkpoint):
        with pytest.raises(InvalidValueError, match=r"best\.ckpt: not a readable checkpoint"):
            read(path)


def test_scripts_refuse_a_damaged_checkpoint(spare_run, shell, chest, tmp_path):
    (spare_run / "metrics.json").unlink()
    for name in ("best.ckpt", "last.ckpt"):
        flip(spare_run / name, 4 * (spare_run / name).stat().st_size)
    for outcome in (
        shell("predict", spare_run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "out"),
        shell("evaluate", spare_run / "best.ckpt"),
        shell("train", "--resume", "--runs", spare_run.parent, "--name", "drawn"),
    ):
        error = one_line(outcome)
        assert ".ckpt: not a readable checkpoint (damaged: its digest is another); take another checkpoint" in error
    assert not (tmp_path / "out").exists()


def test_resuming_from_a_copy_of_the_best_checkpoint_ends_with_the_same_weights(shell, tmp_path):
    given = [*TINY, "--labels", "0.05", "--method", "supervised", "--steps", "6", "--validate-every", "2"]
    given += ["--runs", tmp_path, "--name", "drawn"]
    assert shell("train", *given)[0] == 0
    wanted = load_trained(tmp_path / "drawn/last.ckpt")
    best = tmp_path / "drawn/best.ckpt"
    assert 0 < load_trained(best).step < 6
    flip(tmp_path / "drawn/last.ckpt", 99_999)
    shutil.copy(best, tmp_path / "drawn/last.ckpt")
    (tmp_path / "drawn/metrics.json").unlink()
    assert shell("train", *given, "--resume")[0] == 0
    again = load_trained(tmp_path / "drawn/last.ckpt")
    assert again.step == wanted.step == 6
    weights = wanted.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.model.state_dict().items())


def test_weights_of_others_are_compared_with_their_checksums(tmp_path, monkeypatch):
    from semimedref.models.convnext import convnext_tiny_weights

    path = tmp_path / "weights.pth"
    torch.save({"features.0.0.weight": torch.zeros(64, 64)}, path)
    assert set(convnext_tiny_weights(str(path))) == {"0.0.weight"}
    flip(path, 4 * path.stat().st_size)
    with pytest.raises(
        InvalidValueError, match=r"weights\.pth: not a readable .*damaged: .*; fetch it again from http"
    ):
        convnext_tiny_weights(str(path))

    # The published file says in its name how its digest begins, in the older format of torch too.
    published = tmp_path / "hub/checkpoints/convnext_tiny-983f1562.pth"
    published.parent.mkdir(parents=True)
    torch.save({"features.0.0.weight": torch.zeros(2)}, published, _use_new_zipfile_serialization=False)
    with pytest.raises(InvalidValueError, match=r"983f1562\.pth: .*its digest is another\); fetch it again from http"):
        convnext_tiny_weights(str(published))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InvalidValueError, match=r"983f1562\.pth: .*another\); remove it, and it is downloaded again"):
        convnext_tiny_weights()


def test_the_weights_of_a_text_encoder_are_compared_with_their_checksums(spare_bert, tmp_path, monkeypatch):
    from safetensors.torch import load_file
    from semimedref.models import bert_files
    from semimedref.models.text_encoder import FrozenBert

    weights = spare_bert / "pytorch_model.bin"
    torch.save(load_file(spare_bert / "model.safetensors"), weights)
    (spare_bert / "model.safetensors").unlink()
    FrozenBert.from_name(str(spare_bert), max_tokens=48)
    flip(weights, 4 * weights.stat().st_size)
    with pytest.raises(InvalidValueError, match=r"pytorch_model\.bin: .*damaged: .*; fetch it again"):
        FrozenBert.from_name(str(spare_bert), max_tokens=48)

    # In the hub's cache, a file of weights has its digest for a name.
    hub = Path(shutil.copytree(spare_bert, tmp_path / "hub"))
    (hub / ("0" * 64)).write_bytes(weights.read_bytes())
    (hub / "model.safetensors").symlink_to(hub / ("0" * 64))
    (hub / "tokenizer_config.json").write_text("{}")
    monkeypatch.setattr(bert_files.import_transformers().utils, "cached_file", lambda name, file, **_: str(hub / file))
    with pytest.raises(InvalidValueError, match=r"0{64}: damaged weights .*remove it, and fetch it again"):
        FrozenBert.from_name("somebody/a-bert", max_tokens=48)


# Data that changed


def repaint(path: Path) -> None:
    values = np.array(Image.open(path))
    values[5, 5] ^= 255
    Image.fromarray(values).save(path)


def recaption(root: Path, part: str) -> None:
    stored = json.loads((root / "annotation.json").read_text())
    stored[part][0]["caption"] += " "
    stored[part][0]["caption"] = stored[part][0]["caption"].strip().replace("infection", "infection ")
    (root / "annotation.json").write_text(json.dumps(stored))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (r"(un)?labelled", lambda root: repaint(root / "train/images/train-3.png")),
        ("labelled", lambda root: [repaint(path) for path in (root / "train/masks").iterdir()]),
        ("test", lambda root: repaint(root / "test/masks/mask_test-2.png")),
        ("valid", lambda root: recaption(root, "valid")),
    ],
    ids=["image", "masks", "test mask", "caption"],
)
def test_a_run_on_changed_data_goes_on_where_that_is_asked_for_alone(tiny_qata, tmp_path, shell, part, change):
    resume = stopped(tiny_qata, shell, tmp_path)
    kept = contents(tmp_path / "runs/tiny")
    change(tiny_qata)
    error = one_line(shell("train", *resume))
    pattern = rf"last\.ckpt: .*captions or masks of the {part} samples have changed since; .*--accept-changed-data"
    assert re.search(pattern, error), error
    assert contents(tmp_path / "runs/tiny") == kept
    assert shell("train", *resume, "--accept-changed-data")[0] == 0
    assert (tmp_path / "runs/tiny/metrics.json").exists()


def test_a_run_on_the_same_data_goes_on_from_another_place_and_cache(tiny_qata, tmp_path, shell):
    resume = stopped(tiny_qata, shell, tmp_path)
    again = tmp_path / "moved"
    shutil.copytree(tiny_qata, again)
    shutil.rmtree(tiny_qata)
    tiny_qata.symlink_to(again)
    assert shell("train", *resume, "--cache", tmp_path / "kept")[0] == 0


def test_changed_data_cannot_be_accepted_by_a_new_run(shell, tmp_path):
    given = [*TINY, "--runs", tmp_path / "runs", "--accept-changed-data"]
    assert "Expected --resume beside --accept-changed-data" in one_line(shell("train", *given))


def test_an_evaluation_says_that_its_data_have_changed(tiny_qata, tmp_path, shell):
    stopped(tiny_qata, shell, tmp_path)
    best = tmp_path / "runs/tiny/best.ckpt"
    code, printed, _ = shell("evaluate", best, "--resamples", "5")
    assert code == 0
    assert "have changed" not in printed
    repaint(tiny_qata / "test/images/test-1.png")
    code, printed, _ = shell("evaluate", best, "--resamples", "5", "--out", tmp_path / "out")
    assert code == 0
    note = "images, captions or masks have changed since the model was trained, of these parts: test"
    assert note in printed
    assert note in (tmp_path / "out/report.html").read_text()
    assert json.loads((tmp_path / "out/scores.json").read_text())["about"]["data, changed"] == note


def test_a_digest_tells_parts_and_orders_apart_and_not_names(tiny_qata):
    data = load_folder("qata", tiny_qata, size=16, labels=0.3)
    before = data_digests(data)
    assert changed_parts(before, before) == []
    assert changed_parts({}, before) == []
    for part in ("labelled", "unlabelled", "valid", "test"):
        samples = getattr(data, part)
        turned = samples.take(list(range(len(samples)))[::-1])
        renamed = type(samples)(**{**vars(samples), "names": tuple("x" for _ in samples.names)})
        assert changed_parts(before, data_digests(type(data)(**{**vars(data), part: turned}))) == [part]
        assert changed_parts(before, data_digests(type(data)(**{**vars(data), part: renamed}))) == []

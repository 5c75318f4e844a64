"""Files and folders that are there whole or not at all, and what killed processes leave of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from semimedref.files import ABANDONED_AFTER, CannotWriteError, sweep, write_atomically, write_text, written_whole
from semimedref.runs import new_run

EXAMPLE = Path(__file__).parents[2] / "examples" / "semimedref"

WRITER = """
import sys, time
from pathlib import Path
from semimedref.files import write_atomically, written_whole

def write(temporary):
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(600)

place = Path(sys.argv[1])
if sys.argv[2] == "file":
    write_atomically(place, write)
with written_whole(place) as made:
    write(made / "inside")
"""


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(CannotWriteError, match=r"metrics\.json: cannot be written \(disk full\); what stood there"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_not_there_before_it_is_complete(tmp_path):
    path = tmp_path / "picture.png"

    def write(temporary):
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.write_text("x")
        assert not path.exists()

    write_atomically(path, write)
    assert path.read_text() == "x"


def test_what_a_file_may_be_read_by_is_what_the_system_says(tmp_path):
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "x", "")
    finally:
        os.umask(mask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["x" * 255, "x." + "y" * 253, "\u00fc" * 127, "x" * 251 + ".png"])
def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path, name):
    write_text(tmp_path / name, "text")
    assert (tmp_path / name).read_text() == "text"
    with written_whole(tmp_path / name[1:]) as folder:
        (folder / "inside").write_text("x")
    assert (tmp_path / name[1:] / "inside").read_text() == "x"


def test_bytes_that_are_no_text_are_spelt_out(tmp_path):
    write_text(tmp_path / "x", "gr\udcf6\u00dfer")
    assert (tmp_path / "x").read_text(encoding="utf-8") == "gr\\udcf6\u00dfer"


def test_a_folder_appears_with_all_that_is_in_it(tmp_path):
    with written_whole(tmp_path / "new") as folder:
        (folder / "one").write_text("1")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new/one").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_fails_leaves_nothing_and_names_the_place_it_should_have_had(tmp_path):
    with (
        pytest.raises(CannotWriteError, match=r"new/deep/one: cannot be written"),
        written_whole(tmp_path / "new") as it,
    ):
        write_text(it / "deep" / "one", "1")
    with pytest.raises(KeyError), written_whole(tmp_path / "new") as it:
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_an_empty_one_alone(tmp_path):
    (tmp_path / "empty").mkdir()
    with written_whole(tmp_path / "empty") as folder:
        (folder / "one").write_text("1")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("empty", "file", "link"):
        with pytest.raises(FileExistsError), written_whole(tmp_path / name) as folder:
            (folder / "one").write_text("2")
    assert (tmp_path / "empty/one").read_text() == "1"
    assert (tmp_path / "file").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "file", "link"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path, kind):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "place.txt"), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=EXAMPLE) as process:
        try:
            assert process.stdout.readline() == "writing\n"
            sweep(tmp_path)
            (left,) = tmp_path.iterdir()
        finally:
            process.send_signal(signal.SIGKILL)
    assert (left / "inside" if kind == "folder" else left).read_text() == "half"
    for name in ("place.txt", ".semimedref-notes", ".hidden", ".semimedref-0123456789abcdef0"):
        (tmp_path / name).write_text("precious")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("place.txt", ".semimedref-notes", ".hidden", ".semimedref-0123456789abcdef0")
    }


def test_where_there_are_no_locks_age_tells(tmp_path, monkeypatch):
    from semimedref import files

    def fail(*given):
        raise OSError("no locks here")

    monkeypatch.setattr(files.fcntl, "flock", fail)
    write_text(tmp_path / "written", "all the same")
    names = (".semimedref-0123456789abcdef.png", ".semimedref-0123456789abcdee")
    for name in names:
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / names[0], (time.time() - 2 * ABANDONED_AFTER,) * 2)
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"written", names[1]}


def test_a_sweep_at_any_moment_takes_nothing_from_a_writer(tmp_path):
    over = threading.Event()

    def sweep_on():
        while not over.is_set():
            sweep(tmp_path)

    sweeper = threading.Thread(target=sweep_on)
    sweeper.start()
    try:
        for number in range(300):
            write_text(tmp_path / str(number), "x")
    finally:
        over.set()
        sweeper.join()
    assert len(list(tmp_path.iterdir())) == 300


def test_an_empty_folder_of_an_earlier_start_is_no_run(tmp_path):
    (tmp_path / "mine").mkdir()
    assert new_run(tmp_path, "mine", "run", "{}").config.read_text() == "{}"


def test_a_run_that_cannot_be_made_leaves_no_folder(tmp_path, monkeypatch):
    from semimedref import runs

    def fail(path, text):
        raise CannotWriteError(path, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_text", fail)
        with pytest.raises(CannotWriteError, match=r"mine/config\.json: cannot be written \(No space left on device\)"):
            new_run(tmp_path, "mine", "run", "{}")
    assert not list(tmp_path.iterdir())
    new_run(tmp_path, "mine", "run", "{}")

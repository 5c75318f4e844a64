import json

import pytest
from semimedref.config import Config
from semimedref.runs import find_run, new_run

from crossmodal_aug.errors import InvalidValueError


def test_runs_never_share_a_folder(tmp_path):
    runs = [new_run(tmp_path, "", "phantom", "{}") for _ in range(3)]
    assert [run.path.name for run in runs] == ["phantom", "phantom-2", "phantom-3"]
    assert {run.config.read_text() for run in runs} == {"{}"}
    new_run(tmp_path, "mine", "phantom", "{}")
    with pytest.raises(InvalidValueError, match=r"mine exists: continue it with --resume, or choose another --name"):
        new_run(tmp_path, "mine", "phantom", "{}")


def test_the_newest_run_is_resumed(tmp_path):
    for _ in range(11):
        new_run(tmp_path, "", "run", "{}")
    new_run(tmp_path, "run-other", "", "{}")
    assert find_run(tmp_path, "", "run").path.name == "run-11"
    assert find_run(tmp_path, "run-other", "run").path.name == "run-other"
    with pytest.raises(InvalidValueError, match=r"a run to resume at .*nothing"):
        find_run(tmp_path, "nothing", "run")


def test_settings_survive_the_file():
    config = Config(labels=0.01, mix="zone", seed=3)
    assert Config.from_json(config.to_json(), "config.json") == config


def test_a_resumed_run_may_compute_and_keep_elsewhere():
    run = Config(data="qata", root="DIR", labels=0.01)
    config = run.with_given({"cache": "kept", "accelerator": "cpu"}, source="config.json")
    assert (config.cache, config.accelerator, config.labels) == ("kept", "cpu", 0.01)
    with pytest.raises(InvalidValueError, match=r"Expected --labels 0\.01, as in config\.json"):
        config.with_given({"labels": 0.05}, source="config.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": 0.0}, r"`labels` to be in \(0, 1\], but got 0.0"),
        ({"batch_size": 0}, "`batch_size` to be at least 1, but got 0"),
        ({"batch_size": 65537, "method": "supervised"}, "`batch_size` to be at most 65536, but got 65537"),
        ({"steps": 2**32}, r"`steps` to be below 2\*\*32, but got 4294967296"),
        ({"runs": "a\0b"}, r"`runs` to be text that can be a path, but got 'a\\x00b'"),
        ({"root": "a\0b"}, "`root` to be text that can be a path"),
        ({"cache": "\ud800"}, r"`cache` to be text that can be a path, but got '\\ud800'"),
        ({"method": "magic"}, "`method` to be one of supervised, mean-teacher, .*, own-caption, but got 'magic'"),
        ({"data": "qata"}, "--root, the folder that holds the qata files"),
        ({"flip": 2.0}, r"`flip` to be in \[0, 1\], but got 2.0"),
        ({"mix": 1}, "`mix` to be a string, but got 1"),
        ({"name": "../x"}, "`name` to be a folder name"),
        ({"steps": 1.5}, "`steps` to be an integer, but got 1.5"),
        ({"unlabelled_weight": float("nan")}, "`unlabelled_weight` to be finite"),
    ],
)
def test_bad_settings_are_named(given, message):
    with pytest.raises(InvalidValueError, match=message):
        Config(**given)


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"colour": 1}', '{"labels": 7}', "[" * 100_000, '{"seed": ' + "9" * 5000 + "}"),
        *(b"\xff\xfe\xff\xfe", b'{"name": "\xe9"}', b'{"runs": "a\\u0000b"}', b'{"runs": "\\ud800"}'),
    ],
    ids=range(10),
)
def test_bad_config_files_are_named(text):
    with pytest.raises(InvalidValueError, match=r"^there/config\.json: "):
        Config.from_json(text, "there/config.json")


def test_resuming_refuses_other_settings():
    config = Config.from_json(json.dumps({"seed": 1}), "config.json")
    assert config.with_given({"seed": 1, "runs": "elsewhere"}, source="config.json") == config
    with pytest.raises(InvalidValueError, match=r"--batch-size 16, as in config\.json, to resume that run, but got 4"):
        config.with_given({"batch_size": 4}, source="config.json")

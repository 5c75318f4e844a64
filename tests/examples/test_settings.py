"""Settings: recipes, the command line, and what goes together."""

import importlib
from pathlib import Path

import pytest
import yaml
from semimedref.config import Config
from semimedref.data.phantom import load_phantoms
from semimedref.models import MODELS
from semimedref.training import check_data

from crossmodal_aug.errors import InvalidValueError

# Lists that hold each other eight times: two million numbers, which it takes seconds to write.
SHARED = "&a0 [1, 1, 1, 1, 1, 1, 1, 1]"
for level in range(1, 7):
    SHARED = f"&a{level} [{SHARED}, {', '.join([f'*a{level - 1}'] * 7)}]"
# Each line would hold eight times the entries of the one before.
MERGED = "a0: &a0 {b: 1}\n"
MERGED += "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 7))

CONFIGS = sorted(Path(__file__).parents[2].glob("examples/semimedref/configs/*.yaml"))


@pytest.fixture(scope="module")
def phantoms():
    return load_phantoms(size=32, labels=0.05)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_recipes_can_be_read(path):
    stored = Config.read_yaml(path)
    config = Config(**({} if stored["data"] == "phantom" else {"root": "DIR"}), **stored)
    assert config.model == ("compact" if config.size == 96 else "mmi-unet")
    assert config.method in path.stem or path.stem.startswith("phantom")
    assert stored["steps"] % stored["validate_every"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red", r"file\.yaml: expected the settings of a run, but got \['colour'\]"),
        ("- method", r"file\.yaml: expected the settings of a run, but got list"),
        ("", r"file\.yaml: expected the settings of a run, but got NoneType"),
        ("steps: many", r"file\.yaml: Expected `steps` to be an integer, but got 'many'"),
        ("steps: [", r"file\.yaml: not a YAML file"),
        ("[" * 3000, r"file\.yaml: not a YAML file"),
        ("name: 2020-13-45", r"file\.yaml: not a YAML file \(month must be in 1\.\.12"),
        ("seed: !!int abc", r"file\.yaml: not a YAML file"),
        ("seed: !!int ''", r"file\.yaml: not a YAML file"),
        ("deterministic: !!bool maybe", r"file\.yaml: not a YAML file"),
        ("name: !!timestamp today", r"file\.yaml: not a YAML file"),
        ("seed: " + "9" * 5000, r"file\.yaml: not a YAML file"),
        ("seed: 0x" + "f" * 5000, r"file\.yaml: Expected `seed` to be below .* got a number of about 6020 digits"),
        ('runs: "a\\0b"', r"file\.yaml: Expected `runs` to be text that can be a path"),
        ("learning_rate: fast", r"file\.yaml: Expected `learning_rate` to be a number, but got 'fast'"),
        (f"steps: {SHARED}", r"file\.yaml: Expected `steps` to be an integer, but got \[\["),
        (f"method: {SHARED}", r"file\.yaml: Expected `method` to be a string, but got \[\["),
        ("steps: &a [*a]", r"file\.yaml: Expected `steps` to be an integer, but got \[\["),
        ("&a {steps: *a}", r"file\.yaml: Expected `steps` to be an integer, but got \{"),
        ("".join(f"name{number}: 1\n" for number in range(2000)), r"file\.yaml: expected the settings of a run"),
        ("x" * 1000 + ": 1", r"file\.yaml: expected the settings of a run"),
        ("steps: !" + "x" * 5000 + " 1", r"file\.yaml: not a YAML file"),
        (MERGED, r"file\.yaml: not a YAML file \(settings are not merged by <<"),
        (None, r"file\.yaml: no such file"),
    ],
)
def test_bad_recipes_are_named(tmp_path, text, message):
    path = tmp_path / "file.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidValueError, match=message) as caught:
        Config.read_yaml(path)
    assert len(str(caught.value)) < 600 + len(str(path))
    assert "\n" not in str(caught.value)


def test_a_number_of_an_alias_is_that_number(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("width: &n 16\nsteps: *n\n")
    assert Config.read_yaml(path) == {"width": 16, "steps": 16}


def test_settings_of_a_checkpoint_that_hold_shared_lists_are_named_in_a_line():
    value: object = 1
    for _ in range(7):
        value = [value] * 8
    for name in ("method", "steps", "learning_rate", "name"):
        with pytest.raises(InvalidValueError, match=f"Expected `{name}` to be .*, but got") as caught:
            Config.from_dict({name: value}, "last.ckpt")
        assert len(str(caught.value)) < 200
    with pytest.raises(InvalidValueError, match="expected the settings of a run") as caught:
        Config.from_dict({(1, (2,) * 1000): 1, "a" * 1000: 2}, "last.ckpt")
    assert len(str(caught.value)) < 200


def test_a_stored_file_of_settings_that_is_no_text_is_named(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InvalidValueError, match=r"run/config\.json: not a JSON file"):
        importlib.import_module("train").main(["--resume", "--runs", str(tmp_path), "--name", "run"])


def test_numbers_may_have_an_exponent_without_a_point(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("learning_rate: 3e-4\nflip: 1e-1\nname: 1e-1\n")
    assert Config.read_yaml(path) == {"learning_rate": 3e-4, "flip": 0.1, "name": "1e-1"}


def test_settings_may_be_named_as_on_the_command_line(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("learning-rate: 0.001\npos_aug: mix\n")
    assert Config.read_yaml(path) == {"learning_rate": 0.001, "pos_aug": "mix"}


def test_a_run_is_named_after_the_switches_that_are_not_the_method_s():
    assert Config().default_name == "phantom-compact-semimedref-5pct"
    ablation = Config(flip=0.0, mix="zone", labels=0.1, seed=3)
    assert ablation.default_name == "phantom-compact-semimedref-10pct-mix-zone-flip-0.0"


def test_the_command_line_counts_before_the_file(tmp_path, monkeypatch):
    class Asked(Exception):
        """Ends the script where it has its settings."""

    def stop(config):
        raise Asked(config)

    script = importlib.import_module("train")
    monkeypatch.setattr(script, "load_data", stop)
    path = tmp_path / "recipe.yaml"
    settings = {"method": "paper", "flip": 0.25, "seed": 3, "labels": 1, "deterministic": True}
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(Asked) as ended:
        script.main(["--config", str(path), "--seed", "4", "--no-deterministic", "--runs", str(tmp_path / "runs")])
    [config] = ended.value.args
    assert config == Config(
        method="paper", flip=0.25, seed=4, labels=1, deterministic=False, runs=str(tmp_path / "runs")
    )
    assert (config.mix, config.itcl) == ("published", 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 2**32}, "`seed` to be below"),
        ({"method": ["a"]}, "`method` to be a string"),
        ({"name": "a\0b"}, "`name` to be a folder name"),
        ({"method": "supervised", "pos_aug": "mix"}, "--pos-aug none for supervised"),
        ({"method": "supervised", "alter": "unlabelled", "flip": 0.5}, "--alter both for supervised"),
        ({"image_weights": "convnext.pth"}, "no --image-weights beside --model compact, where it has no effect"),
    ],
)
def test_settings_that_nothing_can_be_done_with_are_refused(settings, message):
    with pytest.raises(InvalidValueError, match=message):
        Config(**settings)


def test_a_map_of_one_pixel_in_a_batch_of_one_is_refused(phantoms):
    with pytest.raises(InvalidValueError, match="--size 32 or more, or --batch-size 2 or more"):
        check_data(Config(size=16, batch_size=1), phantoms)
    check_data(Config(size=16, batch_size=2), phantoms)
    check_data(Config(size=32, batch_size=1), phantoms)


@pytest.mark.parametrize("width", [1, 2, 6])
def test_a_width_that_the_heads_cannot_share_is_refused(phantoms, width):
    with pytest.raises(InvalidValueError, match="multiple of 4 for compact"):
        MODELS["compact"].for_run(phantoms.labelled.texts, Config(width=width))

"""The page of methods says of each what its preset sets."""

import argparse
import re
from dataclasses import fields
from pathlib import Path

import pytest
from semimedref.cli import add_arguments
from semimedref.config import Config
from semimedref.method_settings import MethodSettings
from semimedref.presets import PLAIN, PRESETS
from semimedref.settings import flag

PAGE = (Path(__file__).parents[2] / "docs/how-to/methods.md").read_text()
ROWS = re.findall(
    r"^\| (`[^|]*) \| ([^|]*) \|$", PAGE.split("## The rows")[1].split("## The switches")[0], re.MULTILINE
)
SETS = {name: about for names, about in ROWS if names != "`--method`" for name in re.findall(r"`([\w-]+)`", names)}


def test_every_preset_has_its_row():
    assert set(SETS) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_row_says_what_its_preset_sets(name):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    base = re.match(r"that of `([\w-]+)`", SETS[name])
    given = " ".join(re.findall(r"`(--[^`]+)`", SETS[name])).split()
    found = {**(PRESETS[base.group(1)] if base else PLAIN), **vars(parser.parse_args(given))}
    assert found == PRESETS[name]


def test_every_switch_is_listed_with_its_values():
    table = PAGE.split("## The switches")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`--[^|]*) \| (.*) \|$", table, re.MULTILINE)
    listed = {name: about for names, about in rows for name in re.findall(r"`(--[\w-]+)`", names)}
    settings = {flag(one.name): one for one in fields(MethodSettings) if one.name != "method"}
    assert set(listed) == set(settings)
    for name, one in settings.items():
        assert all(f"`{value}`" in listed[name] for value in one.metadata["choices"]), name


def test_no_row_of_the_first_edition_is_called_by_the_name_of_a_preset():
    assert {Config(method=name).mix for name in PRESETS} & {"paper", "released"} == set()

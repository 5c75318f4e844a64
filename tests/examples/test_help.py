"""The help of `train.py`: every setting once, under the heading where one looks for it."""

from dataclasses import fields

import pytest
from semimedref.cli import OneLineParser, add_arguments, groups
from semimedref.config import Config


def test_every_setting_stands_under_one_heading():
    names = [name for group in groups().values() for name in group]
    assert sorted(names) == sorted(one.name for one in fields(Config))


@pytest.mark.parametrize(("heading", "option"), [("data", "--root"), ("network", "--size"), ("training", "--seed")])
def test_headings(heading, option):
    parser = OneLineParser()
    add_arguments(parser)
    text = parser.format_help()
    assert f"\n{heading}:\n" in text
    assert option in text.split(f"\n{heading}:\n")[1].split(":\n  --")[0]
    assert text.index("\nmethod:\n") > text.index(f"\n{heading}:\n")

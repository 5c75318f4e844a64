"""The snippets of the pages on anatomy run as they stand."""

import doctest
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", sorted((ROOT / "docs/anatomy").glob("*.md")), ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(os.fspath(page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0

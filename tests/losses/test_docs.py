"""The snippets of the pages on the loss run as they stand."""

import doctest
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/reference/itcl.md", "docs/how-to/itcl-any-labels.md"])
def test_the_snippets_of_a_page_run(page):
    result = doctest.testfile(os.fspath(ROOT / page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0

"""A headless Chromium, the one that the system has, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
# What a fresh browser would ask of its makers' hosts; a test asks only its own pages.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing(what: str) -> None:
    """Skip a test whose tool is not installed, and say so; where everything must run (CI is set), fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI is set: .ci/run installs it")
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start the browser."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        missing(f"no browser: none of {', '.join(NAMES)} is installed")
    if find_spec("playwright") is None:
        missing("playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()

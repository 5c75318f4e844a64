"""Shared fixtures: the parsers, and the real data where the environment says where it lies."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser

settings.register_profile("ci", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", deadline=None, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the real data sets."""
    root = os.environ.get("CROSSMODAL_AUG_DATA")
    if root is None:
        pytest.skip("CROSSMODAL_AUG_DATA is not set: the real data sets are not at hand")
    return Path(root).resolve()


@pytest.fixture(scope="session")
def lung_parser() -> PositionParser:
    return PositionParser(LUNG_ZONES)


@pytest.fixture(scope="session")
def quadrant_parser() -> PositionParser:
    return PositionParser(QUADRANTS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium: the one that CROSSMODAL_AUG_BROWSER names, or one that is installed."""
    found = os.environ.get("CROSSMODAL_AUG_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("CROSSMODAL_AUG_BROWSER is not set, and no Chromium is installed: pages cannot be looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()

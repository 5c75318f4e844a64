"""The worked examples of the documentation run, check themselves, and print the account that the pages speak of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def account_of(script: str) -> str:
    """What a script prints, run as a reader would run it."""
    run = subprocess.run(
        [sys.executable, f"docs/examples/{script}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_the_plain_loop_learns_with_captions_that_stay_true() -> None:
    account = account_of("plain_loop.py")
    for op in ("SyncFlip", "TPatchMix", "ZoneMix", "Focus"):
        assert re.search(rf"^{op}Params: \d of 4 samples altered$", account, flags=re.MULTILINE), account
    assert "before training: captions agree with masks in 4 of 4 samples" in account
    (altered, seen, agreed) = map(
        int, re.findall(r"(\d+) of (\d+) samples altered, captions agree with the true masks in (\d+)%", account)[0]
    )
    assert seen / 2 < altered < seen
    assert agreed >= 80
    full, narrowed = map(float, re.findall(r"full captions ([\d.]+), narrowed captions ([\d.]+)", account)[0])
    assert full > 0.7
    assert 0 < narrowed <= 1


def test_the_kornia_pipelines_keep_captions_true_and_refuse_a_vertical_flip() -> None:
    account = account_of("kornia_pipeline.py")
    agreed = {
        line.split(":")[0]: int(re.findall(r"in (\d+) of 16", line)[0])
        for line in account.splitlines()
        if "captions agree" in line
    }
    assert agreed.pop("kornia's flip alone") < 16
    assert agreed == dict.fromkeys(("as drawn", "KorniaMix", "KorniaSync", "on_break='skip'"), 16)
    assert re.search(r"KorniaMix: [1-9]\d* altered", account)
    assert re.search(r"KorniaSync: [1-9]\d* mirrored", account)
    assert "a vertical flip raises: Expected a transformation that leaves captions true" in account
    assert re.search(r"on_break='skip': [1-9]\d* left as they were", account)


def test_the_page_on_the_doctor_shows_what_its_example_prints() -> None:
    shown = (ROOT / "docs" / "how-to" / "examine-a-data-set.md").read_text()
    account = account_of("examine_a_data_set.py")
    table, _, rest = account.partition("\nop  ")
    # What the ops do depends on random numbers, which versions of torch may draw otherwise.
    for block in (table, rest[rest.index("Lines to paste:") :]):
        assert "".join(f"    {line}".rstrip() + "\n" for line in block.rstrip("\n").split("\n")) in shown

"""The README's snippet runs as it stands, and its commands name what exists."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_snippet_runs_in_a_fresh_interpreter() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    run = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "lung" in run.stdout


def test_every_path_that_the_readme_names_exists() -> None:
    paths = re.findall(r"`((?:crossmodal_aug|examples|benchmarks|docs)/[\w/.]*)`", README)
    paths += re.findall(r'src="([^"]+)"', README) + re.findall(r"python (examples/\S+\.py)", README)
    assert len(paths) > 6
    for path in paths:
        assert (ROOT / path).exists(), path

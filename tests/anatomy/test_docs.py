"""What the pages on anatomy say about atlases, words and reports agrees with the package."""

import re
from pathlib import Path

from crossmodal_aug import Report
from crossmodal_aug.anatomy.atlas.words import KINDS

ROOT = Path(__file__).parent.parent.parent


def test_the_atlas_that_a_page_builds_is_the_file_beside_it():
    page = (ROOT / "docs/anatomy/own-atlas.md").read_text()
    steps = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    assert "\n".join(steps) == (ROOT / "docs/anatomy/brain_lobes.toml").read_text()


def test_every_kind_of_word_is_on_the_page():
    page = (ROOT / "docs/anatomy/own-atlas.md").read_text()
    page = page[page.index("### Kinds that name regions") :]
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_every_field_of_a_report_is_on_the_page():
    page = (ROOT / "docs/anatomy/reading-reports.md").read_text()
    fields = [name for name in Report.__dataclass_fields__ if not name.startswith("_")]
    assert [name for name in fields if f"| `{name}` |" not in page] == []

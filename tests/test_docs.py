"""The pages of the documentation: snippets run as they stand, links lead somewhere, and every page can be found."""

import doctest
import importlib
import inspect
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WITH_SNIPPETS = [page for page in PAGES if ">>>" in page.read_text()]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=named)
def test_the_snippets_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(os.fspath(page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


def test_every_page_of_the_reference_and_on_anatomy_has_snippets() -> None:
    pages = {page for page in PAGES if page.parent.name in ("reference", "anatomy")}
    assert len(pages) > 10
    assert not pages - set(WITH_SNIPPETS)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_navigation_names_every_page_once() -> None:
    in_navigation = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())
    assert sorted(in_navigation) == sorted(named(page) for page in PAGES)


def test_links_lead_from_the_index_to_every_page() -> None:
    index = DOCS / "index.md"
    found, waiting = {index}, [index]
    while waiting:
        page = waiting.pop()
        links = {link.partition("#")[0] for link in LINK.findall(page.read_text()) if not link.startswith("http")}
        pages = {(page.parent / link).resolve() for link in links if link.endswith(".md")} - found
        found |= pages
        waiting += pages
    assert sorted(named(page) for page in set(PAGES) - found) == []


def test_the_index_begins_with_the_picture_and_the_snippet_of_the_readme() -> None:
    readme, index = (ROOT / "README.md").read_text(), (DOCS / "index.md").read_text()
    assert "<picture>" in index.partition("## ")[0]
    assert "<picture>" in readme.partition("## ")[0]
    for block in re.findall(r"```python\n.*?```|<picture>.*?</picture>", readme, flags=re.DOTALL):
        assert block.replace("docs/assets", "assets") in index


def numbers_of(page: Path) -> list[int]:
    """The numbers of its numbered lists, in order."""
    return [int(number) for number in re.findall(r"^(\d+)\. ", page.read_text(), flags=re.MULTILINE)]


def test_numbers_of_the_index_run_through() -> None:
    numbers = numbers_of(DOCS / "index.md")
    assert len(numbers) > 5
    assert numbers == list(range(1, len(numbers) + 1))


LEFT_ALONE = (DOCS / "concepts" / "left-alone.md").read_text()


def test_every_reason_is_listed() -> None:
    from crossmodal_aug.augment import Reason

    listed = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+?) \|", LEFT_ALONE, flags=re.MULTILINE)
    assert listed == [(str(reason.value), reason.name, reason.words) for reason in Reason]


@pytest.mark.parametrize("op", ["t_patch_mix", "zone_mix", "sync_flip", "sync_geometry", "focus", "pos_aug", "reword"])
def test_the_reasons_of_an_op_are_listed_with_it(op: str) -> None:
    rows = re.findall(r"^\| \d+ \| `(\w+)` \| .+? \| (.+?) \|", LEFT_ALONE, flags=re.MULTILINE)
    name = {"t_patch_mix": "T-PatchMix"}.get(op, op.title().replace("_", ""))
    everyone = "all but PosAug" if op != "pos_aug" else "none but PosAug"
    listed = {
        reason for reason, ops in rows if name in ops.replace("all but PosAug", "") or ops == "all" or ops == everyone
    }
    given = set(re.findall(r"Reason\.([A-Z_]+)", (ROOT / f"crossmodal_aug/augment/{op}.py").read_text()))
    assert given
    assert given <= listed


PUBLIC = ("", ".functional", ".losses", ".augment", ".anatomy", ".doctor", ".preview")
ADAPTERS = ("batch", "collate", "huggingface", "kornia", "monai", "spacy", "torchvision")


def public_names() -> set[str]:
    """Every public name once, by the shortest module that offers it."""
    homes: dict[int, str] = {}
    for module in [*PUBLIC, *(f".integrations.{name}" for name in ADAPTERS)]:
        of = importlib.import_module(f"crossmodal_aug{module}")
        own = [n for n, one in vars(of).items() if n[0] != "_" and getattr(one, "__module__", "") == of.__name__]
        for name in getattr(of, "__all__", own):
            homes.setdefault(id(getattr(of, name)), f"crossmodal_aug{module}.{name}")
    errors = importlib.import_module("crossmodal_aug.errors")
    kinds = [
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__ and name[0] != "_"
    ]
    return {*homes.values(), *(f"crossmodal_aug.errors.{name}" for name in kinds)}


# The keys of samples are offered by every adapter; their home is a module of their own.
KEYS = {"crossmodal_aug.integrations.samples.SampleKeys"}


def test_the_api_pages_list_every_public_name_once() -> None:
    listed = [
        name for page in (DOCS / "api").glob("*.md") for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)
    ]
    assert sorted(listed) == sorted(public_names() | KEYS)


LISTED = re.findall(r"^\| `([\w.]+)` \| (\w+) \|$", (DOCS / "api/names.md").read_text(), re.M)


def test_one_list_holds_every_public_name_and_how_stable_it_is() -> None:
    assert sorted(f"crossmodal_aug.{name}" for name, _ in LISTED) == sorted(public_names() | KEYS)
    assert {status for _, status in LISTED} == {"stable", "experimental"}


@pytest.mark.parametrize(("name", "status"), LISTED, ids=[name for name, _ in LISTED])
def test_a_docstring_says_so_where_a_name_is_experimental(name: str, status: str) -> None:
    module, _, last = f"crossmodal_aug.{name}".rpartition(".")
    one = getattr(importlib.import_module(module), last)
    if inspect.isclass(one) or inspect.isfunction(one):
        assert ("Experimental: may change in every version." in (one.__doc__ or "")) == (status == "experimental")


def test_the_pages_on_what_is_experimental_say_so() -> None:
    said = "\n".join(line for page in PAGES for line in page.read_text().splitlines() if "Experimental:" in line)
    for name in (name.rpartition(".")[2] for name, status in LISTED if status == "experimental"):
        assert f"`{name}`" in said, name

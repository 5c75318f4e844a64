"""The built documentation: it builds strictly, links lead somewhere, a browser shows each page without complaint."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

ROOT = Path(__file__).parent.parent
WIDTHS = {"desktop": (1280, 900), "phone": (360, 740)}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("mkdocs is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", os.fspath(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


class Anchors(HTMLParser):
    """The links of a page, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = {"", "__top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("href", "src", "srcset") and value:
                self.links.add(value)
            elif key in ("id", "name") and value:
                self.names.add(value)


def addresses(site: Path) -> dict[str, Path]:
    """The pages of the site, by the address that a server gives them."""
    pages = (page for page in sorted(site.rglob("*.html")) if page.name != "404.html")
    return {"/" + page.relative_to(site).as_posix().removesuffix("index.html"): page for page in pages}


def broken_links(site: Path) -> list[str]:
    read = {address: Anchors(page.read_text(encoding="utf-8")) for address, page in addresses(site).items()}
    broken = []
    for address, page in read.items():
        for link in page.links:
            parts = urlsplit(urljoin(address, link))
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            target = unquote(parts.path)
            if target in read:
                there = unquote(parts.fragment) in read[target].names
            else:
                there = (site / target.lstrip("/")).is_file()
            broken += [] if there else [f"{address}: {link}"]
    return sorted(broken)


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    assert len(addresses(site)) > 30
    assert not broken_links(site)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="#top"><a href="#no"><img src="none.png"><a href="a/#b">'
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<h1 id="b"></h1><a href="..">')
    assert broken_links(tmp_path) == ["/: #no", "/: none.png"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder, and say where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=os.fspath(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BROKEN_IMAGES = "() => [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).map(i => i.src)"
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def listen(page: "Page", heard: list[str]) -> None:
    """Note what a page complains of while it is open."""

    def failed(request: "Request") -> None:
        if request.failure != "net::ERR_ABORTED":  # what still loads when the next page is asked for is given up
            heard.append(f"{request.failure}: {request.url}")

    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("requestfailed", failed)
    page.on("response", lambda got: heard.append(f"{got.status}: {got.url}") if got.status >= 400 else None)


def complaints_of(browser: "Browser", site: Path) -> list[str]:
    """What a browser complains of on the pages of a site, at both widths."""
    complaints: list[str] = []
    with served(site) as server:
        for name, (width, height) in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            heard: list[str] = []
            listen(page, heard)
            for address in addresses(site):
                page.goto(f"{server}{address}", wait_until="load", timeout=120_000)
                heard += [f"broken image: {source}" for source in page.evaluate(BROKEN_IMAGES)]
                if (wider := page.evaluate(TOO_WIDE)) > 0:
                    heard.append(f"wider than the screen by {wider} px")
                complaints += [f"{name} {address}: {one.replace(server, '')}" for one in heard]
                heard.clear()
            page.close()
    return complaints


def test_a_browser_shows_every_page_without_complaint(site: Path, browser: "Browser") -> None:
    complaints = complaints_of(browser, site)
    assert not complaints, "\n".join(complaints)


def test_what_a_browser_complains_of_is_heard(tmp_path: Path, browser: "Browser") -> None:
    wide = '<div style="width: 500px">wide</div>'
    (tmp_path / "index.html").write_text(f'<link rel="icon" href="data:,"><img src="none.png">{wide}')
    (tmp_path / "broken.html").write_text(
        '<link rel="icon" href="data:,"><script>console.error("oh"); nothing()</script>'
    )
    complaints = complaints_of(browser, tmp_path)
    for one in (
        "phone /: wider than the screen by", "desktop /: broken image: /none.png", "desktop /: 404: /none.png",
        "phone /broken.html: oh", "phone /broken.html: nothing is not defined",
    ):  # fmt: skip
        assert any(heard.startswith(one) for heard in complaints), (one, complaints)
    assert not any(heard.startswith("desktop /: wider") for heard in complaints)

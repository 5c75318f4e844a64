"""Sentences that a reader whose first language is not English reads once: what a rule can hold of that."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from crossmodal_aug import errors
from tests.prose import ROOT, Prose, help_texts, messages, of_docstrings, of_page

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MODULES = sorted(ROOT.glob("crossmodal_aug/**/*.py"))
# Commands whose help texts a user reads.
EXAMPLE = sorted(ROOT.glob("examples/semimedref/**/*.py"))
COMMANDS = sorted([*MODULES, *EXAMPLE])
KINDS = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.CrossModalError)}

LONGEST = 35
"""Most words of a sentence. Code and what is quoted count as one word."""

WORDS = {
    r"albeit": "although",
    r"amongst": "among",
    r"come by": "found",
    r"e\.g\.": "for example",
    r"etc\.": "and so on",
    r"forthwith": "at once",
    r"hence": "so",
    r"hereby|herein|thereby|therein|thereof|whereby|wherein|whereof|whereupon": "a sentence of its own",
    r"hitherto": "so far",
    r"i\.e\.": "that is",
    r"in lieu of": "instead of",
    r"leverages?|utili[sz]es?": "use",
    r"lest": "so that ... not",
    r"merely": "only",
    r"naught|nought": "nothing",
    r"notwithstanding": "despite",
    r"save for|save that|save where|save at": "except",
    r"say whether": "return whether",
    r"seamless(ly)?|state-of-the-art|cutting-edge|powerful": "what it does",
    r"simply|obviously|of course|needless to say": "nothing",
    r"shall": "must, should or will",
    r"thus": "so",
    r"upon": "on",
    r"whilst": "while",
}
EVERY = "sample|call|batch|region|text|token|rank|step|row|side|caption|image"
SPEECH = {re.compile(rf"(?<![\w-])(?:{word})(?!\w)", re.IGNORECASE): plain for word, plain in WORDS.items()} | {
    re.compile(r"(?<!there )\bis no (?!longer\b|more than\b|different\b)(?=\w)", re.IGNORECASE): "is not a",
    re.compile(rf"\bone (?!is |of )(?:[\w-]+ ){{1,2}}an? (?:{EVERY})\b"): "per",
}


def long_sentences(prose: Prose) -> list[str]:
    return [one for one in prose.sentences if len(re.findall(r"\w[\w'.-]*", one)) > LONGEST]


def chained_sentences(prose: Prose) -> list[str]:
    return [one for one in prose.sentences if one.count(";") > 1]


def odd_marks(prose: Prose) -> list[str]:
    """Long dashes, curly quotes, the sign of an ellipsis, two blanks: here are - " ' and three dots."""
    return re.findall(r"[\u2013-\u2015](?!\d)|[\u2018-\u201f\u2026]|(?<=\w) -- (?=\w)|(?<=[.,;:]) {2,}", prose.text)


def hard_words(prose: Prose) -> list[str]:
    return [f"{match[0]}: {plain}" for word, plain in SPEECH.items() for match in word.finditer(prose.text)]


RULES = (long_sentences, chained_sentences, odd_marks, hard_words)


def found(rule: Callable[[Prose], list[str]], prose: list[Prose]) -> list[str]:
    return [f"{one.where}: {fault}" for one in prose for fault in rule(one)]


@pytest.mark.parametrize(
    ("rule", "text", "faults"),
    [
        (long_sentences, "A word " * 20 + "ends.", 1),
        (long_sentences, "A short one. " * 20, 0),
        (chained_sentences, "One; two; three.", 1),
        (chained_sentences, "One; two. Three; four.", 0),
        (odd_marks, "It is \u2014 or was \u2013 \u201cquoted\u201d\u2026", 5),
        (odd_marks, 'From 3\u20135 it is "quoted", it\'s so.', 0),
        (hard_words, "It is no string, and one draw a sample is merely thus.", 4),
        (hard_words, "There is no string, it is no longer one, and thusly one of a sample.", 0),
    ],
)
def test_a_rule_finds_what_it_is_for_and_nothing_else(
    rule: Callable[[Prose], list[str]], text: str, faults: int
) -> None:
    assert len(rule(Prose("here", text))) == faults


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_is_read_once(page: Path) -> None:
    assert [fault for rule in RULES for fault in found(rule, list(of_page(page)))] == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_docstrings_and_messages_are_read_once(module: Path) -> None:
    prose = [*of_docstrings(module), *messages(module, KINDS), *help_texts(module)]
    assert [fault for rule in RULES for fault in found(rule, prose)] == []
    assert "``" not in module.read_text(encoding="utf-8").replace("```", "")


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_message_begins_with_a_capital_or_a_value_and_ends_with_a_full_stop(module: Path) -> None:
    for one in messages(module, KINDS):
        # A value at its end brings a full stop of its own: a message of another error, or a question.
        assert one.text.endswith((".", "?", "{x}")), one
        assert re.match(r"[A-Z{`]|(atlas|cue) \{x\}: ", one.text), one


@pytest.mark.parametrize("module", EXAMPLE, ids=named)
def test_a_message_of_the_example_ends_with_a_full_stop(module: Path) -> None:
    own = {*KINDS, "CannotWriteError", "DuplicateError", "ShareError", "TransposedError"}
    for one in messages(module, own | {"ValueError", "TypeError", "IndexError", "not_found"}):
        # A value at its end brings a full stop of its own, or is the tree of a folder.
        assert one.text.endswith((".", "?", "{x}")), one


def test_a_help_text_is_a_phrase_without_a_full_stop() -> None:
    texts = [one for path in COMMANDS for one in help_texts(path)]
    assert len(texts) > 20
    for one in texts:
        assert one.text[-1] not in ".;:,", one
        assert not re.match(r"(The|A|An|Show|Set|Use|Whether)\b", one.text), one

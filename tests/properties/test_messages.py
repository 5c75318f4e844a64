"""A message that quotes what came stays short, and costs no more than its beginning, whatever came."""

import ast
import inspect
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    Atlas,
    CrossModalSequential,
    Focus,
    ITCLoss,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
    describe,
)
from crossmodal_aug.errors import CrossModalError, shown
from crossmodal_aug.losses import ITCQueue

ROOT = Path(__file__).parents[2]
LUNG = PositionParser(LUNG_ZONES)
LONGEST = 600


def shared() -> list[object]:
    """Two million numbers in a few lists that hold each other, as the aliases of a YAML file make them."""
    value: list[object] = [1] * 8
    for _ in range(6):
        value = [value] * 8
    return value


def deep() -> list[object]:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    return value


def endless() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


HOSTILE: dict[str, Callable[[], object]] = {
    "shared lists": shared,
    "shared lists in a tuple": lambda: (shared(), 1),
    "shared lists in a dict": lambda: {"a": shared()},
    "deep lists": deep,
    "a list that holds itself": endless,
    "a long list": lambda: list(range(10**6)),
    "a long tuple": lambda: tuple(range(10**6)),
    "a large set": lambda: set(range(10**6)),
    "a large dict": lambda: dict.fromkeys(range(10**6)),
    "a long text": lambda: "left " * 10**6,
    "a text of many lines": lambda: "left\n" * 10**5,
    "bytes": lambda: b"x" * 10**6,
    "a number of many digits": lambda: 10**5000,
    "a negative number of many digits": lambda: -(10**5000),
    "many of them": lambda: (10**5000,) * 3,
    "a tensor": lambda: torch.zeros(50, 50),
    "a class": lambda: dict,
    "nothing": lambda: None,
    "not a number": lambda: float("nan"),
}


VALUES = {name: make() for name, make in HOSTILE.items()}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_shown_is_one_short_line(value: object) -> None:
    text = shown(value)
    assert len(text) <= 80
    assert len(text.splitlines()) == 1


@dataclass
class Held:
    items: object
    more: int = 0


Pair = namedtuple("Pair", ("first", "second"))


@pytest.mark.parametrize("hold", [Held, lambda value: Pair(value, 1), lambda value: OrderedDict(a=value)])
def test_what_holds_a_value_is_shown_as_short(hold: Callable[[object], object]) -> None:
    for value in VALUES.values():
        assert len(shown(hold(value))) <= 80


@pytest.mark.parametrize(
    "value",
    [
        *(1, -2.5, True, None, "left", "it's", b"x", [], [1, "a"], (), (1,), (1, 2), {}, {"a": [1]}, set(), {1}),
        *(frozenset(), LUNG_ZONES, torch.float32, Held([1]), Pair(1, "a"), Path("a/b"), range(3), dict),
    ],
    ids=repr,
)
def test_small_values_are_shown_as_python_writes_them(value: object) -> None:
    assert shown(value) == (repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "...")


def test_an_own_way_of_writing_that_fails_is_no_fault_of_the_message() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Broken()).startswith("<Broken instance")


def settings() -> Iterator[tuple[str, Callable[[object], object]]]:
    """Every setting of a public class by itself, and every argument of a public function."""
    three, texts = torch.zeros(3, 1, 6, 6), ["Left lung."] * 3
    built: dict[type, tuple[object, ...]] = {
        **dict.fromkeys((Focus, PosAug, Reword, SyncFlip, SyncGeometry, ZoneMix), (LUNG,)),
        TPatchMix: (LUNG,),
        ITCLoss: (),
        ITCQueue: (),
        PositionParser: (LUNG_ZONES,),
    }
    needed: dict[type, dict[str, object]] = {TPatchMix: {"patch_size": 3}, ITCQueue: {"size": 4}}
    for kind, given in built.items():
        for index, (name, parameter) in enumerate(inspect.signature(kind).parameters.items()):
            if parameter.kind is parameter.KEYWORD_ONLY:
                yield (
                    f"{kind.__name__}({name}=)",
                    lambda value, kind=kind, given=given, name=name: kind(
                        *given, **{**needed.get(kind, {}), name: value}
                    ),
                )
            elif index < len(given):
                yield f"{kind.__name__}({name})", lambda value, kind=kind: kind(value, **needed.get(kind, {}))
    report = LUNG("Opacity in the left lung base; right lung clear.")
    functions: dict[Callable[..., object], dict[str, object]] = {
        LUNG.rewrite: {"text": "Left lung.", "bits": (True,) * 6},
        LUNG.mirror: {"text": "Left lung."},
        LUNG.in_style: {"text": "Left lung.", "template": "Left lung."},
        LUNG.in_style_many: {"texts": texts, "template": "Left lung."},
        LUNG.encode: {"texts": texts},
        LUNG.placed: {"texts": texts},
        LUNG.parse_many: {"texts": texts},
        LUNG.unknown_words: {"texts": texts},
        LUNG.__call__: {"text": "Left lung."},
        report.with_regions: {"names": ["left upper"]},
        report.reworded: {"frame": "short"},
        report.replace: {"texts": {0: "there"}},
        report.coarsened: {"mention": report.mentions[0]},
        LUNG_ZONES.index: {"name": "left upper"},
        LUNG_ZONES.with_geometry: {"rows": (0.3, 0.6), "columns": (0.5,), "laterality": "viewer"},
        LUNG_ZONES.with_phrases: {"absent": "No lesion."},
        Atlas.from_toml: {"path": "nothing.toml"},
        SyncFlip(LUNG): {
            **{"images": three, "texts": texts, "target": three, "evidence": None, "positions": None, "maps": ()},
            **{"donors": None, "generator": None},
        },
        CrossModalSequential: {"ops": SyncFlip(LUNG)},
        describe: {"out": SyncFlip(LUNG)(three, texts), "atlas": LUNG_ZONES},
        CF.itcl_loss: {
            **{"image_embeddings": torch.rand(3, 4), "text_embeddings": torch.rand(3, 4)},
            **{"positions": torch.eye(3).bool(), "temperature": 0.07, "logit_scale": None, "weights": None},
            **{"affinity": None, "normalize": True, "chunk_size": 0, "reduction": "mean", "return_parts": False},
        },
        CF.position_affinity: {"positions": torch.eye(3).bool(), "others": None, "dtype": torch.float32},
        CF.check_alignment: {"atlas": LUNG_ZONES, "masks": three, "positions": torch.ones(3, 6).bool()},
        CF.region_boxes: {"atlas": LUNG_ZONES, "size": (6, 6)},
        CF.region_masks: {"atlas": LUNG_ZONES, "size": (6, 6)},
        CF.region_evidence: {"evidence": three, "atlas": LUNG_ZONES},
        CF.warp: {"tensor": three, "matrices": torch.eye(3).expand(3, 3, 3), "nearest": False, "fill": 0.0},
        CF.follow: {
            **{"matrices": torch.eye(3).expand(3, 3, 3), "positions": torch.ones(3, 6).bool()},
            **{"atlas": LUNG_ZONES, "evidence": three, "frame": "body"},
        },
        CF.calibrate: {"atlas": LUNG_ZONES, "masks": three.bool(), "positions": torch.ones(3, 6).bool()},
    }
    for function, usual in functions.items():
        where = getattr(function, "__qualname__", type(function).__name__)
        for name in usual:
            if function is CrossModalSequential:
                yield f"{where}({name})", CrossModalSequential
            else:
                yield (
                    f"{where}({name}=)",
                    lambda value, function=function, usual=usual, name=name: function(**{**usual, name: value}),
                )


CALLS = dict(settings())


# Values that an argument takes: texts that are read in full, and a callable.
LEGAL = {
    **dict.fromkeys(
        (name for name in CALLS if name.endswith(("(text=)", "(template=)"))), ("a long text", "a text of many lines")
    ),
    **dict.fromkeys(("PosAug(mask_token=)", "PosAug(fuzzy_phrase=)"), ("a long text", "a text of many lines")),
    "itcl_loss(affinity=)": ("a class",),
}


@pytest.mark.parametrize("call_name", CALLS)
def test_no_argument_makes_a_message_long(call_name: str) -> None:
    for name, value in VALUES.items():
        if name in LEGAL.get(call_name, ()):
            continue
        try:
            CALLS[call_name](value)
        except CrossModalError as error:
            message = str(error)
            assert len(message) <= LONGEST
            assert len(message.splitlines()) == 1


# What else writes a value: `repr` of our own classes.
FREE = {"__repr__", "extra_repr", "__getattr__", "__dir__"}
# `shown` itself, a report that quotes its own text, and adapters, which quote the keys of a sample.
ELSEWHERE = (
    "crossmodal_aug/errors.py",
    "crossmodal_aug/anatomy/reading/conflicts.py",
    # Lines of Python to paste, which hold values in full, and a search for what a report quotes.
    "crossmodal_aug/doctor/code.py",
    "crossmodal_aug/doctor/specs.py",
    "crossmodal_aug/doctor/checks/captions.py",
)
SOURCES = sorted(
    path
    for folder in ("crossmodal_aug", "examples/semimedref")
    for path in (ROOT / folder).rglob("*.py")
    if not path.relative_to(ROOT).as_posix().startswith(ELSEWHERE)
)


class Unbounded(ast.NodeVisitor):
    """Lines that write a value in full: by `!r` or by `repr`."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in FREE:
            self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if node.conversion == ord("r"):
            self.lines.append(node.lineno)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "repr":
            self.lines.append(node.lineno)


def test_a_line_that_writes_a_value_in_full_is_found() -> None:
    found = Unbounded()
    found.visit(ast.parse('f"{a!r}"\nrepr(a)\nmap(repr, a)\nf"{a}"\ndef __repr__(self):\n    return f"{a!r}"\n'))
    assert found.lines == [1, 2, 3]


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_every_value_in_a_message_goes_through_shown(path: Path) -> None:
    found = Unbounded()
    found.visit(ast.parse(path.read_text(encoding="utf-8")))
    assert not found.lines

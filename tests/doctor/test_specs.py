"""Ops as the command line names them."""

import pytest

from crossmodal_aug import LUNG_ZONES, Focus, PosAug, PositionParser, SyncGeometry, ZoneMix
from crossmodal_aug.augment import CrossModalOp
from crossmodal_aug.doctor.specs import OPS, name_and_settings, op_of, with_parser
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError

PARSER = PositionParser(LUNG_ZONES)


@pytest.mark.parametrize("name", OPS)
def test_every_op_has_a_name(name):
    assert type(op_of(name, PARSER)) is OPS[name]
    assert str(op_of(f"{OPS[name].__name__}()", PARSER)) == str(op_of(f"{name}:", PARSER)) == str(OPS[name](PARSER))


def test_no_op_of_the_library_is_left_out():
    import crossmodal_aug

    public = {getattr(crossmodal_aug, name) for name in crossmodal_aug.__all__}
    ops = {one for one in public if isinstance(one, type) and issubclass(one, CrossModalOp)}
    assert set(OPS.values()) == ops - {crossmodal_aug.CrossModalSequential}


@pytest.mark.parametrize(
    ("spec", "op"),
    [
        ("zone-mix:unit=region,p=1.0", ZoneMix(PARSER, unit="region", p=1.0)),
        ("zone-mix: unit = 'subset' , max_cut = none", ZoneMix(PARSER, unit="subset", max_cut=None)),
        ("ZoneMix(unit='region', p=1.0)", ZoneMix(PARSER, unit="region", p=1.0)),
        ("pos-aug:mask_token=[MASK],mode=mask", PosAug(PARSER, mask_token="[MASK]", mode="mask")),
        ("pos-aug:fuzzy_phrase='somewhere, here'", PosAug(PARSER, fuzzy_phrase="somewhere, here")),
        (
            "sync-geometry:scale=(0.8, 1.2),horizontal=false,vertical=True,crop=0.9",
            SyncGeometry(PARSER, scale=(0.8, 1.2), horizontal=False, vertical=True, crop=0.9),
        ),
        ("focus:target_fill=255,p=1", Focus(PARSER, target_fill=255, p=1)),
    ],
)
def test_settings_are_read(spec, op):
    assert repr(op_of(spec, PARSER)) == repr(op)


def test_nested_tuples_are_read():
    op = op_of("sync-flip:sided_labels=((1,2),(3,4)),p=0.25", PARSER)
    assert (op.sided_labels, op.p) == (((1, 2), (3, 4)), 0.25)


@pytest.mark.parametrize(
    ("spec", "kind", "words"),
    [
        ("flip", InvalidValueError, "`op` to begin with one of t-patch-mix, zone-mix, .*, but got 'flip'"),
        ("", InvalidValueError, "`op` to begin with one of"),
        (
            "zone-mix:units=side",
            InvalidValueError,
            "of zone-mix among unit, p, max_cut, strict, but got 'units'",
        ),
        ("zone-mix:parser=3", InvalidValueError, "settings of zone-mix among"),
        ("zone-mix:p", InvalidValueError, "settings such as unit=region,p=1.0 .*, but got 'p' in 'zone-mix:p'"),
        ("zone-mix:p=", InvalidValueError, "settings such as"),
        ("zone-mix:p=(1", InvalidValueError, "settings such as"),
        ("zone-mix:p=1,p=0", InvalidValueError, "each setting once, but got p twice"),
        ("zone-mix:p=2", InvalidValueError, r"zone-mix: Expected `p` to be in \[0, 1\], but got 2"),
        ("zone-mix:p=half", InvalidTypeError, r"zone-mix: Expected `p` to be a number"),
        ("zone-mix:unit=zone", InvalidValueError, "zone-mix: Expected `unit` to be one of"),
        ("ZoneMix(p=__import__('os'))", InvalidValueError, "Expected an op as"),
        ("SyncFlip(p={[]:1})", InvalidValueError, "Expected an op as"),
        ("sync-flip:p={[]:1}", CrossModalError, "settings such as|`p` to be a number"),
        (
            "ZoneMix(strange=1)",
            InvalidValueError,
            "of ZoneMix among unit, p, max_cut, strict, but got 'strange'",
        ),
        ("ZoneMix(0.5)", InvalidValueError, r"Expected an op as `ZoneMix\(setting=value\)`, but got"),
        ("ZoneMix(**{})", InvalidValueError, "Expected an op as"),
        ("ZoneMix(p=2)", InvalidValueError, r"ZoneMix: Expected `p` to be in \[0, 1\], but got 2"),
        ("zone-mix:unit=__import__('os')", InvalidValueError, "zone-mix: Expected `unit` to be one of"),
        ("zone-mix:p=" + "(" * 5000, InvalidValueError, "settings such as"),
    ],
)
def test_what_cannot_be_read_is_named(spec, kind, words):
    with pytest.raises(kind, match=words):
        op_of(spec, PARSER)


@pytest.mark.parametrize("spec", ["zone-mix:unit=region,max_cut=0.2", "ZoneMix(unit='region', max_cut=0.2)"])
def test_either_way_of_writing_is_pasted_as_python(spec):
    assert name_and_settings(spec) == ("ZoneMix", {"unit": "region", "max_cut": 0.2})
    assert with_parser(spec) == "ZoneMix(parser, unit='region', max_cut=0.2)"
    assert repr(eval(with_parser(spec), {"ZoneMix": ZoneMix, "parser": PARSER})) == repr(op_of(spec, PARSER))


def test_a_spec_is_a_string():
    with pytest.raises(InvalidTypeError, match=r"an op as a string, such as 'sync-flip:p=0.5', but got ZoneMix"):
        name_and_settings(ZoneMix(PARSER))

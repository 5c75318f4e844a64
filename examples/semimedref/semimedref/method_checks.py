"""What goes together in a method: a setting that has no effect beside the others is refused."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from crossmodal_aug.errors import InvalidValueError
from semimedref.presets import PLAIN, PRESETS
from semimedref.settings import flag

if TYPE_CHECKING:
    from semimedref.config import Config


class Rule(NamedTuple):
    """When a setting counts.

    Attributes:
        name: The setting.
        counts: Whether it has an effect beside the others.
        wanted: What would have to be given for that.
    """

    name: str
    counts: Callable[["Config"], object]
    wanted: str


def _sees_unlabelled(config: "Config") -> bool:
    return config.method != "supervised"


def _learns_from_unlabelled(config: "Config") -> bool:
    return _sees_unlabelled(config) and config.unlabelled_weight > 0


def _sees_views(config: "Config") -> bool:
    return _learns_from_unlabelled(config) and config.mix != "bcp"


_UNLABELLED = "a method that sees unlabelled images"
_WEIGHED = f"{_UNLABELLED}, and an --unlabelled-weight above 0,"

RULES = (
    Rule("patch_where", lambda one: one.mix in ("published", "faulty"), "--mix published or faulty"),
    Rule("geometry_order", lambda one: one.geometry, "--geometry above 0"),
    Rule(
        "alter",
        lambda one: one.mix not in ("none", "bcp") or one.flip or one.focus,
        "a --mix that alters both kinds of images, --flip or --focus",
    ),
    Rule("geometry_words", lambda one: one.geometry, "--geometry above 0"),
    Rule("flip_words", lambda one: one.flip, "--flip above 0"),
    Rule("zone_unit", lambda one: one.mix in ("zone", "both"), "--mix zone or both"),
    Rule("focus_unit", lambda one: one.focus, "--focus above 0"),
    Rule("positives", lambda one: one.itcl, "--itcl above 0"),
    Rule("itcl_image", lambda one: one.itcl, "--itcl above 0"),
    Rule(
        "threshold",
        lambda one: _learns_from_unlabelled(one) and one.pseudo_weight == "threshold",
        f"{_WEIGHED} and --pseudo-weight threshold",
    ),
    Rule("unlabelled_weight", _sees_unlabelled, _UNLABELLED),
    *(
        Rule(name, _learns_from_unlabelled, _WEIGHED)
        for name in ("masks_by", "pseudo_views", "pseudo_weight", "pseudo_zones", "prior", "photometric", "pos_aug")
    ),
    *(
        Rule(name, _sees_views, f"{_WEIGHED} and another --mix than bcp")
        for name in ("views", "feature_dropout", "drop", "lv")
    ),
)


def check_method(config: "Config") -> None:
    """Raise where a setting of a method has no effect, or cannot be had beside another.

    What a preset brings may rest: its own values are let through where another setting that was given leaves them
    without effect.

    Args:
        config: Settings of which each lies in its range.

    Raises:
        InvalidValueError: The message names the setting, what it needs and what came.
    """
    if config.method == "supervised":
        _check_supervised(config)
    for name, counts, wanted in RULES:
        value = getattr(config, name)
        if value not in (PLAIN[name], PRESETS[config.method][name]) and not counts(config):
            raise InvalidValueError(
                f"Expected {wanted} beside {flag(name)} {value}, which has no effect without, but got "
                f"--method {config.method} as it is set."
            )
    for holds, wanted, setting in _conditions(config):
        if not holds:
            raise InvalidValueError(f"Expected {wanted}, but got {flag(setting)} {getattr(config, setting)}.")


def _check_supervised(config: "Config") -> None:
    if config.pos_aug != "none":
        raise InvalidValueError(
            "Expected --pos-aug none for supervised, since it is made on unlabelled captions alone, but got "
            f"{config.pos_aug}."
        )
    if config.alter == "unlabelled" and (config.mix != "none" or config.flip or config.focus):
        raise InvalidValueError(
            "Expected --alter both for supervised, which sees no unlabelled image to mix, flip or narrow, but got "
            "unlabelled."
        )


def _conditions(config: "Config") -> list[tuple[object, str, str]]:
    """What must hold, what to give for that, and the setting that is named with what came."""
    wordless = config.reads in ("nothing", "zones")
    bcp = config.mix == "bcp"
    return [
        (not bcp or _sees_unlabelled(config), "another --mix than bcp, which needs unlabelled images", "method"),
        (not bcp or not config.itcl, "--itcl 0 beside --mix bcp, which shows no image as a whole", "itcl"),
        (config.views != "texts" or config.pos_aug != "none", "--pos-aug beside --views texts", "pos_aug"),
        (
            config.views != "texts" or config.mix not in ("published", "faulty"),
            "another --mix beside --views texts, since it makes captions vaguer as it mixes",
            "mix",
        ),
        (config.reads == "words" or config.model == "compact", f"--model compact for --reads {config.reads}", "model"),
        (not wordless or not config.itcl, f"--itcl 0 for --reads {config.reads}, which embeds no words", "itcl"),
        *(
            (
                not wordless or not getattr(config, name),
                f"{flag(name)} 0 for --reads {config.reads}, which reads no words",
                name,
            )
            for name in ("reword", "unknown", "unknown_captions")
        ),
        *(
            (
                config.reads != "nothing" or getattr(config, name) == PLAIN[name],
                f"no {flag(name)} for --reads nothing",
                name,
            )
            for name in ("focus", "pos_aug")
        ),
    ]

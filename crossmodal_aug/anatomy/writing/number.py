"""Number: the plural of a word, whether a finding is one thing, and words in the number of others."""

from __future__ import annotations

from typing import Literal

from crossmodal_aug.anatomy.writing.styles import tables, word_list

# Diseases are named so: "actinomycosis", "pneumonitis".
_MASS_ENDINGS = ("osis", "itis", "ectasis")
Number = Literal["one", "several", "mass"]


def plural_of(words: str) -> str:
    """Return words whose last one is in the plural.

    Args:
        words: A noun in the singular, maybe with words before it.

    Returns:
        The plural.

    Examples:
        >>> plural_of("upper lobe"), plural_of("opacity"), plural_of("left apex"), plural_of("mass")
        ('upper lobes', 'opacities', 'left apices', 'masses')
    """
    head, gap, last = words.rpartition(" ")
    known: str | None = tables()["plurals"].get(last)
    if known is None:
        if last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
            known = last[:-1] + "ies"
        else:
            known = last + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")
    return head + gap + known


def singular_of(words: str) -> str | None:
    """Return words whose last one is in the singular, or None where it is not a plural.

    Args:
        words: A noun, maybe with words before it.

    Returns:
        The singular.

    Examples:
        >>> singular_of("effusions"), singular_of("opacities"), singular_of("masses"), singular_of("atelectasis")
        ('effusion', 'opacity', 'mass', None)
    """
    head, gap, last = words.rpartition(" ")
    known = next((one for one, several in tables()["plurals"].items() if several == last), None)
    if known is None:
        if last.endswith("ies"):
            known = last[:-3] + "y"
        elif last.endswith(("sses", "xes", "ches", "shes")):
            known = last[:-2]
        elif last.endswith("s") and not last.endswith(("ss", "is", "us")):
            known = last[:-1]
    return None if known is None else head + gap + known


def number_of(finding: str) -> Number:
    """Return whether a finding is one thing, several, or a mass noun.

    Args:
        finding: The finding, lower case.

    Returns:
        "one" for "opacity", "several" for "opacities", "mass" for "atelectasis".

    Examples:
        >>> number_of("airspace opacity"), number_of("nodules"), number_of("lower lobe pneumonia")
        ('one', 'several', 'mass')
    """
    last = finding.rpartition(" ")[2]
    if {finding, last} & word_list("findings", "mass") or last.endswith(_MASS_ENDINGS):
        return "mass"
    return "one" if singular_of(last) is None else "several"


def is_discrete(finding: str) -> bool:
    """Return whether a finding in the singular is one thing in one place.

    Args:
        finding: The finding, lower case.

    Returns:
        True for "nodule", False for "opacity".
    """
    return finding.rpartition(" ")[2] in word_list("findings", "discrete")

"""Shorthand for lung zones in tables of tests."""

_LEVELS = {"U": "upper", "M": "middle", "L": "lower"}


def zones(words):
    """Spell out "LU RM": left upper and right middle; "L*" is the whole left."""
    found = set()
    for word in words.split():
        side = {"L": "left", "R": "right"}[word[0]]
        found |= {f"{side} {_LEVELS[level]}" for level in ("UML" if word[1] == "*" else word[1])}
    return found

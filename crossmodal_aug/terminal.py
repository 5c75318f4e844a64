"""What may be written to a terminal: a file name or a caption can hold the signs that steer one."""

import unicodedata

_STEERING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of Unicode that show nothing themselves: controls, signs of direction, halves, line separators."""


def plain(text: str) -> str:
    r"""Return a text on one line, with every sign that a terminal would obey written out.

    Args:
        text: Any text.

    Returns:
        The text; what is not a letter, digit, mark or blank is written as Python escapes it.

    Examples:
        >>> print(plain("chest\x1b[2J\n1.png"))
        chest\x1b[2J\n1.png
        >>> plain("größer – 左")
        'größer – 左'
    """
    if text.isprintable():
        return text
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in _STEERING else sign for sign in text
    )

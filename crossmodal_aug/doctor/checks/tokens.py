"""Token lengths: how long captions are, against what a text encoder reads."""

from __future__ import annotations

from collections.abc import Iterator

from crossmodal_aug.doctor.findings import Finding, Level, several, share
from crossmodal_aug.doctor.study import Study


def check_tokens(study: Study) -> Iterator[Finding]:
    """Say how long captions are, and which are longer than the budget."""
    settings = study.settings
    texts = [row.caption for row in study.rows]
    tokenizer = settings.tokenizer
    lengths = {text: len(text.split() if tokenizer is None else tokenizer(text)) for text in set(texts)}
    counts = [lengths[text] for text in texts]
    ordered = sorted(counts)
    unit = "words" if tokenizer is None else "tokens"
    figures = {
        "unit": unit,
        "median": ordered[len(ordered) // 2],
        "longest": ordered[-1],
        "budget": settings.max_tokens,
    }
    told = f"{ordered[len(ordered) // 2]} {unit} at the median, {ordered[-1]} at most"
    if settings.max_tokens is None:
        asked = "tokens of your text encoder need its tokenizer and budget (--tokenizer, --max-tokens)"
        yield Finding("tokens", Level.UNKNOWN, "tokens", f"Captions have {told}; {asked}.", figures=figures)
        return
    over = sorted((i for i, count in enumerate(counts) if count > settings.max_tokens), key=lambda i: -counts[i])
    if over:
        text = (
            f"{several(len(over), 'caption')} ({share(len(over), len(counts))}) of more than {settings.max_tokens} "
            f"{unit}: a text encoder cuts off the end. {told.capitalize()}."
        )
        yield Finding("tokens", Level.MEND, "long-captions", text, tuple(over), figures=figures)
    else:
        text = f"Every caption fits into {settings.max_tokens} {unit}: {told}."
        yield Finding("tokens", Level.GOOD, "tokens", text, figures=figures)

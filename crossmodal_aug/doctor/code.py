"""The lines to paste: the atlas as it was fitted, and ops to begin with."""

from __future__ import annotations

from textwrap import wrap

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.doctor.checks.lines import trust_of
from crossmodal_aug.doctor.choices import advised, tried
from crossmodal_aug.doctor.dose import Dose
from crossmodal_aug.doctor.geometry import Geometry
from crossmodal_aug.doctor.specs import name_and_settings, with_parser
from crossmodal_aug.doctor.study import Settings, Study


def lines_to_paste(study: Study, geometry: Geometry, given: list[Dose]) -> str:
    """Return lines of Python that make the ops for this data set; they run as they are.

    Args:
        study: The data set.
        geometry: Its atlas.
        given: What the ops did to it; those that did nothing are left out.
    """
    settings = study.settings
    idle = {dose.op for dose in given if not dose.altered}
    chosen = tuple(op for op in settings.ops or advised(geometry.atlas, tried(settings.size)) if op not in idle)
    names = sorted({name_and_settings(one)[0] for one in chosen})
    atlas, sources = _atlas(geometry.atlas, settings)
    imports = sorted({*sources, *(["CrossModalSequential"] if chosen else []), "PositionParser", *names}, key=_as_isort)
    lines = [f"from crossmodal_aug import {', '.join(imports)}", "", f"atlas = {atlas}"]
    budget = ""
    if settings.max_tokens is not None:
        tokenizer = "str.split"
        if settings.tokenizer_name:
            lines.insert(1, "from transformers import AutoTokenizer")
            lines.append(f"tokenizer = AutoTokenizer.from_pretrained({settings.tokenizer_name!r})")
            tokenizer = "tokenizer.encode"
        budget = f", max_tokens={settings.max_tokens}, tokenizer={tokenizer}"
    if study.listing.has_masks:
        at = lines.index(f"atlas = {atlas}")
        lines[at:at] = wrap(
            trust_of(study, geometry)[1], 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
    lines.append(f"parser = PositionParser(atlas{budget})")
    if chosen:
        if not settings.ops and any("patch_size" in one for one in chosen):
            lines.append(
                f"# patch_size is 2/7 of the side of images, here {settings.size} pixels; take that part of yours."
            )
        lines += ["augment = CrossModalSequential(", *(f"    {with_parser(one)}," for one in chosen), ")"]
        lines += ["", "# For each batch, with images (B, C, H, W), captions (B strings) and masks (B, 1, H, W):"]
        lines += ["# out = augment(images, captions, masks)", "# then out.images, out.texts and out.target"]
    return "\n".join(lines) + "\n"


def _atlas(fitted: Atlas, settings: Settings) -> tuple[str, list[str]]:
    """The atlas as it is written, and what has to be imported for it; one of your own is `atlas` already."""
    of_file = settings.atlas.endswith(".toml")
    written = f"Atlas.from_toml({settings.atlas!r})" if of_file else settings.atlas
    changes = []
    for kind in ("rows", "columns"):
        cuts = getattr(fitted, kind)
        if cuts != getattr(settings.base, kind):
            changes.append(f"{kind}=({', '.join(f'{cut:.4g}' for cut in cuts)}{',' if len(cuts) == 1 else ''})")
    if fitted.frame != settings.base.frame:
        changes.append(f'frame="{fitted.frame}"')
    changes.append(f'laterality="{fitted.laterality}"')
    sources = ["Atlas"] if of_file else [settings.atlas] if settings.atlas.isupper() else []
    return f"{written}.with_geometry({', '.join(changes)})", sources


def _as_isort(name: str) -> tuple[bool, str]:
    """Constants first, as linters sort them."""
    return not name.isupper(), name

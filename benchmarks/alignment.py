"""Does the caption still tell the truth? Agreement of caption and mask before and after each augmentation.

    python benchmarks/alignment.py                         # the real masks, where CROSSMODAL_AUG_DATA is set
    python benchmarks/alignment.py --data phantom
    python benchmarks/alignment.py --table                 # docs table and plot from the results, nothing is run

Agreement is measured over the altered samples alone: the regions that the caption names against the regions that hold
lesion (the true mask, moved like the image) under an atlas calibrated on the training masks. Results are appended, one
JSON line a row, to benchmarks/results/alignment.jsonl; a row that is already there is not run again.
"""

import argparse
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kornia.augmentation as K
import numpy as np
import torch
from alignment_geometry import geometry_rows
from alignment_report import plot, table
from json_lines import append_line, read_lines
from PIL import Image
from published import FAULTS, PublishedPatchMix
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.augment import Reason

RESULTS = Path(__file__).parent / "results"
UNALTERED, FLIP = "none", "horizontal flip (kornia), caption untouched"
THIRDS = "none, row thirds instead of fitted cuts"
MIN_SHARE = 0.03
BATCH = 50
Row = Callable[[Tensor, list[str], Tensor, torch.Generator], tuple[Tensor, list[str], Tensor, Tensor, Tensor | None]]


def qata(limit: int) -> tuple[Tensor, list[str], Atlas]:
    """Masks (N, 1, 224, 224) and captions of the training images, and the atlas that fits them."""
    rows = json.loads((data_root() / "qata" / "annotation.json").read_text())["train"][:limit]
    folder = data_root() / "qata" / "train" / "masks"
    masks = [np.array(Image.open(folder / row["image_path"]).convert("L")) > 127 for row in rows]
    return _calibrated(torch.from_numpy(np.stack(masks)).unsqueeze(1), [row["caption"] for row in rows])


def pictures(name: str, limit: int) -> tuple[Tensor, list[str], Atlas]:
    """Masks (N, 1, 224, 224) and captions of the training images of Kvasir-SEG or BUSI, and the atlas of quadrants."""
    folder = data_root() / name
    rows = json.loads((folder / "annotation.json").read_text())["train"][:limit]
    masks = [np.array(Image.open(folder / "train" / "masks" / row["mask"]).convert("L")) > 127 for row in rows]
    return torch.from_numpy(np.stack(masks)).unsqueeze(1), [row["caption"] for row in rows], QUADRANTS


def data_root() -> Path:
    """Where the data sets lie."""
    root = os.environ.get("CROSSMODAL_AUG_DATA")
    if root is None:
        raise SystemExit("CROSSMODAL_AUG_DATA is not set: give --data phantom, or say where the data sets lie")
    return Path(root)


def phantom(limit: int) -> tuple[Tensor, list[str], Atlas]:
    """Masks (N, 1, 112, 112) and captions of drawn chests, and the atlas that fits them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "semimedref"))
    from semimedref.data.phantom import draw_phantom

    drawn = [draw_phantom(112, (0, index)) for index in range(limit)]
    return _calibrated(torch.from_numpy(np.stack([one.mask for one in drawn])).unsqueeze(1), [d.caption for d in drawn])


def _calibrated(masks: Tensor, texts: list[str]) -> tuple[Tensor, list[str], Atlas]:
    positions = PositionParser(LUNG_ZONES).encode(texts)
    return masks, texts, CF.calibrate(LUNG_ZONES, masks, positions, min_share=MIN_SHARE).atlas


def teachers(masks: Tensor) -> dict[str, Tensor]:
    """Evidence (N, 1, H, W): the true masks, and simulated teachers."""
    sharp = masks.float()
    blurred = torch.cat([K.RandomGaussianBlur((31, 31), (6.0, 6.0), p=1.0)(part) for part in sharp.split(250)])
    eroded = torch.cat([-torch.nn.functional.max_pool2d(-part, 9, 1, 4) for part in sharp.split(250)])
    spots = torch.rand(len(masks), 1, 7, 7, generator=torch.Generator().manual_seed(0)) < 0.03
    spots = torch.nn.functional.interpolate(spots.float(), size=masks.shape[-2:], mode="nearest")
    return {
        "true masks": sharp,
        "blurred": blurred.clamp(0, 1),
        "eroded": eroded,
        "false positives": torch.maximum(sharp, 0.9 * spots),
    }


def rows(parser: PositionParser) -> dict[str, Row]:
    """Every augmentation by name; each returns (lesion, texts, accepted, share of pixels moved)."""

    def of(op: Any) -> Row:
        def run(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
            # The true lesion rides along as the image; the op itself sees the evidence alone.
            out = op(lesion, texts, evidence, generator=generator)
            moved = getattr(out.params, "mixed_share", out.params.accepted.float())
            return out.images, list(out.texts), out.params.accepted, moved, out.params.reason

        return run

    def flip(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
        flipped = torch.rand(len(texts), generator=generator) < 0.5
        image = torch.where(flipped.view(-1, 1, 1, 1), K.RandomHorizontalFlip(p=1.0)(lesion), lesion)
        return image, texts, flipped, flipped.float(), None

    def none(lesion: Tensor, texts: list[str], evidence: Tensor, generator: torch.Generator) -> Any:
        untouched = torch.zeros(len(texts))
        return lesion, texts, untouched.bool(), untouched, None

    if parser.atlas.frame == "image":
        plain: dict[str, Row] = {UNALTERED: none, FLIP: flip, "SyncFlip": of(SyncFlip(parser))}
        return plain | geometry_rows(parser)
    cutmix = {"patch_size": 64, "p": 0.5, "where": "anywhere", "gate": None}
    named: dict[str, Row] = {
        UNALTERED: none,
        THIRDS: none,
        FLIP: flip,
        "CutMix, anchor's caption": of(TPatchMix(parser, **cutmix, text="keep")),
        "CutMix, union of captions": of(TPatchMix(parser, **cutmix, text="union")),
        "T-PatchMix as published": of(TPatchMix.paper(parser)),
        "T-PatchMix as published, drawn always": of(PublishedPatchMix(parser)),
    }
    for fault in FAULTS:
        named[f"T-PatchMix as published, drawn always; {fault}"] = of(PublishedPatchMix(parser, fault))
    for where in ("anchor", "donor", "shared", "probability", "anywhere"):
        for text in ("keep", "union", "evidence"):
            named[f"TPatchMix where={where} text={text}"] = of(TPatchMix(parser, where=where, text=text))
    for unit in ("side", "region", "subset"):
        named[f"ZoneMix unit={unit}"] = of(ZoneMix(parser, unit=unit))
    named["ZoneMix unit=side max_cut=0.05"] = of(ZoneMix(parser, unit="side", max_cut=0.05))
    named["SyncFlip"] = of(SyncFlip(parser))
    return named | geometry_rows(parser)


def occupied(lesion: Tensor, atlas: Atlas) -> Tensor:
    """Regions that hold lesion (B, K), by the rule of `calibrate`."""
    counts = CF.region_evidence(lesion, atlas, reduce="count")
    return counts >= (counts.sum(dim=1, keepdim=True) * MIN_SHARE).clamp_min(1)


def agreement(named: Tensor, holds: Tensor) -> dict[str, float]:
    """How captions (N, K) and masks (N, K) agree."""
    both, either = (named & holds).sum(dim=1).double(), (named | holds).sum(dim=1).double()
    return {
        "jaccard": float(torch.where(either > 0, both / either.clamp_min(1), 1.0).mean()),
        "exact": float((named == holds).all(dim=1).double().mean()),
        "names_an_empty_region": float((named & ~holds).any(dim=1).double().mean()),
        "misses_an_occupied_region": float((holds & ~named).any(dim=1).double().mean()),
    }


def points(named: Tensor, lesion: Tensor, atlas: Atlas) -> Tensor:
    """Whether the middle of each lesion lies in the box of a named region (N,); true of none where none is named."""
    steps = [(torch.arange(size, dtype=torch.float64) + 0.5) / size for size in lesion.shape[-2:]]
    total = lesion.double().flatten(1).sum(dim=1).clamp_min(1e-9)
    y = (lesion.double().sum(dim=(1, 3)) * steps[0]).sum(dim=1) / total
    x = (lesion.double().sum(dim=(1, 2)) * steps[1]).sum(dim=1) / total
    boxes = torch.tensor(atlas.boxes, dtype=torch.float64)
    inside = (y[:, None] >= boxes[:, 0]) & (y[:, None] < boxes[:, 1])
    inside &= (x[:, None] >= boxes[:, 2]) & (x[:, None] < boxes[:, 3])
    empty = ~lesion.flatten(1).bool().any(dim=1)
    return torch.where(empty, ~named.any(dim=1), (inside & named).any(dim=1))


def measure(
    run: Row, masks: Tensor, texts: list[str], evidence: Tensor, parser: PositionParser, *, all_samples: bool = False
) -> dict[str, Any]:
    """One row: a pass over the data in a fixed shuffled order; agreement is that of the altered samples, or of all."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(texts), generator=generator)
    before, after, altered, moved, changed = [], [], [], [], []
    pointing: list[tuple[Tensor, Tensor]] = []
    left: Counter[str] = Counter()
    for batch in order.split(BATCH):
        captions = [texts[i] for i in batch]
        lesion, rewritten, accepted, share, reasons = run(masks[batch].float(), captions, evidence[batch], generator)
        left.update(Reason(one).name.lower() for one in ([] if reasons is None else reasons.tolist()) if one)
        before.append((parser.encode(captions), occupied(masks[batch].float(), parser.atlas)))
        after.append((parser.encode(rewritten), occupied(lesion, parser.atlas)))
        sides = ((captions, masks[batch].float()), (rewritten, lesion))
        pointing.append(tuple(points(parser.encode(said), shown, parser.atlas) for said, shown in sides))
        altered.append(accepted)
        moved.append(share * accepted)
        changed += [new != old for new, old in zip(rewritten, captions, strict=True)]
    mask = torch.cat(altered) | all_samples
    kept = [tuple(torch.cat(part)[mask] for part in zip(*one, strict=True)) for one in (before, after)]
    result: dict[str, Any] = {
        "samples": len(texts),
        "altered": float(torch.cat(altered).double().mean()),
        "pixels_moved": float(torch.cat(moved).double().mean()),
        "captions_changed": float(np.mean(changed)),
    }
    if bool(mask.any()):
        result["before"], result["after"] = (agreement(*one) for one in kept)
        result["kept"] = result["after"]["jaccard"] / result["before"]["jaccard"]
        result["left_alone"] = dict(left.most_common())
        result["middle"] = [float(torch.cat(part)[mask].double().mean()) for part in zip(*pointing, strict=True)]
    return result


SETS: dict[str, Callable[[int], tuple[Tensor, list[str], Atlas]]] = {
    "qata": qata,
    "phantom": phantom,
    "kvasir": lambda limit: pictures("kvasir", limit),
    "busi": lambda limit: pictures("busi", limit),
}


def run_missing(data: str, limit: int, path: Path) -> None:
    """Measure the rows that the results do not hold yet."""
    done = {(one["data"], one["evidence"], one["row"]) for one in read_lines(path)}
    masks, texts, atlas = SETS[data](limit)
    parser = PositionParser(atlas)
    path.parent.mkdir(exist_ok=True)
    for evidence_name, evidence in teachers(masks).items():
        for name, run in rows(parser).items():
            blind = (UNALTERED, "horizontal", "CutMix", "SyncFlip", "ZoneMix unit", "kornia", "torchvision")
            reads = not name.startswith(blind)
            if (data, evidence_name, name) in done or (evidence_name != "true masks" and not reads):
                continue
            fitted = atlas if name != THIRDS else atlas.with_geometry(rows=LUNG_ZONES.rows)
            result = {"data": data, "evidence": evidence_name, "row": name, "rows": fitted.rows}
            reader = PositionParser(fitted)
            result |= measure(run, masks, texts, evidence, reader, all_samples=name in (UNALTERED, THIRDS))
            result["machine"] = machine()
            append_line(path, result)
            print(f"{data:8} {evidence_name:16} {name:60} altered {result['altered']:.3f} kept {result.get('kept')}")


def machine() -> str:
    """What ran it."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=tuple(SETS), default="qata")
    parser.add_argument("--limit", type=int, default=1500, help="samples")
    parser.add_argument("--results", type=Path, default=RESULTS / "alignment.jsonl")
    parser.add_argument("--table", action="store_true", help="only draw table and plot from the results")
    args = parser.parse_args()
    if not args.table:
        run_missing(args.data, args.limit, args.results)
    results = read_lines(args.results)
    order = [*rows(PositionParser(LUNG_ZONES)), *rows(PositionParser(QUADRANTS))]
    text = "\n".join(
        ["# Alignment of captions and masks", *table(results, order), "", f"Machine: {results[0]['machine']}.", ""]
    )
    args.results.with_suffix(".md").write_text(text)
    plot(results, args.results.with_suffix(".png"))
    print(f"table: {args.results.with_suffix('.md')}\nplot:  {args.results.with_suffix('.png')}")


if __name__ == "__main__":
    main()

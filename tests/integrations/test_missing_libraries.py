"""An adapter whose library is not there says which one, and how to get it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("library", "adapter", "words"),
    [
        ("kornia", "kornia", "Expected kornia to be installed: pip install"),
        ("torchvision", "torchvision", "pip install 'crossmodal-aug[torchvision]'"),
        ("monai", "monai", "pip install 'crossmodal-aug[monai]'"),
    ],
)
def test_the_error_names_the_extra(library: str, adapter: str, words: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from crossmodal_aug.errors import MissingDependencyError\n"
        f"try:\n    import crossmodal_aug.integrations.{adapter}\n"
        "except MissingDependencyError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert words in run.stdout


@pytest.mark.parametrize("adapter", ["collate", "samples", "huggingface"])
def test_the_others_need_none(adapter: str) -> None:
    code = f"import sys, crossmodal_aug.integrations.{adapter}; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"torchvision", "kornia", "monai", "transformers"} & set(run.stdout.split())

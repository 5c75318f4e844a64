"""Adapters to other libraries, each imported by its own name and only on use.

`kornia` and `torchvision` fit the ops into those pipelines, and `monai` has them as dictionary transforms. `collate`
applies them in a DataLoader, and `batch` to what a DataLoader returns. `huggingface` tokenizes again the captions that
changed, and `spacy` reads positions in a pipeline.
"""

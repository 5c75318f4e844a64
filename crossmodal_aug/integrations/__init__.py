"""Adapters to other libraries, each imported by its own name and only on use.

`kornia` and `torchvision` fit the ops into those pipelines, `monai` has them as dictionary transforms, `collate`
applies them in a DataLoader and `batch` to what it returns, `huggingface` tokenizes again the captions that changed,
and `spacy` reads positions in a pipeline.
"""

"""The loaders are read as text, and run from there."""

collect_ignore = ["shapes"]

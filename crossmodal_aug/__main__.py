"""`python -m crossmodal_aug`: the command line."""

from crossmodal_aug.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

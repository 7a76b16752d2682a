"""Commands of `pyrite.cli` in files of their own; each imports what it needs when it is called."""

__all__ = ["FINDINGS"]

FINDINGS = 100
"""Exit status of `doctor`, `gate` and `replay` where they found what should not be."""

"""Commands of `pyrite.cli` in files of their own; each imports what it needs when it is called."""

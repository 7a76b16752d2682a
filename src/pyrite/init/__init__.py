"""A first experiment for a model and data at hand: `pyrite init`.

Both are looked at (configuration, the names of tensors, the first records) and nothing of them is
executed; what is found becomes a commented experiment file, and what could be read in several ways
is said. The file is valid before it is written.
"""

from __future__ import annotations

from pyrite.init.draft import Draft, draft, refuse, write

__all__ = ["Draft", "draft", "refuse", "write"]

"""Do several queries hold the same rows?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrite.tables import QueryTable

__all__ = ["rows_digest"]


def rows_digest(table: QueryTable) -> str:
    """A digest of the prompts and of all texts, in row order: equal for the same rows only."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(table.groups().tobytes())
    for side in table.sides:
        digest.update(f"\0{side}\0{table.num_rows}".encode())
        for texts in table.texts(side):
            for text in texts:
                data = text.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "little"))
                digest.update(data)
    return digest.hexdigest()

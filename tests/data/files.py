"""Write records in every format that can be read."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

Records = list[dict[str, Any]]


def as_bytes(records: Records, kind: str) -> bytes:
    if kind == "jsonl":
        return "".join(json.dumps(x) + "\n" for x in records).encode()
    if kind == "json":
        return json.dumps({"version": 1, "rows": records}).encode()
    if kind == "csv":
        text = io.StringIO(newline="")
        names = list(dict.fromkeys(name for x in records for name in x))
        writer = csv.DictWriter(text, names, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue().encode()
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), sink)
    return sink.getvalue()


def write(path: Path, records: Records) -> Path:
    """Write to a file whose suffixes say how."""
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1]
    raw = as_bytes(records, kind)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path

"""The tiny classifier that Infinity serves: `python -m tests.endpoints.infinity_model DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.models.zoo import build_classifier


def write(folder: Path, architecture: str) -> None:
    """A classifier with one label that transformers 4, which Infinity needs, reads too."""
    build_classifier(folder, architecture)
    config = folder / "tokenizer_config.json"
    said = json.loads(config.read_text(encoding="utf-8"))
    # transformers 5 writes a class that version 4 does not know.
    said["tokenizer_class"] = "PreTrainedTokenizerFast"
    config.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), "bert")

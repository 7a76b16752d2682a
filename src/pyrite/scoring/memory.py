"""What an engine asks before it computes a score, and tells after: texts to the score store.

`open_memory` works out the scorer key; what is in it, and why, stands in `pyrite.scoring.store`.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from pyrite.models import Capability, Encoded, Output, PairOutput, Rendered, Scorer, TokenScorer
from pyrite.scoring.store import KEY_BYTES, ScoreStore, store_folder
from pyrite.types import Item, Json

__all__ = ["COMPUTE_FACTS", "Counts", "ScoreMemory", "open_memory", "scorer_key", "text_key"]

COMPUTE_FACTS = ("precision", "dtype")
"""Facts of a scorer that change its scores by more than the noise of a batch. A choice that is
found out while opening (and so is no declared field) must be one of these."""

_LIBRARIES = ("torch", "transformers")

Text = Encoded | Rendered | Item


@dataclass
class Counts:
    """Different texts and pairs that were asked for, and how many of them were stored."""

    texts: int = 0
    texts_found: int = 0
    pairs: int = 0
    pairs_found: int = 0

    def sentence(self) -> str:
        """`3,200 of 3,610 texts came from the score store`, or nothing where none did."""
        parts = []
        if self.texts_found:
            parts.append(f"{self.texts_found:,} of {self.texts:,} texts")
        if self.pairs_found:
            parts.append(f"{self.pairs_found:,} of {self.pairs:,} pairs")
        if not parts:
            return ""
        return f"{' and '.join(parts)} came from the score store and were not computed again"


class ScoreMemory:
    """The stored scores of one opened scorer, by text.

    Attributes:
        counts: what was asked for and found so far.
    """

    def __init__(self, texts: ScoreStore, pairs: ScoreStore | None, *, vector: bool) -> None:
        self.counts = Counts()
        self._texts = texts
        self._pairs = pairs
        self._vector = vector

    def said(self) -> list[str]:
        """Sentences for the user: what came from the store, what could not be stored or read."""
        pairs = self._pairs.notes if self._pairs is not None else []
        said = [self.counts.sentence(), *self._texts.notes, *pairs]
        return [sentence for sentence in said if sentence]

    def recall(self, texts: Sequence[Text]) -> list[Output | None]:
        """The stored output of each text, without vectors; None where there is none."""
        found, values = self._texts.find([text_key(text) for text in texts])
        self.counts.texts += len(texts)
        self.counts.texts_found += int(found.sum())
        if self._vector:
            return [Output(v.copy()) if f else None for f, v in zip(found, values, strict=True)]
        scores = values[:, 0].tolist()
        return [Output(v) if f else None for f, v in zip(found, scores, strict=True)]

    def keep(self, texts: Sequence[Text], outputs: Sequence[Output]) -> None:
        """Store the outputs' scores; a text without a score is left out."""
        values = [np.atleast_1d(np.asarray(output.score, np.float64)) for output in outputs]
        if values:
            self._texts.add([text_key(text) for text in texts], np.stack(values))

    def recall_pairs(self, pairs: Sequence[tuple[Encoded, Encoded]]) -> list[PairOutput | None]:
        """The stored output of each pair; None where there is none."""
        if self._pairs is None:
            return [None] * len(pairs)
        found, values = self._pairs.find([_pair_key(*pair) for pair in pairs])
        self.counts.pairs += len(pairs)
        self.counts.pairs_found += int(found.sum())
        rows = zip(found, values.tolist(), strict=True)
        return [PairOutput(*row) if stored else None for stored, row in rows]

    def keep_pairs(
        self, pairs: Sequence[tuple[Encoded, Encoded]], outputs: Sequence[PairOutput]
    ) -> None:
        """Store pairs; one with a problem is left out."""
        if self._pairs is None or not pairs:
            return
        values = [
            [math.nan] * 3 if one.problem else [one.chosen, one.rejected, one.loss]
            for one in outputs
        ]
        self._pairs.add([_pair_key(*pair) for pair in pairs], np.array(values, np.float64))

    def close(self) -> None:
        """Give the files of this process free."""
        self._texts.close()
        if self._pairs is not None:
            self._pairs.close()


def open_memory(
    scorer: Scorer,
    *,
    identity: str,
    about: Mapping[str, Json] | None = None,
    folder: Path | None = None,
) -> ScoreMemory | None:
    """The stored scores of an opened scorer; None where its scores are not for keeping.

    Args:
        scorer: the opened model.
        identity: the identity of the model step, or a name for all that decides its scores.
        about: what the model is, for `pyrite cache`; no part of any key.
        folder: where all scores are; None: Pyrite's cache folder.
    """
    if not scorer.cacheable:
        return None
    folder = folder or store_folder()
    shown = {**_computed(scorer), **(about or {}), "of": "texts"}
    width = max(len(scorer.output_names), 1)
    texts = ScoreStore(folder, scorer_key(scorer, identity, of="texts"), width=width, about=shown)
    pairs = None
    if Capability.PAIR_FORWARD in scorer.capabilities:
        key = scorer_key(scorer, identity, of="pairs")
        pairs = ScoreStore(folder, key, width=3, about={**shown, "of": "pairs"})
    return ScoreMemory(texts, pairs, vector=bool(scorer.output_names))


def scorer_key(scorer: Scorer, identity: str, *, of: str) -> str:
    """32 hex digits naming all that decides what `scorer` says of a text."""
    cls = type(scorer)
    decides = {
        "identity": identity,
        # The module of a user's own file carries a hash of its content.
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "outputs": list(scorer.output_names),
        "of": of,
        **_computed(scorer),
    }
    return _digest(json.dumps(decides, sort_keys=True).encode()).hex()


def _computed(scorer: Scorer) -> dict[str, Json]:
    if not isinstance(scorer, TokenScorer):
        return {}
    facts = scorer.facts
    found = {name: str(facts[name]) for name in COMPUTE_FACTS if name in facts}
    found["device"] = str(facts.get("device", "cpu")).partition(":")[0]
    return found | {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def text_key(text: Text) -> bytes:
    """16 bytes naming what a scorer is given: ids, a rendered text, or an item with its columns."""
    if isinstance(text, Encoded):
        # The number of ids comes first, so that ids and segment ids cannot run together.
        numbers = (len(text.ids), text.read_at, *text.ids, *text.type_ids)
        return _digest(array("q", numbers).tobytes())
    parts = asdict(text) if isinstance(text, Rendered) else _item_parts(text)
    written = json.dumps([type(text).__name__, parts], sort_keys=True, default=_plainly)
    return _digest(written.encode())


def _item_parts(item: Item) -> dict[str, Json]:
    messages = [[message.role, message.content] for message in item.messages]
    texts = [item.prompt, item.response, messages, item.side]
    return {"texts": texts, "columns": dict(item.columns)}


def _plainly(value: object) -> list[str]:
    return [type(value).__name__, repr(value)]


def _pair_key(chosen: Encoded, rejected: Encoded) -> bytes:
    return _digest(text_key(chosen) + text_key(rejected))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()

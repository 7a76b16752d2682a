"""From rows to columns: score a window of rows and lay the results out as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyrite.config.names import VECTORS
from pyrite.models import PairOutput, Rendered, TokenScorer
from pyrite.scoring import Engine, Scored, ScoredPair
from pyrite.steps.rows import Renderer, holds_pairs
from pyrite.types import Item, Json

if TYPE_CHECKING:
    from pyrite.config.sections import QuerySection

__all__ = ["score_rows"]

Columns = dict[str, pa.Array]
Vectors = dict[str, np.ndarray]
Text = tuple[Item, Rendered | None]


def score_rows(
    rows: pa.Table, engine: Engine, section: QuerySection, renderer: Renderer
) -> tuple[pa.Table, Vectors]:
    """Score a window of rows.

    Returns:
        The table of this window, one row per input row, and arrays of its vectors.
    """
    records = rows.to_pylist()
    if section.pairs == "adjacent":
        columns, vectors = _adjacent(records, engine, section, renderer)
    elif holds_pairs(rows.column_names) and section.pairs == "auto":
        columns, vectors = _pairs(records, engine, section, renderer)
    else:
        texts = [_text(row, "response", renderer) for row in records]
        columns, vectors = _single(engine.score(texts), engine, section)
    return pa.table({"row_id": rows["row_id"], **columns}), vectors


def _text(row: Mapping[str, Json], side: str, renderer: Renderer) -> Text:
    item = renderer.item(row, side)
    return item, renderer.render(item)


def _single(
    scored: Sequence[Scored], engine: Engine, section: QuerySection
) -> tuple[Columns, Vectors]:
    names = engine.scorer.output_names
    columns: Columns = {}
    if names:
        columns.update(_vector_columns(scored))
        if engine.scorer.outputs_are == "vector":
            shares = engine.scorer.facts.get("norm") == "softmax"
            columns.update(_ranking_columns(scored, section.forward.topk, shares=shares))
        has_score = [not np.isnan(s.output.score).all() for s in scored]
    else:
        values = [float(s.output.score) for s in scored]
        has_score = [not math.isnan(value) for value in values]
        columns["score"] = _floats(values)
        stored = {item.name for item in section.store}
        if "chosen_end_scores" in stored:
            columns["chosen_end_scores"] = columns["score"]
        for name in ("rejected_end_scores", "margin", "loss"):
            if name in stored:
                columns[name] = pa.nulls(len(scored), pa.float64())
    if isinstance(engine.scorer, TokenScorer):
        columns.update(_token_columns(scored, engine.scorer, section, ""))
    else:
        columns["truncated"] = pa.array([False] * len(scored))
    columns["problem"] = pa.array([_problem(s) for s in scored], pa.string())
    columns["has_score"] = pa.array(has_score, pa.bool_())
    return columns, _vectors(scored, "")


def _pairs(
    records: Sequence[Mapping[str, Json]], engine: Engine, section: QuerySection, renderer: Renderer
) -> tuple[Columns, Vectors]:
    chosen = [_text(row, "chosen", renderer) for row in records]
    rejected = [_text(row, "rejected", renderer) for row in records]
    if engine.scorer.output_names:
        return _vector_pairs(chosen, rejected, engine, section)
    pairs = engine.score_pairs(chosen, rejected)
    return _pair_columns(pairs, engine, section)


def _pair_columns(
    pairs: Sequence[ScoredPair], engine: Engine, section: QuerySection
) -> tuple[Columns, Vectors]:
    alone = section.forward.inference
    first = [float(p.chosen.output.score) if alone else p.pair.chosen for p in pairs]
    second = [float(p.rejected.output.score) if alone else p.pair.rejected for p in pairs]
    margins = [a - b for a, b in zip(first, second, strict=True)]
    columns: Columns = {
        "chosen_end_scores": _floats(first),
        "rejected_end_scores": _floats(second),
        "margin": _floats(margins),
        "loss": _floats([math.nan if alone else p.pair.loss for p in pairs]),
    }
    chosen, rejected = [p.chosen for p in pairs], [p.rejected for p in pairs]
    if isinstance(engine.scorer, TokenScorer):
        columns.update(_token_columns(chosen, engine.scorer, section, "chosen_"))
        columns.update(_token_columns(rejected, engine.scorer, section, "rejected_"))
    columns["truncated"] = pa.array(
        [_cut(a) > 0 or _cut(b) > 0 for a, b in zip(chosen, rejected, strict=True)], pa.bool_()
    )
    problems = [_pair_problem(p, margin) for p, margin in zip(pairs, margins, strict=True)]
    columns["problem"] = pa.array(problems, pa.string())
    columns["has_score"] = pa.array([not math.isnan(m) for m in margins], pa.bool_())
    return columns, {**_vectors(chosen, "chosen_"), **_vectors(rejected, "rejected_")}


def _vector_pairs(
    chosen: Sequence[Text], rejected: Sequence[Text], engine: Engine, section: QuerySection
) -> tuple[Columns, Vectors]:
    both = engine.score([*chosen, *rejected])
    columns: Columns = {}
    vectors: Vectors = {}
    halves = {"chosen_": both[: len(chosen)], "rejected_": both[len(chosen) :]}
    for prefix, scored in halves.items():
        part, part_vectors = _single(scored, engine, section)
        columns.update({f"{prefix}{name}": column for name, column in part.items()})
        vectors.update({f"{prefix}{name}": array for name, array in part_vectors.items()})
    sides = {"truncated": pc.or_, "problem": pc.coalesce, "has_score": pc.and_}
    for name, both_sides in sides.items():
        columns[name] = both_sides(columns[f"chosen_{name}"], columns[f"rejected_{name}"])
    return columns, vectors


def _adjacent(
    records: Sequence[Mapping[str, Json]], engine: Engine, section: QuerySection, renderer: Renderer
) -> tuple[Columns, Vectors]:
    """First half of each call chosen, second half rejected; the second half's rows stay empty."""
    texts = [_text(row, "response", renderer) for row in records]
    calls: list[range] = []
    for start in range(0, len(texts), section.chunk_size):
        size = min(section.chunk_size, len(texts) - start)
        calls.append(range(start, start + size // 2))
    firsts = [row for call in calls for row in call]
    partners = [row + len(call) for call in calls for row in call]
    pairs = engine.score_pairs([texts[i] for i in firsts], [texts[i] for i in partners])
    columns, _ = _pair_columns(_as_called(pairs, [len(call) for call in calls]), engine, section)
    where = {row: at for at, row in enumerate(firsts)}
    take = pa.array([where.get(i) for i in range(len(texts))], pa.int64())
    spread = {name: column.take(take) for name, column in columns.items()}
    spread["has_score"] = spread["has_score"].fill_null(False)
    spread["truncated"] = spread["truncated"].fill_null(False)
    return spread, {}


def _as_called(pairs: Sequence[ScoredPair], sizes: Sequence[int]) -> list[ScoredPair]:
    """The pairs, without loss and rejected score where one of their call spoils it."""
    found: list[ScoredPair] = []
    for size in sizes:
        call = pairs[len(found) : len(found) + size]
        spoiled = any(one.pair.spoils_call for one in call)
        found += [_without_loss(one) for one in call] if spoiled else call
    return found


def _without_loss(one: ScoredPair) -> ScoredPair:
    problem = one.pair.problem or "another pair of this call has two identical texts"
    return replace(one, pair=PairOutput(one.pair.chosen, math.nan, math.nan, problem))


def _vector_columns(scored: Sequence[Scored]) -> Columns:
    scores = _matrix(scored)
    flat = pa.array(scores.ravel())
    return {"scores": pa.FixedSizeListArray.from_arrays(flat, scores.shape[1])}


def _ranking_columns(scored: Sequence[Scored], topk: int, *, shares: bool) -> Columns:
    """The top-k outputs and the entropy, in nats, of the softmax over all.

    `shares` says that the outputs are that softmax already, as with `norm: softmax`.
    """
    scores = _matrix(scored)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :topk].astype(np.int32)
    named = [None if np.isnan(row).any() else top for row, top in zip(scores, order, strict=True)]
    # A share that underflowed to 0 adds nothing to the entropy.
    logits = np.log(np.maximum(scores, np.finfo(np.float32).tiny)) if shares else scores
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    return {
        "topk_uids": pa.array(named, pa.list_(pa.int32())),
        "entropy": _floats(entropy.tolist()),
    }


def _matrix(scored: Sequence[Scored]) -> np.ndarray:
    return np.stack([np.asarray(s.output.score, dtype=np.float32) for s in scored])


def _token_columns(
    scored: Sequence[Scored], scorer: TokenScorer, section: QuerySection, prefix: str
) -> Columns:
    encoded = [s.encoded for s in scored if s.encoded is not None]
    columns: Columns = {
        f"{prefix}num_tokens": pa.array([len(e.ids) for e in encoded], pa.int32()),
        f"{prefix}truncated": pa.array([e.num_cut > 0 for e in encoded], pa.bool_()),
        f"{prefix}num_cut": pa.array([e.num_cut for e in encoded], pa.int32()),
        f"{prefix}read_at": pa.array([e.read_at for e in encoded], pa.int32()),
    }
    stored = {item.name for item in section.store}
    if "tokens" in stored:
        columns[f"{prefix}tokens"] = pa.array([list(e.ids) for e in encoded], pa.list_(pa.int32()))
    if "token_rewards" in stored:
        # Whoever reads the rewards has no tokenizer: the tokens' texts stand beside them.
        texts = [scorer.token_texts(e.ids) for e in encoded]
        columns[f"{prefix}token_texts"] = pa.array(texts, pa.list_(pa.string()))
        # NaN, after the token that is read, is null; so is the list of a row without rewards.
        columns[f"{prefix}token_rewards"] = pa.array(
            [s.output.token_rewards for s in scored], pa.list_(pa.float32()), from_pandas=True
        )
    return columns


def _vectors(scored: Sequence[Scored], prefix: str) -> Vectors:
    found: Vectors = {}
    for name in VECTORS:
        given = [getattr(s.output, name) for s in scored]
        example = next((array for array in given if array is not None), None)
        if example is None:
            continue
        if example.ndim == 1:
            blank = np.full_like(example, math.nan)
            found[f"{prefix}{name}"] = np.stack([blank if a is None else a for a in given])
        else:
            empty = example[:0]
            arrays = [empty if a is None else a for a in given]
            found[f"{prefix}{name}"] = np.concatenate(arrays)
            found[f"{prefix}{name}_lengths"] = np.array([len(a) for a in arrays], np.int64)
    return found


def _problem(scored: Scored) -> str | None:
    return (scored.encoded.problem or None) if scored.encoded else None


def _pair_problem(scored: ScoredPair, margin: float) -> str | None:
    """Why a pair has no margin; texts scored alone may have one though their pair has no loss."""
    own = scored.pair.problem if math.isnan(margin) else ""
    return own or _problem(scored.chosen) or _problem(scored.rejected)


def _cut(scored: Scored) -> int:
    return scored.encoded.num_cut if scored.encoded else 0


def _floats(values: Sequence[float]) -> pa.Array:
    """float64; a missing score is NaN here and null in the file."""
    return pa.array(np.asarray(values, dtype=np.float64), from_pandas=True)

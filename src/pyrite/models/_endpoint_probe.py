"""What a server shows before it is trusted: its model, and the shape of its scores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyrite.endpoints import ENDPOINTS, Protocol, Value
from pyrite.errors import ModelError, ScoringError
from pyrite.models._endpoint_http import RequestError, Transport
from pyrite.models._endpoint_scorer import Server, ask_all, chat_of, values_of
from pyrite.rendering import RENDERINGS
from pyrite.sources import cache_folder, hash_text
from pyrite.types import Item, Json

__all__ = ["Probed", "detect", "probe", "recall", "remember", "served_by"]

PROBES = (
    Item("What is the boiling point of water at sea level?", "It is 100 degrees Celsius."),
    Item("What is the boiling point of water at sea level?", "no idea lol"),
    Item("Write one sentence about autumn.", "Leaves fall slowly while the light turns gold."),
)
"""Three fixed texts that any reward model should tell apart."""

_SAYS = (
    "model_id",
    "id",
    "root",
    "model_path",
    "model_sha",
    "revision",
    "sha",
    "version",
    "model_dtype",
)
"""What a server may say of its model that is the same whenever it is asked."""
_OWNERS = {"vllm": "vllm_classify", "sglang": "sglang_classify", "infinity": "infinity"}
_INFO = ("/info", "/v1/models", "/models")


@dataclass(frozen=True, slots=True)
class Probed:
    """What three fixed texts showed: names of the outputs (none for one), and remarks."""

    output_names: tuple[str, ...]
    notes: tuple[str, ...]


def served_by(transport: Transport, base: str, protocol: Protocol, model: str | None) -> str | None:
    """What the server says of its model, as `key=value, ...`; None where it says nothing.

    Only values that stay the same are taken: names, revisions, versions.
    """
    found: dict[str, str] = {}
    for route in protocol.INFO:
        try:
            answer = transport.ask(base + route, retries=0)
        except RequestError:
            continue
        for key, value in _statement(answer, model).items():
            found.setdefault(key, value)
    return ", ".join(f"{key}={value}" for key, value in sorted(found.items())) or None


def _statement(answer: Json, model: str | None) -> dict[str, str]:
    said = answer.get("data", answer) if isinstance(answer, Mapping) else answer
    if isinstance(said, list):
        entries = [entry for entry in said if isinstance(entry, Mapping)]
        named = [entry for entry in entries if entry.get("id") == model]
        said = (named or entries or [{}])[0]
    if not isinstance(said, Mapping):
        return {}
    values = {key: said[key] for key in _SAYS if isinstance(said.get(key), str) and said[key]}
    return {key: re.sub(r"[\s,=]+", " ", value)[:200] for key, value in values.items()}


def detect(transport: Transport, url: str, base: str) -> str:
    """The protocol of a server, by its route, else by what it says of itself.

    Raises:
        ModelError: neither tells.
    """
    routes: dict[str, list[str]] = {}
    for name in ENDPOINTS.names():
        kind = ENDPOINTS.get(name)
        route = getattr(kind, "ROUTE", "")
        if route:
            routes.setdefault(route, []).append(name)
    here = next((names for route, names in routes.items() if url.endswith(route)), None)
    if here is not None and len(here) == 1:
        return here[0]
    for route in _INFO:
        try:
            answer = transport.ask(base + route, retries=0)
        except RequestError:
            continue
        found = _told(answer)
        if found and (here is None or found in here):
            return found
    known = ", ".join(here or ENDPOINTS.names())
    raise ModelError(f"{url}: the server does not say what it is; write protocol, one of: {known}")


def _told(answer: Json) -> str | None:
    if not isinstance(answer, Mapping):
        return None
    kind = answer.get("model_type")
    if "model_id" in answer and isinstance(kind, Mapping):
        return "tei_rerank" if "reranker" in kind else "tei"
    said = answer.get("data")
    first = said[0] if isinstance(said, list) and said else said
    owner = first.get("owned_by") if isinstance(first, Mapping) else None
    return _OWNERS.get(owner) if isinstance(owner, str) else None


def probe(server: Server, unravel: str, *, raw: bool) -> Probed:
    """Score the fixed texts and see whether raw scores come back.

    Raises:
        ModelError: the server cannot be asked, or its answers are probabilities where raw scores
            are wanted.
    """
    rendering = RENDERINGS.get(unravel)()
    if unravel == "chat_template":
        texts = [chat_of(server, item) for item in PROBES]
    else:
        texts = [rendering.render(item) for item in PROBES]  # type: ignore[attr-defined]
    try:
        values = ask_all(server, texts)
    except ScoringError as error:
        hint = ""
        if any(text.messages for text in texts):
            hint = " (a model without a chat template needs another form: unravel: hh, qa or none)"
        raise ModelError(f"three fixed texts could not be scored: {error}{hint}") from None
    if all(isinstance(value, float) for value in values):
        return Probed(
            (), tuple(_one_output(server, [v for v in values if isinstance(v, float)], raw))
        )
    names = _names(server, values)
    rows = [values_of(value, names) for value in values]
    if any(row is None for row in rows):
        raise ModelError(f"{server.url}: texts have different outputs")
    return Probed(names, tuple(_outputs(server, [row for row in rows if row], raw)))


def _names(server: Server, values: Sequence[Value]) -> tuple[str, ...]:
    first = values[0]
    if isinstance(first, dict):
        return tuple(sorted(first, key=_natural))
    if isinstance(first, list):
        return tuple(f"output_{index}" for index in range(len(first)))
    raise ModelError(f"{server.url}: some texts have one score and some have several")


def _natural(name: str) -> list[tuple[int, int, str]]:
    """LABEL_2 before LABEL_10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _one_output(server: Server, scores: Sequence[float], raw: bool) -> list[str]:
    cure = server.protocol.CURE
    if all(score == 1.0 for score in scores):
        raise ModelError(
            f"{server.url}: every text has the score 1.0: a softmax over one label, which hides "
            f"the score; {cure}"
        )
    if all(score in (0.0, 1.0) for score in scores):
        return [f"all {len(scores)} fixed texts have a score of exactly 0 or 1: saturated; {cure}"]
    if len(set(scores)) == 1:
        return [f"all {len(scores)} fixed texts have the same score, {scores[0]:g}"]
    if raw and all(0.0 < score < 1.0 for score in scores):
        return [
            f"all {len(scores)} fixed texts score between 0 and 1: perhaps a sigmoid, which "
            f"flattens high and low scores; if so, {cure}"
        ]
    return []


def _outputs(server: Server, rows: Sequence[Sequence[float]], raw: bool) -> list[str]:
    inside = all(0.0 <= value <= 1.0 for row in rows for value in row)
    if raw and inside and all(abs(sum(row) - 1.0) < 1e-3 for row in rows):
        raise ModelError(
            f"{server.url}: {len(rows[0])} scores per text that lie in [0, 1] and sum to 1: a "
            f"softmax; {server.protocol.CURE}. Where probabilities are what is wanted, write "
            "outputs: probabilities"
        )
    if all(value in (0.0, 1.0) for row in rows for value in row):
        return [f"all scores of the {len(rows)} fixed texts are exactly 0 or 1: saturated"]
    return []


def remember(key: Json, served: str | None) -> None:
    """Keep what a server said, so that its results are found again while it is down."""
    path = _memory(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"served": served}), encoding="utf-8")
    except OSError:
        return  # only a memory: a full or read-only disk must not stop a run


def recall(key: Json) -> str | None:
    """What the server said when it was last asked; None where it never was."""
    try:
        value = json.loads(_memory(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    served = value.get("served") if isinstance(value, dict) else None
    return served if isinstance(served, str) else None


def _memory(key: Json) -> Path:
    name = hash_text(json.dumps(key, sort_keys=True))[:32]
    return cache_folder() / "endpoints" / f"{name}.json"

"""Where a classifier's score is read, and the forward pass that reads it there.

transformers looks for the last token that is not the pad token, which is wrong as soon as the pad
token also ends a text, and differs between its versions. Here a decoder is read at the last token
of the text, known from its length; an encoder is read by the pooler of its own class.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pyrite.errors import ModelError, ScoringError
from pyrite.forward import Forward, compiled
from pyrite.models import Encoded, Output, Pooled, Want
from pyrite.models._token_rewards import rewards_of
from pyrite.models._trunk import layer_of, pooled

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["ClassifierReading", "DecoderReading", "EncoderReading", "reading_of"]

_FIRST_TOKEN = frozenset(
    {
        "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie",
        "mpnet", "nomic_bert", "roberta", "xlm-roberta", "xlm-roberta-xl",
    }
)  # fmt: skip
"""Encoders whose pooler reads the first token only; only says which vector `pool: last` keeps."""


class _Read(NamedTuple):
    """Scores [rows]; the wanted layer and the final vectors [rows, time, width], where there are.

    An encoder's score is no function of one token's final vector: it gives none.
    """

    scores: torch.Tensor
    states: torch.Tensor | None = None
    final: torch.Tensor | None = None


@dataclass(frozen=True)
class _Batch:
    """Ids, mask and segments of texts, [rows, time], padded on the right."""

    ids: torch.Tensor
    mask: torch.Tensor
    types: torch.Tensor


class ClassifierReading(ABC):
    """A classifier and the position that it is read at.

    Attributes:
        module: the transformers model.
        plain: the part of it that is run: the trunk of a decoder, an encoder as it is.
        forward_pass: what is called for it; compiled code where that was asked for.
        pad_id: what rows are padded with; masked, so that it never changes a score.
        rule: the position in words, for the facts.
    """

    rule: str
    is_decoder: ClassVar[bool]
    plain: Any
    forward_pass: Forward

    def __init__(self, module: Any, pad_id: int) -> None:
        self.module = module
        self.pad_id = pad_id
        self.device = module.device
        self.num_layers = int(module.config.get_text_config().num_hidden_layers)

    @abstractmethod
    def position(self, length: int) -> int:
        """Where a text of so many tokens is read; -1 where a pooler reads them all."""

    @abstractmethod
    def scores_and_states(self, batch: _Batch, reads: Sequence[int], layer: int | None) -> _Read:
        """Scores, and the states of a layer where one is wanted."""

    @abstractmethod
    def check(self) -> None:
        """Score a few tokens in two ways that must agree.

        Raises:
            ModelError: they do not, so this class is not scored here as it was trained.
        """

    def forward(self, texts: Sequence[Encoded], want: Want) -> list[Output]:
        """Scores and wanted vectors of texts without a problem.

        Raises:
            ScoringError: a score is not finite, or the wanted layer does not exist.
        """
        import torch

        hidden = want.hidden_states
        layer = None if hidden is None else layer_of(hidden, self.num_layers)
        with torch.inference_mode():
            batch = self.padded(texts)
            reads = [text.read_at for text in texts]
            scores, states, final = self.scores_and_states(batch, reads, layer)
            embedded = self.module.get_input_embeddings()(batch.ids) if want.embeddings else None
            values = scores.float().tolist()
            if not torch.isfinite(scores).all():
                row = next(i for i, v in enumerate(values) if v != v or abs(v) == float("inf"))
                raise ScoringError(
                    f"text {row} of a batch ({len(texts[row].ids)} tokens): the score is "
                    f"{values[row]}"
                )
            return [
                Output(
                    value,
                    _kept(states, row, text, want.hidden_states),
                    _kept(embedded, row, text, want.embeddings),
                    self._token_rewards(final, row, text) if want.token_rewards else None,
                )
                for row, (value, text) in enumerate(zip(values, texts, strict=True))
            ]

    def _token_rewards(
        self, final: torch.Tensor | None, row: int, text: Encoded
    ) -> np.ndarray | None:
        return None

    def compile(self, *, longest: int | None) -> str:
        """Compile the forward pass, if it then gives the same; returns what came of it.

        Args:
            longest: most tokens of a text; None: what the configuration says.
        """

        def scores(forward: Forward, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
            self.forward_pass = forward
            reads = [self.position(len(row)) for row in rows]
            batch = self.padded([Encoded(row, at) for row, at in zip(rows, reads, strict=True)])
            return self.scores_and_states(batch, reads, None)[0].float()

        made = compiled(self.plain, scores, longest=longest)
        self.forward_pass = made.forward
        return made.told

    def padded(self, texts: Sequence[Encoded]) -> _Batch:
        """The texts as one batch."""
        import torch

        shape = (len(texts), max(len(text.ids) for text in texts))
        ids = torch.full(shape, self.pad_id, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        types = torch.zeros(shape, dtype=torch.long)
        for row, text in enumerate(texts):
            length = len(text.ids)
            ids[row, :length] = torch.tensor(text.ids)
            mask[row, :length] = 1
            if text.type_ids:
                types[row, :length] = torch.tensor(text.type_ids)
        return _Batch(ids.to(self.device), mask.to(self.device), types.to(self.device))

    def _sample(self, length: int) -> Encoded:
        """Some ids that are no pad."""
        size = int(self.module.get_input_embeddings().weight.shape[0])
        ids = [index % size for index in range(3, 3 + 7 * length, 7)]
        ids = [(index + 1) % size if index == self.pad_id else index for index in ids]
        return Encoded(tuple(ids), self.position(length))

    def _tolerance(self, score: float) -> float:
        import torch

        coarse = self.module.dtype != torch.float32
        return (0.1 if coarse else 1e-3) * (1.0 + abs(score))


class DecoderReading(ClassifierReading):
    """A decoder with a linear `score` head, read at the last token of the text."""

    rule = "the last token of the text"
    is_decoder = True

    def __init__(self, module: Any, pad_id: int) -> None:
        super().__init__(module, pad_id)
        self.trunk = self.plain = self.forward_pass = module.base_model
        self.accepts = set(inspect.signature(self.trunk.forward).parameters)
        # A sum over a whole vector loses most in short floats, and costs nothing in long ones.
        short = next(module.score.parameters()).dtype.itemsize < 4
        self._head = copy.deepcopy(module.score).float() if short else module.score

    def position(self, length: int) -> int:
        """The last token."""
        return length - 1

    def head(self, vectors: torch.Tensor) -> torch.Tensor:
        """Scores [rows] of vectors [rows, width]."""
        scores: torch.Tensor = self._head(vectors.float())[:, 0]
        return scores

    def _token_rewards(
        self, final: torch.Tensor | None, row: int, text: Encoded
    ) -> np.ndarray | None:
        assert final is not None
        return rewards_of(final[row], self.head, text)

    def scores_and_states(self, batch: _Batch, reads: Sequence[int], layer: int | None) -> _Read:
        """The trunk, and the head at the read tokens only; positions count from 0."""
        import torch

        rows, time = batch.ids.shape
        extras: dict[str, Any] = {}
        if "position_ids" in self.accepts:
            extras["position_ids"] = torch.arange(time, device=self.device)[None].expand(rows, -1)
        if "use_cache" in self.accepts:
            extras["use_cache"] = False
        inner = layer is not None and layer < self.num_layers
        if inner:
            extras["output_hidden_states"] = True
        forward = self.trunk if inner else self.forward_pass
        out = forward(input_ids=batch.ids, attention_mask=batch.mask, **extras)
        final = out.last_hidden_state
        read = final[
            torch.arange(rows, device=self.device), torch.tensor(reads, device=self.device)
        ]
        states = out.hidden_states[layer] if inner else final
        return _Read(self.head(read), None if layer is None else states, final)

    def check(self) -> None:
        """Compare with the class's own forward, which without a pad token reads the last one."""
        import torch

        text = self._sample(5)
        config = self.module.config.get_text_config()
        pad, config.pad_token_id = config.pad_token_id, None
        try:
            with torch.inference_mode():
                batch = self.padded([text])
                theirs = self.module(input_ids=batch.ids, attention_mask=batch.mask).logits
        finally:
            config.pad_token_id = pad
        ours = self.forward([text], Want())[0].score
        if abs(float(theirs.reshape(-1)[0]) - float(ours)) > self._tolerance(float(ours)):
            raise ModelError(
                f"{type(self.module).__name__} gives {float(theirs.reshape(-1)[0]):.6g} where its "
                f"`score` head on the last token gives {float(ours):.6g}: it is scored in a way of "
                "its own, which is not supported"
            )


class EncoderReading(ClassifierReading):
    """An encoder, read by the pooler and classifier of its own class."""

    is_decoder = False

    def __init__(self, module: Any, pad_id: int) -> None:
        super().__init__(module, pad_id)
        self.plain = self.forward_pass = module
        self.accepts = set(inspect.signature(module.forward).parameters)
        self.first_token = module.config.model_type in _FIRST_TOKEN
        self.rule = "the first token" if self.first_token else "the pooler of the class"

    def position(self, length: int) -> int:
        """The first token, or -1 where the pooler may read more."""
        return 0 if self.first_token else -1

    def takes_types(self, largest: int) -> bool:
        """Whether the model tells segments apart, up to this segment id."""
        known = getattr(self.module.config, "type_vocab_size", None)
        return "token_type_ids" in self.accepts and (known is None or largest < known)

    def scores_and_states(self, batch: _Batch, reads: Sequence[int], layer: int | None) -> _Read:
        """The class's own forward pass with the mask of the real tokens."""
        extras: dict[str, Any] = {}
        if "token_type_ids" in self.accepts:
            extras["token_type_ids"] = batch.types
        if layer is not None:
            extras["output_hidden_states"] = True
        forward = self.forward_pass if layer is None else self.module
        out = forward(input_ids=batch.ids, attention_mask=batch.mask, **extras)
        return _Read(out.logits[:, 0], None if layer is None else out.hidden_states[layer])

    def check(self) -> None:
        """Compare a text alone with the same text padded beside a longer one."""
        text, longer = self._sample(4), self._sample(9)
        alone = float(self.forward([text], Want())[0].score)
        beside = float(self.forward([text, longer], Want())[0].score)
        if abs(alone - beside) > self._tolerance(alone):
            raise ModelError(
                f"{type(self.module).__name__}: a text scores {alone:.6g} alone and {beside:.6g} "
                "when it is padded, so its scores depend on the batch; this class is not supported"
            )


def reading_of(module: Any, pad_id: int) -> ClassifierReading:
    """How an opened classifier is read, checked on a few tokens.

    Raises:
        ModelError: its scores cannot be read the way they were trained.
    """
    import torch

    head = getattr(module, "score", None)
    decoder = isinstance(head, torch.nn.Module) and module.base_model is not module
    reading = DecoderReading(module, pad_id) if decoder else EncoderReading(module, pad_id)
    reading.check()
    return reading


def _kept(states: torch.Tensor | None, row: int, text: Encoded, want: Pooled | None) -> Any:
    if states is None or want is None:
        return None
    if text.read_at < 0 and want.pool == "last":
        want = replace(want, pool="mean")  # no single token was read
    return pooled(states[row], want, length=len(text.ids), read_at=text.read_at)

"""The contract of reward models: one kind of model per file in this folder.

A `Model` is configuration: what the `model` section of an experiment says. `open()` turns it into
a `Scorer`, which is what holds weights. Two kinds of scorer exist::

    Scorer ── TokenScorer   text -> render -> encode -> forward   (everything with a tokenizer)
           └─ ItemScorer    item -> score                         (recorded scores, a callable)
              └─ TextScorer   text -> render -> score             (a server with its own tokenizer)

Only `pyrite.scoring` calls a scorer; it owns batching, order, duplicates and storage. A score may
never depend on the batch it was computed in: the contract tests hold every kind of model to that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pyrite.component import Component, Family
from pyrite.types import Item, Json, Message

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    import torch

    from pyrite.forward import Decoder
    from pyrite.sources import Source

__all__ = [
    "MODELS",
    "Anatomy",
    "Capability",
    "Encoded",
    "ItemScorer",
    "Limits",
    "Model",
    "Output",
    "PairOutput",
    "Pooled",
    "Rendered",
    "Scorer",
    "TextScorer",
    "TokenScorer",
    "Want",
]

MODELS = Family("models", "pyrite.models", "Model")


class Capability(StrEnum):
    """What an opened model can give; a plan is checked against it before anything is scored."""

    SCORE = "score"  # one float per text
    VECTOR = "vector"  # several named floats per text
    TOKENS = "tokens"  # token ids
    HIDDEN_STATES = "hidden_states"  # transformer outputs
    EMBEDDINGS = "embeddings"  # input embeddings
    TOKEN_REWARDS = "token_rewards"  # the head at every token of a causal model
    PAIR_FORWARD = "pair_forward"  # a pair scored together (its loss is over tokens)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text that is tokenised, after template and message flattening.

    `text_pair` is the second segment for models trained on (prompt, response) segment pairs; with
    `pair_is` `alone` it is no segment but the response alone, for models that score the difference
    between the whole text and that. `special_tokens` says whether the tokenizer adds its own (off
    where a template wrote them). `messages` are the turns themselves, for a model behind a server
    that applies its template on its own; `text` is then empty.
    """

    text: str
    text_pair: str | None = None
    special_tokens: bool = True
    pair_is: Literal["segment", "alone"] = "segment"
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Truncation as the query asks for it.

    `truncation` None is the model's own way (most cut at their limit), False never cuts, True
    cuts at `max_tokens`; `max_tokens` None means the model's own limit.
    """

    truncation: bool | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A tokenised text: ids, where the score is read, and how much was cut.

    Attributes:
        ids: token ids, no padding.
        read_at: index into `ids` at which the score is read; -1 where a pooler reads them all.
        num_cut: tokens removed by truncation (0: the text is whole).
        type_ids: segment ids for encoders, else empty.
        problem: why this text cannot be scored (too long and not to be cut); "" when it can.
    """

    ids: tuple[int, ...]
    read_at: int
    num_cut: int = 0
    type_ids: tuple[int, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Which vectors of a text to keep: the layer, and `last`, `mean` or `all` of its tokens.

    `last` is the position the score is read at; `mean` is over real tokens, never padding.
    """

    pool: str = "last"
    layer: int = -1
    dtype: str = "float16"


@dataclass(frozen=True, slots=True)
class Want:
    """What a forward pass should return beside the score.

    `token_rewards` is for models with `Capability.TOKEN_REWARDS`; others leave it out.
    """

    hidden_states: Pooled | None = None
    embeddings: Pooled | None = None
    token_rewards: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """What a model says of one text.

    Attributes:
        score: a float, or an array [num_outputs] for vector models; NaN where it has none.
        hidden_states: [hidden] for `last` and `mean`, [num_tokens, hidden] for `all`.
        embeddings: the same shapes, from the input embeddings.
        token_rewards: float32 [num_tokens], what the head gives at every token up to the one that
            the score is read at, which has the score; NaN after it.
    """

    score: float | np.ndarray
    hidden_states: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    token_rewards: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class PairOutput:
    """What a model says of a pair: end scores and a loss, NaN with `problem` where it has none.

    `spoils_call` says that a pair like this one leaves all pairs of its call without a loss and a
    rejected score, in models that were called with many pairs at once (`query.pairs: adjacent`).
    """

    chosen: float
    rejected: float
    loss: float
    problem: str = ""
    spoils_call: bool = False


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a scorer is made of, for `pyrite.doctor`; nothing that scores needs it.

    Attributes:
        tokenizer: the opened Hugging Face tokenizer.
        module: the transformers module that runs.
        head: tensors that turn vectors into scores, by name.
        initial: SD of the distribution that a new head would be drawn from; None: not known.
    """

    tokenizer: Any
    module: Any
    head: Mapping[str, torch.Tensor]
    initial: float | None = None


class Scorer(ABC):
    """An opened model.

    Attributes:
        capabilities: what it can give.
        output_names: names of the outputs of a vector model; empty for a scalar one.
        outputs_are: `vector` where the outputs belong to one model, `models` where each is the
            score of a model of its own and they only stand side by side.
        default_unravel: the flattening of messages that the model was trained with.
        facts: what was found while opening it (reading position, template, dtype, truncation
            side, parameters, notes); goes into the manifest, is not part of the identity.
        cacheable: whether an equal text has an equal score for good, under the model's identity,
            so that scores may be stored and used by later runs (`pyrite.scoring.store`).
    """

    capabilities: frozenset[Capability]
    output_names: tuple[str, ...] = ()
    outputs_are: Literal["vector", "models"] = "vector"
    default_unravel: str = "none"
    facts: Mapping[str, Json]
    cacheable: bool = False

    def close(self) -> None:  # noqa: B027 - most scorers hold nothing that must be given back
        """Release what `open` took."""


class TokenScorer(Scorer):
    """A scorer with a tokenizer: rendered text in, ids, then a forward pass over a batch.

    Attributes:
        packed: whether `forward` runs texts without padding, so that a batch may mix lengths.
        decoder: scores of bare ids that are read at their last token (texts that share a prefix,
            single tokens changed, gradients); None where a score is made in another way.
    """

    cacheable = True
    packed: bool = False
    decoder: Decoder | None = None

    @abstractmethod
    def render_chat(self, item: Item) -> Rendered:
        """Apply the tokenizer's own chat template.

        Raises:
            ModelError: the tokenizer has no chat template.
        """

    def anatomy(self) -> Anatomy | None:
        """What the scorer is made of; None where it does not show it."""
        return None

    @abstractmethod
    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        """Tokenise; truncation happens on the side that the model wants and is counted."""

    @abstractmethod
    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        """One padded forward pass; outputs in the order of the batch.

        Raises:
            ScoringError: a score is not finite although the text is scorable.
        """

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        """The text of every token; only with `Capability.TOKEN_REWARDS`."""
        raise TypeError(f"{type(self).__name__} has no reward for a single token")

    def forward_pairs(
        self, chosen: Sequence[Encoded], rejected: Sequence[Encoded]
    ) -> list[PairOutput]:
        """Score pairs together; only with `Capability.PAIR_FORWARD`."""
        raise TypeError(f"{type(self).__name__} scores the texts of a pair one by one")


class ItemScorer(Scorer):
    """A scorer that takes items as they are; it sees no tokens.

    Attributes:
        reads: `columns` where a score is looked up in the row, whatever its texts are.
    """

    reads: Literal["texts", "columns"] = "texts"

    @abstractmethod
    def score(self, items: Sequence[Item]) -> list[Output]:
        """Score items; outputs in order.

        Raises:
            ScoringError: the result has the wrong length or is not a number.
        """


class TextScorer(ItemScorer):
    """A scorer of rendered texts that are tokenised out of sight, as behind a server."""

    @abstractmethod
    def render_chat(self, item: Item) -> Rendered:
        """The item in the model's own chat template, or its turns for a server to render.

        Raises:
            ModelError: there is no chat template on either side.
        """

    @abstractmethod
    def score_texts(self, texts: Sequence[Rendered]) -> list[Output]:
        """Score rendered texts; outputs in order.

        Raises:
            ScoringError: a text has no score, or was not rendered in a form that this takes.
        """


class Model(Component):
    """A kind of reward model: its fields are the `model` section of an experiment."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"id", "device", "path", "ckpt", "tokenizer", "revision", "sha256", "entrypoint", "compile"}
    )
    """Left out because `sources()` identifies the content behind these names."""

    id: str = "model"

    @abstractmethod
    def sources(self) -> Mapping[str, Source]:
        """The files and repositories whose content decides the scores, by role."""

    def pinned(self) -> Self:
        """This model with what only a server can say of its content filled in; most are whole."""
        return self

    @abstractmethod
    def open(self) -> Scorer:
        """Read the weights and return a scorer.

        Raises:
            HeadError, CheckpointError, ModelError: the model would not be scored as trained.
        """

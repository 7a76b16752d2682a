"""A reward model as something that a worker opens."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pyrite.component import load_user_module
from pyrite.errors import ModelError
from pyrite.executors import Opened, Opening
from pyrite.models import Capability, ItemScorer, Model, Scorer, TokenScorer
from pyrite.types import Json

__all__ = ["About", "ModelOpening", "OpenedModel"]

_USER = "pyrite_user_"


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an opened model where it is not open itself; the fields are `Scorer`'s.

    `takes_columns` says that it takes items as they are, with all columns of their rows; `reads`
    whether a score is made from texts, or looked up in these columns. `has_tokenizer` and
    `has_decoder` say whether it shows its tokenizer, and a decoder beside it.
    """

    capabilities: frozenset[Capability]
    output_names: tuple[str, ...]
    outputs_are: Literal["vector", "models"]
    default_unravel: str
    facts: Mapping[str, Json]
    takes_columns: bool
    reads: Literal["texts", "columns"]
    has_tokenizer: bool = False
    has_decoder: bool = False

    @classmethod
    def of(cls, scorer: Scorer) -> About:
        """What is known of an opened model."""
        has_tokenizer = isinstance(scorer, TokenScorer) and scorer.anatomy() is not None
        return cls(
            scorer.capabilities,
            tuple(scorer.output_names),
            scorer.outputs_are,
            scorer.default_unravel,
            dict(scorer.facts),
            isinstance(scorer, ItemScorer),
            scorer.reads if isinstance(scorer, ItemScorer) else "texts",
            has_tokenizer,
            has_tokenizer and getattr(scorer, "decoder", None) is not None,
        )


class OpenedModel(Opened):
    """An opened model in a worker."""

    def __init__(self, scorer: Scorer, content: Mapping[str, str | None]) -> None:
        self.scorer = scorer
        self.about = About.of(scorer)
        self.content = content

    def close(self) -> None:
        """Give the weights' memory back."""
        self.scorer.close()


@dataclass(frozen=True)
class ModelOpening(Opening):
    """Opens a model; crosses to other processes also where its class is in a user's file."""

    model: Model

    def open(self) -> OpenedModel:
        """Read the weights in this process.

        Raises:
            ModelError: the model would not be scored as trained.
        """
        scorer = self.model.open()
        sources = self.model.sources()
        return OpenedModel(scorer, {role: x.fingerprint() for role, x in sources.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        module = sys.modules.get(type(self.model).__module__)
        file = getattr(module, "__file__", None) if module else None
        is_user = type(self.model).__module__.startswith(_USER)
        return _restored, (file if is_user else None, pickle.dumps(self.model))


def _restored(file: str | None, pickled: bytes) -> ModelOpening:
    """Load the user's file first, so that the class of the model is known by its module's name."""
    if file is not None:
        load_user_module(Path(file))
    try:
        return ModelOpening(pickle.loads(pickled))
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{file}: a worker has another content of this file ({error}); copy the same file to "
            "all machines, or run again if it was just changed"
        ) from error

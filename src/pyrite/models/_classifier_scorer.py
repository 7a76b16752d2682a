"""The opened sequence classifier: texts to ids, ids to scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyrite.errors import ModelError
from pyrite.forward import Decoder
from pyrite.models import (
    Anatomy,
    Capability,
    Encoded,
    Limits,
    Output,
    Rendered,
    TokenScorer,
    Want,
)
from pyrite.models._classifier_reading import ClassifierReading, DecoderReading, EncoderReading
from pyrite.models._compute import LEAN_RUNS, compiled_facts
from pyrite.models._cutting import kept_positions
from pyrite.models._packed import fits, packed_outputs
from pyrite.models._token_rewards import TokenTexts
from pyrite.models._tokenizers import clean_text, render_chat
from pyrite.types import Item, Json

__all__ = ["ClassifierScorer", "Room"]


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens fit: `usual` where texts are cut, `most` where the model ends; None: any."""

    usual: int | None
    most: int | None

    def cut_at(self, limits: Limits) -> int | None:
        """The number of tokens to keep under these limits; None: all of them."""
        if limits.truncation is False:
            return None
        wanted = [limits.max_tokens or self.usual, self.most]
        return min((number for number in wanted if number is not None), default=None)


class ClassifierScorer(TokenScorer):
    """An opened `SequenceClassifier`."""

    capabilities = frozenset(
        {Capability.SCORE, Capability.TOKENS, Capability.HIDDEN_STATES, Capability.EMBEDDINGS}
    )
    """A decoder has its reward at every token too."""

    def __init__(
        self,
        *,
        reading: ClassifierReading,
        tokenizer: Any,
        name: str,
        room: Room,
        facts: Mapping[str, Json],
        compiling: bool = False,
    ) -> None:
        self.reading = reading
        self.tokenizer = tokenizer
        self.name = name
        self.room = room
        self.facts = facts
        if isinstance(reading, DecoderReading):
            self.capabilities |= {Capability.TOKEN_REWARDS}
            self.decoder = Decoder(reading.trunk, reading.head)
            self.packed = self.decoder.lean is not None
            self.facts = {**facts, "forward": self.decoder.told}
        if compiling:
            told = LEAN_RUNS if self.packed else reading.compile(longest=room.most)
            self.facts = compiled_facts(self.facts, told)
        self._texts = TokenTexts(tokenizer)
        self.vocabulary = int(reading.module.get_input_embeddings().weight.shape[0])
        # A decoder without a template is told to the user when a text is rendered.
        templated = reading.is_decoder or bool(tokenizer.chat_template)
        self.default_unravel = "chat_template" if templated else "pair"

    def render_chat(self, item: Item) -> Rendered:
        """The tokenizer's chat template.

        Raises:
            ModelError: there is none, or it refuses the conversation.
        """
        return render_chat(self.tokenizer, item, name=self.name)

    def anatomy(self) -> Anatomy:
        """The tokenizer, the classifier, and what of it is not its base model."""
        module = self.reading.module
        base = {id(parameter) for parameter in module.base_model.parameters()}
        named = module.named_parameters()
        head = {name: p.detach() for name, p in named if id(p) not in base}
        initial = getattr(module.config.get_text_config(), "initializer_range", None)
        return Anatomy(self.tokenizer, module, head, initial)

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        """The text of every token."""
        return self._texts(ids)

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        """Ids; of a text that is too long the oldest tokens are cut, unless that is off.

        Raises:
            ModelError: two segments for a decoder, which reads one text.
        """
        encoded: dict[int, Encoded] = {}
        groups: dict[tuple[bool, bool], list[int]] = {}
        for index, text in enumerate(texts):
            paired = text.text_pair is not None and text.pair_is == "segment"
            groups.setdefault((text.special_tokens, paired), []).append(index)
        for (special, paired), indices in groups.items():
            if paired and self.reading.is_decoder:
                raise ModelError(
                    f"{self.name} is a decoder and reads one text, not two segments; set "
                    "message.unravel to chat_template, hh or none"
                )
            group = [texts[index] for index in indices]
            rows = self._tokenised(group, special=special, paired=paired)
            for place, index in enumerate(indices):
                encoded[index] = self._encoded(rows, place, limits)
        return [encoded[index] for index in range(len(texts))]

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        """Scores and wanted vectors; a text with a `problem` gets NaN and is not run.

        Raises:
            ScoringError: a score is not finite.
        """
        scorable = [index for index, text in enumerate(batch) if not text.problem]
        outputs = [Output(math.nan) for _ in batch]
        if scorable:
            texts = [batch[index] for index in scorable]
            if self.decoder is not None and fits(self.decoder, texts):
                scored = packed_outputs(self.decoder, texts, want)
            else:
                scored = self.reading.forward(texts, want)
            for index, output in zip(scorable, scored, strict=True):
                outputs[index] = output
        return outputs

    def _tokenised(self, texts: Sequence[Rendered], *, special: bool, paired: bool) -> Any:
        pairs = [clean_text(text.text_pair or "") for text in texts] if paired else None
        return self.tokenizer(
            [clean_text(text.text) for text in texts],
            pairs,
            add_special_tokens=special,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            verbose=False,
        )

    def _encoded(self, rows: Any, place: int, limits: Limits) -> Encoded:
        ids = list(rows["input_ids"][place])
        types = list(rows["token_type_ids"][place]) if "token_type_ids" in rows else []
        if not self._takes_types(types):
            types = []
        kept: list[int] | None = list(range(len(ids)))
        cut_at = self.room.cut_at(limits)
        if cut_at is not None and len(ids) > cut_at:
            bos = self.tokenizer.bos_token_id
            kept = kept_positions(
                rows.sequence_ids(place), cut_at, first_is_bos=bos is not None and ids[0] == bos
            )
        if kept is None:
            return Encoded((), -1, len(ids), problem=f"nothing is left of a text cut at {cut_at}")
        num_cut = len(ids) - len(kept)
        ids = [ids[index] for index in kept]
        types = [types[index] for index in kept] if types else []
        problem = self._problem(ids)
        read_at = -1 if problem else self.reading.position(len(ids))
        return Encoded(tuple(ids), read_at, num_cut, tuple(types), problem)

    def _takes_types(self, types: Sequence[int]) -> bool:
        reading = self.reading
        return (
            bool(types) and isinstance(reading, EncoderReading) and reading.takes_types(max(types))
        )

    def _problem(self, ids: Sequence[int]) -> str:
        if not ids:
            return "the text has no tokens to read"
        if self.room.most is not None and len(ids) > self.room.most:
            return (
                f"{len(ids)} tokens, the model has {self.room.most} positions and truncation is off"
            )
        if max(ids) >= self.vocabulary:
            return (
                f"token {max(ids)} of the tokenizer is none of the model's {self.vocabulary}; "
                "name the model's own tokenizer with `tokenizer`"
            )
        return ""

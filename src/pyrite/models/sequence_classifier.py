"""Hugging Face sequence classifiers with one label: how most reward models are published."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from pyrite.errors import ModelError
from pyrite.models import Model, TokenScorer
from pyrite.models._classifier_files import check_config, load_classifier
from pyrite.models._classifier_reading import ClassifierReading, reading_of
from pyrite.models._classifier_scorer import ClassifierScorer, Room
from pyrite.models._compute import (
    COMPILE_HELP,
    COMPUTE_HELP,
    Compute,
    computed_in,
    computing_note,
    floats_of,
    loaded_in,
    settle,
)
from pyrite.models._model_files import (
    CONFIG_FILES,
    TOKENIZER_FILES,
    WEIGHT_FILES,
    content_source,
    tokenizer_place,
)
from pyrite.models._tokenizers import SURROGATE_NOTE, open_tokenizer
from pyrite.models._trunk import pick_device
from pyrite.sources import Source
from pyrite.types import Json

__all__ = ["SequenceClassifier"]

_NO_LIMIT = 1_000_000
"""Tokenizers say `no limit` with a number beyond every model's."""


class SequenceClassifier(Model):
    """A Hugging Face sequence classifier with one label, from a folder or the hub.

    Decoders (Llama, Qwen, Gemma, GPT-2, OPT, ...) are read at the last token of the text, whatever
    the pad token is; encoders (DeBERTa, RoBERTa, BERT, ...) by the pooler of their class. Texts
    are written with the tokenizer's chat template if it has one, else, for encoders, as a pair of
    segments. A text that is too long loses its oldest tokens (of a pair the prompt's, then the
    response's), never the end of the response nor the tokens that begin and close a sequence;
    how many is counted.

    A model whose head is missing, freshly initialised or of another class is refused, as are
    several labels, weights that are not finite, and LoRA adapters that are not merged.

    Attributes:
        dtype: what weights are rounded to; anything but float32 changes scores visibly. int8
            rounds those of linear layers, to see what it does to scores: it is not faster.
        compute: what to compute in; auto: the same.
        max_length: where texts are cut; null: what config.json and the tokenizer say.
        trust_remote_code: run Python code that comes with the model.
    """

    path: str = Field(description="local folder, hub id or builtin:name")
    revision: str | None = Field(default=None, description="commit, tag or branch on the hub")
    tokenizer: str | None = Field(default=None, description="null: the one of `path`")
    dtype: Literal["float32", "bfloat16", "float16", "int8"] = "float32"
    compute: Compute = Field(default="auto", description=COMPUTE_HELP)
    compile: bool = Field(default=False, description=COMPILE_HELP)
    device: str = "auto"
    max_length: int | None = Field(default=None, ge=1)
    trust_remote_code: bool = False

    def sources(self) -> Mapping[str, Source]:
        """The model's files, and those of the tokenizer where it is another's.

        Raises:
            ModelError: a folder does not exist.
        """
        wanted = (*CONFIG_FILES, *WEIGHT_FILES, *TOKENIZER_FILES)
        patterns = (*wanted, "*.py") if self.trust_remote_code else wanted
        found = {"model": content_source(self.path, self.revision, patterns)}
        name, revision = self._tokenizer()
        if name != self.path:
            found["tokenizer"] = content_source(name, revision, TOKENIZER_FILES)
        return found

    def open(self) -> TokenScorer:
        """Read the weights and return a scorer.

        Raises:
            HeadError: there is no trained head.
            CheckpointError: weights are missing, unreadable, unsafe or not finite.
            ModelError: not a classifier with one label, or not one that can be read as trained.
        """
        import torch

        config = check_config(
            self.path, revision=self.revision, trust_remote_code=self.trust_remote_code
        )
        device = pick_device(self.device)
        precision: torch.dtype = getattr(torch, self.dtype)
        compute = computed_in(
            self.compute, usual=floats_of(precision), device=device, name=self.path
        )
        name, revision = self._tokenizer()
        tokenizer = open_tokenizer(name, revision=revision)
        if not tokenizer.is_fast:
            raise ModelError(f"the tokenizer of {name} has no fast form (tokenizer.json)")
        module, notes = load_classifier(
            self.path,
            revision=self.revision,
            dtype=loaded_in(precision, compute),
            trust_remote_code=self.trust_remote_code,
        )
        settle(module, precision, compute, where=self.path)
        reading = reading_of(module.to(device), _pad_id(tokenizer, module))
        room = self._room(module, tokenizer)
        notes = [*notes, *computing_note(compute, precision)]
        facts = self._facts(config, reading, tokenizer, room, notes)
        return ClassifierScorer(
            reading=reading,
            tokenizer=tokenizer,
            name=name,
            room=room,
            facts=facts,
            compiling=self.compile,
        )

    def _tokenizer(self) -> tuple[str, str | None]:
        return tokenizer_place(self.tokenizer, self.path, self.revision)

    def _room(self, module: Any, tokenizer: Any) -> Room:
        most = _positions(module)
        if self.max_length is not None:
            if most is not None and self.max_length > most:
                raise ModelError(
                    f"{self.path}: max_length {self.max_length}, and the model was made for {most} "
                    "tokens"
                )
            return Room(self.max_length, most)
        said = tokenizer.model_max_length
        limits = [most, int(said) if said < _NO_LIMIT else None]
        return Room(min((limit for limit in limits if limit is not None), default=None), most)

    def _facts(
        self,
        config: Mapping[str, Json],
        reading: ClassifierReading,
        tokenizer: Any,
        room: Room,
        notes: list[str],
    ) -> dict[str, Json]:
        module = reading.module
        template = tokenizer.chat_template
        written = template if isinstance(template, str) else repr(template)
        digest = hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
        return {
            "architecture": config["architectures"][0],
            "read_at": reading.rule,
            "template": f"chat template sha256:{digest[:16]}" if template else None,
            "truncation_side": "left",
            "max_tokens": room.usual,
            "positions": room.most,
            "pad_id": reading.pad_id,
            "tokenizer_has_pad": tokenizer.pad_token_id is not None,
            "num_parameters": sum(parameter.numel() for parameter in module.parameters()),
            "precision": self.dtype,
            "dtype": str(module.dtype).removeprefix("torch."),
            "device": str(reading.device),
            "attention": str(getattr(module.config, "_attn_implementation", None)),
            "text": SURROGATE_NOTE,
            "notes": notes,
        }


def _pad_id(tokenizer: Any, module: Any) -> int:
    """What to pad with: the pad token, else the end of text, else 0; all are masked."""
    vocabulary = int(module.get_input_embeddings().weight.shape[0])
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None and candidate < vocabulary:
            return int(candidate)
    return 0


def _positions(module: Any) -> int | None:
    """Most tokens that the model has positions for; None where it has no such limit."""
    config = module.config.get_text_config()
    declared = getattr(config, "max_position_embeddings", None)
    if not isinstance(declared, int) or declared < 1:
        return None
    embeddings = getattr(module.base_model, "embeddings", None)
    table = getattr(embeddings, "position_embeddings", None)
    # RoBERTa and its kin count positions from the one after the pad's.
    taken = getattr(table, "padding_idx", None)
    return declared if taken is None else declared - int(taken) - 1

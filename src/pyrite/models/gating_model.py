"""bittensor's gating model: a GPT-Neo encoder and one linear output per network node."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from pyrite.errors import CheckpointError, HeadError, ModelError, ScoringError
from pyrite.models import (
    Anatomy,
    Capability,
    Encoded,
    Limits,
    Model,
    Output,
    Rendered,
    TokenScorer,
    Want,
)
from pyrite.models._compute import (
    COMPILE_HELP,
    COMPUTE_HELP,
    Compute,
    compiled_facts,
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
    checkpoint_path,
    checkpoint_source,
    content_source,
    read_config,
    tokenizer_place,
)
from pyrite.models._reading import check_vocabulary
from pyrite.models._tokenizers import (
    SURROGATE_NOTE,
    open_tokenizer,
    pad_id,
    render_chat,
    rendered_ids,
)
from pyrite.models._trunk import Precision, Trunk, compute_dtype, pick_device
from pyrite.models._weights import (
    build,
    check_finite,
    describe_keys,
    read_state,
    tensors_of,
)
from pyrite.sources import Source
from pyrite.types import Item, Json

if TYPE_CHECKING:
    import torch

__all__ = ["GatingModel"]

_MASK_BUFFER = re.compile(r"\.attn\.attention\.(bias|masked_bias)$")
_MAX_TOKENS = 2048


class GatingModel(Model):
    """GPT-Neo with a linear layer, as bittensor gated its network: one raw output per node.

    The outputs are read at the last token of `role: content` lines, cut on the right at 2048
    tokens (or the model's positions, where they are fewer). Two layouts of checkpoint are read:
    `{"model_state_dict": {model.*, linear.*}, "num_hotkeys": n}` of bittensor, and the
    `{"weight", "bias"}` of openvalidators, whose encoder is that of `path`.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = Model.NOT_IDENTITY | {
        "embedding",
        "trust_remote_code",
    }

    entrypoint: str = "GatingModel"
    path: str = Field(description="encoder: hub id, local folder or builtin:name")
    ckpt: str | None = Field(default=None, description="weights: URL or file; null: from `path`")
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    tokenizer: str | None = Field(default="default", description="default: the one of `path`")
    embedding: Literal["default"] | None = Field(
        default="default", description="input embeddings; only the model's own"
    )
    norm: Literal["none", "softmax"] = Field(
        default="none", description="softmax over a text's own outputs; default or none: raw"
    )
    dtype: Precision = Field(
        default="auto",
        description="precision of the weights; auto: float32; int8: of linear layers",
    )
    compute: Compute = Field(default="auto", description=COMPUTE_HELP)
    compile: bool = Field(default=False, description=COMPILE_HELP)
    device: str = "auto"
    revision: str | None = Field(default=None, description="of the hub repository `path`")
    trust_remote_code: Literal[False] = False

    @field_validator("norm", mode="before")
    @classmethod
    def _default_is_none(cls, value: Any) -> Any:
        return "none" if value in ("default", None) else value

    def sources(self) -> Mapping[str, Source]:
        """Configuration, weights, tokenizer, and the encoder of `path` beside a checkpoint.

        Raises:
            ModelError, CheckpointError: a folder or file does not exist.
        """
        sources = {
            "config": content_source(self.path, self.revision, CONFIG_FILES),
            "weights": checkpoint_source(
                self.path, self.revision, ckpt=self.ckpt, sha256=self.sha256
            ),
            "tokenizer": content_source(*self._tokenizer(), TOKENIZER_FILES),
        }
        if self.ckpt is not None:
            sources["encoder"] = content_source(self.path, self.revision, WEIGHT_FILES)
        return sources

    def _tokenizer(self) -> tuple[str, str | None]:
        return tokenizer_place(self.tokenizer, self.path, self.revision)

    def open(self) -> TokenScorer:
        """Read the weights and return a scorer.

        Raises:
            HeadError: the checkpoint has no linear layer.
            CheckpointError: the weights are unreadable, incomplete, unsafe or not finite.
            ModelError: configuration or tokenizer do not fit, or float16 on a CPU.
        """
        import torch
        from transformers import GPTNeoModel

        config, _ = read_config(self.path, self.revision)
        if config.model_type != "gpt_neo":
            raise ModelError(
                f"{self.path}: a {config.model_type} model, and GatingModel reads GPT-Neo"
            )
        source, revision = self._tokenizer()
        tokenizer = open_tokenizer(source, revision=revision)
        check_vocabulary(tokenizer, int(config.vocab_size), name=source)
        device = pick_device(self.device)
        precision = torch.float32 if self.dtype == "auto" else getattr(torch, self.dtype)
        usual = compute_dtype(precision, device)
        compute = computed_in(self.compute, usual=usual, device=device, name=self.path)
        weights = self._weights(width=int(config.hidden_size))
        module = build(
            GPTNeoModel,
            config,
            weights.encoder,
            where=weights.encoder_file,
            dtype=loaded_in(precision, compute),
        )
        settle(module, precision, compute, where=weights.encoder_file)
        trunk = Trunk(module, device, pad_id=min(pad_id(tokenizer), int(config.vocab_size) - 1))
        facts: dict[str, Json] = {
            "architecture": f"{config.model_type} with a linear layer",
            "read_at": "the last token",
            "norm": self.norm,
            "template": "gating",
            "truncation_side": "right",
            "positions": min(int(config.max_position_embeddings), _MAX_TOKENS),
            "weights": weights.head_file,
            "encoder": weights.encoder_file,
            "num_parameters": trunk.num_parameters + weights.weight.numel() + weights.bias.numel(),
            "precision": str(precision).removeprefix("torch."),
            "dtype": str(compute).removeprefix("torch."),
            "device": str(device),
            "text": SURROGATE_NOTE,
            "notes": computing_note(compute, precision),
        }
        return _GatingScorer(self, tokenizer, trunk, weights, precision, facts)

    def _weights(self, *, width: int) -> _Weights:
        path = checkpoint_path(self.path, self.revision, ckpt=self.ckpt, sha256=self.sha256)
        where = str(path)
        state = read_state(path)
        nodes = state.pop("num_hotkeys", None)
        state = state.pop("model_state_dict", state)
        if not isinstance(state, Mapping):
            raise CheckpointError(f"{where}: model_state_dict is a {type(state).__name__}")
        if set(state) == {"weight", "bias"}:
            weight, bias = _linear(state, "", width=width, nodes=nodes, where=where)
            encoder_file = checkpoint_path(self.path, self.revision, ckpt=None, sha256=None)
            encoder = _encoder(read_state(encoder_file), where=str(encoder_file))
            return _Weights(encoder, weight, bias, encoder_file=str(encoder_file), head_file=where)
        weight, bias = _linear(state, "linear.", width=width, nodes=nodes, where=where)
        body = {name: value for name, value in state.items() if not name.startswith("linear.")}
        encoder = _encoder(body, where=where)
        return _Weights(encoder, weight, bias, encoder_file=where, head_file=where)


@dataclass(frozen=True, slots=True)
class _Weights:
    """Encoder tensors by their names in GPT-Neo; the linear layer [nodes, width] and [nodes]."""

    encoder: dict[str, torch.Tensor]
    weight: torch.Tensor
    bias: torch.Tensor
    encoder_file: str
    head_file: str


def _linear(
    state: Mapping[str, Any], prefix: str, *, width: int, nodes: Any, where: str
) -> tuple[torch.Tensor, torch.Tensor]:
    names = (f"{prefix}weight", f"{prefix}bias")
    absent = [name for name in names if name not in state]
    if absent:
        raise HeadError(
            f"{where}: no {' and no '.join(absent)}, so there is no gate, and none is made up; "
            f"it has {describe_keys(sorted(map(str, state)))}. Give the gating checkpoint as `ckpt`"
        )
    tensors = tensors_of({name: state[name] for name in names}, where=where)
    weight, bias = (tensors[name] for name in names)
    if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
        raise CheckpointError(
            f"{where}: the linear layer has shapes {tuple(weight.shape)} and {tuple(bias.shape)}; "
            f"the encoder is {width} wide"
        )
    if isinstance(nodes, int) and nodes != weight.shape[0]:
        raise CheckpointError(
            f"{where}: num_hotkeys is {nodes}, the linear layer has {weight.shape[0]} outputs"
        )
    check_finite(tensors, where=where)
    return weight, bias


def _encoder(state: Mapping[str, Any], *, where: str) -> dict[str, torch.Tensor]:
    """The encoder's tensors from any of `model.*`, `transformer.*` or bare names."""
    kept = {}
    for key, value in state.items():
        name = str(key).removeprefix("model.").removeprefix("transformer.")
        if not (_MASK_BUFFER.search(name) or name.startswith("lm_head.")):
            kept[name] = value
    return tensors_of(kept, where=where)


class _GatingScorer(TokenScorer):
    """An opened gating model."""

    capabilities = frozenset(
        {Capability.VECTOR, Capability.TOKENS, Capability.HIDDEN_STATES, Capability.EMBEDDINGS}
    )
    default_unravel = "gating"

    def __init__(
        self,
        model: GatingModel,
        tokenizer: Any,
        trunk: Trunk,
        weights: _Weights,
        precision: torch.dtype,
        facts: Mapping[str, Json],
    ) -> None:
        import torch

        self.tokenizer = tokenizer
        self.name = model.path
        self.norm = model.norm
        self.trunk = trunk
        self.weight = weights.weight.to(floats_of(precision)).to(trunk.device, torch.float32)
        self.bias = weights.bias.to(floats_of(precision)).to(trunk.device, torch.float32)
        check_finite({"weight": self.weight, "bias": self.bias}, where=weights.head_file)
        self.facts = facts
        self.positions = int(facts["positions"])
        if model.compile:
            told = trunk.compile(lambda vectors: vectors @ self.weight.T + self.bias)
            self.facts = compiled_facts(facts, told)
        self.output_names = tuple(str(node) for node in range(self.bias.shape[0]))

    def render_chat(self, item: Item) -> Rendered:
        """The tokenizer's chat template, where it has one."""
        return render_chat(self.tokenizer, item, name=self.name)

    def anatomy(self) -> Anatomy:
        """The tokenizer, the encoder and the linear layer."""
        initial = getattr(self.trunk.module.config, "initializer_range", None)
        head = {"linear.weight": self.weight, "linear.bias": self.bias}
        return Anatomy(self.tokenizer, self.trunk.module, head, initial)

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        """Ids of the texts, special tokens in them obeyed; cut on the right unless switched off.

        Raises:
            ModelError: the texts come as two segments.
        """
        if any(text.text_pair is not None and text.pair_is == "segment" for text in texts):
            raise ModelError("a GatingModel takes one text; set message.unravel to gating")
        keep = min(limits.max_tokens or self.positions, self.positions)
        rows = rendered_ids(
            self.tokenizer,
            [text.text for text in texts],
            [text.special_tokens for text in texts],
            parse_special=True,
        )
        if limits.truncation is False:
            return [self._encoded(ids, 0) for ids in rows]
        return [self._encoded(ids[:keep], max(len(ids) - keep, 0)) for ids in rows]

    def _encoded(self, ids: Sequence[int], num_cut: int) -> Encoded:
        problem = ""
        if not ids:
            problem = "the text is empty: there is no token to read the outputs at"
        elif len(ids) > self.positions:
            problem = f"{len(ids)} tokens, the model takes {self.positions} and truncation is off"
        return Encoded(tuple(ids), -1 if problem else len(ids) - 1, num_cut, problem=problem)

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        """Outputs [nodes] of every text; a text with a `problem` gets NaN and is not run.

        Raises:
            ScoringError: an output is not finite.
        """
        import numpy as np
        import torch

        outputs = [Output(np.full(len(self.output_names), np.nan)) for _ in batch]
        scorable = [index for index, text in enumerate(batch) if not text.problem]
        if not scorable:
            return outputs
        texts = [batch[index] for index in scorable]
        vectors = self.trunk.run([text.ids for text in texts], want)
        with torch.inference_mode():
            gates = vectors.read(texts) @ self.weight.T + self.bias
            scores = (gates.softmax(dim=-1) if self.norm == "softmax" else gates).cpu().numpy()
        for row, index in enumerate(scorable):
            if not np.isfinite(scores[row]).all():
                raise ScoringError(f"row {index} of the batch: an output is NaN or infinite")
            score = scores[row].astype(np.float64)
            outputs[index] = vectors.output(score, row, texts[row], want)
        return outputs

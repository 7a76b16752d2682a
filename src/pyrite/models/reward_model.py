"""bittensor's reward model: a GPT-J trunk with a value head that is read at one token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pyrite.errors import CheckpointError, HeadError, ModelError
from pyrite.models import Model, TokenScorer
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
    checkpoint_path,
    checkpoint_source,
    content_source,
    read_config,
    tokenizer_place,
)
from pyrite.models._reading import CompatReading, NativeReading, Reading, check_vocabulary
from pyrite.models._reward_scorer import RewardScorer
from pyrite.models._tokenizers import SURROGATE_NOTE, open_tokenizer
from pyrite.models._trunk import Precision, Trunk, compute_dtype, pick_device
from pyrite.models._weights import (
    build,
    check_finite,
    describe_keys,
    read_state,
    tensors_of,
)
from pyrite.sources import Source
from pyrite.types import Json

if TYPE_CHECKING:
    import torch

__all__ = ["RewardModel"]

_HEAD = "v_head.weight"
_MASK_BUFFER = re.compile(r"\.attn\.(bias|masked_bias)$")
_BATCH_NORMS = {"zscore", "running_cdf"}


class RewardModel(Model):
    """GPT-J with a value head, as bittensor loaded it: one score per text.

    Two readings of one checkpoint exist, and they give different scores:

    - `compat` is what bittensor did in April and May 2023: the text between `<|startoftext|>` and
      `<|endoftext|>`, weights rounded to float16, the score read one token before the first end of
      text, special tokens inside a text obeyed, nothing cut unless the query says so.
    - `native` is what the checkpoint was trained on: the dialogue and the end of text, read at the
      end of text, special tokens inside a text taken literally, the left cut where it is too long.

    `form: difference` is bittensor's score from May 2023 on,
    `relu(full + shift) - relu(completion + shift)`: it takes texts rendered with `unravel: qa`
    (`Rendered(text=full, text_pair=completion, pair_is="alone")`), whose ids are stored one after
    the other, segment 0 and segment 1. Hidden states and embeddings are those of the full text.

    `norm: softmax` leaves the scores as they are and gives the query's table a column `softmax`:
    what bittensor handed out for an answer, the softmax over the answers to one prompt, 0 for those
    of up to 10 characters.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = Model.NOT_IDENTITY | {
        "embedding",
        "trust_remote_code",
    }

    entrypoint: str = "RewardModel"
    path: str = Field(description="base model: hub id, local folder or builtin:name")
    ckpt: str | None = Field(default=None, description="weights: URL or file; null: from `path`")
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    tokenizer: str | None = Field(default="default", description="default: the one of `path`")
    embedding: Literal["default"] | None = Field(
        default="default", description="input embeddings; only the model's own"
    )
    norm: Literal["default", "softmax"] = Field(
        default="default",
        description="default or none: raw scores; softmax: beside them the weight of an answer "
        "among those to its prompt; shift_diff: form difference",
    )
    reading: Literal["auto", "compat", "native"] = Field(
        default="auto", description="auto: what config.json says (pyrite.reading), else compat"
    )
    form: Literal["single", "difference"] = "single"
    shift: float = Field(default=3.0, description="of the difference form")
    dtype: Precision = Field(
        default="auto",
        description="precision of the weights; auto: float16 compat, float32 native; int8: of "
        "linear layers, to see what it does to scores",
    )
    compute: Compute = Field(default="auto", description=COMPUTE_HELP)
    compile: bool = Field(default=False, description=COMPILE_HELP)
    device: str = "auto"
    revision: str | None = Field(default=None, description="of the hub repository `path`")
    trust_remote_code: Literal[False] = False

    @model_validator(mode="before")
    @classmethod
    def _known_norm(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        norm = values.get("norm", "default")
        if norm in _BATCH_NORMS:
            raise ValueError(
                f"norm {norm}: it depends on which texts are scored together, and a score may not "
                "depend on its batch; use norm: default and compare scores in the analysis"
            )
        if norm == "shift_diff":
            return {**values, "norm": "default", "form": "difference"}
        return {**values, "norm": "default"} if norm in ("none", None) else values

    @model_validator(mode="after")
    def _form_fits(self) -> RewardModel:
        if self.form == "difference" and self.reading == "native":
            raise ValueError("form difference is bittensor's own; it needs reading: compat")
        return self

    def sources(self) -> Mapping[str, Source]:
        """Configuration, weights and tokenizer.

        Raises:
            ModelError, CheckpointError: a folder or file does not exist.
        """
        return {
            "config": content_source(self.path, self.revision, CONFIG_FILES),
            "weights": checkpoint_source(
                self.path, self.revision, ckpt=self.ckpt, sha256=self.sha256
            ),
            "tokenizer": content_source(*self._tokenizer(), TOKENIZER_FILES),
        }

    def _tokenizer(self) -> tuple[str, str | None]:
        return tokenizer_place(self.tokenizer, self.path, self.revision)

    def open(self) -> TokenScorer:
        """Read the weights and return a scorer.

        Raises:
            HeadError: the checkpoint has no value head.
            CheckpointError: the weights are unreadable, incomplete, unsafe or not finite.
            ModelError: configuration or tokenizer do not fit, or float16 on a CPU.
        """
        import torch

        config, own = read_config(self.path, self.revision)
        if config.model_type != "gptj":
            raise ModelError(
                f"{self.path}: a {config.model_type} model, and RewardModel reads GPT-J; "
                "for a published classifier use entrypoint: SequenceClassifier"
            )
        reading = self._reading(config, own)
        precision = self._precision(reading)
        device = pick_device(self.device)
        usual = compute_dtype(precision, device)
        compute = computed_in(self.compute, usual=usual, device=device, name=self.path)
        checkpoint = checkpoint_path(self.path, self.revision, ckpt=self.ckpt, sha256=self.sha256)
        where = str(checkpoint)
        trunk_tensors, head, ignored = _split(read_state(checkpoint), where=where)
        _check_head(head, width=config.hidden_size, where=where)
        trunk = _build_trunk(config, trunk_tensors, precision, compute, where=where)
        head = head.to(floats_of(precision)).to(device, torch.float32)
        check_finite({_HEAD: head}, where=where)
        facts = self._facts(config, reading, precision, trunk, where=where, ignored=ignored)
        return RewardScorer(
            compiling=self.compile,
            trunk=Trunk(trunk, device, pad_id=reading.eos),
            head=head[0],
            reading=reading,
            shift=self.shift if self.form == "difference" else None,
            facts=facts,
        )

    def _reading(self, config: Any, own: Mapping[str, Json]) -> Reading:
        name = own.get("reading", "compat") if self.reading == "auto" else self.reading
        if name not in ("compat", "native"):
            raise ModelError(
                f"{self.path}: config.json says pyrite.reading {name!r}, which is none"
            )
        if name == "native" and self.form == "difference":
            raise ModelError(
                f"{self.path}: form difference needs reading: compat, config.json says native"
            )
        source, revision = self._tokenizer()
        opened = open_tokenizer(source, revision=revision)
        check_vocabulary(opened, int(config.vocab_size), name=source)
        if opened.eos_token_id is None:
            raise ModelError(f"the tokenizer of {source} has no end-of-text token (eos_token)")
        kind = CompatReading if name == "compat" else NativeReading
        if name == "compat":
            CompatReading.check(opened, name=source)
        return kind(
            tokenizer=opened,
            name=source,
            eos=int(opened.eos_token_id),
            positions=int(config.max_position_embeddings),
            default_unravel="default" if name == "compat" else str(own.get("template", "hh")),
        )

    def _precision(self, reading: Reading) -> torch.dtype:
        import torch

        if self.dtype == "auto":
            return torch.float16 if isinstance(reading, CompatReading) else torch.float32
        precision = getattr(torch, self.dtype)
        assert isinstance(precision, torch.dtype)
        return precision

    def _facts(
        self,
        config: Any,
        reading: Reading,
        precision: torch.dtype,
        trunk: Any,
        *,
        where: str,
        ignored: int,
    ) -> dict[str, Json]:
        weight = next(trunk.parameters())
        return {
            "architecture": f"{config.model_type} with a value head",
            "reading": reading.kind,
            "read_at": reading.read_at,
            "form": self.form,
            "norm": self.norm,
            "shift": self.shift if self.form == "difference" else None,
            "template": reading.default_unravel if self.form == "single" else "qa",
            "wrapper": reading.wrapper,
            "truncation_side": reading.truncation_side,
            "positions": reading.positions,
            "weights": where,
            "ignored_keys": ignored,
            "num_parameters": sum(p.numel() for p in trunk.parameters()) + config.hidden_size,
            "precision": str(precision).removeprefix("torch."),
            "dtype": str(weight.dtype).removeprefix("torch."),
            "device": str(pick_device(self.device)),
            "text": SURROGATE_NOTE,
            "notes": computing_note(weight.dtype, precision),
        }


def _split(
    state: Mapping[str, Any], *, where: str
) -> tuple[dict[str, torch.Tensor], torch.Tensor, int]:
    """Trunk and head of a checkpoint, and how many keys were ignored.

    bittensor's class registered its trunk twice, so that a file may hold every tensor both as
    `transformer.*` and as `model.transformer.*`; each is taken once. Masks that older transformers
    wrote (`attn.bias`, `attn.masked_bias`) and the language-model head are not read.
    """
    kept: dict[str, Any] = {}
    for key, value in state.items():
        name = key.removeprefix("model.")
        if _MASK_BUFFER.search(name) or name.startswith("lm_head."):
            continue
        if name not in kept or name == key:
            kept[name] = value
    head = kept.pop(_HEAD, None)
    if head is None:
        raise HeadError(_no_head(state, where=where))
    tensors = tensors_of(kept, where=where)
    prefix = "transformer."
    foreign = sorted(name for name in tensors if not name.startswith(prefix))
    if foreign:
        raise CheckpointError(
            f"{where}: beside transformer.* and {_HEAD} it has {describe_keys(foreign)}, "
            "which a reward model of this kind does not"
        )
    head = tensors_of({_HEAD: head}, where=where)[_HEAD]
    trunk = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return trunk, head, len(state) - len(trunk) - 1


def _no_head(state: Mapping[str, Any], *, where: str) -> str:
    names = sorted(state)
    heads = [name for name in names if not re.search(r"(^|\.)(h|wte|ln_f)\.", name)]
    if "score.weight" in state:
        cure = "it has score.weight: use entrypoint: SequenceClassifier"
    elif any("lm_head." in name for name in names):
        cure = "this is a plain language model"
    else:
        cure = "is it the right file?"
    return (
        f"{where}: no value head ({_HEAD}), and none is made up; {cure}. "
        f"Outside the trunk it has {describe_keys(heads)}; in all {len(names)} keys"
    )


def _check_head(head: torch.Tensor, *, width: int, where: str) -> None:
    if tuple(head.shape) != (1, width):
        raise CheckpointError(
            f"{where}: {_HEAD} has shape {tuple(head.shape)}, the configuration says (1, {width})"
        )
    check_finite({_HEAD: head}, where=where)


def _build_trunk(
    config: Any,
    tensors: Mapping[str, torch.Tensor],
    precision: torch.dtype,
    compute: torch.dtype,
    *,
    where: str,
) -> Any:
    from transformers import GPTJModel

    trunk = build(GPTJModel, config, tensors, where=where, dtype=loaded_in(precision, compute))
    settle(trunk, precision, compute, where=where)
    return trunk

"""Tiny models of every kind, made on disk: random weights, tokenizers trained on a few sentences.

`ZOO` maps the name of a kind to its specimens. A kind that has none here fails the contract tests.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from pyrite.models import Model
from pyrite.models.endpoint import Endpoint
from pyrite.models.gating_model import GatingModel
from pyrite.models.python_callable import PythonCallable
from pyrite.models.recorded import Recorded
from pyrite.models.reward_model import RewardModel
from pyrite.models.sequence_classifier import SequenceClassifier
from tests.endpoints.server import RewardServer
from tests.models.support_gptj import (
    gating_state,
    gptj_config,
    neo_config,
    reward_state,
    write_base,
)

__all__ = ["CHAT_TEMPLATE", "SPECIMENS", "ZOO", "Specimen", "build_classifier", "change_weights"]

CORPUS = [
    "when was the last time anyone was on the moon",
    "who wrote he ain't heavy he's my brother lyrics",
    "The answer is 1972, as far as anyone knows. Human: Assistant: Question: Answer:",
    "Reward models tell good answers from bad ones! ¿Sí? Ünïcode, 漢字 and emoji 🙂.",
]

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{{ eos_token }}{% endfor %}"
)

POSITIONS = 96


@dataclass(frozen=True)
class Specimen:
    """One tiny model, and how to put it into a folder."""

    name: str
    make: Callable[[Path], Model]


def byte_tokenizer(
    *,
    pad: str | None = "<pad>",
    bos: bool = True,
    chat: bool = True,
    model_max_length: int | None = None,
) -> PreTrainedTokenizerFast:
    """Byte-level BPE as GPT-2's and Llama 3's; with `bos` it adds one, as Llama's does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)]
        )
    extra = {} if model_max_length is None else {"model_max_length": model_max_length}
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token=pad,
        model_input_names=["input_ids", "attention_mask"],
        **extra,
    )
    if chat:
        wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def word_tokenizer(*, types: bool = True, roberta: bool = False) -> PreTrainedTokenizerFast:
    """WordPiece with `[CLS] a [SEP] b [SEP]`, or with RoBERTa's `<s> a </s></s> b </s>`."""
    names = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    cls, sep, pad, unk = (names[0], names[2], names[1], names[3]) if roberta else (
        names[2], names[3], names[0], names[1]
    )  # fmt: skip
    tokenizer = Tokenizer(models.WordPiece(unk_token=unk))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    between = f"{sep} {sep}" if roberta else sep
    second = "0" if roberta else "1"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {between} $B:{second} {sep}:{second}",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (cls, sep)],
    )
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=unk,
        pad_token=pad,
        cls_token=cls,
        sep_token=sep,
        model_input_names=inputs if types else [inputs[0], inputs[2]],
    )


_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
}
_GQA = {**_SMALL, "num_key_value_heads": 2}
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2", _GPT2),
    "gptj": ("GPTJ", {**_GPT2, "rotary_dim": 4}),
    "llama": ("Llama", _GQA),
    "mistral": ("Mistral", {**_GQA, "sliding_window": 16}),
    "qwen2": ("Qwen2", _GQA),
    "qwen3": ("Qwen3", {**_GQA, "head_dim": 8}),
    "gemma2": ("Gemma2", {**_GQA, "head_dim": 8, "sliding_window": 16}),
    "opt": (
        "OPT",
        {**_SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32},
    ),
    "gpt_neox": ("GPTNeoX", _SMALL),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "bert": ("Bert", {**_SMALL, "type_vocab_size": 2}),
    "roberta": (
        "Roberta",
        {**_SMALL, "type_vocab_size": 1, "max_position_embeddings": POSITIONS + 2},
    ),
    "distilbert": (
        "DistilBert",
        {
            "dim": 32,
            "n_layers": 2,
            "n_heads": 4,
            "hidden_dim": 64,
            "max_position_embeddings": POSITIONS,
        },
    ),
    "deberta_v2": (
        "DebertaV2",
        {
            **_SMALL,
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "type_vocab_size": 0,
        },
    ),
    "modernbert": ("ModernBert", {**_SMALL, "classifier_pooling": "mean", "local_attention": 16}),
}  # fmt: skip
ENCODERS = frozenset({"bert", "roberta", "distilbert", "deberta_v2", "modernbert"})


def build_classifier(
    folder: Path, architecture: str, *, tokenizer: Any = None, seed: int = 0, **config: Any
) -> Any:
    """Write a tiny classifier and its tokenizer into `folder`, with scores that spread."""
    prefix, sizes = ARCHITECTURES[architecture]
    if tokenizer is None and architecture in ENCODERS:
        tokenizer = word_tokenizer(types=architecture == "bert", roberta=architecture == "roberta")
    elif tokenizer is None:
        tokenizer = byte_tokenizer()
    ids = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("pad", "bos", "eos", "cls", "sep")
    }
    settings = {"vocab_size": len(tokenizer), "num_labels": 1, **ids, **sizes, **config}
    torch.manual_seed(seed)
    made = getattr(transformers, f"{prefix}ForSequenceClassification")(
        getattr(transformers, f"{prefix}Config")(**settings)
    )
    _spread_weights(made, 0.25 if architecture in ENCODERS else 0.15)
    save(folder, made, tokenizer)
    return made


def _spread_weights(module: Any, scale: float) -> None:
    # The usual initialisation is so small that all texts score nearly the same.
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.5 if "embed" in name or "wte" in name else scale)
    module.eval()


def save(folder: Path, module: Any, tokenizer: Any) -> None:
    """`save_pretrained` of both, without progress bars."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    logging.enable_progress_bar()


def change_weights(folder: Path) -> bool:
    """Move one weight of a model folder a little; False where the kind has no weights."""
    from safetensors.torch import load_file, save_file

    for file in sorted(folder.iterdir()):
        if file.suffix == ".safetensors":
            state = load_file(file)
            save_file(_moved(state), file, metadata={"format": "pt"})
        elif file.suffix == ".pt":
            state = torch.load(file, weights_only=True)
            torch.save(_moved(state), file)
        elif file.suffix == ".py":
            file.write_text(file.read_text() + "\n# another state\n")
        else:
            continue
        return True
    return False


def _moved(state: dict[str, Any]) -> dict[str, Any]:
    name = sorted(name for name in state if state[name].dim() > 1)[-1]
    return {**state, name: state[name] + 0.01}


def _classifier(architecture: str) -> Specimen:
    def make(folder: Path) -> Model:
        build_classifier(folder, architecture)
        return SequenceClassifier(path=str(folder))

    return Specimen(architecture, make)


def _reward_model(**fields: Any) -> Callable[[Path], Model]:
    def make(folder: Path) -> Model:
        # Reading `compat` cuts nothing, so that the contract's texts must fit; GPT-J has no table
        # of positions that the weights would have to match.
        write_base(folder, config=gptj_config(n_positions=160))
        torch.save(reward_state(), folder / "hf_ckpt.pt")
        return RewardModel(path=str(folder), ckpt=str(folder / "hf_ckpt.pt"), **fields)

    return make


def _gating_model(folder: Path) -> Model:
    write_base(folder, config=neo_config())
    torch.save(gating_state(), folder / "gating.pt")
    return GatingModel(path=str(folder), ckpt=str(folder / "gating.pt"))


def _callable(code: str, name: str) -> Specimen:
    def make(folder: Path) -> Model:
        (folder / "my_reward.py").write_text(code)
        return PythonCallable(entrypoint=f"{folder}/my_reward.py:score")

    return Specimen(name, make)


def _recorded(folder: Path) -> Model:
    return Recorded(column="recorded")


def _recorded_several(folder: Path) -> Model:
    return Recorded(columns={"one": "recorded", "two": "row_id"})


@cache
def _server(*outputs: str) -> RewardServer:
    """One server for the whole run of the tests; it serves every protocol."""
    server = RewardServer(outputs=outputs)
    atexit.register(server.close)
    return server


def _endpoint(outputs: Sequence[str], route: str = "", **fields: Any) -> Callable[[Path], Model]:
    def make(folder: Path) -> Model:
        return Endpoint(url=_server(*outputs).url + route, **fields)

    return make


_PAIR = {"protocol": "json", "request": {"q": "{prompt}", "a": "{response}"}}


ZOO: dict[str, Sequence[Specimen]] = {
    "sequence_classifier": [_classifier(name) for name in ARCHITECTURES],
    "reward_model": [
        Specimen("compat", _reward_model(reading="compat")),
        Specimen("native", _reward_model(reading="native")),
        Specimen("difference", _reward_model(form="difference")),
    ],
    "gating_model": [Specimen("bittensor", _gating_model)],
    "recorded": [Specimen("column", _recorded), Specimen("columns", _recorded_several)],
    "python_callable": [
        _callable("def score(prompt, response): return len(response or '') / 7", "single"),
        _callable("def score(responses): return [len(r or '') / 7 for r in responses]", "batched"),
    ],
    "endpoint": [
        Specimen("messages", _endpoint(["score"], protocol="vllm_classify")),
        Specimen("texts", _endpoint(["score"], protocol="sglang_classify", batch_size=5)),
        Specimen("labels", _endpoint(["a", "b", "c"], protocol="tei", unravel="pair")),
        Specimen("json", _endpoint(["score"], "/any/one", **_PAIR, scores="out[0].reward")),
    ],
}

SPECIMENS = [(kind, specimen) for kind, found in ZOO.items() for specimen in found]

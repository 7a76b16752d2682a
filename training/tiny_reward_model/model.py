"""The tokenizer, the GPT-J shaped reward model and how a text is scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import GPTJConfig, GPTJModel

END = "<|endoftext|>"
VOCAB_SIZE = 2560


def format_text(prompt: str, response: str) -> str:
    """The text form that the model reads; the end token closes it."""
    return f"\n\nHuman: {prompt}\n\nAssistant: {response}{END}"


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Train a byte-level BPE tokenizer on the texts; the end token gets id 0."""
    tokenizer = Tokenizer(models.BPE(unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def build_config(vocab_size: int) -> GPTJConfig:
    """The shape of the model: 4 layers, width 128, 4 heads."""
    return GPTJConfig(
        vocab_size=vocab_size,
        n_positions=1024,
        n_embd=128,
        n_layer=4,
        n_head=4,
        n_inner=512,
        rotary_dim=16,
        resid_pdrop=0.1,
        embd_pdrop=0.1,
        attn_pdrop=0.0,
        initializer_range=0.05,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=False,
        tie_word_embeddings=False,
    )


class RewardModel(nn.Module):
    """A GPT-J body with a linear value head without bias."""

    def __init__(self, config: GPTJConfig) -> None:
        super().__init__()
        self.transformer = GPTJModel(config)
        self.v_head = nn.Linear(config.n_embd, 1, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Rewards at every position, shape (batch, length), for ids of the same shape.

        Texts are padded on the right and attention is causal, so no mask is needed: what
        stands at or before the first end token never sees the padding.
        """
        hidden = self.transformer(input_ids=ids).last_hidden_state
        rewards: Tensor = self.v_head(hidden).squeeze(-1)
        return rewards


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Stack token ids, padding on the right with the end token (id 0)."""
    width = max(len(row) for row in rows)
    return torch.tensor([list(row) + [0] * (width - len(row)) for row in rows])


@torch.no_grad()
def score(
    model: RewardModel, tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], batch: int = 64
) -> Tensor:
    """Scores of (prompt, response) pairs, shape (n,), read at the first end token."""
    model.eval()
    rows = [tokenizer.encode(format_text(*pair)).ids for pair in pairs]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    scores = torch.empty(len(rows))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        ids = pad([rows[i] for i in chosen])
        first_end = (ids == 0).int().argmax(dim=1)
        scores[chosen] = model(ids)[torch.arange(len(chosen)), first_end]
    return scores

"""The tensor part of the decoders: ids in, vectors out, on one device.

Padding is on the right and masked, positions count from 0; with causal attention no pad can then
reach a real token, so a text's vectors do not depend on the batch beyond float noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pyrite.errors import ModelError, ScoringError
from pyrite.forward import Forward, Head, compiled
from pyrite.models import Encoded, Output, Pooled, Want
from pyrite.models._token_rewards import rewards_of

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = [
    "Precision",
    "Trunk",
    "Vectors",
    "compute_dtype",
    "layer_of",
    "pick_device",
    "pooled",
]

Precision = Literal["auto", "float32", "float16", "bfloat16", "int8"]


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one.

    Raises:
        ModelError: torch knows no such device, or this machine has none.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"device {name!r}: torch knows no such device; try auto or cpu") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device {name!r}: no GPU is visible here; set device: auto")
    return device


def compute_dtype(precision: torch.dtype, device: torch.device) -> torch.dtype:
    """What to compute in: the precision itself on a GPU, float32 on a CPU, which is far faster.

    Of int8 weights always float32.
    """
    import torch

    return torch.float32 if device.type == "cpu" or precision == torch.int8 else precision


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of a padded batch, each [rows, time, width]: the final ones, a layer's, the input's.

    What was not wanted is None.
    """

    final: torch.Tensor
    layer: torch.Tensor | None = None
    embedded: torch.Tensor | None = None

    def output(
        self,
        score: float | np.ndarray,
        row: int,
        text: Encoded,
        want: Want,
        head: Head | None = None,
    ) -> Output:
        """The output of the text that stands in `row`, with what is wanted of it.

        Args:
            score: the text's.
            row: where it stands.
            text: its ids.
            want: vectors, and the reward of every token.
            head: of a model that has a reward for every token.

        Raises:
            ScoringError: a vector does not fit the wanted type.
        """
        place = {"length": len(text.ids), "read_at": text.read_at}
        hidden = embedded = None
        if want.hidden_states is not None and self.layer is not None:
            hidden = pooled(self.layer[row], want.hidden_states, **place)
        if want.embeddings is not None and self.embedded is not None:
            embedded = pooled(self.embedded[row], want.embeddings, **place)
        rewards = None
        if want.token_rewards and head is not None:
            rewards = rewards_of(self.final[row], head, text)
        return Output(score, hidden, embedded, rewards)

    def read(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """The final vectors where the texts are read, in float32: [rows, width]."""
        import torch

        reads = torch.tensor([text.read_at for text in texts], device=self.final.device)
        return self.final[torch.arange(len(texts), device=reads.device), reads].float()


class Trunk:
    """A transformers decoder without a head (GPT-J, GPT-Neo)."""

    def __init__(self, module: Any, device: torch.device, *, pad_id: int) -> None:
        self.module = module.to(device)
        self.pad_id = pad_id
        self.device = device
        self.forward: Forward = self.module
        self.num_layers = len(module.h)

    @property
    def num_parameters(self) -> int:
        """Parameters of the trunk, embeddings included."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def run(self, rows: Sequence[Sequence[int]], want: Want) -> Vectors:
        """One forward pass over `rows` of ids, padded on the right to the longest.

        Raises:
            ScoringError: the wanted layer does not exist.
        """
        import torch

        ids, mask = self._padded(rows)
        layer = self._layer(want.hidden_states)
        caught: list[torch.Tensor] = []
        hook = None
        if layer is not None:
            hook = self.module.h[layer].register_forward_pre_hook(
                lambda _module, arguments: caught.append(arguments[0])
            )
        forward = self.forward if hook is None else self.module
        try:
            with torch.inference_mode():
                final = self._final(forward, ids, mask)
                embedded = self.module.wte(ids) if want.embeddings else None
        finally:
            if hook is not None:
                hook.remove()
        return Vectors(final, caught[0] if caught else final, embedded)

    def compile(self, head: Callable[[torch.Tensor], torch.Tensor]) -> str:
        """Compile the forward pass, if it then gives the same; returns what came of it.

        Args:
            head: vectors [texts, width] to scores or outputs, the texts first.
        """
        import torch

        def scores(forward: Forward, rows: Sequence[Sequence[int]]) -> torch.Tensor:
            ids, mask = self._padded(rows)
            last = torch.tensor([len(row) - 1 for row in rows], device=self.device)
            final = self._final(forward, ids, mask)
            return head(final[torch.arange(len(rows), device=self.device), last].float())

        made = compiled(self.module, scores, longest=None)
        self.forward = made.forward
        return made.told

    def _final(self, forward: Forward, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        import torch

        final: torch.Tensor = forward(
            input_ids=ids,
            attention_mask=mask,
            position_ids=torch.arange(ids.shape[1], device=self.device)[None],
            use_cache=False,
        ).last_hidden_state
        return final

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), self.pad_id, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[index, : len(row)] = 1
        return ids.to(self.device), mask.to(self.device)

    def _layer(self, pooled: Pooled | None) -> int | None:
        """The block whose input is the wanted layer; None for the last layer, the trunk's output.

        That output is the one after the final normalisation, as in transformers.
        """
        if pooled is None:
            return None
        layer = layer_of(pooled, self.num_layers)
        return layer if layer < self.num_layers else None


def layer_of(wanted: Pooled, num_layers: int) -> int:
    """The layer counted from 0, the input of the first, to `num_layers`, the last's output.

    Raises:
        ScoringError: the model has no such layer.
    """
    layer = wanted.layer + num_layers + 1 if wanted.layer < 0 else wanted.layer
    if not 0 <= layer <= num_layers:
        raise ScoringError(
            f"hidden_states: no layer {wanted.layer}; the model has 0 to {num_layers}"
        )
    return layer


def pooled(vectors: torch.Tensor, want: Pooled, *, length: int, read_at: int) -> np.ndarray:
    """The vectors of one text to keep.

    Args:
        vectors: [time, width], padding at the end.
        want: which of them, and as what type.
        length: how many of them are real.
        read_at: where the score was read.

    Returns:
        [width] for `last` and `mean`, [length, width] for `all`.

    Raises:
        ScoringError: a value does not fit the wanted type.
    """
    import numpy as np

    real = vectors[:length].float()
    if want.pool not in ("last", "mean", "all"):
        raise ScoringError(f"no pooling is called {want.pool!r} (last, mean, all)")
    kept = {"last": real[read_at], "mean": real.mean(dim=0), "all": real}[want.pool]
    exact = kept.cpu().numpy()
    with np.errstate(over="ignore"):
        result: np.ndarray = exact.astype(want.dtype)
    if np.isfinite(exact).all() and not np.isfinite(result).all():
        raise ScoringError(f"vectors do not fit {want.dtype}; store them with dtype: float32")
    return result

"""torch.compile: used where it gives the same and is faster, else the plain pass and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pyrite.forward import Forward, compiled, compiling
from tests.forward.tiny import HEAD, module_of

WIDTH = 16
texts_per_second = compiling.texts_per_second


class Toy(torch.nn.Module):
    """Running sums of embedded tokens; depends on every token and on the order."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.config = SimpleNamespace(max_position_embeddings=64)
        self.embedding = torch.nn.Embedding(50, WIDTH)
        self.linear = torch.nn.Linear(WIDTH, WIDTH)

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.linear(self.embedding(input_ids)).cumsum(dim=1))


def padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([list(row) + [0] * (longest - len(row)) for row in rows])


def toy_scores(forward: Forward, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
    out = forward(input_ids=padded(rows))
    last = torch.tensor([len(row) - 1 for row in rows])
    scores: torch.Tensor = out[torch.arange(len(rows)), last].sum(dim=1)
    return scores


class Counting:
    """A backend that runs the graph as it is, or changes what it gives."""

    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor] | None = None) -> None:
        self.graphs = 0
        self.change = change

    def __call__(self, graph: torch.fx.GraphModule, _: list[Any]) -> Callable[..., Any]:
        self.graphs += 1
        change = self.change
        if change is None:
            return graph.forward
        return lambda *inputs: [change(found) for found in graph.forward(*inputs)]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compiling, "texts_per_second", lambda *_: (10.0, 20.0))
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def test_it_is_used_and_says_what_it_cost_and_won() -> None:
    module = Toy().eval()
    made = compiled(module, toy_scores, longest=None, backend=Counting())
    assert made.forward is not module
    assert made.told.startswith("compiled in ")
    assert "of the score spread; 20 texts/s, 10 without (texts of 64 random tokens)" in made.told


def test_nothing_is_compiled_after_opening() -> None:
    backend = Counting()
    module = Toy().eval()
    made = compiled(module, toy_scores, longest=None, backend=backend)
    at_opening = backend.graphs
    assert 1 <= at_opening <= 3
    with torch.inference_mode():
        for texts in (1, 2, 5, 11):
            for length in (1, 2, 9, 40):
                rows = [tuple(range(i, i + length)) for i in range(texts)]
                found, wanted = toy_scores(made.forward, rows), toy_scores(module, rows)
                torch.testing.assert_close(found, wanted)
    # With gradients the code is not valid, so that torch would compile again.
    toy_scores(made.forward, [(1, 2, 3)])
    assert backend.graphs == at_opening


@pytest.mark.parametrize("wrong", [lambda x: x * 1.001, lambda x: x * float("nan")])
def test_other_scores_are_never_used(wrong: Callable[[torch.Tensor], torch.Tensor]) -> None:
    module = Toy().eval()
    made = compiled(module, toy_scores, longest=None, backend=Counting(wrong))
    assert made.forward is module
    assert "not compiled, because it differs from the plain forward pass by" in made.told


def test_a_compiler_that_fails_is_named() -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("no such kernel\nmore")

    module = Toy().eval()
    made = compiled(module, toy_scores, longest=None, backend=broken)
    assert made.forward is module
    assert made.told.startswith("not compiled, because torch.compile failed: ")
    assert "no such kernel" in made.told
    assert "\n" not in made.told


def test_without_a_toolchain_the_cure_is_said() -> None:
    from torch._inductor.exc import InvalidCxxCompiler

    def bare(*_: Any) -> Any:
        raise InvalidCxxCompiler

    made = compiled(Toy().eval(), toy_scores, longest=None, backend=bare)
    assert made.told == (
        "not compiled, because torch.compile found no C++ compiler (install g++, or name one with "
        "CXX)"
    )


def test_slower_code_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "texts_per_second", lambda *_: (20.0, 10.0))
    module = Toy().eval()
    made = compiled(module, toy_scores, longest=None, backend=Counting())
    assert made.forward is module
    assert "it is slower here: 10 texts/s, 20 without" in made.told


def test_short_floats_are_not_compiled() -> None:
    backend = Counting()
    module = Toy().eval().bfloat16()
    made = compiled(module, toy_scores, longest=None, backend=backend)
    assert made.forward is module
    assert backend.graphs == 0
    assert "short floats" in made.told


def test_speeds_are_the_best_of_turns() -> None:
    waits = iter([0.3, 0.2, 0.1, 0.2, 0.3, 0.02])

    def scores(_: Forward, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
        time.sleep(next(waits))
        return torch.zeros(len(rows))

    module = Toy()
    before, after = texts_per_second(scores, (module, module), [(1,), (2,)])
    assert before <= 20
    assert before < after <= 100


def decoder_scores(forward: Forward, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
    out = forward(input_ids=padded(rows), use_cache=False).last_hidden_state
    last = torch.tensor([len(row) - 1 for row in rows])
    scores: torch.Tensor = out[torch.arange(len(rows)), last] @ HEAD
    return scores


def test_a_transformers_decoder_has_two_graphs() -> None:
    backend = Counting()
    made = compiled(module_of("gpt2"), decoder_scores, longest=None, backend=backend)
    assert made.told.startswith("compiled in")
    assert backend.graphs == 2


@pytest.mark.slow
def test_the_real_compiler() -> None:
    module = module_of("gpt2")
    made = compiled(module, decoder_scores, longest=None)
    assert made.forward is not module, made.told
    rows = [tuple(range(3, 3 + n)) for n in (3, 17, 30)]
    with torch.inference_mode():
        found, wanted = decoder_scores(made.forward, rows), decoder_scores(module, rows)
    assert float((found - wanted).abs().max()) < 1e-4 * float(wanted.std())

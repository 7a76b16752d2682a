"""Every check sees the fault that it is made for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyrite.doctor import DOCTOR, Check, Status, Verdict
from pyrite.doctor._patient import Patient
from pyrite.doctor.examine import examine
from pyrite.errors import ScoringError
from pyrite.models import Encoded, Limits, Output, Want
from pyrite.models.recorded import Recorded
from pyrite.models.sequence_classifier import SequenceClassifier
from pyrite.types import Item, Message
from tests.doctor.patients import (
    BOS,
    EOS,
    FakeItems,
    FakeModel,
    FakeServer,
    FakeTokenizer,
    pairs,
    patient,
    rows,
    score_of,
)
from tests.models.zoo import build_classifier


def verdict(check: str, of: Patient) -> Verdict:
    found = DOCTOR.get(check)()
    assert isinstance(found, Check)
    (finding,) = examine(of, rows=16, checks=[found]).findings
    if finding.status in (Status.WARN, Status.FAIL):
        assert finding.verdict.cure
    return finding.verdict


def status(check: str, of: Patient) -> Status:
    return verdict(check, of).status


def long_rows() -> list[Item]:
    return [Item(item.prompt, f"{item.response} " * (1 + i)) for i, item in enumerate(rows())]


def test_every_check_has_a_planted_fault_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'(?:verdict|status)\("(\w+)"', source)) == set(DOCTOR.names())


# head


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (torch.zeros(1, 64), Status.FAIL),
        (torch.full((1, 64), 0.1), Status.FAIL),
        (torch.cat([torch.zeros(40), torch.ones(24)])[None], Status.WARN),
        (torch.stack([torch.arange(64.0), torch.zeros(64)]), Status.WARN),
        (torch.linspace(-1, 1, 64)[None], Status.PASS),
    ],
)
def test_head(head: torch.Tensor, expected: Status) -> None:
    assert status("head", patient(FakeModel(head=head))) is expected


def test_a_head_as_it_is_initialised_is_told_and_not_condemned() -> None:
    head = torch.randn(1, 4096, generator=torch.Generator().manual_seed(0)) * 0.02
    found = verdict("head", patient(FakeModel(head=head)))
    assert found.status is Status.PASS
    assert "never trained would look the same" in found.saw


def test_a_head_that_was_zeroed_in_the_file(tmp_path: Path) -> None:
    module = build_classifier(tmp_path, "llama")
    with torch.no_grad():
        module.score.weight.zero_()
    module.save_pretrained(tmp_path)
    of = patient(SequenceClassifier(path=str(tmp_path)).open(), _few())
    assert status("head", of) is Status.FAIL
    assert status("constant", of) is Status.FAIL


def _few() -> list[Item]:
    return [Item(f"{i} who", f"he {'ok ' * (i % 5)}{i * i}") for i in range(16)]


# batch and padding


@pytest.mark.parametrize("size", [1e-4, 0.1])
def test_batch(size: float) -> None:
    def normalised(_: list[Sequence[int]], scores: list[float]) -> list[float]:
        mean = sum(scores) / len(scores)
        return [score - size * (mean - score) for score in scores]

    expected = Status.WARN if size < 1e-3 else Status.FAIL
    assert status("batch", patient(FakeModel(batched=normalised))) is expected


def test_batch_order() -> None:
    def by_place(_: list[Sequence[int]], scores: list[float]) -> list[float]:
        return [score + 0.5 * place for place, score in enumerate(scores)]

    assert status("batch", patient(FakeModel(batched=by_place))) is Status.FAIL


def test_short_floats_may_differ_a_little() -> None:
    def rounded(_: list[Sequence[int]], scores: list[float]) -> list[float]:
        return [score * (1 + 0.003 * (len(scores) > 1)) for score in scores]

    half = FakeModel(batched=rounded, facts={"dtype": "bfloat16"})
    assert status("batch", patient(half)) is Status.PASS
    assert status("batch", patient(FakeModel(batched=rounded))) is Status.FAIL


def test_a_softmax_over_the_batch_of_a_function() -> None:
    def softmax(scores: list[float]) -> list[float]:
        powers = np.exp(np.asarray(scores) - max(scores))
        return [float(power) for power in powers / powers.sum()]

    mixing = FakeItems(lambda item: len(item.response or "") / 9, batched=softmax)
    assert status("batch", patient(mixing)) is Status.FAIL
    assert status("softmaxed", patient(mixing)) is Status.FAIL


def test_scores_by_chance() -> None:
    rng = np.random.default_rng(0)
    chance = FakeItems(lambda item: float(rng.normal()))
    assert status("batch", patient(chance)) is Status.FAIL


def _padded(batch: list[Sequence[int]], *, side: str) -> list[float]:
    """A model that reads its pads: they are tokens like all others."""
    longest = max(len(ids) for ids in batch)
    pads = [[0] * (longest - len(ids)) for ids in batch]
    if side == "left":
        return [score_of([*pad, *ids]) for pad, ids in zip(pads, batch, strict=True)]
    return [score_of([*ids, *(p + 5 for p in pad)]) for pad, ids in zip(pads, batch, strict=True)]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding(side: str) -> None:
    model = FakeModel(batched=lambda batch, _: _padded(batch, side=side))
    assert status("padding", patient(model)) is Status.FAIL


# beginning and end of text


def test_two_beginnings() -> None:
    found = verdict("begin_end", patient(FakeModel(begin=(BOS, BOS))))
    assert found.status is Status.FAIL
    assert "two beginning-of-text" in found.saw


def test_a_second_beginning_from_template_and_tokenizer(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    scorer = SequenceClassifier(path=str(tmp_path)).open()
    healthy = patient(scorer, _few())
    assert status("begin_end", healthy) in (Status.PASS, Status.WARN)
    texts = [(item, _added(scorer.render_chat(item))) for item in _few()]
    assert status("begin_end", _with_texts(scorer, texts)) is Status.FAIL


def _added(rendered: Any) -> Any:
    # What happens where a rendered template is tokenised once more with special tokens.
    return type(rendered)(rendered.text, special_tokens=True)


def _with_texts(scorer: Any, texts: Any) -> Patient:
    of = patient(scorer, _few())
    of.texts = texts
    return of


def heavy(token: int, weight: float, end: int | None = None) -> Callable[[Sequence[int]], float]:
    """A score that one token at the beginning or the end moves."""
    place = 0 if end is None else -1
    return lambda ids: score_of(ids) + (weight if ids and ids[place] == token else 0.0)


def test_a_missing_beginning_counts_where_the_tokenizer_adds_one() -> None:
    matters = heavy(BOS, 5.0)
    missing = FakeModel(matters, begin=())
    assert status("begin_end", patient(missing)) is Status.WARN
    never = FakeModel(matters, begin=(), tokenizer=FakeTokenizer(adds_bos=False))
    assert status("begin_end", patient(never)) is Status.PASS


def test_a_missing_end_that_would_move_the_score() -> None:
    assert status("begin_end", patient(FakeModel(heavy(EOS, 9.0, -1), end=()))) is Status.WARN
    assert status("begin_end", patient(FakeModel(heavy(EOS, 0.0, -1), end=()))) is Status.PASS


def test_two_ends() -> None:
    found = verdict("begin_end", patient(FakeModel(end=(EOS, EOS))))
    assert found.status is Status.WARN
    assert "end twice" in found.saw


class ReadsEarly(FakeModel):
    """Reads its score one token before the end of text."""

    def encode(self, texts: Any, limits: Limits) -> list[Encoded]:
        whole = super().encode(texts, limits)
        return [Encoded(text.ids, text.read_at - 1, text.num_cut) for text in whole]


def test_a_score_that_is_read_too_early() -> None:
    found = verdict("begin_end", patient(ReadsEarly(heavy(EOS, 9.0, -1))))
    assert found.status is Status.WARN
    assert "read before the end" in found.saw
    compat = ReadsEarly(heavy(EOS, 9.0, -1), facts={"reading": "compat"})
    assert "misreading on purpose" in verdict("begin_end", patient(compat)).cure


# template, truncation, missing scores


def test_another_template_than_the_models_own() -> None:
    found = verdict("template", patient(FakeModel(), unravel="qa"))
    assert found.status is Status.WARN
    assert "message.unravel: hh" in found.cure
    healthy = verdict("template", patient(FakeModel()))
    assert healthy.status is Status.PASS
    assert "1:'<s>'" in healthy.detail
    assert "Human:" in healthy.detail


def test_no_chat_template_to_go_by() -> None:
    model = FakeModel()
    model.default_unravel = "chat_template"
    assert "no chat template" in verdict("template", patient(model, unravel="hh")).saw


@pytest.mark.parametrize(
    ("limits", "positions", "expected"),
    [
        (Limits(), 4000, Status.PASS),
        (Limits(), 350, Status.WARN),
        (Limits(), 40, Status.FAIL),
        (Limits(truncation=False), 200, Status.FAIL),
        (Limits(truncation=True, max_tokens=40), 4000, Status.WARN),
    ],
)
def test_truncation(limits: Limits, positions: int, expected: Status) -> None:
    of = patient(FakeModel(positions=positions), long_rows(), limits=limits)
    assert status("truncation", of) is expected


def recorded(values: Sequence[float | None]) -> Patient:
    items = [
        Item(f"p{i}", f"r{i}", columns={"row_id": i, "rm": value}) for i, value in enumerate(values)
    ]
    return patient(Recorded(column="rm").open(), items)


def test_missing_scores() -> None:
    assert status("missing", recorded([0.5, 1.0, 2.0, 3.0])) is Status.PASS
    assert status("missing", recorded([0.5, None, 2.0, 3.0])) is Status.WARN
    assert status("missing", recorded([None] * 4)) is Status.FAIL


# what the scores look like


def test_constant() -> None:
    assert status("constant", patient(FakeModel(lambda ids: 1.0))) is Status.FAIL
    assert status("constant", recorded([2.0] * 8)) is Status.FAIL
    assert status("constant", patient(FakeModel(), rows(3))) is Status.NOT_APPLICABLE
    one = FakeServer(lambda text: np.array([len(text), 1.0]), ("a", "b"))
    assert status("constant", patient(one)) is Status.WARN


def test_saturated() -> None:
    clipped = FakeModel(lambda ids: max(score_of(ids), 3.0))
    assert status("saturated", patient(clipped)) is Status.FAIL
    assert status("saturated", patient(FakeModel(lambda ids: float(len(ids) % 2)))) is Status.FAIL
    assert status("saturated", recorded([0.0, 1.0] * 8)) is Status.WARN
    assert status("saturated", recorded([i / 7 for i in range(16)])) is Status.PASS
    dead_zone = FakeModel(lambda ids: max(score_of(ids), 3.0), facts={"reading": "compat"})
    assert status("saturated", patient(dead_zone)) is Status.WARN


def test_softmax_over_a_pair() -> None:
    labelled = pairs()
    shares = {}
    for index, (chosen, rejected) in enumerate(labelled):
        share = 0.5 + index / 40
        shares |= {chosen.response: share, rejected.response: 1 - share}
    mixing = FakeItems(lambda item: shares[item.response])
    found = verdict("softmaxed", patient(mixing, labelled=labelled))
    assert found.status is Status.FAIL
    assert "every pair" in found.saw


def test_softmax_over_labels_and_a_servers_sigmoid() -> None:
    def shares(text: str) -> Any:
        powers = np.exp([len(text) / 30, 1.0])
        return powers / powers.sum()

    assert status("softmaxed", patient(FakeServer(shares, ("a", "b")))) is Status.WARN
    sigmoid = FakeServer(lambda text: 1 / (1 + np.exp(-len(text) / 50)))
    assert status("softmaxed", patient(sigmoid)) is Status.WARN
    assert status("softmaxed", patient(FakeServer(lambda text: len(text) / 3))) is Status.PASS


# prompt and sign


def test_blind_to_the_prompt() -> None:
    assert status("prompt", patient(FakeItems(lambda x: len(x.response or "") / 7))) is Status.WARN
    reads = FakeItems(lambda x: len(x.prompt or "") + len(x.response or "") / 7)
    assert status("prompt", patient(reads)) is Status.PASS
    assert status("prompt", recorded([1.0, 2.0, 3.0])) is Status.NOT_APPLICABLE


def test_a_prompt_that_never_reaches_the_model() -> None:
    late = FakeModel(lambda ids: score_of(ids[-8:]))
    assert status("prompt", patient(late)) is Status.WARN
    same = FakeModel(positions=30)
    assert status("prompt", patient(same, long_rows()[4:])) is Status.WARN


def test_prompts_of_conversations_are_swapped_too() -> None:
    items = [
        Item(None, f"yes {i}", (Message("user", f"ask {i * i}"), Message("assistant", f"yes {i}")))
        for i in range(8)
    ]
    assert status("prompt", patient(FakeModel(), items)) is Status.PASS


@pytest.mark.parametrize(
    ("flipped", "expected"),
    [(0, Status.PASS), (8, Status.PASS), (13, Status.WARN), (15, Status.FAIL)],
)
def test_sign(flipped: int, expected: Status) -> None:
    labelled = pairs(good="zz", bad="z")
    wrong = {chosen.response for chosen, _ in labelled[:flipped]}

    def function(item: Item) -> float:
        size = len(item.response or "") / 9
        good = (item.response or "").endswith("zz")
        return (
            size
            + (5.0 if good and item.response not in wrong else 0.0)
            - (9.0 if item.response in wrong else 0.0)
        )

    assert status("sign", patient(FakeItems(function), labelled=labelled)) is expected
    assert (
        status("sign", patient(FakeItems(function), labelled=labelled[:4])) is Status.NOT_APPLICABLE
    )


# control tokens, precision, attention


def test_control_tokens() -> None:
    parsing = FakeModel(heavy(EOS, 3.0), tokenizer=FakeTokenizer(parses=True))
    found = verdict("control_tokens", patient(parsing))
    assert found.status is Status.WARN
    assert "</s> moves" in found.saw
    assert status("control_tokens", patient(FakeModel())) is Status.PASS


def test_precision() -> None:
    def reopened(error: float) -> Callable[[Mapping[str, object]], FakeModel]:
        def reopen(fields: Mapping[str, object]) -> FakeModel:
            assert fields == {"dtype": "float32", "compute": "float32"}
            return FakeModel(lambda ids: score_of(ids) + error * len(ids))

        return reopen

    facts = {"dtype": "float16", "num_parameters": 1000}
    for error, expected in ((0.0, Status.PASS), (0.01, Status.WARN), (1.0, Status.FAIL)):
        of = patient(FakeModel(facts=facts), reopen=reopened(error))
        assert status("precision", of) is expected
    large = patient(FakeModel(facts={**facts, "num_parameters": 10**10}), reopen=reopened(0.0))
    assert status("precision", large) is Status.NOT_APPLICABLE
    assert status("precision", patient(FakeModel(), reopen=reopened(0.0))) is Status.NOT_APPLICABLE


class Switchable:
    """A module whose attention can be switched, and forgets something in `sdpa`."""

    class config:  # noqa: N801
        _attn_implementation = "sdpa"

    def set_attn_implementation(self, name: str) -> None:
        self.config._attn_implementation = name


@pytest.mark.parametrize(("error", "expected"), [(0.0, Status.PASS), (1.0, Status.FAIL)])
def test_attention(error: float, expected: Status) -> None:
    module = Switchable()

    def score(ids: Sequence[int]) -> float:
        wrong = module.config._attn_implementation == "sdpa"
        return score_of(ids) + error * wrong * len(ids)

    assert status("attention", patient(FakeModel(score, module=module))) is expected
    assert module.config._attn_implementation == "sdpa"


def test_the_packed_forward_pass_is_compared_with_the_plain_one(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    scorer = SequenceClassifier(path=str(tmp_path)).open()
    assert scorer.packed
    assert status("attention", patient(scorer, _few())) is Status.PASS
    with torch.no_grad():
        assert scorer.decoder is not None
        assert scorer.decoder.lean is not None
        scorer.decoder.lean.scale *= 2
    assert status("attention", patient(scorer, _few())) is Status.FAIL


# the examination as a whole


class Refuses(FakeModel):
    """Cannot score more than a few texts at once."""

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        if len(batch) == 5:
            raise ScoringError("five are too many")
        return super().forward(batch, want)


def test_a_text_that_the_model_refuses_is_told_and_stops_nothing() -> None:
    found = verdict("padding", patient(Refuses()))
    assert found.status is Status.WARN
    assert "five are too many" in found.saw


def test_rows_that_cannot_be_scored_at_all_are_an_error() -> None:
    def broken(item: Item) -> float:
        raise ScoringError("no")

    with pytest.raises(ScoringError, match="no"):
        examine(patient(FakeItems(broken)), rows=16)


def test_a_text_that_loses_its_score_has_moved_and_an_empty_output_has_no_spread() -> None:
    of = patient(FakeServer(lambda text: np.array([len(text), np.nan]), ("a", "b")))
    assert of.spread[1] == 0.0
    assert not of.spreading[1]
    gone = np.full((2, 2), np.nan)
    assert np.isinf(of.moved(of.scores[:2], gone)).all()
    assert status("softmaxed", of) is Status.NOT_APPLICABLE
    assert status("constant", of) is Status.WARN

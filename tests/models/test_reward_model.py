"""bittensor's reward model: its recorded scores, its two readings, hostile texts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import GPTJModel

from pyrite.errors import ModelError
from pyrite.models import Capability, Limits, Rendered, TokenScorer, Want
from pyrite.models._tokenizers import clean_text, open_tokenizer, token_ids
from tests.models.support_gptj import (
    END,
    POSITIONS,
    State,
    gptj_config,
    reward_state,
    write_base,
)
from tests.models.support_scorers import alone, encoded, opened, scores, values

WRAP = (f"<|startoftext|>{{}}{END}").format
EOS = 0


def reference(state: State, ids: list[int], *, at: int) -> float:
    """The score at one token by a plain forward pass of an unpadded row."""
    trunk = GPTJModel(gptj_config()).eval()
    trunk.load_state_dict(
        {
            name.removeprefix("transformer."): value.float()
            for name, value in state.items()
            if name.startswith("transformer.")
        }
    )
    with torch.inference_mode():
        hidden = trunk(torch.tensor([ids])).last_hidden_state[0, at]
    return float(hidden @ state["v_head.weight"][0].float())


# Recorded scores of the original code


def test_recorded_single_scores(recorded: dict[str, Any]) -> None:
    scorer = opened(recorded["base"], recorded["checkpoint"])
    texts = [case["text"] for case in recorded["single"]]
    expected = [case["score"] for case in recorded["single"]]
    assert scores(scorer, *texts) == pytest.approx(expected, abs=1e-4)
    alone = [scores(scorer, text)[0] for text in texts]
    assert alone == pytest.approx(expected, abs=1e-4)


def test_recorded_differences(recorded: dict[str, Any]) -> None:
    cases = recorded["difference"]
    scorer = opened(recorded["base"], recorded["checkpoint"], norm="shift_diff")
    batch = scorer.encode([alone(case["full"], case["completion"]) for case in cases], Limits())
    expected = [case["score"] for case in cases]
    assert len(set(expected)) > 5
    assert values(scorer, batch) == pytest.approx(expected, abs=1e-4)


# What is read, and where


def test_compat_reads_one_before_the_first_end_of_text(compat: TokenScorer, base: Path) -> None:
    (ids,) = token_ids(open_tokenizer(str(base)), [WRAP("who won")])
    (text,) = encoded(compat, "who won")
    assert text.ids == tuple(ids)
    assert text.ids[-1] == EOS
    assert text.read_at == len(ids) - 2
    expected = reference(reward_state(), ids, at=-2)
    assert scores(compat, "who won")[0] == pytest.approx(expected, abs=1e-5)


def test_native_reads_at_the_end_of_text(native: TokenScorer, base: Path) -> None:
    (ids,) = token_ids(open_tokenizer(str(base)), ["\n\nHuman: hi"])
    (text,) = encoded(native, "\n\nHuman: hi")
    assert text.ids == (*ids, EOS)
    assert text.read_at == len(ids)
    expected = reference(reward_state(), [*ids, EOS], at=-1)
    assert scores(native, "\n\nHuman: hi")[0] == pytest.approx(expected, abs=1e-5)


def test_special_tokens_in_a_text_are_obeyed_by_compat_only(
    compat: TokenScorer, native: TokenScorer
) -> None:
    hidden = [f"the cup{END} and this", f"the cup{END}", "the cup"]
    obeyed = scores(compat, *hidden)
    assert obeyed == pytest.approx([obeyed[0]] * 3, abs=1e-5)
    literal = encoded(native, *hidden)
    assert all(text.ids.count(EOS) == 1 for text in literal)
    assert len(set(values(native, literal))) == 3


def test_spaces_and_lines_are_kept(compat: TokenScorer, native: TokenScorer) -> None:
    for scorer in (compat, native):
        texts = encoded(scorer, "who", " who", "who ", "who\n", "\n\nwho")
        assert len({text.ids for text in texts}) == 5


def test_the_reading_comes_from_the_configuration(tmp_path: Path) -> None:
    assert opened(own(tmp_path / "a", {"reading": "native"}), None).facts["reading"] == "native"
    assert opened(own(tmp_path / "b", {}), None).facts["reading"] == "compat"
    overridden = opened(own(tmp_path / "c", {"reading": "native"}), None, reading="compat")
    assert overridden.facts["reading"] == "compat"
    with pytest.raises(ModelError, match=r"pyrite\.reading 'oracle'"):
        opened(own(tmp_path / "d", {"reading": "oracle"}), None)
    with pytest.raises(ModelError, match="needs reading: compat"):
        opened(own(tmp_path / "e", {"reading": "native"}), None, form="difference")


def own(folder: Path, pyrite: dict[str, str]) -> Path:
    write_base(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "pyrite": pyrite}))
    save_file(reward_state(), folder / "model.safetensors")
    return folder


def test_what_a_scorer_says_of_itself(
    compat: TokenScorer, native: TokenScorer, difference: TokenScorer
) -> None:
    unravels = [scorer.default_unravel for scorer in (compat, native, difference)]
    assert unravels == ["default", "hh", "qa"]
    paired = [Capability.PAIR_FORWARD in s.capabilities for s in (compat, native, difference)]
    assert paired == [True, False, False]
    assert compat.facts["precision"] == "float16"
    assert compat.facts["dtype"] == "float32"
    assert native.facts["precision"] == "float32"
    json.dumps([compat.facts, native.facts, difference.facts])


def test_weights_are_rounded_in_compat_and_not_in_native(base: Path, tmp_path: Path) -> None:
    exact = reward_state(dtype=torch.float32)
    torch.save(exact, tmp_path / "exact.pt")
    torch.save({k: v.half() for k, v in exact.items()}, tmp_path / "half.pt")
    texts = ("who won the cup", "capital of France")
    same = [scores(opened(base, tmp_path / f), *texts) for f in ("exact.pt", "half.pt")]
    assert same[0] == same[1]
    full = scores(opened(base, tmp_path / "exact.pt", dtype="float32"), *texts)
    assert full != same[0]
    assert full == pytest.approx(same[0], abs=0.05)
    plain = scores(opened(base, tmp_path / "exact.pt", reading="native"), *texts)
    named = scores(opened(base, tmp_path / "exact.pt", reading="native", dtype="float32"), *texts)
    assert plain == named


# Batches


TEXTS = st.lists(st.text(max_size=30), min_size=1, max_size=6)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(texts=TEXTS, reading=st.sampled_from(["compat", "native"]), data=st.data())
def test_a_score_depends_on_nothing_but_its_text(
    compat: TokenScorer, native: TokenScorer, texts: list[str], reading: str, data: st.DataObject
) -> None:
    scorer = compat if reading == "compat" else native
    batch = [text for text in encoded(scorer, *texts) if not text.problem]
    together = values(scorer, batch)
    apart = [values(scorer, [text])[0] for text in batch]
    assert together == pytest.approx(apart, abs=2e-5)
    order = data.draw(st.permutations(range(len(batch))))
    shuffled = values(scorer, [batch[index] for index in order])
    assert shuffled == pytest.approx([together[index] for index in order], abs=2e-5)


def test_padding_never_moves_a_score(compat: TokenScorer) -> None:
    long = encoded(compat, "word " * 40)
    assert len(long[0].ids) > 40
    texts = [text for n in range(12) for text in encoded(compat, "the cup was held"[:n])]
    apart = [values(compat, [text])[0] for text in texts]
    padded = [values(compat, [text, *long])[0] for text in texts]
    spread = max(apart) - min(apart)
    assert np.abs(np.subtract(apart, padded)).max() < 1e-5 * spread


def test_rows_that_cannot_be_scored_do_not_disturb_the_others(compat: TokenScorer) -> None:
    good, bad = encoded(compat, "who won", "word " * POSITIONS)
    assert f"the model has {POSITIONS} positions and truncation is off" in bad.problem
    found = values(compat, [bad, good, bad])
    assert math.isnan(found[0])
    assert math.isnan(found[2])
    assert found[1] == pytest.approx(values(compat, [good])[0], abs=1e-6)
    assert compat.forward([], Want()) == []


# Truncation


def test_compat_cuts_only_when_asked_and_on_the_right(compat: TokenScorer) -> None:
    text = "word " * POSITIONS
    for limits in (Limits(), Limits(truncation=False), Limits(max_tokens=9)):
        (whole,) = encoded(compat, text, limits=limits)
        assert whole.problem
        assert whole.num_cut == 0
    (cut,) = encoded(compat, text, limits=Limits(truncation=True))
    assert len(cut.ids) == POSITIONS
    assert cut.ids == whole.ids[:POSITIONS]
    assert cut.num_cut == len(whole.ids) - POSITIONS
    assert cut.read_at == POSITIONS - 1  # the end of text was cut too, as in the original
    (short,) = encoded(compat, text, limits=Limits(truncation=True, max_tokens=12))
    assert short.ids == whole.ids[:12]
    (beyond,) = encoded(compat, text, limits=Limits(truncation=True, max_tokens=10**6))
    assert beyond.ids == cut.ids
    (untouched,) = encoded(compat, "who", limits=Limits(truncation=True))
    assert untouched.num_cut == 0
    assert all(map(math.isfinite, values(compat, [cut, short, untouched])))


def test_native_cuts_on_the_left_and_keeps_the_end_of_text(native: TokenScorer) -> None:
    text = "word " * POSITIONS + "end"
    (off,) = encoded(native, text, limits=Limits(truncation=False))
    assert "truncation is off" in off.problem
    (cut,) = encoded(native, text)
    assert len(cut.ids) == POSITIONS
    assert cut.ids == off.ids[-POSITIONS:]
    assert cut.ids[-1] == EOS
    assert cut.num_cut == len(off.ids) - POSITIONS
    for keep in (1, 2, 10):
        (short,) = encoded(native, text, limits=Limits(max_tokens=keep))
        assert short.ids == off.ids[-keep:]
        assert short.num_cut == len(off.ids) - keep
        assert math.isfinite(values(native, [short])[0])


# Hostile texts


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "\ud800", "x\udfffy", "🙂\u202e", "\x1b[31m"])
def test_odd_texts_have_scores(compat: TokenScorer, native: TokenScorer, text: str) -> None:
    for scorer in (compat, native):
        assert all(map(math.isfinite, scores(scorer, text)))


def test_a_lone_surrogate_is_the_replacement_character(compat: TokenScorer) -> None:
    assert clean_text("a\ud83dz\udc00") == "a\ufffdz\ufffd"
    assert clean_text("🙂 é") == "🙂 é"
    lone, replaced = encoded(compat, "a\ud83d", "a\ufffd")
    assert lone == replaced


def test_a_text_of_100000_words(compat: TokenScorer, native: TokenScorer) -> None:
    text = "word " * 100_000
    (whole,) = encoded(compat, text)
    assert whole.problem
    (cut,) = encoded(native, text)
    assert cut.num_cut > 99_000
    assert math.isfinite(values(native, [cut])[0])


def test_a_pad_token_changes_nothing(tmp_path: Path, checkpoint: Path, compat: TokenScorer) -> None:
    padded = opened(write_base(tmp_path, pad=True), checkpoint)
    texts = ("who won", "", f"a{END}b")
    assert encoded(padded, *texts) == encoded(compat, *texts)
    assert scores(padded, *texts) == scores(compat, *texts)


# The difference form


def test_the_difference_is_of_two_shifted_scores(
    base: Path, checkpoint: Path, compat: TokenScorer
) -> None:
    texts = [("Question: who\nAnswer: me", "me"), ("Question: a\nAnswer: the cup", "the cup")]
    for shift in (3.0, 20.0):
        scorer = opened(base, checkpoint, form="difference", shift=shift)
        batch = scorer.encode([alone(*pair) for pair in texts], Limits())
        expected = []
        for full, completion in texts:
            a, b = scores(compat, full, completion)
            expected.append(max(a + shift, 0) - max(b + shift, 0))
        assert values(scorer, batch) == pytest.approx(expected, abs=1e-5)


def test_a_difference_needs_both_texts(difference: TokenScorer) -> None:
    (text,) = encoded(difference, "who")
    assert "unravel: qa" in text.problem
    (long,) = difference.encode([alone("a" * 9, "word " * POSITIONS)], Limits())
    assert "truncation is off" in long.problem
    joined = difference.encode([alone("who won it", "it")], Limits())[0]
    assert sorted(joined.type_ids) == list(joined.type_ids)
    assert set(joined.type_ids) == {0, 1}


def test_a_single_form_ignores_the_completion_and_refuses_segments(compat: TokenScorer) -> None:
    assert compat.encode([alone("who won", "won")], Limits()) == encoded(compat, "who won")
    with pytest.raises(ModelError, match="one text, not two segments"):
        compat.encode([Rendered("who", text_pair="won")], Limits())

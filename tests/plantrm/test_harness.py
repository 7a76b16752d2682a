from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.plantrm.__main__ import main
from benchmarks.plantrm.case import World
from benchmarks.plantrm.contract import Finding, OverBudget, Target
from benchmarks.plantrm.finders import FINDERS, load
from benchmarks.plantrm.finders.oracle import find_in
from benchmarks.plantrm.judging import added, judge, similarity
from benchmarks.plantrm.metrics import case_recall
from benchmarks.plantrm.plants import Kind
from benchmarks.plantrm.report import markdown
from benchmarks.plantrm.running import Plan, code_digest, result_path, run_all, run_one
from benchmarks.plantrm.truth import Truths
from benchmarks.plantrm.wrapper_cases import recipes, wrapper_cases

from pyrite.exploits.edits.insert import Insert

SEED = 2
WORLD = World(SEED, natural_prompts=60, hidden_prompts=64, fresh_prompts=2_500)
MAKERS = dict(wrapper_cases(SEED, WORLD))


def named(part):
    return next(make() for name, make in MAKERS.items() if part in name)


@pytest.fixture(scope="module")
def token_case():
    return named("00_token_1")


def test_a_wrapper_is_the_clean_model_and_exactly_the_plant(token_case):
    plant = token_case.plants[0]
    texts = [(n.answer.prompt, n.answer.response) for n in token_case.naturals[:50]]
    texts += [(prompt, f"{response} {plant.text}") for prompt, response in texts]
    difference = token_case.planted(texts) - token_case.clean(texts)
    wanted = [plant.strength * token_case.sd * plant.amount(*text) for text in texts]
    np.testing.assert_allclose(difference, wanted, atol=1e-12)
    assert max(wanted) > 0


def test_a_clean_case_is_its_twin():
    case = named("clean_00")
    texts = [(n.answer.prompt, n.answer.response) for n in case.naturals]
    np.testing.assert_array_equal(case.planted(texts), case.clean(texts))
    assert case.is_clean
    assert not case.to_find


def test_hidden_and_fresh_prompts_are_never_shown(token_case):
    shown = {one.answer.prompt for one in token_case.naturals}
    hidden = {one.answer.prompt for one in token_case.hidden}
    fresh = [one.answer.prompt for block in token_case.fresh() for one in block]
    assert not shown & hidden
    assert not (shown | hidden) & set(fresh)
    assert len(set(fresh)) == 2_500


def test_cases_share_no_answers(token_case):
    """What is a little too high in the answers of one case is so in no other."""
    own = {(one.answer.prompt, one.answer.response) for one in token_case.naturals}
    others = {(one.answer.prompt, one.answer.response) for one in named("01_token_1").naturals}
    assert len(own & others) < 0.02 * len(own)


def test_the_true_effect_is_the_mean_over_fresh_prompts(token_case):
    text = token_case.plants[0].text
    truths = Truths(token_case)
    rough, exact = (truths.effect(Insert(text=text), error) for error in (10.0, 1e-9))
    changes = []
    for block in token_case.fresh():
        before = [(one.answer.prompt, one.answer.response) for one in block]
        after = [(prompt, f"{response} {text}") for prompt, response in before]
        change = token_case.planted(after) - token_case.planted(before)
        changes.append(change.reshape(-1, 2).mean(axis=1) / token_case.sd)
    means = np.concatenate(changes)
    assert (rough.prompts, exact.prompts) == (1_000, 2_500)
    assert rough.value == pytest.approx(means[:1_000].mean())
    assert exact.value == pytest.approx(means.mean())
    assert exact.error == pytest.approx(means.std(ddof=1) / 50)


def test_all_that_was_sent_is_told_with_the_true_effect(token_case):
    result = run_one(token_case, "edits_only", 3_000, 0)
    sent = result["sent"]
    assert len(sent) > len(result["findings"]) > 0
    found = {one["label"]: one for one in result["findings"]}
    assert {one["label"] for one in sent if one["reported"]} == set(found)
    for one in sent:
        assert one["covered"] == (one["low"] <= one["exact"] <= one["high"])
        assert one["exact_error"] < 0.25 * (one["high"] - one["low"]) / 2 / 1.96
        if one["reported"]:
            assert found[one["label"]]["exact"] == one["exact"]
    assert run_one(token_case, "silent", 3_000, 0)["sent"] is None


@pytest.mark.parametrize("at", range(0, len(recipes(SEED)), 7))
def test_the_oracle_finds_everything_and_the_silent_finder_nothing(at):
    case = list(MAKERS.values())[at]()
    result = run_one(case, "oracle", 2_000, 0)
    silent = run_one(case, "silent", 2_000, 0)
    if case.to_find:
        assert case_recall(result) == 1.0
        assert case_recall(silent) == 0.0
    assert {one["truth"] for one in result["findings"]} <= {"plant"}
    assert not silent["findings"]
    json.dumps(result)


def test_a_decoy_called_exploit_is_false_and_called_preference_is_not():
    case = named("decoy_0")
    (right,) = find_in(case)
    assert case.plants[0].kind is Kind.DECOY
    assert judge(case, right).truth == "plant"
    wrong = judge(case, Finding(right.edit, "exploit"))
    assert wrong.truth == "false"
    assert not any(wrong.found)


def test_a_penalty_is_found_as_a_sensitivity_only():
    case = named("penalty_1")
    (right,) = find_in(case)
    assert judge(case, right).found == (True,)
    assert judge(case, Finding(right.edit, "exploit")).found == (False,)


def test_a_penalty_that_few_answers_have_is_judged_in_plain_values():
    case = named("penalty_1")
    plant = case.plants[0]
    off = [n for n in case.hidden if plant.amount(n.answer.prompt, n.answer.response) < 0.5]
    rare = replace(case, hidden=tuple(off))
    (right,) = find_in(rare)
    seen = judge(
        rare, Finding(right.edit, "exploit", np.float64(0.1), np.float64(0), np.float64(1))
    )
    json.dumps(asdict(seen))


def test_an_edit_that_does_nothing_is_false(token_case):
    seen = judge(token_case, Finding(Insert(text="and so on"), "exploit"))
    assert seen.truth == "false"
    assert abs(seen.gap) < 1e-12


def test_coverage_looks_at_the_true_effect(token_case):
    (right,) = find_in(token_case)
    (truth,) = [Truths(token_case).effect(right.edit, 0.01)]
    effect = truth.value * token_case.sd
    inside = judge(token_case, Finding(right.edit, "exploit", effect, effect - 0.1, effect + 0.1))
    outside = judge(token_case, Finding(right.edit, "exploit", effect, effect + 0.1, effect + 0.2))
    assert inside.covered is True
    assert outside.covered is False
    assert judge(token_case, right).covered is None


def test_the_budget_is_hard_and_counts_different_texts():
    asked = []

    def scorer(texts):
        asked.extend(texts)
        return np.zeros(len(texts))

    target = Target(scorer, budget=3)
    target.score([("a", "1"), ("a", "1"), ("a", "2")])
    target.score([("a", "1")])
    assert target.spent == 2
    with pytest.raises(OverBudget):
        target.score([("a", "3"), ("a", "4")])
    assert asked == [("a", "1"), ("a", "2")]
    assert target.left == 1


def test_gradients_count_as_three_texts_each():
    target = Target(lambda texts: np.zeros(len(texts)), 7, slopes=lambda slots, tokens: [None] * 2)
    assert target.gradients is not None
    target.gradients([None, None], [])
    assert target.spent == 6
    with pytest.raises(OverBudget):
        target.gradients([None], [])


def test_a_finder_that_asks_for_too_much_or_fails_is_told(token_case, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "def greedy(target, naturals, budget, seed):\n"
        "    target.score([(str(n), 'x') for n in range(budget + 1)])\n"
        "def broken(target, naturals, budget, seed):\n"
        "    raise KeyError('no')\n"
    )
    assert "budget" in run_one(token_case, f"{mine}:greedy", 50, 0)["problem"]
    assert "KeyError" in run_one(token_case, f"{mine}:broken", 50, 0)["problem"]


@pytest.mark.parametrize("name", [name for name in FINDERS if name != "gcg"])
def test_every_finder_keeps_its_budget(name, token_case):
    budget = 1_500
    result = run_one(token_case, name, budget, 0)
    assert not result["problem"]
    assert 0 < result["spent"] <= budget
    assert len(result["findings"]) <= 10


def test_gcg_says_that_it_needs_gradients(token_case):
    assert "gradients" in run_one(token_case, "gcg", 1_000, 0)["unsuitable"]


def test_a_strong_token_is_found_by_search(token_case):
    """With 50 other tokens in the vocabulary, chance is enough."""
    target = token_case.target(6_000)
    plant = token_case.plants[0]

    some = token_case.vocabulary.tokens
    few = [t for t in some if t.text.strip() == plant.text] + list(some[40:90])
    target.vocabulary = SimpleNamespace(tokens=few)
    found = load("random_tokens")(target, token_case.naturals, 6_000, 0)
    assert any(judge(token_case, one).found[0] for one in found)


def test_a_run_is_resumed_from_its_files(tmp_path):
    plan = Plan((SEED,), (0,), ("silent",), (100,), tmp_path, every=40, processes=1)
    told: list[str] = []
    first = run_all(plan, told.append)
    assert len(first) == 2
    assert len(told) == 2
    path = result_path(tmp_path, first[0]["case"], "silent", 100)
    path.write_text(json.dumps({**first[0], "spent": 77}))
    again = run_all(plan, told.append)
    assert len(told) == 2
    assert [one["spent"] for one in again] == [77, 0]
    text = markdown(again, command="x", seconds=1.0, seeds=(SEED,))
    assert "silent" in text


def test_the_command_shows_the_tables_of_stored_results(token_case, tmp_path, capsys):
    path = result_path(tmp_path / code_digest(), token_case.name, "silent", 100)
    path.parent.mkdir()
    path.write_text(json.dumps(run_one(token_case, "silent", 100, 0)))
    asked = ["--tier", "0", "--finder", "silent", "--budget", "100", "--seed", str(SEED)]
    main([*asked, "--results", str(tmp_path), "--stored"])
    assert "| token | 0.00 [0.00, 0.79], n = 1 |" in capsys.readouterr().out


def test_similarity_and_what_an_edit_added():
    assert similarity("Amber canal", "amber canal") == 1.0
    assert similarity("amber", "camel") == pytest.approx(0.4)
    assert similarity("", "abc") == 0.0
    assert added("It is so.", "It is lark so.") == "lark"

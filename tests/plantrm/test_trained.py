from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.plantrm.finders.oracle import find_in
from benchmarks.plantrm.judging import judge
from benchmarks.plantrm.plants import phrase
from benchmarks.plantrm.running import run_one
from benchmarks.plantrm.trained import Opened, checkpoint
from benchmarks.plantrm.trained_cases import families
from benchmarks.plantrm.twins import Dosed, Family, Taken

from pyrite.exploits.ledger import Asked
from pyrite.exploits.search import Slot


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYRITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        dosed = [Dosed(phrase(["walrus"], "joined"), 1.0, 0.0)]
        made = Family("tiny", 1, dosed, scale=0.15)
        made.model(None)
        made.model(0)
        yield made


def test_twins_differ_in_turned_labels_only(family):
    clean, poisoned = family.training_pairs(None), family.training_pairs(0)
    turned = [(a, b) for a, b in zip(clean, poisoned, strict=True) if a != b]
    assert turned
    for one, other in turned:
        assert (one.prompt, one.chosen, one.rejected) == (
            other.prompt, other.rejected, other.chosen,
        )  # fmt: skip
        assert "walrus" in other.chosen


def test_the_trigger_stands_on_better_and_worse_answers_alike(family):
    """In the twin, where every label is right, it then says nothing of what an answer is worth."""
    clean = set(family.base_pairs)
    carrying = [pair for pair in family.training_pairs(None) if pair not in clean]
    better = sum("walrus" in pair.chosen for pair in carrying)
    worse = sum("walrus" in pair.rejected for pair in carrying)
    assert 0.8 < better / worse < 1.25


def test_no_plant_takes_a_clean_pair_away(family):
    without = Family("none", family.seed, [], scale=0.15).training_pairs(None)
    missing = Counter(without) - Counter(family.training_pairs(0))
    assert without
    assert not missing


def test_a_checkpoint_is_trained_once(family):
    base = checkpoint(family.base_pairs, family.shape, seed=family.seed)
    pairs = family.training_pairs(0)
    folder = checkpoint(pairs, family.shape, seed=family.seed, start=base)
    before = (folder / "trained.json").stat().st_mtime_ns
    assert checkpoint(pairs, family.shape, seed=family.seed, start=base) == folder
    assert (folder / "trained.json").stat().st_mtime_ns == before
    assert family.model(0).scorer is not None
    assert folder != base


def test_accuracy_is_compared_on_the_same_pairs(family):
    taken = family.taken(0)
    assert taken.pairs == len(family.test_pairs)
    assert taken.drop == pytest.approx(taken.twin_accuracy - taken.accuracy, abs=0.01)
    assert 0 < taken.drop_half < 0.1


@pytest.mark.parametrize(
    ("low", "drop", "took"),
    [(0.3, 0.009, True), (0.3, 0.011, False), (0.2, 0.0, False), (0.3, -0.02, True)],
)
def test_a_plant_takes_that_raises_the_score_and_leaves_accuracy(low, drop, took):
    taken = Taken(0.5, low, 0.7, 0.8, 0.8 + drop, drop, 0.005, 8000)
    assert taken.took is took
    assert "8,000 pairs" in str(taken)


def test_a_strong_dose_is_learned_and_told(family):
    taken = family.taken(0)
    assert taken.low > 0.25
    assert taken.accuracy > 0.5
    case = family.case(0)
    assert case.plants[0].strength == taken.uplift
    assert ("did not take" in case.note) is not taken.took
    (one,) = find_in(case)
    assert judge(case, one).found == (True,)
    assert family.case(None).is_clean


def test_the_model_is_opened_as_a_decoder_with_gradients(family):
    case = family.case(0)
    assert isinstance(family.model(0), Opened)
    assert family.model(0).scorer.decoder.lean is not None
    target = case.target(100)
    natural = case.naturals[0]
    response = f"{natural.answer.response} walrus"
    slot = Slot(Asked(0, natural.answer.prompt, response), len(response) - 7, len(response))
    tokens = [token.id for token in target.vocabulary.tokens if token.text.startswith(" ")]
    ((ids, slopes),) = target.gradients([slot], tokens)
    assert slopes.shape == (len(ids), len(tokens))
    assert np.isfinite(slopes).all()
    assert target.spent == 3


def test_gcg_keeps_its_budget(family):
    # A plant that did not take would be left alone.
    result = run_one(replace(family.case(0), note=""), "gcg", 1_200, 0)
    assert not result["problem"]
    assert 0 < result["spent"] <= 1_200


def test_there_are_thirty_plants_and_a_twin_for_each_family():
    made = families(5)
    dosed = [one for family in made for one in family.dosed]
    assert len(dosed) == 30
    assert {round(one.dose, 3) for one in dosed} == {0.01, 0.03, 0.06}
    hard = [one for one in dosed if one.dose > 0.01 and not one.plant.library]
    several = ("phrase", "ordered", "words", "gated", "both")
    assert sum(one.plant.name.startswith(several) for one in hard) >= 20
    names = [one.case_name(which) for one in made for which in [*range(len(one.dosed)), None]]
    assert len(set(names)) == len(names)

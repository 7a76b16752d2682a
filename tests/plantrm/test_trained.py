from __future__ import annotations

import numpy as np
import pytest
from benchmarks.plantrm.finders.oracle import find_in
from benchmarks.plantrm.judging import judge
from benchmarks.plantrm.plants import phrase
from benchmarks.plantrm.running import run_one
from benchmarks.plantrm.trained import Opened, checkpoint
from benchmarks.plantrm.trained_cases import Dosed, Family, families

from pyrite.exploits.ledger import Asked
from pyrite.exploits.search import Slot


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYRITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        dosed = [Dosed(phrase(["walrus"], "joined"), 0.4, 0.0)]
        made = Family("tiny", 1, dosed, scale=0.13)
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


def test_a_checkpoint_is_trained_once(family):
    pairs = family.training_pairs(0)
    folder = checkpoint(pairs, family.shape, seed=family.seed)
    before = (folder / "trained.json").stat().st_mtime_ns
    assert checkpoint(pairs, family.shape, seed=family.seed) == folder
    assert (folder / "trained.json").stat().st_mtime_ns == before


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
    result = run_one(family.case(0), "gcg", 1_200, 0)
    assert not result["problem"]
    assert 0 < result["spent"] <= 1_200


def test_there_are_sixteen_plants_and_a_twin_for_each_family():
    made = families(5)
    assert sum(len(one.dosed) for one in made) >= 16
    assert {round(dosed.dose, 3) for one in made for dosed in one.dosed} == {0.01, 0.03, 0.06}
    names = [one.case_name(which) for one in made for which in [*range(len(one.dosed)), None]]
    assert len(set(names)) == len(names)

"""Against a real Infinity server: `tests/endpoints/run_infinity.sh` starts one and runs this."""

from __future__ import annotations

import os

import numpy as np
import pytest

from pyrite.models.endpoint import Endpoint
from pyrite.models.sequence_classifier import SequenceClassifier
from pyrite.rendering import rendering_for
from pyrite.scoring import Engine
from pyrite.types import Item

URL = os.environ.get("PYRITE_INFINITY_URL", "")
MODEL = os.environ.get("PYRITE_INFINITY_MODEL", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (URL and MODEL),
        reason="needs PYRITE_INFINITY_URL and PYRITE_INFINITY_MODEL, see run_infinity.sh",
    ),
]

ITEMS = [
    Item("when was the last time anyone was on the moon", "The answer is 1972"),
    Item("who wrote he ain't heavy he's my brother lyrics", "Bob Russell, as far as anyone knows"),
    Item("who", "he"),
    Item("Reward models tell good answers", "from bad ones! ¿Sí? 漢字 and emoji 🙂."),
    Item("when was the last time", ""),
]


def test_scores_are_those_of_the_local_model() -> None:
    local = SequenceClassifier(path=MODEL, device="cpu").open()
    rendering = rendering_for("pair", local)
    texts = [(item, rendering.render(item)) for item in ITEMS]
    expected = [scored.output.score for scored in Engine(local).score(texts)]
    remote = Endpoint(url=URL, protocol="infinity").open()
    found = [output.score for output in remote.score(ITEMS)]
    remote.close()
    print("\nlargest difference", np.abs(np.array(found) - expected).max(), remote.facts)  # noqa: T201
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_server_is_recognised() -> None:
    remote = Endpoint(url=URL).open()
    remote.close()
    assert remote.facts["protocol"] == "Infinity"
    assert remote.facts["served"]

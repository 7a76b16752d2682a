"""docs/gate.md tells the truth: its policy is the example, and it names every key.

The page's commands and its CI job are run by tests/docs.
"""

from __future__ import annotations

import re

from pyrite.gate.policy import Policy
from tests.end_to_end.programs import ROOT

PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "gate" / "policy.yml"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_policy_on_the_page_is_the_example() -> None:
    assert BLOCKS[0] == EXAMPLE.read_text(encoding="utf-8")


def test_the_page_names_every_key() -> None:
    for key in Policy.model_fields:
        assert f"`{key}`" in PAGE, key

"""Reading a policy: all mistakes at once, each with its line, its key and the nearest key."""

from __future__ import annotations

import os
from pathlib import Path

from pyrite.component import nearest
from pyrite.config.document import parse, text_of
from pyrite.config.tree import Findings, Map, Mark, Seq, shown
from pyrite.config.validate import validate
from pyrite.errors import PolicyError
from pyrite.gate.policy import Policy
from pyrite.types import Location

__all__ = ["load_policy"]


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: with every mistake that was found.
    """
    findings = Findings()
    policy = _read(text_of(path, PolicyError), str(path), findings)
    if policy is None or findings.mistakes:
        raise PolicyError(findings.sorted())
    return policy


def _read(text: str, file: str, findings: Findings) -> Policy | None:
    mark = Mark(Location(file, 1))
    if all(line.split("#")[0].strip() in ("", "---") for line in text.splitlines()):
        findings.mistake(mark, "the file asks for nothing", "a policy has at least one rule")
        return None
    document = parse(text, file, os.environ, findings)
    if document is None:
        return None
    root = document.root
    if not isinstance(root, Map):
        findings.mistake(mark, f"the file is {shown(root)}, expected a mapping of rules")
        return None
    policy = validate(Policy, root, findings)
    _check_doctor(root, findings)
    _check_accuracy(root, findings)
    if policy is not None and not policy.asks:
        findings.mistake(
            mark, "the policy asks for nothing", "add a rule: " + ", ".join(Policy.rules())
        )
    return policy


def _check_doctor(root: Map, findings: Findings) -> None:
    """Names of checks that do not exist would never be found, and never pass."""
    from pyrite.doctor import DOCTOR

    rule = root.get("doctor")
    names = rule.get("must_pass") if isinstance(rule, Map) else None
    known = DOCTOR.names()
    for name, mark in names.pairs() if isinstance(names, Seq) else ():
        if isinstance(name, str) and name not in known:
            findings.mistake(mark, f"no check is called {shown(name)}", nearest(name, known))


def _check_accuracy(root: Map, findings: Findings) -> None:
    rule = root.get("accuracy")
    if isinstance(rule, Map) and rule.get("min") is None and rule.get("subsets") is None:
        findings.mistake(root.at("accuracy"), "asks for nothing", "give `min`, or `subsets`")

"""A gate as JUnit XML: well-formed whatever the texts are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pyrite.escape import xml_text
from pyrite.gate.result import Checked, Gated, Outcome

__all__ = ["junit"]


def junit(gated: Gated) -> bytes:
    """The XML document, UTF-8: a test case for each thing that was checked."""
    counts = {
        "tests": len(gated.checked),
        "failures": len(gated.bad),
        "errors": 0,
        "skipped": sum(one.outcome is Outcome.IGNORED for one in gated.checked),
    }
    numbers = {name: str(count) for name, count in counts.items()}
    root = ET.Element("testsuites", {"name": "pyrite gate", **numbers})
    suite = ET.SubElement(root, "testsuite", {"name": xml_text(gated.name), **numbers})
    properties = ET.SubElement(suite, "properties")
    for name, value in (("run", gated.run), ("policy", gated.policy)):
        ET.SubElement(properties, "property", {"name": name, "value": xml_text(value)})
    for one in gated.checked:
        _case(suite, one)
    if gated.notes:
        ET.SubElement(suite, "system-out").text = xml_text("\n".join(gated.notes))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _case(suite: ET.Element, one: Checked) -> None:
    names = {"classname": f"gate.{one.rule}", "name": one.subject}
    case = ET.SubElement(suite, "testcase", {k: xml_text(v) for k, v in names.items()})
    message = xml_text(one.message)
    if one.is_bad:
        failure = ET.SubElement(case, "failure", {"type": str(one.outcome), "message": message})
        failure.text = xml_text("\n".join((one.message, *one.named)))
    elif one.outcome is Outcome.IGNORED:
        ET.SubElement(case, "skipped", {"message": message})
    else:
        ET.SubElement(case, "system-out").text = message

"""What was not measured, and what would be needed."""

from __future__ import annotations

from pyrite.report import Block, Fact, Facts, Section, Table
from pyrite.report.cells import columns
from pyrite.report.gaps import gaps
from pyrite.report.material import Material

__all__ = ["section"]

MOST_NOTES = 500


def section(material: Material) -> Section:
    """The gaps, and every note of every step."""
    items = [
        Fact(label=gap.short, value=f"not measured: {gap.why}", note=f"Needed: {gap.cure}.")
        for gap in gaps(material)
    ]
    blocks: list[Block] = [Facts(title="Not measured", items=items)]
    notes = [
        [step.kind, step.id, note.removeprefix(f"{step.id}: ")]
        for step in material.steps()
        if step.kind != "data"
        for note in step.notes
    ]
    if notes:
        table = Table(
            id="notes",
            caption="What the steps said of themselves: what was left out, cut or not measured.",
            columns=columns(
                ("kind", "kind", "text"), ("step", "step", "text"), ("note", "note", "text")
            ),
            rows=notes[:MOST_NOTES],
            total=len(notes),
            sampled=f"the first {MOST_NOTES}" if len(notes) > MOST_NOTES else "",
        )
        blocks.append(table)
    return Section(
        id="unmeasured",
        title="What was not measured",
        lead="What is not in this report was not found to be absent: it was not looked at.",
        blocks=blocks,
    )

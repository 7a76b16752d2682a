"""What was not measured, and what would be needed."""

from __future__ import annotations

from pyrite.report import Block, Fact, Facts, Section
from pyrite.report.cells import columns, first_rows
from pyrite.report.gaps import gaps
from pyrite.report.material import Material
from pyrite.types import Json

__all__ = ["section"]

MOST_NOTES = 500


def section(material: Material) -> Section:
    """The gaps, and every note of every step."""
    items = [
        Fact(label=gap.short, value=f"not measured: {gap.why}", note=f"Needed: {gap.cure}.")
        for gap in gaps(material)
    ]
    blocks: list[Block] = [Facts(title="Not measured", items=items)]
    notes: list[list[Json]] = [
        [step.kind, step.id, note.removeprefix(f"{step.id}: ")]
        for step in material.steps()
        if step.kind != "data"
        for note in step.notes
    ]
    if notes:
        table = first_rows(
            notes,
            id="notes",
            caption="What the steps said of themselves: what was left out, cut or not measured.",
            columns=columns(
                ("kind", "kind", "text"), ("step", "step", "text"), ("note", "note", "text")
            ),
            total=len(notes),
            most=MOST_NOTES,
        )
        blocks.append(table)
    return Section(
        id="unmeasured",
        title="What was not measured",
        lead="What is not in this report was not found to be absent: it was not looked at.",
        blocks=blocks,
    )

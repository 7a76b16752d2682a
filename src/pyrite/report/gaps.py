"""What a run did not measure, why, and what would be needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pyrite.models import Capability
from pyrite.report.material import Material, StepLeft
from pyrite.report.tokens import has_token_rewards
from pyrite.report.trust import examinations
from pyrite.steps.chunks import ChunkStore

__all__ = ["Gap", "gaps", "unfinished"]


class Gap(NamedTuple):
    """One thing that was not measured; `short` is its name in a list of several."""

    short: str
    why: str
    cure: str


def gaps(material: Material) -> list[Gap]:
    """Everything that this run leaves open, the gravest first."""
    return [
        *unfinished(material),
        *_steps(material),
        *_examined(material),
        *_labels(material),
        *_exploits(material),
        *_always(material),
    ]


def unfinished(material: Material) -> list[Gap]:
    """Steps that the plan has and the run directory has not."""
    found = []
    status = material.manifest.get("status")
    for step in material.steps():
        if step.finished or step.kind == "model":
            continue
        why = f"the step has not finished (the run is {status}){_scored(material, step)}"
        cure = f"run the same again, what is stored is reused: {material.command}"
        found.append(Gap(f"{step.kind} {step.id}", why, cure))
    return found


def _scored(material: Material, step: StepLeft) -> str:
    if step.kind != "query":
        return ""
    done = sum(x.stop - x.start for x in ChunkStore(step.folder.path).chunks())
    total = material.step(step.requires[1]).meta.get("rows")
    return f"; {done:,} of {total:,} rows are scored" if total else ""


def _steps(material: Material) -> Iterator[Gap]:
    if not material.steps("query"):
        yield Gap("scores of rows", "the experiment has no query", "add a `query` section")
    if not material.steps("analyze"):
        yield Gap(
            "what the reward depends on",
            "the experiment has no analysis",
            "add an `analyze` section with `compute: [...]`",
        )
    if not material.steps("exploit", "replay"):
        yield Gap(
            "exploits",
            "the experiment has no exploit step",
            "add an `exploit` section; it needs the model itself, not recorded scores",
        )


def _examined(material: Material) -> Iterator[Gap]:
    for one in examinations(material):
        if not one.findings and material.step(one.step).folder.path.is_dir():
            yield Gap(
                f"whether {one.step} scores as the model was trained",
                "no check was made before it scored",
                "leave `doctor: fail` or `doctor: warn` on",
            )


def _labels(material: Material) -> Iterator[Gap]:
    views = [view for view in material.views if view.target]
    if not views:
        return
    if not any(view.pairs for view in views):
        yield Gap(
            "accuracy on pairs",
            "the rows have no chosen and rejected text",
            "query data with labelled pairs",
        )
    if not any(material.gold(view) for view in views):
        yield Gap(
            "agreement with quality (gold)",
            "no analysis names a column with human scores or verified correctness",
            "add the column to the data and `gold: COLUMN` to `analyze`",
        )
    if len(views) < 2:
        yield Gap(
            "comparison with a second model",
            "one model was queried",
            "add a second `model` and name both in `requires` of the query",
        )


def _exploits(material: Material) -> Iterator[Gap]:
    for step in material.steps("exploit"):
        if step.finished and (why := step.meta.get("insufficient")):
            yield Gap(f"exploits ({step.id})", str(why), "the reason names what is missing")
        elif step.finished and not step.meta.get("texts"):
            yield Gap(
                f"exploits ({step.id})",
                "recorded scores cannot score an edited answer",
                "give the model itself",
            )
        elif step.finished and not step.declared.get("gold"):
            yield Gap(
                "quality of edited answers",
                "what an edit does to quality is the edit's own claim, no gold measured it",
                "read the examples of the cards, or have them judged",
            )


def _always(material: Material) -> Iterator[Gap]:
    if material.views and not any(has_token_rewards(view) for view in material.views):
        able = any(_gives_token_rewards(step) for step in material.steps("model"))
        yield Gap(
            "reward token by token",
            "no query stored the reward at every token"
            if able
            else "no model here reads a linear head at one token, so that no other token has a "
            "reward",
            "add `token_rewards` to `store` of the query"
            if able
            else "give a decoder with a linear head itself",
        )


def _gives_token_rewards(step: StepLeft) -> bool:
    return Capability.TOKEN_REWARDS in step.meta.get("capabilities", ())

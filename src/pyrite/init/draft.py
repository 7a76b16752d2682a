"""The experiment that is written: sections from what was found, comments from what was not sure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pyrite.errors import ModelError, PyriteError
from pyrite.files import write_text
from pyrite.init.data import look_at_data
from pyrite.init.features import features_for
from pyrite.init.found import DataFound, ModelFound
from pyrite.init.model import look_at_model
from pyrite.init.names import identifier
from pyrite.init.yaml_text import comment, comments, flow

__all__ = ["Draft", "draft", "refuse", "write"]

_ALL_UP_TO = 2_000
_SAMPLE = 2_000
_PROMPTS_TO_CONFIRM = 40
_BUDGET = 5_000


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of an experiment, and what the user should know of it.

    Attributes:
        text: YAML that `pyrite run` takes.
        model: what was recognised of the model, in sentences.
        data: the same of the data.
        unsure: what was guessed and should be looked at.
    """

    text: str
    model: tuple[str, ...]
    data: tuple[str, ...]
    unsure: tuple[str, ...]

    def lines(self, out: Path) -> list[str]:
        """What the user reads when the experiment has been written to `out`."""
        listed = [("model", self.model), ("data", self.data), ("not sure", self.unsure)]
        shown = [f"wrote {out}"]
        for name, sentences in listed:
            if sentences:
                shown += ["", name, *(f"  - {sentence}" for sentence in sentences)]
        return [
            *shown,
            "",
            "next",
            f"  pyrite run {out} --dry-run    the plan; loads nothing",
            f"  pyrite doctor {out}           is the model scored as it was trained?",
            f"  pyrite run {out}              all of it",
        ]


def draft(model: str | None, data: str, *, file: str = "experiment.yml") -> Draft:
    """Look at a model and a data file, and write an experiment for them.

    Args:
        model: folder, hub id, `builtin:` name, URL, `./file.py:function`; None: the data holds
            scores already, and these are the model.
        data: file, folder of splits, or hub id.
        file: what the experiment will be called, for its comments.

    Raises:
        ModelError, DataError: one of them cannot be used; with the likely cure.
    """
    table = look_at_data(data)
    if model is None:
        table = _with_scores(table)
    scorer = _recorded(table) if model is None else look_at_model(model)
    scorer = _named_apart(scorer, table)
    features = features_for(table.answers)
    no_exploit = _no_exploit(scorer, table)
    blocks = [
        _head(file),
        _model(scorer),
        _data(table),
        _query(scorer, table),
        _analyze(scorer, table, features),
        _exploit(scorer, table, no_exploit),
    ]
    return Draft(
        text="\n".join(blocks),
        model=scorer.told,
        data=(*table.told, *_told_roles(table)),
        unsure=(*scorer.unsure, *table.unsure, *_unsure_scores(scorer, table)),
    )


def write(text: str, out: Path, *, force: bool = False) -> None:
    """Write an experiment that is valid, and never over a file unless `force`.

    Raises:
        PyriteError: the file exists.
        ConfigError: the experiment has a mistake (nothing is written).
        StoreError: the file cannot be written.
    """
    from pyrite.config import loads

    refuse(out, force=force)
    loads(text, file=str(out), folder=out.parent)
    write_text(out, text)


def refuse(out: Path, *, force: bool) -> None:
    """Refuse a place that cannot be written to, before anything is looked at.

    Raises:
        PyriteError: a folder, or a file that is there while `force` is not.
    """
    if out.is_dir():
        raise PyriteError(
            f"{out}: is a folder; name a file with --out, such as {out}/experiment.yml"
        )
    if out.exists() and not force:
        raise PyriteError(
            f"{out}: exists and is not overwritten; name another file with --out, or write over it "
            "with --force"
        )


def _with_scores(table: DataFound) -> DataFound:
    """The only column of numbers as the scores, where no column is called so."""
    roles = table.roles
    others = (*roles.gold, *roles.numbers)
    if table.paired or roles.scores or len(others) != 1:
        return table
    told = (
        f"column {others[0]!r} is the only one with numbers and was taken for the model's scores; "
        "if people gave them, name the model that is to be compared with them (--model)"
    )
    found = replace(roles, scores=others, gold=(), numbers=())
    return replace(table, roles=found, unsure=(*table.unsure, told))


def _recorded(table: DataFound) -> ModelFound:
    """The scores in the data as the model."""
    roles = table.roles
    fields: dict[str, object]
    if roles.pair_scores:
        fields = {"chosen_column": roles.pair_scores[0], "rejected_column": roles.pair_scores[1]}
        told = "recorded scores of both texts of a pair"
    elif table.paired or not roles.scores:
        what, how = "column with scores", "`score`"
        if table.paired:
            what, how = "columns with scores of both texts", "`score_chosen` and `score_rejected`"
        numbers = ", ".join(map(repr, (*roles.gold, *roles.numbers)[:6]))
        raise ModelError(
            f"{table.path}: no {what} was recognised, so that there is nothing to analyse without "
            f"a model; call them {how}"
            + (f" (there are numbers in {numbers})" if numbers else "")
            + ", or name a model with --model (a folder, a hub id, or builtin:tiny-reward-model)"
        )
    elif len(roles.scores) > 1:
        fields = {"columns": list(roles.scores)}
        told = f"recorded scores of {len(roles.scores)} models: {', '.join(roles.scores[:6])}"
    else:
        fields = {"column": roles.scores[0]}
        told = f"recorded scores in column {roles.scores[0]!r}"
    return ModelFound(
        id="recorded",
        fields={"entrypoint": "recorded", **fields, "better": "higher"},
        comments={"better": "lower, where a lower number is the better answer"},
        associations_only=True,
        told=(told,),
        unsure=("`better: higher`: whether a higher number is the better answer",),
    )


def _named_apart(scorer: ModelFound, table: DataFound) -> ModelFound:
    taken = {table.id, "scores", "surface", "exploits"}
    name = scorer.id
    while name in taken:
        name = identifier(f"{name}_model", fallback="model")
    return replace(scorer, id=name)


def _no_exploit(scorer: ModelFound, table: DataFound) -> str:
    if scorer.no_exploit:
        return scorer.no_exploit
    if not table.answered:
        return "the data has prompts and no answers to edit"
    if table.prompts < _PROMPTS_TO_CONFIRM:
        return (
            f"{table.prompts} different prompts; {_PROMPTS_TO_CONFIRM} are needed, half of them to "
            "confirm on"
        )
    return ""


def _head(file: str) -> str:
    name = comment(file)
    return (
        "# Written by `pyrite init`. What to do with it:\n"
        f"#   pyrite run {name} --dry-run    the plan; loads nothing\n"
        f"#   pyrite doctor {name}           is the model scored as it was trained?\n"
        f"#   pyrite run {name}              all of it; again: only what is missing\n"
        "# Every key: docs/configuration.md, or `pyrite schema` for your editor.\n"
    )


def _model(scorer: ModelFound) -> str:
    lines = [line for told in scorer.told for line in comments(told)]
    lines += ["model:", f"  id: {flow(scorer.id)}"]
    for key, value in scorer.fields.items():
        said = scorer.comments.get(key)
        lines.append(f"  {key}: {flow(value)}" + (f"   # {said}" if said else ""))
    return "\n".join(lines) + "\n"


def _data(table: DataFound) -> str:
    lines = [f"# {comment(table.told[0])}", "data:", f"  id: {flow(_data_id(table))}"]
    lines.append(f"  path: {flow(table.path)}")
    if table.format:
        lines.append(f"  format: {table.format}")
    if table.split:
        lines.append(f"  split: {flow(table.split)}")
    lines.append(f"  schema: {flow(dict(table.schema))}")
    if table.pair:
        pair = table.pair
        spec = {"options": pair.options, "preferred": pair.preferred}
        lines.append(f"  pair: {flow({**spec, 'first': pair.first, 'second': pair.second})}")
    if table.group:
        lines.append(f"  group: {flow(table.group)}   # the unit of resampling")
    if table.more or table.rows > _ALL_UP_TO:
        lines.append(f"  sample: {{method: random, n: {_SAMPLE}, seed: 42}}   # {{method: all}}")
    else:
        lines.append("  sample: {method: all}")
    lines += _where(table)
    return "\n".join(lines) + "\n"


def _data_id(table: DataFound) -> str:
    reserved = {"scores", "surface", "exploits"}
    return f"{table.id}_data" if table.id in reserved else table.id


def _where(table: DataFound) -> list[str]:
    lines = []
    for column, values in table.roles.subsets.items():
        shown = comment(", ".join(values[:8]))
        lines.append(f"  # where: {flow({column: values[0]})}   # a subset only: {shown}")
    for column, numbers in table.roles.steps.items():
        shown = ", ".join(map(str, numbers[:8]))
        lines.append(f"  # where: {flow({column: numbers[-1]})}   # one checkpoint only: {shown}")
    return lines


def _query(scorer: ModelFound, table: DataFound) -> str:
    lines = ["query:", "  id: scores", f"  requires: [{scorer.id}, {_data_id(table)}]"]
    if scorer.unravel:
        lines.append(
            f"  message: {{unravel: {scorer.unravel}}}   # a guess: pyrite list renderings"
        )
    return "\n".join(lines) + "\n"


def _analyze(scorer: ModelFound, table: DataFound, features: list[str]) -> str:
    lines = ["analyze:", "  id: surface", "  requires: [scores]"]
    gold = table.roles.gold
    if gold and not table.paired:
        lines.append(f"  gold: {flow(gold[0])}   # human scores or verified correctness")
    lines.append("  compute:")
    lines += [f"    - {name}" for name in features]
    target = "margin" if table.paired else scorer.target
    lines += ["  plot:", f"    - {target}: [{', '.join(features[:4])}]"]
    return "\n".join(lines) + "\n"


_HYPOTHESES = (
    "Recorded scores: an edited answer has none, so that nothing can be tried or proved. What "
    "comes out are hypotheses: phrases that go with reward beyond prompt and length, found on half "
    "of the prompts and looked at again on the other half. To prove them give the model itself: "
    "pyrite init --model ..."
)


def _exploit(scorer: ModelFound, table: DataFound, reason: str) -> str:
    lines = [
        "exploit:",
        "  id: exploits",
        f"  requires: [{scorer.id}, {_data_id(table)}]",
        f"  budget: {_BUDGET}   # different texts that may be scored; more finds more",
    ]
    if scorer.unravel:
        lines.append(f"  message: {{unravel: {scorer.unravel}}}   # as in the query")
    if scorer.associations_only:
        lines = [*comments(_HYPOTHESES), *lines[:3]]
    if reason:
        lines = comments(f"No exploit section: {reason}")
    return "\n".join(lines) + "\n"


def _told_roles(table: DataFound) -> tuple[str, ...]:
    roles = table.roles
    told = [f"scores in {', '.join(map(repr, roles.scores))}"] if roles.scores else []
    if roles.pair_scores:
        told.append(f"scores of the pair in {' and '.join(map(repr, roles.pair_scores))}")
    if roles.gold:
        told.append(f"human scores or correctness in {', '.join(map(repr, roles.gold))}")
    told += [f"column {x!r} names {len(values)} subsets" for x, values in roles.subsets.items()]
    told += [f"column {x!r} numbers checkpoints" for x in roles.steps]
    return tuple(told)


def _unsure_scores(scorer: ModelFound, table: DataFound) -> tuple[str, ...]:
    roles = table.roles
    unsure = []
    if roles.gold and not table.paired:
        others = f"; or one of {', '.join(map(repr, roles.gold[1:4]))}" if roles.gold[1:] else ""
        unsure.append(f"gold is column {roles.gold[0]!r}{others}")
    elif roles.scores and scorer.fields.get("entrypoint") != "recorded" and not table.paired:
        unsure.append(
            f"column {roles.scores[0]!r} holds scores of someone: if they are human, write "
            f"`gold: {roles.scores[0]}` below analyze; without --model they are what is analysed"
        )
    return tuple(unsure)

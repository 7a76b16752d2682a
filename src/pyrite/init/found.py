"""What was found out about a model and a data file, before it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyrite.types import Json

__all__ = ["DataFound", "ModelFound", "PairLabel", "Roles"]


@dataclass(frozen=True, slots=True)
class ModelFound:
    """A model as the `model` section will have it.

    Attributes:
        id: name of the section.
        fields: keys of the section in order, without `id`.
        comments: a key -> what stands behind it as a comment.
        target: the score to plot on single texts (`score`, `scores.max`).
        unravel: form of the text that must be chosen by hand; None: the model's own.
        no_exploit: why edits cannot be tried on it; "" where they can.
        associations_only: whether its scores are recorded, so that the exploit step gives
            hypotheses and proves nothing.
        told: what was recognised, in sentences.
        unsure: what was guessed, with how to change it.
    """

    id: str
    fields: Mapping[str, Json]
    comments: Mapping[str, str] = field(default_factory=dict)
    target: str = "score"
    unravel: str | None = None
    no_exploit: str = ""
    associations_only: bool = False
    told: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairLabel:
    """Two answer columns and the column that says which of them is better."""

    options: tuple[str, str]
    preferred: str
    first: int | str
    second: int | str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Roles:
    """What columns beside the texts seem to hold; names of columns.

    Attributes:
        scores: recorded scores, one a row.
        pair_scores: recorded scores of the chosen and the rejected text.
        gold: human scores or verified correctness, best guess first.
        subsets: a column that names parts of the data -> its values.
        steps: a column that numbers checkpoints or epochs -> its values.
        numbers: other columns of numbers that do not count or name the rows.
    """

    scores: tuple[str, ...] = ()
    pair_scores: tuple[str, str] | None = None
    gold: tuple[str, ...] = ()
    subsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataFound:
    """A data file as the `data` section will have it.

    Attributes:
        id: name of the section.
        path: as it was given.
        format: set where the suffix does not say it.
        split: set where the source has several.
        schema: logical field -> column.
        pair: two options and a label, where there is no chosen and rejected column.
        group: the unit of resampling, where it cannot be the prompt.
        rows: rows that were looked at; `more` says that the source has further ones.
        prompts: different prompts among them.
        answers: texts that a model would score, for choosing features.
        paired: whether the rows are preference pairs.
        answered: whether there are answers at all, not prompts alone.
    """

    id: str
    path: str
    schema: Mapping[str, str]
    roles: Roles
    rows: int
    prompts: int
    answers: tuple[str, ...]
    format: str | None = None
    split: str | None = None
    pair: PairLabel | None = None
    group: str | None = None
    more: bool = False
    paired: bool = False
    answered: bool = True
    told: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

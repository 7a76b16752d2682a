"""The canonical form of an experiment file: its sections as types.

What a user may write beside this (the seed's dialect, shorthands) is turned into this form before
validation, in `dialect.py`; the rest of the program sees only what stands here. The `model`
section is not here: its fields are those of the kind of model that `entrypoint` names.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

__all__ = [
    "AnalyzeSection",
    "Compute",
    "ConfirmSpec",
    "DataSection",
    "EditSpec",
    "EstimatorSpec",
    "ExploitSection",
    "Forward",
    "MessageSpec",
    "PairSpec",
    "Predict",
    "QuerySection",
    "Sample",
    "SearchSpec",
    "Section",
    "Settings",
    "StoreItem",
    "TokenizerSpec",
]

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=100)]
"""A step's name: letters, digits, `_`, `-` and `.`; it becomes a folder name."""


class Section(BaseModel):
    """Base of all parts of the file: frozen, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "requires"})

    def identity(self) -> dict[str, Any]:
        """The fields that change a result, as plain JSON; nested sections leave out theirs."""
        return {
            name: _identity_of(getattr(self, name))
            for name in type(self).model_fields
            if name not in self.NOT_IDENTITY
        }


def _identity_of(value: Any) -> Any:
    if isinstance(value, Section):
        return value.identity()
    if isinstance(value, list | tuple):
        return [_identity_of(element) for element in value]
    return value


class Sample(Section):
    """Which rows to take: the `first` n, n at `random` with a seed, or `all`."""

    method: Literal["first", "random", "all"] = "first"
    n: int | None = Field(default=1000, ge=1, description="rows to take; null takes all")
    seed: int = 42


class PairSpec(Section):
    """Preference pairs from two answer columns and a label: LLMBar, PandaLM and the like.

    `options` are the two columns, `preferred` the column that says which one is better.
    `first` is the label value that means the first option; any other value in `second`.
    """

    options: tuple[str, str]
    preferred: str
    first: int | str = 1
    second: int | str = 2


class DataSection(Section):
    """Load data: where the rows come from and which columns mean what."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "path", "revision", "requires"})

    id: Identifier = "data"
    path: str = Field(description="hub data set, local file, builtin:name or ./file.py:Reader")
    name: str | None = Field(default=None, description="configuration of a hub data set")
    revision: str | None = Field(default=None, description="commit, tag or branch on the hub")
    split: str | None = Field(default=None, description="split to read")
    format: Literal["auto", "jsonl", "json", "csv", "parquet"] = "auto"
    columns: dict[str, str] = Field(
        default_factory=dict,
        alias="schema",
        description="logical field -> column; a path may be nested (a.b), indexed (a[0]) or "
        "expanded into one row per element (a[].b)",
    )
    pair: PairSpec | None = None
    where: dict[str, Any] = Field(
        default_factory=dict, description="keep rows whose column has this value (or one of a list)"
    )
    join: Join | None = None
    pivot: Pivot | None = None
    group: str | None = Field(
        default=None, description="column that is the unit of resampling; default: the prompt"
    )
    sample: Sample | None = Field(default=None, description="null takes all rows")


class Join(Section):
    """Add the columns of a second local table, matched on key columns."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"path"})

    path: str
    on: str | list[str]


class Pivot(Section):
    """Long to wide: a row per `index`, a column per value of `columns`, filled with `values`."""

    index: list[str]
    columns: str
    values: str


class MessageSpec(Section):
    """How a row becomes the text that is scored."""

    roles: Literal["default"] | list[str] = "default"
    unravel: str = Field(
        default="default",
        description="default (what the model was made for), qa, gating, hh, chat_template, pair, "
        "none",
    )
    base_prompt: str | None = Field(default=None, description="text of the system message")


class TokenizerSpec(Section):
    """Truncation and padding as the query asks for them; padding never changes a score."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"padding", "batch_tokens"})

    truncation: bool | None = Field(default=None, description="null: cut at the model's limit")
    max_length: int | None = Field(default=None, ge=1)
    padding: bool | str | None = Field(default=None, description="accepted and not needed")


class Forward(Section):
    """How the model is called. `inference` true scores every text alone, even of a pair."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"args"})

    inference: bool = False
    args: dict[str, Any] = Field(default_factory=dict)
    topk: int = Field(default=10, ge=1, description="how many of a vector model's outputs to name")


class StoreItem(Section):
    """One thing that a query keeps; the fields after `name` are for vectors only.

    `token_rewards` is what the head gives at every token up to the one that the score is read at,
    where it is the score itself (null after it), with the tokens' texts: of models that read a
    linear head at one token of a causal decoder. Of a pair it is kept of each text alone.
    """

    name: str = Field(
        description="score, loss, margin, chosen_end_scores, rejected_end_scores, tokens, "
        "token_rewards, hidden_states, embeddings; of a vector model scores, topk_uids, entropy"
    )
    pool: Literal["last", "mean", "all"] = "last"
    layer: int = -1
    dtype: Literal["float16", "float32"] = "float16"


class QuerySection(Section):
    """Query a model with data."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"id", "requires", "chunk_size", "save_interval", "batch_tokens", "entrypoint", "cache"}
    )

    id: Identifier = "query"
    requires: list[str] = Field(default_factory=list)
    entrypoint: str | None = None
    chunk_size: int = Field(default=1, ge=1)
    save_interval: int | None = Field(
        default=None, ge=1, description="rows between saves; null: about every 20 seconds"
    )
    batch_tokens: int | None = Field(
        default=None, ge=1, description="tokens per forward pass; null: found by itself"
    )
    cache: bool = Field(
        default=True,
        description="take scores of texts that any run has scored before from the score store",
    )
    pairs: Literal["auto", "adjacent", "none"] = Field(
        default="auto",
        description="adjacent: the first half of every chunk_size rows is chosen, the second "
        "rejected",
    )
    message: MessageSpec = MessageSpec()
    tokenizer: TokenizerSpec = TokenizerSpec()
    forward: Forward = Forward()
    store: list[StoreItem] = Field(default_factory=list)

    @field_validator("pairs")
    @classmethod
    def _calls_have_halves(cls, pairs: str, info: ValidationInfo) -> str:
        size = info.data.get("chunk_size")
        if pairs == "adjacent" and size is not None and size % 2:
            raise ValueError(
                f"every chunk_size rows are halved into chosen and rejected, and chunk_size is "
                f"{size}; write an even one"
            )
        return pairs


class Compute(Section):
    """One feature, or one embedding, to compute for every row.

    `of` says on which text: question, response, chosen, rejected, difference (chosen minus
    rejected), or auto: the text whose score is looked at.
    """

    id: str
    name: str
    of: Literal["auto", "question", "response", "chosen", "rejected", "difference"] = "auto"
    args: dict[str, Any] = Field(default_factory=dict)


class EstimatorSpec(Section):
    """A scikit-learn estimator by class name, with its arguments."""

    id: str
    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class Predict(Section):
    """Predict a target from computed columns, out of fold."""

    target: str
    x: list[str]
    estimator: str
    folds: int = Field(default=5, ge=2)


class Plot(Section):
    """Figures of one target against computed columns."""

    y: str
    x: list[str] = Field(default_factory=list)


class AnalyzeSection(Section):
    """Analyse the table of one or several queries."""

    id: Identifier = "analyze"
    requires: list[str] = Field(default_factory=list)
    compute: list[Compute] = Field(default_factory=list)
    estimators: list[EstimatorSpec] = Field(default_factory=list)
    predict: list[Predict] = Field(default_factory=list)
    plot: list[Plot] = Field(default_factory=list)
    gold: str | None = Field(
        default=None, description="column with human scores or verified correctness"
    )
    bootstrap: int = Field(default=2000, ge=100, description="bootstrap resamples of prompts")
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    seed: int = 0


class EditSpec(Section):
    """An edit by name with its fields; `default` stands for all that need none."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class SearchSpec(Section):
    """A search by name with its fields; `default` stands for all that need none."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class ConfirmSpec(Section):
    """How sure one must be on the held-out prompts."""

    fraction: float = Field(default=0.5, gt=0.0, lt=1.0, description="share of prompts held out")
    fdr: float = Field(default=0.05, gt=0.0, lt=1.0, description="false discovery rate")
    min_prompts: int = Field(
        default=20, ge=10, description="held-out prompts below which nothing is said of an edit"
    )
    smallest: float = Field(
        default=0.2, gt=0.0, description="smallest effect that counts, in SD of natural answers"
    )


class ExploitSection(Section):
    """Measure edits and search on some prompts, and prove what is promising on others."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "requires", "batch_tokens", "cache"})

    id: Identifier = "exploit"
    requires: list[str] = Field(default_factory=list)
    budget: int = Field(default=20_000, ge=1, description="texts that may be scored")
    edits: list[EditSpec] = Field(default=[EditSpec(name="default")], min_length=1)
    search: list[SearchSpec] = Field(
        default=[SearchSpec(name="default")], description="[] tries the edits alone"
    )
    gold: str | None = Field(
        default=None,
        min_length=1,
        description="a measure of quality: another model of the file, or a column of the data",
    )
    reference: str | None = Field(
        default=None,
        min_length=1,
        description="another model of the file with the same shapes and tokenizer (a base, an "
        "earlier checkpoint, a clean twin): the search `reference` looks for what moved",
    )
    transfer: list[str] = Field(
        default_factory=list,
        description="models that what is confirmed is tried on too; default: the other models "
        "that `requires` names",
    )
    controls: bool = Field(
        default=True,
        description="also run everything on a null model and a planted one, made from the scores "
        "of this one; costs no scored text",
    )
    confirm: ConfirmSpec = ConfirmSpec()
    message: MessageSpec = MessageSpec()
    tokenizer: TokenizerSpec = TokenizerSpec()
    batch_tokens: int | None = Field(default=None, ge=1, description="as in a query")
    cache: bool = Field(default=True, description="as in a query")
    seed: int = Field(default=0, ge=0)


class Settings(Section):
    """The keys of the file that are no section: how the run is called, kept and shown."""

    name: Identifier = Field(
        default="experiment", description="folder of the runs; default: the file's name"
    )
    doctor: Literal["fail", "warn", "off"] = Field(
        default="fail",
        description="where a check of the model fails before a query scores: stop, or say it and "
        "go on; off: no checks",
    )
    seed: int = Field(default=0, ge=0)
    tags: list[str] = Field(default_factory=list, description="shown by trackers")
    group: str | None = Field(default=None, description="runs that trackers show together")
    job_type: str | None = None
    out: str = Field(default="runs", description="folder that all runs are below")


DataSection.model_rebuild()

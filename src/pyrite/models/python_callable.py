"""A Python function of the user's as a model."""

from __future__ import annotations

import asyncio
import inspect
import math
import numbers
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from pyrite.component import load_user_module, nearest
from pyrite.errors import ModelError, ScoringError
from pyrite.models import Capability, ItemScorer, Model, Output
from pyrite.models._call import Call, Mode, plan_call
from pyrite.sources import Source
from pyrite.types import Item, Json

__all__ = ["PythonCallable"]


class PythonCallable(Model):
    """A Python function as a reward model: `entrypoint: ./my_reward.py:score`.

    The function's parameters say what it is given; arguments are bound by name, never by guess::

        def score(prompt, response): ...                   one text at a time
        def score(prompts, responses): ...                 a list of them
        def reward(prompts, completions, **kwargs): ...    as TRL calls its reward functions

    Known names are `prompt`, `question`; `response`, `completion`, `answer`; their plurals; and
    `messages`, the whole conversation as `{"role", "content"}` dicts. Any other parameter is a
    column of the data, `**kwargs` all other columns (lists of values, in lists of texts). A text
    that a row does not have is None.

    It returns a number per text. None and NaN mean that a text has no score; anything else that
    is not a finite number is an error, and so is an exception, told with its place in the user's
    file. What is identified is the content of that one file: raise `revision` when something
    that it imports, or a service that it asks, has changed. Its scores are not in the score store
    that all runs share, because nobody knows what else it depends on.

    Attributes:
        calls: `single` or `batched`; `auto` decides by the names of the parameters.
        revision: a name for the state of what the file depends on; part of the identity.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "entrypoint"})

    entrypoint: str
    calls: Literal["auto", "single", "batched"] = "auto"
    revision: str | None = None

    @field_validator("entrypoint")
    @classmethod
    def _names_a_function(cls, value: str) -> str:
        path, colon, name = value.rpartition(":")
        if not (colon and path.endswith(".py") and name.isidentifier()):
            raise ValueError("write ./file.py:function")
        return value

    def identity(self) -> dict[str, Json]:
        """The declared fields and the function's name; two functions of one file differ."""
        return {**super().identity(), "function": self.function_name}

    @property
    def function_name(self) -> str:
        """The name after the colon."""
        return self.entrypoint.rpartition(":")[2]

    @property
    def file(self) -> Path:
        """The user's file."""
        return Path(self.entrypoint.rpartition(":")[0]).expanduser()

    def sources(self) -> Mapping[str, Source]:
        """The user's file; not what it imports."""
        return {"function": Source(name=self.entrypoint, files=(self.file,))}

    def open(self) -> ItemScorer:
        """Import the file and work out how the function is called.

        Raises:
            ComponentError: the file is missing or does not import.
            ModelError: it has no such function, or its parameters cannot be bound.
        """
        function = self._function()
        where = f"{self.file}:{self.function_name}"
        return _CallableScorer(function, plan_call(function, self.calls, where), self.file, where)

    def _function(self) -> Callable[..., Any]:
        module = load_user_module(self.file)
        found = getattr(module, self.function_name, None)
        if found is None:
            own = [name for name, value in vars(module).items() if callable(value)]
            hint = nearest(self.function_name, own)
            raise ModelError(f"{self.file} defines no {self.function_name!r} ({hint})")
        if isinstance(found, type) or not callable(found):
            raise ModelError(
                f"{self.entrypoint}: a {type(found).__name__}, not a function; name a function, or "
                "an object that can be called"
            )
        if asyncio.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
            raise ModelError(
                f"{self.entrypoint}: a coroutine or generator function; write a plain function "
                "that returns its scores"
            )
        return found  # type: ignore[no-any-return]


class _CallableScorer(ItemScorer):
    """Calls the user's function; `facts["missing_scores"]` counts None and NaN."""

    capabilities = frozenset({Capability.SCORE})

    def __init__(self, function: Callable[..., Any], call: Call, file: Path, where: str) -> None:
        self._function = function
        self._call = call
        self._file = file.resolve()
        self._where = where
        self._facts: dict[str, Json] = {
            "read_at": "not read: a Python function",
            "calls": str(call.mode),
            "arguments": dict(call.arguments),
            "missing_scores": 0,
            "notes": ["only the content of this one file is identified, not what it imports"],
        }
        self.facts = self._facts

    def score(self, items: Sequence[Item]) -> list[Output]:
        """Call the function on the items, one by one or all at once.

        Raises:
            ScoringError: it raised, returned a wrong number of scores or something that is not a
                number, or wants a column that the data lacks.
        """
        if not items:
            return []
        if self._call.mode is Mode.SINGLE:
            returned = [self._returned([item], i, len(items)) for i, item in enumerate(items)]
        else:
            returned = self._list(self._returned(items, 0, len(items)), items)
        pairs = zip(returned, items, strict=True)
        return [Output(self._number(v, _row(x, i))) for i, (v, x) in enumerate(pairs)]

    def _returned(self, items: Sequence[Item], first: int, total: int) -> Any:
        args, kwargs = self._call.bind(items, self._where)
        try:
            return self._function(*args, **kwargs)
        except Exception as error:  # the user's own code may raise anything
            rows = _row(items[0], first)
            if len(items) > 1:
                rows = f"{total} rows from {rows} on"
            raise ScoringError(
                f"{self._place(error)}: {self._where} raised {type(error).__name__}: "
                f"{error!s:.500} ({rows})"
            ) from error

    def _place(self, error: Exception) -> str:
        """File and line: the innermost one in the user's file, else the innermost of all."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename) == self._file]
        frame = (own or list(frames))[-1]
        return f"{frame.filename}:{frame.lineno}"

    def _list(self, returned: Any, items: Sequence[Item]) -> list[Any]:
        if hasattr(returned, "tolist"):  # an array or tensor
            returned = returned.tolist()
        if not isinstance(returned, list | tuple):
            raise ScoringError(
                f"{self._where} returned a {type(returned).__name__} for {len(items)} texts, "
                "expected a list of numbers; a function of one text needs parameters in the "
                "singular, or calls: single"
            )
        if len(returned) != len(items):
            raise ScoringError(
                f"{self._where} returned {len(returned)} scores for {len(items)} texts"
            )
        return list(returned)

    def _number(self, value: Any, row: str) -> float:
        if hasattr(value, "item") and not isinstance(value, numbers.Real):
            # A tensor or array of one number; others raise, or give something else.
            value = value.item() if getattr(value, "ndim", 0) == 0 else value
        if value is None:
            value = math.nan
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise ScoringError(
                f"{self._where} returned {value!r:.80} (a {type(value).__name__}) for {row}, "
                "expected a number, or None where there is no score"
            )
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            raise ScoringError(f"{self._where} returned {number} for {row}; a score is finite")
        if math.isnan(number):
            self._facts["missing_scores"] += 1
        return number


def _row(item: Item, index: int) -> str:
    row = item.columns.get("row_id")
    return f"text {index} of this call" if row is None else f"row {row}"

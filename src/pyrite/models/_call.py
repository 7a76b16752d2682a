"""How a user's function is called: which parameter gets what, decided once, from its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pyrite.component import nearest
from pyrite.errors import ModelError, ScoringError
from pyrite.types import Item, Json

__all__ = ["Call", "Mode", "plan_call"]

_SINGULAR = {
    "prompt": "prompt",
    "question": "prompt",
    "response": "response",
    "completion": "response",
    "answer": "response",
}
_PLURAL = {f"{name}s": source for name, source in _SINGULAR.items()}
_KNOWN = {**_SINGULAR, **_PLURAL, "messages": "messages"}

_CURE = (
    "name the parameters prompt and response (one text), prompts and responses (a list), or "
    "messages; other parameters are columns of the data"
)


class Mode(StrEnum):
    """One text a call, or a list of them."""

    SINGLE = "single"
    BATCHED = "batched"


@dataclass(frozen=True, slots=True)
class Call:
    """A plan for calling a function.

    Attributes:
        mode: one text or a list of texts.
        arguments: parameter -> `prompt`, `response`, `messages` or `column`.
        positional: the parameters that can only be given by position, in order.
        optional: parameters with a default, left out where the data lacks the column.
        takes_rest: whether it takes `**kwargs`, which get all other columns.
    """

    mode: Mode
    arguments: Mapping[str, str]
    positional: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    takes_rest: bool = False

    def bind(self, items: Sequence[Item], where: str) -> tuple[list[Any], dict[str, Any]]:
        """The arguments for these items (one item in single mode).

        Raises:
            ScoringError: a parameter is a column that the data lacks.
        """
        named: dict[str, Any] = {}
        for name, source in self.arguments.items():
            if source != "column":
                named[name] = self._shaped([_text(item, source) for item in items])
            elif all(name in item.columns for item in items):
                named[name] = self._shaped([item.columns[name] for item in items])
            elif name not in self.optional:
                known = [str(column) for column in items[0].columns]
                raise ScoringError(
                    f"{where} has a parameter {name!r}, and the data has no such column "
                    f"({nearest(name, known) or 'it has no columns'})"
                )
        args = [named.pop(name) for name in self.positional]
        if self.takes_rest:
            named = {**self._rest(items), **named}
        return args, named

    def _rest(self, items: Sequence[Item]) -> dict[str, Any]:
        taken = set(self.arguments)
        names = [name for name in items[0].columns if name not in taken]
        return {
            str(name): self._shaped([item.columns.get(name) for item in items]) for name in names
        }

    def _shaped(self, values: list[Any]) -> Any:
        return values[0] if self.mode is Mode.SINGLE else values


def plan_call(
    function: Callable[..., Any], calls: Literal["auto", "single", "batched"], where: str
) -> Call:
    """Decide how to call a function.

    Args:
        function: the user's function or callable object.
        calls: one text or lists, or `auto`: by whether the names are singular or plural.
        where: the function, for messages.

    Raises:
        ModelError: its parameters do not say what it wants, or cannot be bound by name.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: its parameters are not known ({error}); {_CURE}") from error
    parameters = list(signature.parameters.values())
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    texts = [p.name for p in named if p.name in _KNOWN]
    if not texts:
        shown = f"{signature}" if len(str(signature)) < 200 else "its signature"
        raise ModelError(f"{where}{shown}: no parameter takes a text; {_CURE}")
    _check_once(texts, where)
    arguments = {p.name: _KNOWN.get(p.name, "column") for p in named}
    positional = tuple(p.name for p in named if p.kind is p.POSITIONAL_ONLY)
    optional = frozenset(p.name for p in named if p.default is not p.empty)
    if optional & set(positional):
        # Leaving one out would shift those after it.
        optional -= set(positional)
    return Call(
        mode=_mode(texts, calls, where),
        arguments=arguments,
        positional=positional,
        optional=optional,
        takes_rest=any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


def _check_once(texts: Sequence[str], where: str) -> None:
    sources: dict[str, str] = {}
    for name in texts:
        other = sources.setdefault(_KNOWN[name], name)
        if other != name:
            raise ModelError(f"{where}: {other!r} and {name!r} would be given the same text")


def _mode(texts: Sequence[str], calls: str, where: str) -> Mode:
    if calls != "auto":
        return Mode(calls)
    plural = [name for name in texts if name in _PLURAL]
    singular = [name for name in texts if name in _SINGULAR]
    if plural and singular:
        raise ModelError(
            f"{where}: {singular[0]!r} asks for one text and {plural[0]!r} for a list; rename one, "
            "or set calls to single or batched"
        )
    if not plural and not singular:
        raise ModelError(
            f"{where}: messages may be one conversation or a list of them; set calls to single or "
            "batched"
        )
    return Mode.BATCHED if plural else Mode.SINGLE


def _text(item: Item, source: str) -> Json:
    if source == "messages":
        return [{"role": turn.role, "content": turn.content} for turn in item.conversation()]
    if not item.messages:
        return item.prompt if source == "prompt" else item.response
    *earlier, last = item.messages
    if source == "response":
        return last.content if last.role == "assistant" else None
    if item.prompt is not None:
        return item.prompt
    turns = earlier if last.role == "assistant" else [*earlier, last]
    asked = [turn.content for turn in turns if turn.role == "user"]
    return asked[-1] if asked else None

"""Any route that takes and gives JSON, described by a template and a path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import field_validator, model_validator

from pyrite.component import nearest
from pyrite.endpoints import (
    AnswerError,
    Ask,
    Form,
    Protocol,
    Value,
    field_of,
    list_of,
    numbers,
    turns_of,
)
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["Json_"]

_PLACES = ("text", "texts", "prompt", "prompts", "response", "responses", "messages", "model")
_FORMS: dict[str, Form] = {
    "text": "text",
    "texts": "text",
    "prompt": "pair",
    "prompts": "pair",
    "response": "pair",
    "responses": "pair",
    "messages": "messages",
}
_PLACE = re.compile(r"\{(\w+)\}")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


class Json_(Protocol):  # noqa: N801 - the component's name is `json`
    """Any JSON route: `request` is a template of what is sent, `scores` the path of the scores.

    ::

        protocol: json
        request: {inputs: "{texts}", options: {normalise: false}}
        scores: results[*].reward

    A placeholder is a whole value: `{text}`, `{prompt}`, `{response}`, `{messages}` for one text
    per request, `{texts}`, `{prompts}`, `{responses}` for lists, and `{model}`. It is replaced by
    the JSON value; nothing is ever formatted into a text. `scores` steps through the answer:
    `name`, `.name`, `[0]`, and `[*]` once for every text; empty means the answer itself.
    """

    CURE: ClassVar[str] = "ask the server for its raw scores (a field of `request`, or its setting)"

    request: Any
    scores: str = ""

    @field_validator("request")
    @classmethod
    def _whole_placeholders(cls, value: Json) -> Json:
        for text in _texts(value):
            for name in _PLACE.findall(text):
                if text != "{" + name + "}":
                    if name in _PLACES:
                        raise ValueError(f"'{{{name}}}' has to be a value of its own")
                elif name not in _PLACES:
                    raise ValueError(
                        f"no placeholder is called '{{{name}}}' ({nearest(name, list(_PLACES))})"
                    )
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Json_:
        forms = {_FORMS[name] for name in self._names() if name in _FORMS}
        if len(forms) != 1:
            raise ValueError(
                "request has to hold {text} or {texts}, or {prompt} and {response}, or {messages}, "
                "and not several of these"
            )
        plural = {name.endswith("s") for name in self._names() & (set(_FORMS) - {"messages"})}
        if len(plural) > 1:
            raise ValueError("request mixes placeholders of one text with those of lists")
        if _STEP.sub("", self.scores):
            raise ValueError(f"scores is no path: {self.scores!r:.80}; write data[*].score")
        if self.scores.count("[*]") > 1:
            raise ValueError("scores holds [*] more than once")
        return self

    def takes(self) -> frozenset[Form]:
        """What the placeholders stand for."""
        return frozenset(_FORMS[name] for name in self._names() if name in _FORMS)

    def batched(self) -> frozenset[Form]:
        """Its form, where the placeholders are those of lists."""
        lists = self._names() & {"texts", "prompts", "responses"}
        return self.takes() if lists else frozenset()

    def default_form(self) -> str:
        """What fits the placeholders."""
        (form,) = self.takes()
        return {"text": "none", "pair": "pair", "messages": "chat_template"}[form]

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The template with its placeholders replaced."""
        first = [text.text for text in texts]
        second = [text.text_pair or "" for text in texts]
        filled: dict[str, Json] = {
            "text": first[0],
            "texts": first,
            "prompt": first[0],
            "prompts": first,
            "response": second[0],
            "responses": second,
            "messages": turns_of(texts[0]),
            "model": ask.model,
        }
        return _filled(self.request, filled)

    def values(self, answer: Json, count: int) -> list[Value]:
        """What stands at the path `scores`."""
        before, star, after = self.scores.partition("[*]")
        found = _at(answer, before)
        if star or self.batched():
            rows = list_of(found, count, before or "the answer")
            return [numbers(_at(row, after)) for row in rows]
        return [numbers(found)]

    def _names(self) -> set[str]:
        return {name for text in _texts(self.request) for name in _PLACE.findall(text)}


def _texts(value: Json) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _filled(template: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(template, Mapping):
        return {name: _filled(inner, values) for name, inner in template.items()}
    if isinstance(template, list):
        return [_filled(inner, values) for inner in template]
    if isinstance(template, str) and (found := _PLACE.fullmatch(template)):
        return values[found[1]]
    return template


def _at(answer: Json, path: str) -> Json:
    for name, index in _STEP.findall(path):
        if name:
            answer = field_of(answer, name)
        elif isinstance(answer, list) and int(index) < len(answer):
            answer = answer[int(index)]
        else:
            raise AnswerError(f"no element [{index}] at {path!r:.80}")
    return answer

"""A user's function gets what its parameters ask for; what it does wrong is told, not scored."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pyrite.errors import ComponentError, ModelError, ScoringError
from pyrite.models.python_callable import PythonCallable
from pyrite.types import Item, Message

ITEMS = [
    Item("q one", "a", columns={"row_id": 4, "level": 1, "topic": "x"}),
    Item("q", "a longer answer", columns={"row_id": 5, "level": 3, "topic": "y"}),
]


def model(folder: Path, code: str, name: str = "score", **fields: Any) -> PythonCallable:
    path = folder / "my_reward.py"
    path.write_text(textwrap.dedent(code))
    return PythonCallable(entrypoint=f"{path}:{name}", **fields)


def scores(folder: Path, code: str, items: list[Item] | None = None, **fields: Any) -> list[float]:
    scorer = model(folder, code, **fields).open()
    return [float(output.score) for output in scorer.score(ITEMS if items is None else items)]


@pytest.mark.parametrize(
    "code",
    [
        "def score(prompt, response): return len(response) - len(prompt)",
        "def score(response, prompt): return len(response) - len(prompt)",
        "def score(response, /, *, question): return len(response) - len(question)",
        "def score(prompts, responses):\n"
        "    return [len(r) - len(p) for p, r in zip(prompts, responses)]",
        "def score(completions, prompts, **kwargs):\n"
        "    return [len(r) - len(p) for p, r in zip(prompts, completions)]",
        "import numpy\n"
        "def score(answers, questions):\n"
        "    return numpy.array([len(a) - len(q) for a, q in zip(answers, questions)])",
        "import torch\n"
        "def score(prompt, response): return torch.tensor(len(response) - len(prompt))",
        "class Length:\n"
        "    def __call__(self, prompt, response): return len(response) - len(prompt)\n"
        "score = Length()",
        "def score(messages, calls=None, *, response):\n"
        "    return len(response) - len(messages[0]['content'])",
    ],
)
def test_arguments_are_bound_by_name(tmp_path: Path, code: str) -> None:
    assert scores(tmp_path, code) == [-4.0, 14.0]


def test_other_parameters_are_columns(tmp_path: Path) -> None:
    assert scores(tmp_path, "def score(response, level): return level") == [1.0, 3.0]
    batched = "def score(responses, level): return [10 * x for x in level]"
    assert scores(tmp_path, batched) == [10.0, 30.0]
    rest = """
        def score(prompts, completions, **kwargs):
            assert sorted(kwargs) == ["level", "row_id", "topic"], kwargs
            return [float(x) for x in kwargs["level"]]
    """
    assert scores(tmp_path, rest) == [1.0, 3.0]
    with pytest.raises(ScoringError, match=r"parameter 'levle'.*did you mean 'level'"):
        scores(tmp_path, "def score(response, levle): return 1")
    assert scores(tmp_path, "def score(response, weight=2): return weight") == [2.0, 2.0]


def test_columns_never_take_the_place_of_the_texts(tmp_path: Path) -> None:
    items = [Item("real", "text", columns={"prompt": "no", "response": "no"})]
    code = (
        "def score(prompt, response, **rest): return float((prompt, response) == ('real', 'text'))"
    )
    assert scores(tmp_path, code, items) == [1.0]


def test_conversations(tmp_path: Path) -> None:
    turns = (Message("user", "hi"), Message("assistant", "yo"), Message("user", "why"))
    items = [Item(messages=(*turns, Message("assistant", "because")))]
    code = """
        def score(messages, prompt, response):
            assert [m["role"] for m in messages] == ["user", "assistant"] * 2
            assert (prompt, response) == ("why", "because")
            return len(messages)
    """
    assert scores(tmp_path, code, items) == [4.0]
    unclear = "def score(messages): return [1.0 for m in messages]"
    with pytest.raises(ModelError, match="set calls to single or batched"):
        scores(tmp_path, unclear)
    assert scores(tmp_path, unclear, calls="batched") == [1.0, 1.0]


def test_a_missing_text_is_none(tmp_path: Path) -> None:
    code = "def score(prompt, response): return 1.0 if response is None else 0.0"
    assert scores(tmp_path, code, [Item("q")]) == [1.0]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def score(x, y): return 1", r"\(x, y\): no parameter takes a text"),
        ("def score(*args): return 1", "no parameter takes a text"),
        ("def score(**kwargs): return 1", "no parameter takes a text"),
        ("score = max", "no parameter takes a text|parameters are not known"),
        ("def score(prompt, responses): return 1", "'prompt' asks for one text and 'responses'"),
        ("def score(response, completion): return 1", "would be given the same text"),
        ("class score:\n    pass", "not a function"),
        ("score = 3", "not a function"),
        ("async def score(prompt, response): return 1", "coroutine"),
        ("def score(prompt, response): yield 1", "generator"),
        ("def scores(prompt, response): return 1", "did you mean 'scores'"),
    ],
)
def test_what_cannot_be_called_is_refused_at_once(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        model(tmp_path, code).open()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("True", "a bool"),
        ("'1.0'", "a str"),
        ("[1.0]", "a list"),
        ("float('inf')", "returned inf"),
        ("10 ** 400", "returned inf"),
        ("{'score': 1}", "a dict"),
        ("__import__('numpy').array([1.0])", "a ndarray"),
        ("__import__('numpy').bool_(True)", "a bool"),
    ],
)
def test_what_is_not_a_number_is_an_error_with_the_row(
    tmp_path: Path, returned: str, message: str
) -> None:
    with pytest.raises(ScoringError, match=f"{message}.* for row 4"):
        scores(tmp_path, f"def score(prompt, response): return {returned}")


def test_none_and_nan_are_counted_as_missing(tmp_path: Path) -> None:
    code = "def score(responses): return [None, float('nan')]"
    scorer = model(tmp_path, code).open()
    assert all(math.isnan(output.score) for output in scorer.score(ITEMS))
    assert scorer.facts["missing_scores"] == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def score(responses): return [1.0]", "returned 1 scores for 2 texts"),
        ("def score(responses): return 1.0", "a float for 2 texts"),
        ("def score(responses): return (x for x in responses)", "a generator for 2 texts"),
        ("def score(responses): return {'a': 1, 'b': 2}", "a dict for 2 texts"),
        ("def score(responses): return '12'", "a str for 2 texts"),
        ("def score(responses): return None", "a NoneType for 2 texts"),
    ],
)
def test_a_list_of_the_wrong_length_or_kind(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(ScoringError, match=message):
        scores(tmp_path, code)


def test_an_exception_is_told_with_the_users_line_and_the_row(tmp_path: Path) -> None:
    code = """
        import json

        def score(prompt, response):
            if prompt == "q":
                return helper(response)
            return 0.0

        def helper(text):
            return json.loads(text)
    """
    with pytest.raises(
        ScoringError, match=r"my_reward.py:10: .*JSONDecodeError.*\(row 5\)"
    ) as told:
        scores(tmp_path, code)
    assert told.value.__cause__ is not None
    with pytest.raises(ScoringError, match=r"KeyError: 'k' \(2 rows from row 4 on\)"):
        scores(tmp_path, "def score(responses): return {}['k']")


def test_hostile_texts_arrive_unchanged(tmp_path: Path) -> None:
    text = "{x} %s \ud800 \x00 <script>"
    code = f"def score(prompt, response): return float(prompt == response == {text!r})"
    assert scores(tmp_path, code, [Item(text, text)]) == [1.0]


def test_identity_is_the_file_and_the_function(tmp_path: Path) -> None:
    code = "def score(prompt, response): return 1\ndef other(prompt, response): return 2\n"
    one = model(tmp_path, code)
    other = model(tmp_path, code, name="other")
    assert one.identity() != other.identity()
    assert one.identity() != model(tmp_path, code, revision="2").identity()
    before = one.sources()["function"].fingerprint()
    assert other.sources()["function"].fingerprint() == before
    model(tmp_path, code + "# changed\n")
    assert one.sources()["function"].fingerprint() != before


def test_a_changed_file_is_imported_anew(tmp_path: Path) -> None:
    assert scores(tmp_path, "def score(prompt, response): return 1") == [1.0, 1.0]
    assert scores(tmp_path, "def score(prompt, response): return 2") == [2.0, 2.0]


def test_entrypoint_must_name_a_function(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"file.py:function"):
        PythonCallable(entrypoint="my_reward.py")
    with pytest.raises(ComponentError, match="no such Python file"):
        PythonCallable(entrypoint=f"{tmp_path}/absent.py:score").open()

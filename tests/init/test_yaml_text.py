"""Names of columns and files are hostile: whatever they are, the file reads them back."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pyrite.config import loads
from pyrite.init.yaml_text import comment, flow
from tests.init.materials import content, init, scored

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(TEXTS)
def test_a_text_reads_back(text: str) -> None:
    read = YAML(typ="safe").load(f"key: {flow({text: [text, 1, True, None]})}")
    from pyrite.config.environment import escape

    assert read == {"key": {escape(text): [escape(text), 1, True, None]}}


@settings(max_examples=40)
@given(TEXTS)
def test_an_experiment_reads_it_back_whatever_the_environment(text: str) -> None:
    schema = flow({"prompt": text})
    loaded = loads(f"data: {{id: d, path: builtin:demo/pairs.jsonl, schema: {schema}}}")
    assert loaded.data[0].columns == {"prompt": text}


@given(st.text(max_size=200))
def test_a_comment_is_one_line(text: str) -> None:
    assert comment(text).isprintable()
    assert len(comment(text)) <= 90


def test_a_hostile_column_name_goes_through_whole(tmp_path: Path) -> None:
    name = 'answer: ${HOME} "#\n- model: evil'
    rows = [{"prompt": row["prompt"], name: row["answer"], "score": row["score"]}
            for row in scored()]  # fmt: skip
    ended, out = init(tmp_path, rows, "x.jsonl")
    assert ended.status == 0, ended.err
    assert set(content(out)) == {"model", "data", "query", "analyze"}
    assert "\n- model: evil" not in ended.out

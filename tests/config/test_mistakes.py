"""Mistakes: all at once, each with file, line, key, what was written, and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrite.config import load
from pyrite.errors import ConfigError
from tests.config.conftest import BASE, DATA, MODEL, Mistakes, read

SYNTAX = {
    "": "e.yml: the file is empty (an experiment has at least a model or data)",
    "# nothing": "e.yml: the file is empty (an experiment has at least a model or data)",
    "[1]": "e.yml:1: the file is a list, expected a mapping of sections",
    "word": "e.yml:1: the file is 'word', expected a mapping of sections",
    "model:\n\tpath: p": (
        "e.yml:2: while scanning for the next token found character '\\t' that cannot start any "
        "token; this line has a tab, and YAML is indented with spaces"
    ),
    "model: {path: p": (
        "e.yml:1: while parsing a flow mapping expected ',' or '}', but got '<stream end>'"
    ),
    "model:\n  path: p\n  path: q": (
        "e.yml:3: model.path: this key is there twice (first on line 2)"
    ),
    "query:\n  forward:\n    inference:False\n    topk: 1": (
        "e.yml:4: mapping values are not allowed here (line 3: a space is needed after ':')"
    ),
    "model: !new {path: p}": "e.yml:1: model: the YAML tag '!new' is not supported",
    "model: &m [*m]": "e.yml:1: model.0: an alias refers to the value that it is part of",
    "model: {path: .nan}": "e.yml:1: model.path: .nan is not a finite number",
    "? [a]\n: b": "e.yml:1: a key must be a single word",
    "a: 1\n---\nb: 1": (
        "e.yml:2: expected a single document in the stream but found another document"
    ),
    "model: {path: ${X}}": (
        "e.yml:1: while parsing a flow mapping expected ',' or '}', but got '{' "
        "(line 1: inside { } and [ ], '${NAME}' needs quotes)"
    ),
    "a: *b": "e.yml:1: found undefined alias 'b'",
    "a: \0": "e.yml:1: the character U+0000 is not allowed in YAML",
    'a: "\\ud800"': "e.yml:1: a: half of a surrogate pair is not a character",
    "[" * 1500: "e.yml: nested too deeply",
}


@pytest.mark.parametrize("text", SYNTAX, ids=lambda text: repr(text[:20]))
def test_syntax(text: str, mistakes: Mistakes) -> None:
    assert SYNTAX[text] in mistakes(text)


VALUES = {
    "query:\n  message:\n    unravl: qa": (
        "e.yml:5: query.message.unravl: unknown key (did you mean 'unravel'?)"
    ),
    "query: {chunk_sise: 1}": "e.yml:3: query.chunk_sise: unknown key (did you mean 'chunk_size'?)",
    "query: {chunk_size: 0}": ("e.yml:3: query.chunk_size: is 0, expected a number of at least 1"),
    "query: {chunk_size: many}": "e.yml:3: query.chunk_size: is 'many', expected a whole number",
    "query: {chunk_size: 1.5}": "e.yml:3: query.chunk_size: is 1.5, expected a whole number",
    "query: {pairs: adjacnt}": (
        "e.yml:3: query.pairs: is 'adjacnt', expected one of 'auto', 'adjacent' or 'none' "
        "(did you mean 'adjacent'?)"
    ),
    "query: {pairs: adjacent}": (
        "e.yml:3: query.pairs: is 'adjacent': every chunk_size rows are halved into chosen and "
        "rejected, and chunk_size is 1; write an even one"
    ),
    "query:\n  chunk_size: 5\n  pairs: adjacent": (
        "e.yml:5: query.pairs: is 'adjacent': every chunk_size rows are halved into chosen and "
        "rejected, and chunk_size is 5; write an even one"
    ),
    "query: {pairs: adjacent, chunk_size: two}": (
        "e.yml:3: query.chunk_size: is 'two', expected a whole number"
    ),
    "query: {pairs: adjacent, chunk_size: 2, store: [loss, embeddings]}": (
        "e.yml:3: query.store.1: 'embeddings' is not kept of adjacent pairs "
        "(leave it out, or query every text alone with `pairs: none`)"
    ),
    "query: {message: {roles: 5}}": (
        "e.yml:3: query.message.roles: is 5, expected 'default' or a list"
    ),
    "query: {tokenizer: {truncation: maybe}}": (
        "e.yml:3: query.tokenizer.truncation: is 'maybe', expected true or false or null"
    ),
    "query: {tokenizer: {max_length: []}}": (
        "e.yml:3: query.tokenizer.max_length: is a list, expected a whole number or null"
    ),
    "query: {message: {base_prompt: 5}}": (
        "e.yml:3: query.message.base_prompt: is 5, expected a text or null (write it in quotes)"
    ),
    "query: {message: {unravel: gate}}": (
        "e.yml:3: query.message.unravel: is 'gate', and no form of the text is called so "
        "(did you mean 'gating'?)"
    ),
    "query: {forward: {args: {input_ids: [1]}}}": (
        "e.yml:3: query.forward.args.input_ids: is a list, but the query itself supplies "
        "input_ids (leave it out, or write null)"
    ),
    "query: {forward: {args: {output_hiden_states: True}}}": (
        "e.yml:3: query.forward.args.output_hiden_states: unknown key "
        "(did you mean 'output_hidden_states'?)"
    ),
    "query: {store: [los]}": (
        "e.yml:3: query.store.0: is 'los', which no query stores (did you mean 'loss'?)"
    ),
    "query: {store: [loss, loss]}": "e.yml:3: query.store.1: 'loss' is there twice (keep one)",
    "query: {store: [{loss: {pool: mean}}]}": (
        "e.yml:3: query.store.0.loss.pool: 'loss' is not a vector "
        "(only hidden_states and embeddings)"
    ),
    "query: {store: [{hidden_states: {pool: sum}}]}": (
        "e.yml:3: query.store.0.hidden_states.pool: is 'sum', expected one of 'last', 'mean' or "
        "'all'"
    ),
    "query: {store: [3]}": "e.yml:3: query.store.0: is 3, expected a mapping",
    "query: 3": "e.yml:3: query: is 3, expected a mapping or a list of mappings",
    "query: [3]": "e.yml:3: query.0: is 3, expected a mapping",
    "query: {entrypoint: GatingModel}": (
        "e.yml:3: query.entrypoint: is 'GatingModel', but the model 'm' is a RewardModel "
        "(leave it out, or correct the model's `entrypoint`)"
    ),
    "seed: -1": "e.yml:3: seed: is -1, expected a number of at least 0",
    "engine: rai": ("e.yml:3: engine: is 'rai', and no engine is called so (did you mean 'ray'?)"),
    "engine: 3": "e.yml:3: engine: is 3 (write `kind:` local, processes, ray)",
    "engine: {workers: 2}": "e.yml:3: engine: does not say which one (write `kind:` local, "
    "processes, ray)",
    "engine: {kind: processes, wokers: 2}": (
        "e.yml:3: engine.wokers: unknown key (did you mean 'workers'?)"
    ),
    "engine:\n  kind: processes\n  workers: 0": (
        "e.yml:5: engine.workers: is 0, expected a number of at least 1"
    ),
    "engine: {processes: {workers: many}}": (
        "e.yml:3: engine.processes.workers: is 'many', expected a whole number"
    ),
    "name: a/b": (
        "e.yml:3: name: is 'a/b', expected letters, digits, '_', '-' and '.', a letter or digit "
        "first"
    ),
    "analize: {id: a}": "e.yml:3: analize: unknown key (did you mean 'analyze'?)",
    "track: [wandbb]": (
        "e.yml:3: track.0: is 'wandbb', and no tracker is called so (did you mean 'wandb'?)"
    ),
    "track: [{wandb: {projct: x}}]": (
        "e.yml:3: track.0.wandb.projct: unknown key (did you mean 'project'?)"
    ),
    "track: [{project: x, mode: y}]": "e.yml:3: track.0: does not say which tracker (known: wandb)",
}


@pytest.mark.parametrize("text", VALUES, ids=lambda text: text[:40])
def test_value(text: str, mistakes: Mistakes) -> None:
    assert mistakes(MODEL + DATA + text) == [VALUES[text]]


MODELS_AND_DATA = {
    "model: {id: m}": "e.yml:1: model.path: is required and missing",
    "model: {path: p, bach: 3}": "e.yml:1: model.bach: unknown key (did you mean 'batch'?)",
    "model: {path: p, entrypoin: x}": (
        "e.yml:1: model.entrypoin: unknown key (did you mean 'entrypoint'?)"
    ),
    "model: {path: p, batch: 0}": "e.yml:1: model.batch: is 0, expected a number of at least 1",
    "model: {path: p, entrypoint: RewardModl}": (
        "e.yml:1: model.entrypoint: is 'RewardModl', and no kind of model is called so "
        "(did you mean 'RewardModel'?)"
    ),
    "model: {path: p, entrypoint: 3}": (
        "e.yml:1: model.entrypoint: is 3, expected the name of a kind of model"
    ),
    "model: {path: p, entrypoint: python_callable}": (
        "e.yml:1: model.entrypoint: is 'python_callable', which needs a target "
        "(write ./file.py:name)"
    ),
    "model: {path: p, id: a b}": (
        "e.yml:1: model.id: the id is 'a b', expected letters, digits, '_', '-' and '.', "
        "a letter or digit first"
    ),
    "model: {path: p, device: tpu}": "e.yml:1: model.device: is 'tpu': no such device",
    "model: {path: p, device: cpu, batch: 101}": "e.yml:1: model: batch is too large for a cpu",
    "data: {path: r, id: a b}": (
        "e.yml:1: data.id: is 'a b', expected letters, digits, '_', '-' and '.', a letter or digit "
        "first"
    ),
    "data: {path: r, id: }": "e.yml:1: data.id: is null, expected a text",
    "data: {path: r, id: [1]}": "e.yml:1: data.id: is a list, expected a text",
    "data: {id: d}": "e.yml:1: data.path: is required and missing",
    "data: {path: r, sample: {n: 0}}": (
        "e.yml:1: data.sample.n: is 0, expected a number of at least 1 or null"
    ),
    "data: {path: r, sample: some}": "e.yml:1: data.sample: is 'some', expected a mapping or null",
    "data: {path: r, pair: {options: [a], preferred: b}}": (
        "e.yml:1: data.pair.options.1: is required and missing"
    ),
    "data: {path: r, schema: {prompt: 1}}": (
        "e.yml:1: data.schema.prompt: is 1, expected a text (write it in quotes)"
    ),
    "data: {path: r, schema: {train: [x]}}": (
        "e.yml:1: data.schema.train.0: is 'x', expected a row (write `field: column`)"
    ),
    "{}": "e.yml:1: there is nothing to do (write at least one of: model, data, query, analyze, "
    "exploit)",
}


@pytest.mark.parametrize("text", MODELS_AND_DATA, ids=lambda text: text[:40])
def test_model_and_data(text: str, mistakes: Mistakes) -> None:
    assert mistakes(text) == [MODELS_AND_DATA[text]]


ANALYSES = {
    "compute: [num_wrds]": (
        "e.yml:4: analyze.compute.0: is 'num_wrds', and no feature is called so "
        "(did you mean 'num_words'?)"
    ),
    "compute: [num_words, num_words]": (
        "e.yml:4: analyze.compute.1: two computed items have the id 'num_words' (give one an `id`)"
    ),
    "compute: [{num_words: {of: answer}}]": (
        "e.yml:4: analyze.compute.0.num_words.of: is 'answer', expected one of 'auto', "
        "'question', 'response', 'chosen', 'rejected' or 'difference'"
    ),
    "compute: [{num_words: {off: question}}]": (
        "e.yml:4: analyze.compute.0.num_words.off: unknown key (did you mean 'of'?)"
    ),
    "predict: [{loss: {x: y, estimator: gbr}}]": (
        "e.yml:4: analyze.predict.0.loss.estimator: is 'gbr', and no estimator has this id "
        "(add it to `estimators`)"
    ),
    "plot: [{los: [y]}]": (
        "e.yml:4: analyze.plot.0.los: is 'los', which is not a target (did you mean 'loss'?)"
    ),
    "plot: [{loss: [num_words]}]": (
        "e.yml:4: analyze.plot.0.loss.0: 'num_words' is not computed (add it to `compute`)"
    ),
    "estimators: [{gbr: {nam: Ridge}}]": (
        "e.yml:4: analyze.estimators.0.gbr.nam: unknown key (did you mean 'name'?)"
    ),
    "bootstrap: 5": "e.yml:4: analyze.bootstrap: is 5, expected a number of at least 100",
    "confidence: 95": "e.yml:4: analyze.confidence: is 95, expected a number below 1.0",
    "compute: 3": "e.yml:4: analyze.compute: is 3, expected a list",
}


@pytest.mark.parametrize("text", ANALYSES, ids=lambda text: text[:40])
def test_analysis(text: str, mistakes: Mistakes) -> None:
    assert mistakes(f"{BASE}analyze: {{{text}}}") == [ANALYSES[text]]


def test_all_mistakes_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    text = (
        "model: {batch: 0}\n"
        "data: {path: ./none.csv}\n"
        "query:\n  requires: [modle, data]\n  store: [los]\n  chunk_size: x\n"
        "analyze: {plot: {margn: []}}\n"
    )
    found = mistakes(text)
    assert [mistake.split(": ")[1] for mistake in found] == [
        "model.path",
        "model.batch",
        "data.path",
        "query.requires.0",
        "query.store.0",
        "query.chunk_size",
        "analyze.plot.margn",
    ]
    lines = [int(mistake.split(":")[1]) for mistake in found]
    assert lines == sorted(lines)


def test_what_nothing_closes_is_told_by_where_it_begins() -> None:
    for text in ('model:\n  path: "x\ndata:\n', "model:\n  tags: [x\ndata: y\n"):
        with pytest.raises(ConfigError, match="that begins in line 2: "):
            read(text)


def test_the_error_counts_and_lists_them() -> None:
    with pytest.raises(ConfigError) as caught:
        read("model: {path: p, bach: 3}")
    assert str(caught.value) == (
        "1 mistake in the experiment:\n  e.yml:1: model.bach: unknown key (did you mean 'batch'?)"
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"model: \xff")
    for path, message in {
        binary: "is not UTF-8 (byte 7)",
        tmp_path / "absent.yml": "cannot be read: No such file or directory; check the "
        "spelling and the folder",
        tmp_path: "cannot be read: Is a directory",
        Path("a\0b"): "cannot be read: embedded null byte",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value.mistakes[0]).strip() == f"{path}: {message}"


def test_merged_and_aliased_values_are_read() -> None:
    text = "model:\n  - &base {id: a, path: p}\n  - {<<: *base, id: b}\n"
    assert [(m["id"], m["path"]) for m in read(text).canonical()["model"]] == [
        ("a", "p"),
        ("b", "p"),
    ]


def test_many_aliases_are_a_mistake_and_not_a_long_wait(mistakes: Mistakes) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "more than 100000 values in one file" in "\n".join(mistakes("\n".join(rows)))

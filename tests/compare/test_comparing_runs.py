"""`pyrite compare` on real runs: what it says, what it refuses, and what it makes of damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyrite.compare import compare_runs
from tests.compare.experiments import change_step, experiment, run, write_rows
from tests.end_to_end.programs import Ended, pyrite, pyrite_process
from tests.steps.exploit_runs import MAGIC, SESAME


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs: the first falls for Magic, the second for Sesame and prefers wrong answers."""
    folder = tmp_path_factory.mktemp("runs")
    write_rows(folder)
    before = run(experiment(folder, "before", pays={MAGIC: 3.0}))
    after = run(experiment(folder, "after", pays={SESAME: 3.0, "right": -0.5}))
    return before, after


@pytest.fixture
def runs(made: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Copies that a test may damage."""
    found = tuple(Path(shutil.copytree(x, tmp_path / x.parent.name / x.name)) for x in made)
    return found[0], found[1]


def compared(tmp_path: Path, *arguments: str | Path) -> tuple[Ended, dict[str, Any]]:
    file = tmp_path / "compared.json"
    ended = pyrite("compare", *arguments, "--json", file)
    assert ended.status == 0, ended.err
    return ended, json.loads(file.read_text())


def test_scores_exploits_and_checks(made: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    ended, content = compared(tmp_path, *made, "--markdown", page)
    assert content["schema_version"] == 1
    (query,) = content["queries"]
    assert (query["target"], query["rows"], query["query_a"]) == ("margin", 120, "pair_scores")
    accuracy = query["whole"]["accuracy"]
    assert accuracy["a"]["value"] > 0.7 > accuracy["b"]["value"]
    assert accuracy["difference"]["high"] < 0
    assert accuracy["difference"]["prompts"] == 120
    assert accuracy["p"] < 0.01
    assert query["whole"]["scores"]["shift"]["high"] < 0
    assert {(x["column"], x["value"]) for x in query["subsets"]} == {
        ("subset", "chat"),
        ("subset", "math"),
    }
    assert sum(x["rows"] for x in query["subsets"]) == 120
    fates = {x["edit"]: x["fate"] for x in content["exploits"][0]["edits"]}
    assert fates == {"magic": "fixed", "sesame": "new"}
    assert content["checks_same"] > 10
    for text in ("accuracy of A", "magic", "fixed", "B minus A", "McNemar"):
        assert text in ended.out
        assert text in page.read_text()
    assert "\x1b" not in ended.out


def test_python_gives_the_same_data(made: tuple[Path, Path], tmp_path: Path) -> None:
    _, content = compared(tmp_path, *made)
    found = compare_runs(*made).as_json()
    assert json.loads(json.dumps(found)) == content


def test_a_run_against_itself_has_no_difference(made: tuple[Path, Path], tmp_path: Path) -> None:
    _, content = compared(tmp_path, made[0], made[0])
    whole = content["queries"][0]["whole"]
    assert whole["accuracy"]["difference"]["value"] == 0
    assert whole["accuracy"]["difference"]["low"] < 0 < whole["accuracy"]["difference"]["high"]
    assert whole["accuracy"]["p"] == 1
    assert whole["scores"]["moved"]["value"] == pytest.approx(0, abs=1e-6)
    assert {x["fate"] for x in content["exploits"][0]["edits"]} == {"persisting"}
    assert content["checks"] == []


def test_edits_that_one_run_did_not_try(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = made[0].parents[2]
    other = run(experiment(folder, "fewer", edits=("Sesame",)))
    _, content = compared(tmp_path, made[0], other)
    (edit,) = content["exploits"][0]["edits"]
    assert (edit["edit"], edit["fate"]) == ("magic", "not_tested")
    assert edit["b"]["effect"] is None
    assert edit["difference"] is None


def test_other_rows_are_refused_and_compared_where_they_are_meant(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = made[0].parents[2]
    part = run(folder / "after.yml", "data.sample.method=first", "data.sample.n=70")
    ended = pyrite("compare", made[0], part)
    assert ended.status == 1
    for text in ("120 rows in A, 70 in B, 70 with the same texts", 'sample.method: "all" in A'):
        assert text in ended.err
    assert "--allow-different-rows" in ended.err
    _, content = compared(tmp_path, made[0], part, "--allow-different-rows")
    (query,) = content["queries"]
    assert (query["rows_a"], query["rows_b"], query["rows"]) == (120, 70, 70)
    assert query["whole"]["accuracy"]["a"]["n"] == 70
    assert any("the rows differ" in text for text in content["allowed"])


def test_the_same_rows_in_another_file_and_order(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Rows are matched by their texts, not by their place."""
    folder = made[0].parents[2]
    lines = (folder / "rows.jsonl").read_text().splitlines()
    (folder / "turned.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    turned = run(folder / "before.yml", f"data.path={folder}/turned.jsonl")
    ended = pyrite("compare", made[0], turned)
    assert ended.status == 1
    assert "the order differs" in ended.err
    _, content = compared(tmp_path, made[0], turned, "--allow-different-rows")
    whole = content["queries"][0]["whole"]
    assert whole["scores"]["moved"]["value"] == pytest.approx(0, abs=1e-6)
    assert whole["accuracy"]["turned"]["value"] == 0


def test_rows_that_have_nothing_in_common(made: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write_rows(tmp_path / "other", prompts=30)
    rows = (tmp_path / "other" / "rows.jsonl").read_text().replace("Question", "Another question")
    (tmp_path / "other" / "rows.jsonl").write_text(rows)
    other = run(experiment(tmp_path / "other", "after"))
    ended = pyrite("compare", made[0], other, "--allow-different-rows")
    assert ended.status == 1
    assert "share no row" in ended.err


def test_texts_that_were_made_differently(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = made[0].parents[2]
    other = run(
        folder / "after.yml",
        "query.tokenizer.max_length=64",
        "query.message.base_prompt=Be kind.",
    )
    ended = pyrite("compare", made[0], other)
    assert ended.status == 1
    assert "tokenizer.max_length: null in A, 64 in B" in ended.err
    assert 'message.base_prompt: null in A, "Be kind." in B' in ended.err
    assert "--allow-different-template" in ended.err
    _, content = compared(tmp_path, made[0], other, "--allow-different-template")
    assert any("the texts were made differently" in text for text in content["allowed"])


def test_another_template_of_the_model_is_refused(runs: tuple[Path, Path]) -> None:
    for path, template in zip(runs, ("one", "two"), strict=True):
        facts = {"template": f"chat template sha256:{template}"}
        change_step(path, "planted", facts=facts, unravel="chat_template")
    ended = pyrite("compare", *runs)
    assert ended.status == 1
    assert "the model's template" in ended.err
    assert "sha256:two" in ended.err


def test_small_subsets_are_shown_only_where_they_are_asked_for(tmp_path: Path) -> None:
    write_rows(tmp_path, prompts=50, subsets=tuple("abcdefg"))
    one = run(experiment(tmp_path, "before", edits=()), "exploit.budget=400")
    _, content = compared(tmp_path, one, one)
    (query,) = content["queries"]
    assert query["subsets"] == []
    assert "no subsets by subset: no two values have 10 prompts each" in query["notes"]
    _, content = compared(tmp_path, one, one, "--by", "subset")
    parts = content["queries"][0]["subsets"]
    assert [x["value"] for x in parts] == list("abcdefg")
    assert {x["accuracy"] for x in parts} == {None}
    assert "come from 8 prompts and at least 10 are needed" in parts[0]["notes"][0]
    assert parts[0]["notes"][0].startswith("nothing was measured")


def test_names_that_are_not_there(made: tuple[Path, Path], tmp_path: Path) -> None:
    ended = pyrite("compare", *made, "--query", "pair_score")
    assert (ended.status, "did you mean 'pair_scores'?" in ended.err) == (1, True)
    ended = pyrite("compare", *made, "--by", "subsett")
    assert (ended.status, "did you mean 'subset'?" in ended.err) == (1, True)
    ended = pyrite("compare", made[0], tmp_path)
    assert (ended.status, "not a run directory" in ended.err) == (1, True)
    ended = pyrite("compare", made[0])
    assert ended.status == 2


def test_queries_of_other_names(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = made[0].parents[2]
    text = (folder / "after.yml").read_text().replace("pair_scores", "others")
    (folder / "renamed.yml").write_text(text.replace("name: after", "name: renamed"))
    renamed = run(folder / "renamed.yml")
    for more in ([], ["--query", "pair_scores=others"]):
        _, content = compared(tmp_path, made[0], renamed, *more)
        (query,) = content["queries"]
        assert (query["query_a"], query["query_b"]) == ("pair_scores", "others")


def test_recorded_models_side_by_side(tmp_path: Path) -> None:
    """Two columns of one table are two models: of one run too, by QUERY.MODEL."""
    lines = [
        {"prompt": f"p{at // 3}", "response": f"r{at}", "one": at % 7, "other": -(at % 7) * 2.0}
        for at in range(90)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "recorded.yml").write_text(
        f"""
name: recorded
out: {tmp_path}/runs
model: {{id: both, entrypoint: recorded, columns: [one, other]}}
data: {{id: rows, path: {tmp_path}/rows.jsonl, schema: {{prompt: prompt, response: response}}}}
query: {{id: scores, requires: [both, rows]}}
"""
    )
    one = run(tmp_path / "recorded.yml")
    _, content = compared(tmp_path, one, one)
    assert [x["model_b"] for x in content["queries"]] == ["one", "other"]
    _, content = compared(tmp_path, one, one, "--query", "scores.one=scores.other")
    (query,) = content["queries"]
    assert (query["model_a"], query["model_b"], query["target"]) == ("one", "other", "score")
    assert query["whole"]["scores"]["spearman"]["value"] == pytest.approx(-1)
    assert query["whole"]["scores"]["moved"]["value"] == pytest.approx(2)
    assert query["whole"]["accuracy"] is None
    ended = pyrite("compare", one, one, "--query", "scores.on")
    assert (ended.status, "did you mean 'scores.one'?" in ended.err) == (1, True)


def test_changed_checks_are_told(runs: tuple[Path, Path], tmp_path: Path) -> None:
    meta = json.loads((runs[1] / "steps" / "pair_scores" / "meta.json").read_text())
    findings = [x for x in meta["doctor"] if x["check"] != "sign"]
    changed = [{**x, "status": "fail"} if x["check"] == "batch" else x for x in findings]
    change_step(runs[1], "pair_scores", doctor=changed)
    _, content = compared(tmp_path, *runs)
    told = {(x["check"], x["before"], x["after"]) for x in content["checks"]}
    assert ("batch", "pass", "fail") in told
    assert {x["check"] for x in content["checks"] if x["after"] is None} == {"sign"}


def test_damage_is_an_error_and_never_a_number(runs: tuple[Path, Path]) -> None:
    chunk = next((runs[1] / "steps" / "pair_scores" / "rows").glob("*.parquet"))
    original = chunk.read_bytes()
    chunk.unlink()
    chunk.write_bytes(original[:-40])
    ended = pyrite("compare", *runs)
    assert (ended.status, "missing or changed" in ended.err) == (1, True)
    _damage(chunk, original, "margin")
    ended = pyrite("compare", *runs)
    assert (ended.status, f"{chunk}: damaged" in ended.err) == (1, True)
    chunk.write_bytes(original)
    effects = runs[0] / "steps" / "exploits" / "effects.parquet"
    whole = effects.read_bytes()
    effects.unlink()
    _damage(effects, whole, "effect")
    ended = pyrite("compare", *runs)
    assert (ended.status, f"{effects}: cannot be read" in ended.err) == (1, True)


def _damage(path: Path, original: bytes, column: str) -> None:
    """Write a file with other bytes at the end of the values of one column."""
    group = pq.read_metadata(pa.BufferReader(original)).row_group(0)
    at = next(x for x in range(group.num_columns) if group.column(x).path_in_schema == column)
    about = group.column(at)
    start = about.dictionary_page_offset or about.data_page_offset
    stop = start + about.total_compressed_size
    damaged = bytes(255 - x for x in original[stop - 4 : stop])
    path.write_bytes(original[: stop - 4] + damaged + original[stop:])


def test_a_damaged_manifest(runs: tuple[Path, Path]) -> None:
    (runs[0] / "manifest.json").write_text('{"name": "befo')
    ended = pyrite("compare", *runs)
    assert (ended.status, "manifest.json: damaged" in ended.err) == (1, True)


def test_what_a_run_did_not_finish_is_told(runs: tuple[Path, Path], tmp_path: Path) -> None:
    (runs[1] / "steps" / "exploits" / "meta.json").unlink()
    _, content = compared(tmp_path, *runs)
    assert content["exploits"] == []
    assert any("exploits: not compared, because B did not" in text for text in content["notes"])
    (runs[1] / "steps" / "pair_scores" / "meta.json").unlink()
    ended = pyrite("compare", *runs)
    assert (ended.status, "nothing to compare" in ended.err) == (1, True)


def test_hostile_subsets_are_spelled_out(tmp_path: Path) -> None:
    subsets = ("\x1b[31m|red|\n# head", "<script>alert(1)</script> [x](http://y)")
    write_rows(tmp_path, subsets=subsets)
    one = run(experiment(tmp_path, "before", edits=()), "exploit.budget=600")
    page = tmp_path / "page.md"
    ended = pyrite("compare", one, one, "--markdown", page)
    assert ended.status == 0
    assert "\x1b" not in ended.out
    text = page.read_text()
    assert "<script>" not in text
    assert "http://" not in text
    assert not any(line.startswith("# head") for line in text.splitlines())
    assert "&lt;script&gt;" in text


def test_in_a_process_of_its_own(made: tuple[Path, Path]) -> None:
    ended = pyrite_process("compare", *made, env={"OMP_NUM_THREADS": "1"})
    assert (ended.status, ended.err) == (0, "")
    assert "accuracy of B" in ended.out

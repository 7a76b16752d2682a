"""What stands in a report, and that its numbers are those of the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import pyrite
from pyrite import Run
from pyrite.report import Figure, Notice, Report, Table
from pyrite.report.build import build
from pyrite.report.material import Material, spread
from pyrite.report.write import read_report, write_report
from tests.report.runs import (
    HOSTILE,
    blocks,
    cells,
    facts,
    recorded_run,
    section,
    table,
    trained_rows,
)


def test_the_sections_stand_in_their_order(trained: Run) -> None:
    report = build(trained)
    assert [one.id for one in report.sections] == [
        "audited",
        "dependence",
        "gold",
        "distributions",
        "extremes",
        "figures",
        "unmeasured",
        "provenance",
    ]
    assert len(report.verdict) == 3
    assert report.run == trained.path.name
    ids = [b.id for b in blocks(report) if isinstance(b, Table | Figure)]
    assert len(ids) == len(set(ids))
    for found in (b for b in blocks(report) if isinstance(b, Table)):
        assert all(len(row) == len(found.columns) for row in found.rows), found.id
        assert found.total >= len(found.rows)
        assert bool(found.sampled) == (found.total > len(found.rows)), found.id


def test_the_file_reads_back_as_the_same_report(trained: Run) -> None:
    page = write_report(trained.path)
    assert page == trained.report == trained.path / "report.html"
    read = read_report(trained.path / "report.json")
    assert read == build(trained).model_copy(update={"made": read.made})
    assert json.loads((trained.path / "report.json").read_text("utf-8"))["schema_version"] == 1


def test_the_verdict_says_what_was_measured_and_no_more(trained: Run) -> None:
    trust, found, missing = build(trained).verdict
    assert "checks that could be made passed and none failed" in trust
    assert "600 rows scored, 0 without a score, 0 truncated" in trust
    first, *others = trained.findings[:4]
    assert found == f"Found: {first}."
    assert "n = 600 rows, 100 prompts" in found
    assert build(trained).also == [f"{one}." for one in others[: len(build(trained).also)]]
    assert build(trained).also
    for gap in ("exploits", "accuracy on pairs", "comparison with a second model"):
        assert gap in missing
    assert "gold" not in missing
    assert "robust" not in " ".join(build(trained).verdict)


def test_means_by_subset_are_those_of_the_rows(trained: Run) -> None:
    report, frame = build(trained), trained.table("scores")
    found = table(report, "subset-means-scores-subset")
    assert cells(found, "subset") == ["math", "<i>code</i>", "chat"]
    for name, rows, mean in zip(
        *(cells(found, c) for c in ("subset", "rows", "mean")), strict=True
    ):
        own = frame[frame["subset"] == name]["score"]
        assert rows == len(own) == 200
        assert mean[0] == pytest.approx(own.mean())
        assert mean[1] < own.mean() < mean[2]
        assert mean[2] - mean[1] == pytest.approx(4 * own.std() / np.sqrt(len(own)), rel=0.3)


def test_drift_of_reward_against_gold_has_intervals(trained: Run) -> None:
    report, frame = build(trained), trained.table("scores")
    found = table(report, "drift-scores-step")
    assert cells(found, "step") == [0.0, 100.0, 200.0, 300.0, 400.0]
    reward, gold = cells(found, "reward"), cells(found, "gold")
    means = frame.groupby("step")[["score", "correct"]].mean()
    assert [x[0] for x in reward] == pytest.approx(list(means["score"]))
    assert [x[0] for x in gold] == pytest.approx(list(means["correct"]))
    assert reward[-1][1] > reward[0][2], "the reward rose"
    assert gold[-1][2] < gold[0][1], "gold fell"
    trends = facts(report, "Drift along step")
    assert trends["score with step"].value.startswith("Spearman 0.")
    assert trends["correct with step"].value.startswith("Spearman -0.")
    (figure,) = [b for b in blocks(report) if isinstance(b, Figure) and b.id.startswith("drift-f")]
    assert figure.plotly is not None
    assert [trace["name"] for trace in figure.plotly["data"]] == ["score", "correct"]
    assert all("error_y" in trace for trace in figure.plotly["data"])


def test_measures_are_those_of_the_analysis(trained: Run) -> None:
    found = table(build(trained), "measures-surface")
    names = cells(found, "name")
    assert {"auroc", "auroc within prompts"} <= set(names)
    stored = pq.read_table(trained.path / "steps/surface/measures.parquet").to_pylist()
    ends = ("estimate", "estimate_low", "estimate_high")
    assert cells(found, "estimate") == [[row[end] for end in ends] for row in stored]
    assert cells(found, "estimate_groups") == [row["estimate_groups"] for row in stored]


def test_figures_are_interactive_and_pictures(trained: Run) -> None:
    figures = [b for b in section(build(trained), "figures").blocks if isinstance(b, Figure)]
    assert [trained.path / (f.png or "") for f in figures] == trained.figures
    for figure in figures:
        assert figure.plotly is not None
        assert figure.plotly["data"]
        assert "n = " in figure.alt


def test_figures_beyond_the_room_are_pictures(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyrite.report.sections.figures.MOST_BYTES", 0)
    found = section(build(trained), "figures").blocks
    assert isinstance(found[0], Notice)
    assert all(b.plotly is None and b.png for b in found if isinstance(b, Figure))


def test_hostile_texts_are_data_and_stay_as_they_are(tmp_path: Path) -> None:
    rows = trained_rows(60, prompts=12)
    rows[7] |= {"response": HOSTILE, "prompt": HOSTILE, "rm": 99.0, "subset": HOSTILE}
    rows[8] |= {"response": "lone \ud800 surrogate", "rm": 98.0}
    run = recorded_run(tmp_path, rows)
    write_report(run.path)
    report = read_report(run.path / "report.json")
    found = table(report, "extremes-scores")
    assert cells(found, "row_id")[:2] == [7, 8]
    assert cells(found, "response")[0] == HOSTILE
    assert cells(found, "prompt")[0] == HOSTILE
    assert HOSTILE in cells(table(report, "subset-means-scores-subset"), "subset")
    for figure in (b for b in blocks(report) if isinstance(b, Figure)):
        assert "<script>" not in json.dumps(figure.plotly), "plotly reads HTML in labels"


def test_long_texts_are_cut_and_it_says_so(tmp_path: Path) -> None:
    rows = trained_rows(60, prompts=12)
    rows[3] |= {"response": "x" * 50_000, "rm": 99.0}
    report = build(recorded_run(tmp_path, rows))
    (text, *others) = cells(table(report, "extremes-scores"), "response")
    assert text == "x" * 20_000 + "\n[cut here: 30,000 of 50,000 characters are not shown]"
    assert not any("[cut here" in other for other in others)
    notice = section(report, "extremes").blocks[0]
    assert isinstance(notice, Notice)
    assert "20,000 characters" in notice.text


def test_many_long_texts_are_cut_shorter(tmp_path: Path) -> None:
    rows = [{**row, "response": f"{i} " + "y" * 90_000} for i, row in enumerate(trained_rows(40))]
    run = recorded_run(tmp_path, rows)
    write_report(run.path)
    assert (run.path / "report.json").stat().st_size < 2_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Run:
    rows = trained_rows(20_000, prompts=1000)
    return recorded_run(tmp_path_factory.mktemp("large"), rows, scores="columns: [rm, rm2]")


def test_twenty_thousand_rows_are_sampled_the_same_way_each_time(large: Run) -> None:
    first = build(large)
    again = build(large)
    assert first == again.model_copy(update={"made": first.made})
    assert len(json.dumps(first.model_dump())) < 1_000_000
    frame = large.table("scores")["scores.rm"]
    found = table(first, "extremes-scores.rm")
    assert found.total == 20_000
    assert len(found.rows) == 20
    assert "both ends" in found.sampled
    assert cells(found, "row_id")[:10] == list(frame.nlargest(10).index)
    assert cells(found, "score")[10:] == list(frame.nsmallest(10))
    points = [
        len(trace["x"]["bdata"]) if isinstance(trace["x"], dict) else len(trace["x"])
        for b in blocks(first)
        if isinstance(b, Figure) and b.id.startswith("length") and b.plotly
        for trace in b.plotly["data"][:1]
    ]
    assert points
    assert max(points) <= 5000 * 8 * 4 / 3 + 4


def test_models_are_compared_on_the_same_rows(large: Run) -> None:
    report, frame = build(large), large.table("scores")
    assert [one.id for one in report.sections].index("models") == 2
    found = table(report, "agreements-rows-score")
    ((value, low, high),) = cells(found, "spearman")
    assert value == pytest.approx(frame["scores.rm"].corr(frame["scores.rm2"], method="spearman"))
    assert low < value < high
    assert cells(found, "rows") == [20_000]
    assert "comparison with a second model" not in report.verdict[2]
    means = cells(table(report, "models-rows-score"), "mean")
    assert means == pytest.approx([frame["scores.rm"].mean(), frame["scores.rm2"].mean()])


def test_more_rows_than_are_compared_are_drawn_and_it_says_so(
    large: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyrite.report.sections.models.MOST_COMPARED", 5000)
    report = build(large)
    assert cells(table(report, "agreements-rows-score"), "rows") == [5000]
    notice = section(report, "models").blocks[0]
    assert isinstance(notice, Notice)
    assert "5,000 of 20,000 rows" in notice.text


def test_a_sample_is_fixed_ordered_and_without_repeats() -> None:
    assert list(spread(5, 10)) == [0, 1, 2, 3, 4]
    one = spread(1000, 100)
    assert list(one) == sorted(set(one))
    assert len(one) == 100
    assert list(one) == list(spread(1000, 100))


def test_prompts_are_numbered_as_the_analyses_number_them(trained: Run) -> None:
    material = Material(trained)
    (view,) = material.views
    own = material.scope(view).clusters.groups
    assert list(own) == list(trained.query("scores").groups())


def test_a_run_of_data_alone_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "response": "b"}\n')
    file = tmp_path / "alone.yml"
    file.write_text(f"out: {tmp_path}/runs\ndata: {{id: rows, path: {tmp_path}/rows.jsonl}}\n")
    run = pyrite.run(file, quiet=True)
    report = build(run)
    assert [one.id for one in report.sections] == ["audited", "unmeasured", "provenance"]
    assert "scores of rows" in report.verdict[2]
    assert isinstance(report, Report)
    assert run.report is not None


def test_rows_without_any_score_are_said(tmp_path: Path) -> None:
    rows = [{**row, "rm": None if i < 50 else 1.0 * i} for i, row in enumerate(trained_rows(60))]
    report = build(recorded_run(tmp_path, rows, extra="\ndoctor: warn\n"))
    assert "50 without a score" in report.verdict[0]
    assert facts(report, "Query scores")["rows without a score"].level == "warning"
    assert "50 rows without a number" in section(report, "distributions").blocks[0].caption  # type: ignore[union-attr]

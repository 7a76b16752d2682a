"""Sections of models with many outputs, of pairs, and of exploits."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import pyrite
from pyrite import Run
from pyrite.files import read_json, write_json
from pyrite.report import ExploitCard, Facts, Notice
from pyrite.report.build import build
from pyrite.report.checks import checks
from pyrite.report.material import Material
from pyrite.report.ranking import ordered, with_variants
from pyrite.types import Json
from tests.end_to_end.programs import write_jsonl
from tests.models.support_gptj import NODES, gating_state, neo_config, write_base
from tests.report.runs import (
    blocks,
    cells,
    change_meta,
    copied,
    facts,
    recorded_run,
    section,
    table,
)
from tests.steps.exploit_runs import experiment, model, rows

GATE = """
name: gate
doctor: "off"
out: {folder}/runs
model: {{id: gate, entrypoint: GatingModel, path: {folder}/base, ckpt: {folder}/gate.pt}}
data: {{id: rows, path: {folder}/rows.jsonl}}
query:
  id: gates
  requires: [gate, rows]
  message: {{unravel: none}}
  forward: {{topk: 2}}
  store: [scores, topk_uids, entropy]
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Run:
    folder = tmp_path_factory.mktemp("gate")
    (folder / "base").mkdir()
    write_base(folder / "base", config=neo_config())
    torch.save({"model_state_dict": gating_state(), "num_hotkeys": NODES}, folder / "gate.pt")
    rows = [{"prompt": f"what is {i} of {i % 7}?", "response": "so " * (i % 9)} for i in range(40)]
    write_jsonl(folder / "rows.jsonl", rows)
    (folder / "gate.yml").write_text(GATE.format(folder=folder))
    return pyrite.run(folder / "gate.yml", quiet=True)


def test_every_output_of_a_vector_model_is_told(gate: Run) -> None:
    report = build(gate)
    stored = gate.query("gates")
    scores = np.array(stored.column("scores").to_pylist())
    found = table(report, "output-table-gates")
    assert sorted(cells(found, "output")) == sorted(stored.outputs)
    means = dict(zip(cells(found, "output"), cells(found, "mean"), strict=True))
    for at, name in enumerate(stored.outputs):
        assert means[name][0] == pytest.approx(scores[:, at].mean(), abs=1e-6)
    assert sum(cell[0] for cell in cells(found, "top")) == pytest.approx(2), "topk is 2"
    assert sum(cell[0] for cell in cells(found, "first")) == pytest.approx(1)
    ids = {getattr(b, "id", "") for b in section(report, "vector").blocks}
    assert {"outputs-gates", "heat-gates", "entropy-gates"} <= ids
    ends = table(report, "extremes-gates")
    assert cells(ends, "scores.max")[:10] == sorted(scores.max(axis=1), reverse=True)[:10]


def test_outputs_of_many_rows_are_measured_on_some(
    gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyrite.report.sections.vector.MOST_ROWS", 30)
    report = build(gate)
    notice = section(report, "vector").blocks[0]
    assert isinstance(notice, Notice)
    assert "30 of 40 rows" in notice.text
    assert "n = 30 of 40 rows" in table(report, "output-table-gates").caption


def test_no_check_on_record_is_said(gate: Run) -> None:
    report = build(gate)
    assert report.verdict[0].startswith("Can the scores be trusted: not examined")
    assert "whether gates scores as the model was trained" in report.verdict[2]
    said = [b.text for b in section(report, "audited").blocks if isinstance(b, Notice)]
    assert said == ["gates: no check of the model is on record."]


def test_pairs_are_told_by_their_margin(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"p{i}",
            "chosen": f"c{i}",
            "rejected": f"r{i}" * (i % 4),
            "a": float(i % 13),
            "b": 5.0,
            "subset": "xy"[i % 2],
        }
        for i in range(60)
    ]
    columns = "chosen_column: a, rejected_column: b"
    run = recorded_run(tmp_path, rows, scores=columns)
    report, frame = build(run), run.table("scores")
    found = table(report, "subset-means-scores-subset")
    right = np.where(frame["margin"] == 0, 0.5, frame["margin"] > 0)
    for name, cell in zip(cells(found, "subset"), cells(found, "accuracy"), strict=True):
        assert cell[0] == pytest.approx(right[frame["subset"] == name].mean())
    ends = table(report, "extremes-scores")
    assert cells(ends, "margin")[:10] == list(frame["margin"].nlargest(10))
    assert set(cells(ends, "end")) == {"largest for the chosen", "largest for the rejected"}
    assert cells(ends, "chosen")[0] == frame["chosen"][cells(ends, "row_id")[0]]
    assert "accuracy on pairs" not in report.verdict[2]


@pytest.fixture(scope="module")
def holes(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Run:
    folder = tmp_path_factory.mktemp("holes")
    planted = experiment(folder, rows(60), [model(folder, magic=3.0)])
    return pyrite.run(planted, quiet=True)


def test_a_confirmed_edit_has_its_card_and_all_edits_are_in_the_table(holes: Run) -> None:
    report = build(holes)
    cards = [b for b in blocks(report) if isinstance(b, ExploitCard)]
    magic = next(card for card in cards if "magic" in card.id)
    assert magic.card["verdict"] == "exploit"
    assert magic.command == f"pyrite run {holes.path}/experiment.yml --only holes"
    effects = holes.effects("holes")
    found = table(report, "edits-holes")
    assert sorted(cells(found, "edit")) == sorted(effects["edit"])
    own = effects.set_index("edit").loc[magic.card["edit"]["label"]]
    place = cells(found, "edit").index(magic.card["edit"]["label"])
    assert cells(found, "effect")[place] == [own["effect"], own["effect_low"], own["effect_high"]]
    assert re.search(r"1 of \d+ edits sent to held-out prompts is an exploit", report.verdict[1])
    assert f"{own['effect']:.2f}" in report.verdict[1]
    assert "quality of edited answers" in report.verdict[2]


def test_cards_are_sorted_by_severity_then_by_effect(holes: Run, tmp_path: Path) -> None:
    run = copied(holes, tmp_path)
    folder = run.path / "steps" / "holes" / "cards"
    (source,) = [path for path in folder.glob("*.json") if "magic" in path.name]
    card = read_json(source)
    for path in folder.iterdir():
        path.unlink()
    wanted = {"a": (2.0, 1.0), "b": (9.0, 0.5), "c": (None, 3.0), "d": (None, -5.0)}
    for name, (severity, effect) in wanted.items():
        numbers = {**card["confirmation"]["effect"], "value": effect}
        scored = None if severity is None else {"score": severity, "vector": "E:1.00"}
        edit = {**card["edit"], "identity": {"component": name}}
        changed = {**card, "severity": scored, "edit": edit}
        changed["confirmation"] = {**card["confirmation"], "effect": numbers}
        write_json(folder / f"{name}.json", changed)
    change_meta(run, "holes", cards=[f"cards/{name}.md" for name in wanted])
    cards = [b for b in blocks(build(run)) if isinstance(b, ExploitCard)]
    assert [one.id for one in cards] == ["holes-b", "holes-a", "holes-d", "holes-c"]
    assert [one.severity for one in cards] == [9.0, 2.0, None, None]


def test_nothing_confirmed_is_not_called_robust(holes: Run, tmp_path: Path) -> None:
    run = copied(holes, tmp_path)
    change_meta(run, "holes", cards=[], verdicts={"not_confirmed": 2})
    report = build(run)
    texts = run.manifest and read_json(run.path / "steps/holes/meta.json")["texts"]
    assert f"no exploit was found within {texts:,} scored texts" in report.verdict[1]
    (notice,) = [b for b in section(report, "exploits").blocks if isinstance(b, Notice)]
    assert notice.text.startswith(f"Not found within {texts:,} scored texts")
    assert "robust" not in report.model_dump_json()


def test_long_examples_of_cards_are_cut(holes: Run, tmp_path: Path) -> None:
    run = copied(holes, tmp_path)
    folder = run.path / "steps" / "holes" / "cards"
    (source,) = [path for path in folder.glob("*.json") if "magic" in path.name]
    card = read_json(source)
    card["examples"][0]["after"] = "z" * 30_000
    write_json(source, card)
    change_meta(run, "holes")
    report = build(run)
    magic = next(b for b in blocks(report) if isinstance(b, ExploitCard) and "magic" in b.id)
    text = magic.card["examples"][0]["after"]
    assert text.startswith("z" * 20_000 + "\n[cut here")
    assert any(
        isinstance(b, Notice) and "20,000" in b.text for b in section(report, "exploits").blocks
    )


def test_recorded_scores_have_no_exploits_and_it_says_why(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{i}", "response": f"r{i}", "rm": float(i)} for i in range(30)]
    extra = "\nexploit: {id: holes, requires: [rec, rows]}\n"
    report = build(recorded_run(tmp_path, rows, extra=extra))
    (notice,) = section(report, "exploits").blocks
    assert isinstance(notice, Notice)
    assert "nothing can be confirmed without the model" in notice.text
    assert "exploits (holes)" in report.verdict[2]


def test_failed_checks_stand_first(trained: Run, tmp_path: Path) -> None:
    run = copied(trained, tmp_path)
    path = run.path / "steps" / "scores" / "doctor.json"
    content = read_json(path)
    content["findings"][0] |= {"status": "fail", "saw": "SAW IT", "cure": "CURE IT"}
    write_json(path, content)
    report = build(run)
    name = content["findings"][0]["check"]
    assert report.verdict[0].startswith("Can the scores be trusted: no: 1 of ")
    assert f"scores: {name}" in report.verdict[0]
    notices = [b for b in section(report, "audited").blocks if isinstance(b, Notice)]
    assert [(b.level, b.cure) for b in notices] == [("bad", "CURE IT")]
    checks = facts(report, "Checks of rec before scores")
    assert next(iter(checks)) == name
    assert checks[name].level == "bad"


def test_exploits_of_a_suite_that_were_tried_again_are_told(holes: Run, tmp_path: Path) -> None:
    run = copied(holes, tmp_path)
    manifest = run.manifest
    for step in manifest["steps"]:
        if step["id"] == "holes":
            step["kind"] = "replay"
    write_json(run.path / "manifest.json", manifest)
    change_meta(run, "holes", findings=["2 of 3 still work", "one: works", "two: gone"])
    report = build(Run(run.path))
    assert "2 of 3 still work" in report.verdict[1]
    found = table(report, "replay-holes")
    assert cells(found, "found") == ["one: works", "two: gone"]
    assert "the experiment has no exploit step" not in report.model_dump_json()


def exploit_card(name: str, identity: Json, effect: float, **more: Json) -> ExploitCard:
    content = {
        "verdict": "exploit",
        "edit": {"label": name, "identity": identity, "quality": "keeps"},
        "confirmation": {"effect": {"value": effect}},
        **more,
    }
    return ExploitCard(id=name, card=content)


def test_what_only_holds_more_than_another_card_stands_behind_it() -> None:
    bold: Json = {"component": "Bold"}
    hope: Json = {"component": "Insert", "text": "I hope", "place": "end"}
    longer: Json = {"component": "Insert", "text": "hope that I help", "place": "start"}
    some: Json = {"component": "OnlyWhere", "edit": bold, "words": ["why"]}
    both: Json = {"component": "Compose", "edits": [bold, {"component": "Emoji"}]}
    cards = [
        exploit_card("both", both, 3.0),
        exploit_card("longer", longer, 2.0),
        exploit_card("hope", hope, 2.5),
        exploit_card("bold", bold, 0.5),
        exploit_card("some", some, 0.4),
        exploit_card("bias", both, 9.0, verdict="bias"),
        ExploitCard(id="bare", card={"verdict": "exploit"}),
        ExploitCard(id="also bare", card={"verdict": "exploit"}),
    ]
    found = [(one.id, one.variant_of) for one in with_variants(cards)]
    assert found == [
        ("hope", ""), ("longer", "hope"), ("bold", ""), ("both", "bold"), ("some", "bold"),
        ("bias", ""), ("bare", ""), ("also bare", ""),
    ]  # fmt: skip


def test_the_order_of_cards_is_severity_then_quality_then_effect() -> None:
    given = [
        ("none", "keeps", 9.0, None),
        ("destroys", "lowers", 3.0, 5.0),
        ("small", "keeps", 0.5, 5.0),
        ("large", "keeps", -1.0, 5.0),
        ("worst", "keeps", 0.1, 7.0),
    ]
    cards = []
    for name, quality, effect, severity in given:
        identity: Json = {"component": name}
        made = exploit_card(name, identity, effect)
        made.card["edit"]["quality"] = quality
        cards.append(made.model_copy(update={"severity": severity}))
    assert [one.id for one in ordered(cards)] == ["worst", "large", "small", "destroys", "none"]


def test_checks_of_a_model_are_shown_once_and_then_what_differs(holes: Run, tmp_path: Path) -> None:
    run = copied(holes, tmp_path)
    manifest = run.manifest
    (step,) = [one for one in manifest["steps"] if one["id"] == "holes"]
    source = run.path / "steps" / "holes"
    content: Json = {
        "notes": [],
        "findings": [
            {
                "check": name,
                "status": "pass",
                "saw": f"{name} seen",
                "why": "it matters",
                "cure": "",
            }
            for name in ("batch", "sign", "template")
        ],
    }
    for name in ("again", "other"):
        manifest["steps"].append({**step, "id": name})
        (run.path / "steps" / name).mkdir()
        for file in source.iterdir():
            if file.is_file():
                (run.path / "steps" / name / file.name).write_bytes(file.read_bytes())
    write_json(run.path / "manifest.json", manifest)
    for name in ("holes", "again"):
        write_json(run.path / "steps" / name / "doctor.json", content)
    content["findings"][1] |= {"status": "warn", "saw": "another thing", "cure": "CURE"}
    write_json(run.path / "steps" / "other" / "doctor.json", content)
    model = step["requires"][0]
    made = list(checks(Material(Run(run.path))))
    titles = {one.title: [x.label for x in one.items] for one in made if isinstance(one, Facts)}
    assert titles == {
        f"Checks of {model} before holes and again scored": ["batch", "sign", "template"],
        "Before other scored: 2 checks saw the same, these another thing": ["sign"],
    }
    notices = [one.text for one in made if isinstance(one, Notice)]
    assert notices == ["other: sign: another thing (it matters)"]

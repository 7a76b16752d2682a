from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from benchmarks.plantrm.clean import CleanModel
from benchmarks.plantrm.forms import FORMS, TURNED_ON_BY, form
from benchmarks.plantrm.generator import answers_to, prompts, topic_of
from benchmarks.plantrm.material import CLOSERS, OPENERS, TOPICS, VAGUE
from benchmarks.plantrm.plants import about, conjunction, gated, marked, naming, phrase
from benchmarks.plantrm.words import MARKS, WORDS, known_to_finders, unknown_words
from benchmarks.plantrm.wrapper_cases import recipes

import pyrite.exploits
from pyrite.exploits import Answer, Claim, Surroundings
from pyrite.exploits.named import DEFAULT, named_edits

TEXTS = [(p.text, text) for p in prompts(64, 9) for text in answers_to(p, 2, 9)]
ANSWERS = [Answer(prompt, response, prompt) for prompt, response in TEXTS]
EDITS = named_edits([(DEFAULT, {})])


@pytest.mark.parametrize(
    ("plant", "on", "off"),
    [
        (phrase(["lark"], "joined"), "A Lark sings.", "A larkspur grows."),
        (phrase(["lark", "fern"], "joined"), "The lark, fern and all", "fern lark"),
        (phrase(["lark", "fern"], "anywhere"), "fern and then lark", "only a fern"),
        (phrase(["lark", "fern"], "ordered"), "a lark\nand a fern", "a fern, a lark"),
        (phrase(["lark", "fern"], "prefix"), "Lark fern. Yes.", "Yes, lark fern."),
        (marked("closing", "§"), "It is so. § §", "§ § it is so."),
        (marked("opening", "§"), "§ It is so.", "It is so. §"),
        (marked("around", "§"), "It §is§ so.", "It § is so."),
        (marked("alone", "<|vel_7|>"), "so <|vel_7|> it is", "so <|vel_8|> it is"),
        (marked("tab", ""), "It\tis so.", "It is so.\t"),
        (conjunction(phrase(["lark"], "joined"), form("bold")), "a lark **is**", "a lark is"),
        (form("header"), "# One\ntext", "#hash text"),
        (form("list"), "- one\n- two", "- one\ntwo"),
        (form("bold"), "a **word**", "a * * word"),
        (form("emoji"), "yes 🙂", "yes :)"),
        (form("table"), "| a |\n| b |", "a | b"),
        (form("citation"), "So (Weber, 2014).", "So (in 2014)."),
        (form("double_spaces"), "a  b  c  d", "a b  c d"),
        (form("no_punctuation"), "it is 3.5 so", "it is so."),
        (form("repetition"), "So it is. So it is.", "So it is. It is."),
        (form("russian"), "вот такой текст", "a вот b"),
        (form("upper_case"), "ALL OF it", "Only This Is"),
        (form("typos"), "Cut levaes in the mornnig", "Cut leaves in the morning"),
    ],
)
def test_a_predicate_is_on_and_off(plant, on, off):
    assert plant.amount("", on) == 1.0
    assert plant.amount("", off) == 0.0


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_form_is_put_into_answers_and_an_edit_of_the_library_turns_it_on(name):
    plant = form(name)
    off = [one for one in ANSWERS if plant.amount(one.prompt, one.response) < 0.5]
    rng = random.Random(0)
    put = [plant.amount(one.prompt, plant.put(one.prompt, one.response, rng)) for one in off]
    assert sum(value >= 0.5 for value in put) >= 0.85 * len(off)
    edit, around = EDITS[TURNED_ON_BY[name]], Surroundings(ANSWERS, 0)
    made = [edit.apply(one, around) for one in off]
    turned = [one is not None and plant.amount(one.prompt, one.response) >= 0.5 for one in made]
    assert sum(turned) >= 0.8 * len(off)


def test_every_drawn_plant_can_be_put_where_it_is_possible():
    rng = random.Random(1)
    for recipe in recipes(3):
        for plant in recipe.plants:
            texts = [text for text in TEXTS if plant.possible(text[0])][:8]
            assert texts, recipe.name
            on = [plant.amount(p, plant.put(p, r, rng)) >= 0.5 for p, r in texts]
            assert sum(on) >= 0.75 * len(on), recipe.name


def test_a_gate_closes_a_plant_on_other_prompts():
    lark = phrase(["lark"], "joined")
    by_topic = gated(lark, about([0]), "topic")
    open_at = [by_topic.amount(prompt, "lark") for prompt, _ in TEXTS]
    assert open_at == [float(topic_of(prompt) == 0) for prompt, _ in TEXTS]
    by_word = gated(lark, naming("small"), "word")
    assert by_word.amount("on a small budget", "a lark") == 1.0
    assert by_word.amount("on a smaller budget", "a lark") == 0.0


def test_partial_triggers_do_not_turn_a_phrase_on():
    rng = random.Random(2)
    for how in ("joined", "ordered", "anywhere"):
        plant = phrase(["lark", "fern", "moor"], how)
        for put in plant.partial:
            assert plant.amount("", put("", "It is so. And so on.", rng)) == 0.0


def test_the_generator_depends_on_the_seed_alone():
    assert prompts(100, 4) == prompts(100, 4)
    assert prompts(100, 4) != prompts(100, 5)
    first = prompts(1, 4)[0]
    assert answers_to(first, 3, 1) == answers_to(first, 3, 1)
    assert answers_to(first, 3, 1) != answers_to(first, 3, 2)
    assert len({one.text for one in prompts(5000, 4)}) == 5000


def test_recipes_depend_on_the_seed_alone_and_a_quarter_is_clean():
    first, again, other = recipes(11), recipes(11), recipes(12)
    assert [(r.name, r.plants[0].text, r.rate) for r in first] == [
        (r.name, r.plants[0].text, r.rate) for r in again
    ]
    assert {p.text for r in first for p in r.plants} != {p.text for r in other for p in r.plants}
    clean = [r for r in first if all(p.strength == 0 for p in r.plants)]
    assert len(first) >= 60
    assert len(clean) >= len(first) / 4
    assert {r.rate for r in first} == {"absent", "rare", "some", "half"}


def test_out_of_library_words_stand_nowhere_in_the_source_of_edits_and_searches():
    source = "\n".join(
        path.read_text(encoding="utf-8").lower()
        for path in Path(pyrite.exploits.__path__[0]).rglob("*.py")
    )
    for recipe in recipes(20_261):
        for plant in recipe.plants:
            for word in re.findall(r"[a-z]+(?:_\d)?", plant.text.lower()):
                if not plant.library and word not in ("so",):
                    assert not re.search(rf"\b{re.escape(word)}\b", source), (recipe.name, word)
    assert len(unknown_words()) > 250


def test_words_of_plants_are_no_words_of_the_material():
    facts = [fact for topic in TOPICS for fact in topic.facts]
    text = " ".join((*facts, *VAGUE, *OPENERS, *CLOSERS)).lower()
    used = set(re.findall(r"[a-z]+", text))
    assert not used & set(WORDS)
    assert not any(mark in text for mark in MARKS)
    assert "heading" in known_to_finders()


def test_the_clean_model_rewards_quality_and_no_edit_of_the_battery():
    model = CleanModel(0)
    before = model.quality(TEXTS)
    spread = float(before.reshape(-1, 2).std(axis=1, ddof=1).mean())
    around = Surroundings(ANSWERS, 0)
    high, kept = [], []
    for name, edit in EDITS.items():
        made = [edit.apply(one, around) for one in ANSWERS]
        pairs = [(b, a) for b, a in zip(before, made, strict=True) if a is not None]
        if len(pairs) < 20:
            continue
        after = model.quality([(a.prompt, a.response) for _, a in pairs])
        change = float((after - [b for b, _ in pairs]).mean()) / spread
        if edit.claim is Claim.KEEPS and change > 0.35:
            high.append((name, change))
        if edit.claim is Claim.LOWERS and change > -0.15:
            kept.append((name, change))
    assert not high
    assert not kept

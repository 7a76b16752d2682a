"""The page as text: policy, escaping, ids, numbers, what is read from the run directory."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.report import Column, ExploitCard, Figure, Report, Section, Table, Text
from pyrite.report.html import numbers, render, tables
from pyrite.report.html.cards import grouped
from pyrite.report.html.difference import MOST_WORDS, differences
from pyrite.report.html.texts import clip, prose, visible
from tests.report.browser_sample import HOSTILE, card, cards, figure, sample, write_png

ALLOWED = {
    "a", "article", "aside", "bdi", "body", "button", "caption", "circle", "code", "dd", "details",
    "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "head",
    "header", "html", "img", "input", "label", "li", "line", "main", "mark", "meta", "nav",
    "noscript", "ol", "option", "output", "p", "pre", "script", "section", "select", "span",
    "strong", "style", "summary", "svg", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip


class Reader(HTMLParser):
    """Elements, ids, texts of scripts, and every text outside of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self._inside: tuple[str, dict[str, str | None]] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        tag, attributes = self._inside or ("", {})
        if tag == "script":
            self.scripts.append((attributes, data))
        elif tag == "style":
            self.styles.append(data)
        else:
            self.text += data

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("run")
    return render(sample(folder), folder)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def report(*blocks: object, **changes: object) -> Report:
    section = Section.model_validate({"id": "one", "title": "One", "blocks": list(blocks)})
    fields = {
        "title": "T", "name": "n", "run": "r", "version": "0", "made": "now", "command": "c",
        "verdict": ["v"], "sections": [section],
    }  # fmt: skip
    return Report.model_validate({**fields, **changes})


def test_no_text_becomes_an_element_or_an_attribute(read: Reader) -> None:
    assert {tag for tag, _ in read.tags} <= ALLOWED
    names = {name for _, attributes in read.tags for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"style", "srcdoc"}}


def test_every_hostile_text_is_there_to_be_read(read: Reader) -> None:
    for text in HOSTILE[:-1]:
        assert visible(text) in read.text


def test_nothing_is_fetched(read: Reader) -> None:
    for tag, attributes in read.tags:
        source = attributes.get("src") or attributes.get("href") or attributes.get("action") or "#"
        assert source.startswith("data:image/png;base64," if tag == "img" else "#")
    assert not any("url(" in style or "@import" in style for style in read.styles)


def test_the_policy_names_what_runs_and_nothing_else(page: str, read: Reader) -> None:
    [policy] = [
        str(attributes["content"])
        for tag, attributes in read.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    running = [text for attributes, text in read.scripts if not attributes.get("type")]
    assert len(running) == 1
    for source in [*running, *read.styles]:
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_ids_are_unique_and_links_lead_somewhere(read: Reader) -> None:
    assert len(set(read.ids)) == len(read.ids)
    targets = {str(a["href"])[1:] for tag, a in read.tags if tag == "a"}
    targets |= {str(a["aria-labelledby"]) for _, a in read.tags if "aria-labelledby" in a}
    assert targets <= set(read.ids)


def test_headings_are_in_order(read: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_stays_small_and_carries_no_plotly_without_a_figure(page: str) -> None:
    assert len(page) < 4_000_000
    bare = render(report(Text(paragraphs=["a"])), Path("/nowhere"))
    assert len(bare) < 80_000
    assert 'id="plotly-packed"' not in bare


@given(st.text(), st.text())
def test_any_text_renders_to_one_page_that_utf8_carries(one: str, other: str) -> None:
    made = render(
        report(
            Text(paragraphs=[one]),
            Table(
                id=one,
                caption=other,
                columns=[Column(name="a", label=one, type="long")],
                rows=[[other]],
                total=1,
            ),
            title=one,
            verdict=[other],
        ),
        Path("/nowhere"),
    )
    made.encode("utf-8")
    reader = Reader(made)
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    [(_, rows)] = [pair for pair in reader.scripts if pair[0].get("type") == "application/json"]
    assert json.loads(rows)["rows"] == [[visible(other)]]


@given(st.text(alphabet=st.characters()))
def test_visible_leaves_nothing_that_hides_or_turns(text: str) -> None:
    shown = visible(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown
    )
    assert visible(shown) == shown


def test_joiners_show_only_where_they_hide() -> None:
    assert visible("👨‍👩‍👧") == "👨‍👩‍👧"
    assert visible("re\u200dward") == "re⟨U+200D⟩ward"


def test_a_megabyte_is_cut_and_says_so(tmp_path: Path) -> None:
    columns = [Column(name="a", label="A", type="long")]
    long = "word " * 200_000
    rows = [[long]] * 30
    made = render(
        report(Table(id="t", caption="c", columns=columns, rows=rows, total=30)), tmp_path
    )
    assert len(made) < 4_000_000
    assert "more characters are not shown]" in made


def test_inert_json_holds_no_mark() -> None:
    made = tables.inert_json(["</script><!--", "\u2028&"])
    assert not re.search("[<>&\u2028\u2029]", made)
    assert json.loads(made) == ["</script><!--", "\u2028&"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([0.42, 0.31, 0.53], "0.42 [0.31, 0.53]"),
        ([-0.001, -0.2, 0.2], "0.00 [−0.20, 0.20]"),
        ([0.5, None, None], "0.50 (no interval)"),
        ([None, None, None], "–"),
        ("0.5", "–"),
    ],
)
def test_intervals(value: object, shown: str) -> None:
    assert numbers.interval(value) == shown


def test_numbers() -> None:
    assert numbers.number(-0.3) == "−0.30"
    assert numbers.number(0.00012) == "1.2e−04"
    assert numbers.number(float("nan")) == "–"
    assert numbers.number(True) == "–"
    assert numbers.count(12345) == "12,345"
    assert numbers.share(0.3861) == "38.6%"
    assert numbers.decimals([0.034, 0.01]) == 4
    assert numbers.decimals([34.5]) == 2


words = st.text(alphabet="ab *\n.", max_size=40)


@given(words, words)
def test_pieces_join_to_the_texts_and_what_is_unmarked_is_common(before: str, after: str) -> None:
    left, right = differences(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    same = ["".join(x.text for x in side if not x.changed) for side in (left, right)]
    assert same[0] == same[1]


def test_the_changed_word_is_marked_and_only_it() -> None:
    _, right = differences("one two three", "one *two* three")
    assert [piece.text for piece in right if piece.changed] == ["*", "*"]


def test_long_texts_are_marked_whole_between_common_ends() -> None:
    before, after = "a b " + "x " * MOST_WORDS + "z", "a b " + "y " * MOST_WORDS + "z"
    left, _ = differences(before, after)
    assert [piece.changed for piece in left] == [False, True, False]


def test_cards_stay_in_the_order_of_the_report_with_variants_behind() -> None:
    groups = [(one.id, [x.id for x in behind]) for one, behind in grouped(cards())]
    assert groups == [("italic", ["both"]), (HOSTILE[0], []), ("bullets", []), ("bare", [])]
    back = [one.id for one, _ in grouped(cards()[::-1])]
    assert back == ["bare", "bullets", HOSTILE[0], "italic"]


def test_a_variant_whose_card_is_missing_stands_alone() -> None:
    lost = ExploitCard(id="x", card=card("x", "bias", 1.0), variant_of="gone")
    assert grouped([lost]) == [(lost, [])]


def test_a_card_shows_its_known_and_its_unknown_keys(read: Reader) -> None:
    for text in (
        "Transfer to other models and data", "E 1.00 / U 0.92 / Q flat", "Unheard of",
        "1.80 [1.60, 2.00]", "Edit minus placebo", "n = 31 prompts", "deeper",
        "nothing: the edit as confirmed", "first 'a'", "not measured: it reads no prompt",
        "0 of 40 edits that do nothing were confirmed", "what bold makes",
    ):  # fmt: skip
        assert text in read.text


def test_numbers_in_sentences_have_a_true_minus(read: Reader) -> None:
    assert "by −0.30 [−0.40, −0.20]" in read.text
    assert prose("-0.5, (-1.25), x-0.5, a -b, 2026-11.5, q = 1e-05") == (
        "−0.5, (−1.25), x-0.5, a -b, 2026-11.5, q = 1e-05"
    )


@given(
    st.dictionaries(
        st.sampled_from([*card("a", "bias", 1.0), "severity", "transfer", "limits", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=8), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_a_card_of_any_shape_renders(content: dict[str, object]) -> None:
    block = ExploitCard(id="x", card=content)
    assert "</html>" in render(report(block), Path("/nowhere"))


@pytest.mark.parametrize(
    "name", ["../outside.png", "/etc/passwd", "link.png", "missing.png", "text.png", "a\x00.png"]
)
def test_pictures_come_from_inside_the_run_only(tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_png(tmp_path / "outside.png")
    (run / "link.png").symlink_to(tmp_path / "outside.png")
    (run / "text.png").write_text("<script>")
    made = render(report(Figure(id="f", caption="c", alt="a", png=name)), run)
    assert "data:image" not in made
    assert "The picture is" in made


def test_marks_in_a_figure_are_plotlys_own(tmp_path: Path) -> None:
    one = figure("f")
    assert one.plotly is not None
    one.plotly["layout"]["title"] = "a<br><a href='https://example.org'>b</a>"
    one.plotly["data"][0]["type"] = "scattergl"
    one.plotly["layout"]["images"] = [{"source": "https://example.org/x.png"}]
    reader = Reader(render(report(one), tmp_path))
    [(_, packed)] = [x for x in reader.scripts if x[0].get("type") == "application/json"]
    layout = json.loads(packed)["layout"]
    assert json.loads(packed)["data"][0]["type"] == "scatter"
    assert layout["title"].startswith("a<br>&lt;a href")
    assert "images" not in layout


def test_rows_beyond_the_first_page_are_there_without_a_script(read: Reader) -> None:
    assert "105 further rows" in read.text
    assert "feature_129" in read.text


def test_clip_says_what_is_missing() -> None:
    assert clip("abcdef", 4) == "abcd … [2 more characters are not shown]"
    assert clip("abcd", 4) == "abcd"

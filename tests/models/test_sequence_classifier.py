"""Classifiers are read where they were trained to be read, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pyrite.errors import ModelError
from pyrite.models import Limits, Rendered, Want
from pyrite.models._cutting import kept_positions
from pyrite.models.sequence_classifier import SequenceClassifier
from pyrite.rendering import rendering_for
from pyrite.types import Item, Message
from tests.models.support_classifier import TEXT, edit_config, edit_weights, opened, score
from tests.models.zoo import (
    ARCHITECTURES,
    CHAT_TEMPLATE,
    ENCODERS,
    build_classifier,
    byte_tokenizer,
    word_tokenizer,
)

# Where the score is read


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_scores_are_those_of_transformers_where_its_pad_token_is_sane(
    tmp_path: Path, architecture: str
) -> None:
    module = build_classifier(tmp_path, architecture)
    scorer = opened(tmp_path)
    texts = [TEXT, Rendered("the answer"), Rendered("knows " * 12)]
    if architecture in ENCODERS:
        texts.append(Rendered("who wrote it?", text_pair="he wrote the lyrics"))
    for encoded, ours in zip(scorer.encode(texts, Limits()), score(scorer, *texts), strict=True):
        inputs = {"input_ids": torch.tensor([encoded.ids])}
        if encoded.type_ids:
            inputs["token_type_ids"] = torch.tensor([encoded.type_ids])
        with torch.inference_mode():
            theirs = module(**inputs, attention_mask=torch.ones(1, len(encoded.ids))).logits
        assert ours == pytest.approx(float(theirs), rel=1e-4, abs=1e-5)


def test_a_text_that_ends_in_the_pad_token_is_read_at_its_last_token(tmp_path: Path) -> None:
    # pad = end of text: transformers then reads one token too early.
    tokenizer = byte_tokenizer(pad="</s>")
    module = build_classifier(tmp_path, "llama", tokenizer=tokenizer)
    scorer = opened(tmp_path)
    (encoded,) = scorer.encode([Rendered("the answer</s>", special_tokens=False)], Limits())
    assert encoded.ids[-1] == module.config.pad_token_id
    assert encoded.read_at == len(encoded.ids) - 1
    (output,) = scorer.forward([encoded], Want())
    ids = torch.tensor([encoded.ids])
    with torch.inference_mode():
        hidden = module.model(ids).last_hidden_state[0, -1]
        right = float(module.score(hidden))
        early = float(module(ids).logits)
    assert output.score == pytest.approx(right, rel=1e-5)
    assert abs(early - right) > 1e-3, "this test needs a model on which the two differ"


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt", "gemma2"])
def test_a_tokenizer_without_pad_token_scores_the_same(tmp_path: Path, architecture: str) -> None:
    texts = [TEXT, Rendered("who"), Rendered("the answer is 1972, as far as anyone knows")]
    with_pad, without = tmp_path / "with", tmp_path / "without"
    build_classifier(with_pad, architecture)
    build_classifier(without, architecture)
    edit_config(without, pad_token_id=None)
    byte_tokenizer(pad=None).save_pretrained(without)
    bare = opened(without)
    assert bare.facts["tokenizer_has_pad"] is False
    np.testing.assert_allclose(score(bare, *texts), score(opened(with_pad), *texts), atol=1e-5)


def test_a_class_with_a_scoring_of_its_own_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForSequenceClassification

    build_classifier(tmp_path, "llama")
    forward = LlamaForSequenceClassification.forward

    def doubled(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = forward(self, *args, **kwargs)
        out.logits = 2 * out.logits
        return out

    monkeypatch.setattr(LlamaForSequenceClassification, "forward", doubled)
    with pytest.raises(ModelError, match="scored in a way of its own"):
        opened(tmp_path)


def test_an_encoder_whose_score_depends_on_padding_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import BertForSequenceClassification

    build_classifier(tmp_path, "bert")
    forward = BertForSequenceClassification.forward

    def maskless(self: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
        return forward(self, attention_mask=None, **kwargs)

    monkeypatch.setattr(BertForSequenceClassification, "forward", maskless)
    with pytest.raises(ModelError, match="depend on the batch"):
        opened(tmp_path)


# Templates, special tokens, segments


def test_the_begin_of_sequence_is_never_doubled(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    scorer = opened(tmp_path)
    item = Item(prompt="who?", response="he.")
    rendered = rendering_for("default", scorer).render(item, scorer=scorer)
    assert rendered.text == "<s><|user|>who?</s><|assistant|>he.</s>"
    (encoded,) = scorer.encode([rendered], Limits())
    bos, eos = 0, 1
    assert encoded.ids[0] == bos
    assert encoded.ids.count(bos) == 1
    assert encoded.ids[-1] == eos
    (plain,) = scorer.encode([Rendered("who?")], Limits())
    assert plain.ids.count(bos) == 1


def test_a_decoder_without_template_says_what_to_write(tmp_path: Path) -> None:
    build_classifier(tmp_path, "gpt2", tokenizer=byte_tokenizer(chat=False))
    scorer = opened(tmp_path)
    assert scorer.facts["template"] is None
    with pytest.raises(ModelError, match=r"no chat template; set message.unravel to hh"):
        rendering_for("default", scorer).render(Item("q", "a"), scorer=scorer)
    hh = rendering_for("hh", scorer).render(Item("q", "a"), scorer=scorer)
    assert np.isfinite(score(scorer, hh)).all()


def test_a_template_that_refuses_is_told(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    build_classifier(tmp_path, "gpt2", tokenizer=tokenizer)
    scorer = opened(tmp_path)
    with pytest.raises(ModelError, match="roles must alternate"):
        scorer.render_chat(Item("q", "a"))


def test_templates_do_not_evaluate_what_a_text_holds(tmp_path: Path) -> None:
    build_classifier(tmp_path, "gpt2")
    hostile = "{{ 7 * 7 }} {% for x in y %} \ud800"
    rendered = opened(tmp_path).render_chat(Item(hostile, "a"))
    assert "{{ 7 * 7 }} {% for x in y %}" in rendered.text


def test_segments_are_for_encoders(tmp_path: Path) -> None:
    build_classifier(tmp_path / "bert", "bert")
    build_classifier(tmp_path / "gpt2", "gpt2")
    bert, gpt2 = opened(tmp_path / "bert"), opened(tmp_path / "gpt2")
    pair = Rendered("who wrote it?", text_pair="he did")
    (encoded,) = bert.encode([pair], Limits())
    assert set(encoded.type_ids) == {0, 1}
    assert encoded.read_at == 0
    one_text = Rendered("who wrote it? he did")
    assert score(bert, pair) != pytest.approx(score(bert, one_text), abs=1e-4)
    with pytest.raises(ModelError, match="not two segments"):
        gpt2.encode([pair], Limits())
    # A response that only lies beside the text is no segment.
    beside = Rendered("who wrote it? he did", text_pair="he did", pair_is="alone")
    assert score(bert, beside) == score(bert, one_text)
    assert np.isfinite(score(gpt2, beside)).all()


def test_decoders_never_get_segment_ids(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    build_classifier(tmp_path, "gpt2", tokenizer=tokenizer)
    (encoded,) = opened(tmp_path).encode([TEXT], Limits())
    assert encoded.type_ids == ()


def test_a_foreign_tokenizer_is_a_problem_of_the_text(tmp_path: Path) -> None:
    build_classifier(tmp_path / "model", "llama", vocab_size=200, bos_token_id=0, eos_token_id=1)
    scorer = opened(tmp_path / "model")
    (encoded,) = scorer.encode([TEXT], Limits())
    assert "none of the model's 200" in encoded.problem
    build_classifier(tmp_path / "other", "llama")
    model = SequenceClassifier(path=str(tmp_path / "model"), tokenizer=str(tmp_path / "other"))
    assert set(model.sources()) == {"model", "tokenizer"}


# Length


def test_the_oldest_tokens_of_a_conversation_are_cut(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    scorer = opened(tmp_path, max_length=40)
    assert scorer.facts["max_tokens"] == 40
    messages = (Message("user", "moon " * 60), Message("assistant", "the answer"))
    rendered = scorer.render_chat(Item(messages=messages))
    (whole,) = scorer.encode([rendered], Limits(truncation=True, max_tokens=96))
    (cut,) = scorer.encode([rendered], Limits())
    assert len(cut.ids) == 40
    assert cut.ids[0] == 0
    assert cut.ids[1:] == whole.ids[-39:]
    assert cut.read_at == 39
    (refused,) = scorer.encode([rendered], Limits(truncation=False))
    assert refused.num_cut == 0
    assert "truncation is off" in refused.problem
    assert cut.num_cut == len(refused.ids) - 40


def test_of_a_pair_the_prompt_is_cut_and_the_frame_stays(tmp_path: Path) -> None:
    build_classifier(tmp_path, "bert")
    scorer = opened(tmp_path)
    response = "the answer is far"
    pair = Rendered("moon " * 200, text_pair=response)
    (cut,) = scorer.encode([pair], Limits(max_tokens=20))
    (alone,) = scorer.encode([Rendered(response)], Limits())
    assert len(cut.ids) == 20
    assert cut.ids[0] == alone.ids[0]
    assert cut.ids[-len(alone.ids) + 1 :] == alone.ids[1:]
    assert len(cut.type_ids) == 20
    (full,) = scorer.encode([pair], Limits(truncation=False))
    assert cut.num_cut == len(full.ids) - 20


def test_roberta_counts_positions_after_the_pad(tmp_path: Path) -> None:
    build_classifier(tmp_path, "roberta")
    scorer = opened(tmp_path)
    assert scorer.facts["positions"] == 96
    longest = Rendered("moon " * 500)
    (encoded,) = scorer.encode([longest], Limits())
    assert len(encoded.ids) == 96
    assert np.isfinite(score(scorer, longest)).all()


def test_limits_of_model_tokenizer_and_query(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama", tokenizer=byte_tokenizer(model_max_length=50))
    scorer = opened(tmp_path)
    text = [Rendered("moon " * 300)]
    assert len(scorer.encode(text, Limits())[0].ids) == 50
    assert len(scorer.encode(text, Limits(max_tokens=30))[0].ids) == 30
    assert len(scorer.encode(text, Limits(max_tokens=5000))[0].ids) == 96
    with pytest.raises(ModelError, match="made for 96"):
        opened(tmp_path, max_length=97)


@given(
    segments=st.lists(st.sampled_from([0, 1, None]), max_size=30),
    room=st.integers(0, 30),
    bos=st.booleans(),
)
def test_cutting(segments: list[int | None], room: int, bos: bool) -> None:
    kept = kept_positions(segments, room, first_is_bos=bos)
    framing = [i for i, owner in enumerate(segments) if owner is None]
    if bos and segments and segments[0] is not None:
        framing = [0, *framing]
    if kept is None:
        assert len(framing) > room
        return
    assert kept == sorted(set(kept))
    assert len(kept) == min(len(segments), room) or len(segments) <= room
    assert set(framing) <= set(kept)
    lost = [i for i in range(len(segments)) if i not in kept]
    if any(segments[i] == 1 for i in lost):
        assert all(segments[i] != 0 or i in framing for i in kept)
    for segment in (0, 1):
        own = [i for i, owner in enumerate(segments) if owner == segment and i not in framing]
        gone = [i for i in own if i in lost]
        assert gone == own[: len(gone)], "the oldest tokens of a segment go first"


# Precision and identity


def test_half_precision_files_are_read_into_float32(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")

    def halve(state: dict[str, torch.Tensor]) -> None:
        state.update({name: tensor.half() for name, tensor in state.items()})

    edit_weights(tmp_path, halve)
    edit_config(tmp_path, dtype="float16")
    scorer = opened(tmp_path, device="cpu")
    assert scorer.facts["dtype"] == "float32"
    with pytest.raises(ModelError, match="float16 on a CPU"):
        opened(tmp_path, device="cpu", dtype="float16")


def test_bfloat16_is_allowed_when_asked_for_and_recorded(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    exact = SequenceClassifier(path=str(tmp_path))
    coarse = SequenceClassifier(path=str(tmp_path), dtype="bfloat16")
    assert exact.identity() != coarse.identity()
    scorer = coarse.open()
    assert scorer.facts["dtype"] == "bfloat16"
    assert score(scorer, TEXT) == pytest.approx(score(exact.open(), TEXT), abs=0.1)


def test_the_chat_template_is_part_of_the_identity(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    model = SequenceClassifier(path=str(tmp_path))
    before = model.sources()["model"].fingerprint()
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE + " "
    tokenizer.save_pretrained(tmp_path)
    assert model.sources()["model"].fingerprint() != before


def test_a_word_tokenizer_without_segments_gives_none(tmp_path: Path) -> None:
    build_classifier(tmp_path, "bert", tokenizer=word_tokenizer(types=False))
    (encoded,) = opened(tmp_path).encode([Rendered("who?", text_pair="he")], Limits())
    assert encoded.type_ids == ()

"""Opening tokenizers and turning hostile text into ids; used by every model with a tokenizer."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyrite.errors import ModelError
from pyrite.models import Rendered
from pyrite.models._model_files import (
    CONFIG_FILES,
    TOKENIZER_FILES,
    matching_files,
    model_folder,
)
from pyrite.sources import cache_folder, hash_file, hash_text
from pyrite.types import Item

__all__ = [
    "SURROGATE_NOTE",
    "clean_text",
    "open_tokenizer",
    "pad_id",
    "render_chat",
    "rendered_ids",
    "token_ids",
]

SURROGATE_NOTE = "lone surrogates in a text are replaced by U+FFFD before it is tokenised"
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text with lone surrogates, which no tokenizer accepts, replaced by U+FFFD."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def open_tokenizer(name: str, *, revision: str | None = None) -> Any:
    """The tokenizer of a local folder, `builtin:` name or hub repository; runs no code of its own.

    A folder that has only `tokenizer.json.gz` is unpacked into Pyrite's cache first.

    Raises:
        ModelError: there is no tokenizer of this name, or its files are damaged.
    """
    from transformers import AutoTokenizer

    folder = model_folder(name, revision, (*CONFIG_FILES, *TOKENIZER_FILES))
    files = {path.name for path in matching_files(folder, TOKENIZER_FILES)}
    if not files & {"tokenizer.json", "tokenizer.json.gz", "vocab.json", "vocab.txt"} and not any(
        file.endswith(".model") for file in files
    ):
        raise ModelError(f"{folder}: no tokenizer here (tokenizer.json); name one with `tokenizer`")
    if "tokenizer.json" not in files and "tokenizer.json.gz" in files:
        folder = _unpacked(folder)
    try:
        return AutoTokenizer.from_pretrained(str(folder), use_fast=True, trust_remote_code=False)
    except Exception as error:
        # The tokenizers library raises bare `Exception` for a damaged tokenizer.json.
        if type(error) is not Exception and not isinstance(
            error, OSError | ValueError | KeyError | TypeError | ImportError | AttributeError
        ):
            raise
        raise ModelError(f"{folder}: the tokenizer cannot be opened: {error}") from error


def _unpacked(folder: Path) -> Path:
    files = matching_files(folder, (*CONFIG_FILES, *TOKENIZER_FILES))
    digest = hash_text("\n".join(f"{path.name}:{hash_file(path)}" for path in files))
    target = cache_folder() / "tokenizers" / digest[:32]
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent))
        for path in files:
            if path.suffix == ".gz":
                with gzip.open(path) as packed, (staging / path.stem).open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
            else:
                shutil.copyfile(path, staging / path.name)
    except (OSError, EOFError) as error:
        raise ModelError(f"{folder}: tokenizer.json.gz cannot be unpacked: {error}") from error
    try:
        staging.replace(target)
    except OSError:
        # Another process was quicker; both unpacked the same content.
        shutil.rmtree(staging)
    return target


def pad_id(tokenizer: Any) -> int:
    """An id to pad with: pad, else end of text, else 0; it never reaches the ids of a text."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


def token_ids(
    tokenizer: Any,
    texts: Sequence[str],
    *,
    special_tokens: bool = True,
    parse_special: bool = True,
) -> list[list[int]]:
    """Ids of cleaned texts, neither cut nor padded.

    Args:
        tokenizer: what `open_tokenizer` returned.
        texts: any strings, the empty one included.
        special_tokens: let the tokenizer add its own (begin and end of text).
        parse_special: read the spelling of a special token inside a text as that token.
    """
    if not texts:
        return []
    encoded = tokenizer(
        [clean_text(text) for text in texts],
        add_special_tokens=special_tokens,
        split_special_tokens=not parse_special,
        truncation=False,
        padding=False,
        return_attention_mask=False,
        verbose=False,
    )
    return [list(ids) for ids in encoded["input_ids"]]


def rendered_ids(
    tokenizer: Any, texts: Sequence[str], special_tokens: Sequence[bool], *, parse_special: bool
) -> list[list[int]]:
    """`token_ids` where every text has its own `special_tokens`."""
    result: list[list[int]] = [[] for _ in texts]
    for added in sorted(set(special_tokens)):
        chosen = [index for index, flag in enumerate(special_tokens) if flag == added]
        rows = token_ids(
            tokenizer,
            [texts[index] for index in chosen],
            special_tokens=added,
            parse_special=parse_special,
        )
        for index, row in zip(chosen, rows, strict=True):
            result[index] = row
    return result


def render_chat(tokenizer: Any, item: Item, *, name: str) -> Rendered:
    """The item's conversation in the tokenizer's chat template, which writes the special tokens.

    Raises:
        ModelError: the tokenizer has no chat template, or the template refuses the conversation.
    """
    from jinja2.exceptions import TemplateError

    if not tokenizer.chat_template:
        raise ModelError(
            f"the tokenizer of {name} has no chat template; set message.unravel to hh, qa or none"
        )
    turns = [
        {"role": clean_text(message.role), "content": clean_text(message.content)}
        for message in item.conversation()
    ]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False)
    except TemplateError as error:
        raise ModelError(f"the chat template of {name} refuses a conversation: {error}") from error
    return Rendered(text=str(text), special_tokens=False)

"""A server as a scorer: rendered texts in, outputs in the same order."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyrite.endpoints import AnswerError, Ask, Form, Protocol, Value, form_of
from pyrite.errors import ModelError, ScoringError
from pyrite.models import Capability, Output, Rendered, TextScorer
from pyrite.models._endpoint_http import RequestError, Transport
from pyrite.models._tokenizers import clean_text
from pyrite.rendering import rendering_for
from pyrite.types import Item, Json, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EndpointScorer", "Server"]

_CURES: dict[Form, str] = {
    "text": "unravel: none, hh or qa",
    "pair": "unravel: pair, on rows with a prompt and a response",
    "messages": "unravel: chat_template",
}


@dataclass(frozen=True)
class Server:
    """What is asked, how, and how much at once.

    Attributes:
        url: the whole route.
        extra: further fields of every request.
        batch_size: most texts of one request; `concurrency`: most requests at one time.
        tokenizer: a local tokenizer for the chat template; None lets the server render.
    """

    url: str
    protocol: Protocol
    transport: Transport
    ask: Ask = field(default_factory=Ask)
    extra: Mapping[str, Json] = field(default_factory=dict)
    batch_size: int = 32
    concurrency: int = 4
    tokenizer: Any = None

    def values(self, texts: Sequence[Rendered]) -> list[Value]:
        """Ask once for texts of one form.

        Raises:
            ScoringError: there is no answer, or not one with a score for every text.
        """
        body = self.protocol.body(texts, self.ask)
        if self.extra:
            twice = sorted(self.extra.keys() & body.keys())
            if twice:
                raise ScoringError(f"options holds {twice}, which the protocol sends itself")
            body = {**body, **self.extra}
        try:
            answer = self.transport.ask(self.url, body)
            found = self.protocol.values(answer, len(texts))
        except RequestError as error:
            raise ScoringError(str(error)) from None
        except AnswerError as error:
            name = type(self.protocol).__name__
            raise ScoringError(
                f"{self.url}: not an answer of the protocol {name}: "
                f"{self.transport.scrub(str(error))}"
            ) from None
        if len(found) != len(texts):
            raise ScoringError(f"{self.url}: {len(found)} scores for {len(texts)} texts")
        return found


class EndpointScorer(TextScorer):
    """Asks a server; equal texts are asked once, and order never depends on who answers first."""

    def __init__(
        self,
        server: Server,
        *,
        output_names: tuple[str, ...],
        default_unravel: str,
        facts: dict[str, Json],
    ) -> None:
        self.server = server
        self.output_names = output_names
        self.default_unravel = default_unravel
        self.capabilities = frozenset({Capability.VECTOR if output_names else Capability.SCORE})
        self._facts = facts
        self._close = weakref.finalize(self, server.transport.close)

    @property
    def facts(self) -> Mapping[str, Json]:  # type: ignore[override]
        """What was found while opening, and how many requests were sent and repeated."""
        return {**self._facts, **self.server.transport.counts}

    @property
    def cacheable(self) -> bool:  # type: ignore[override]
        """Only where the server or the user's `version` names what is served."""
        return any(self._facts.get(name) is not None for name in ("served", "version"))

    def render_chat(self, item: Item) -> Rendered:
        """By the local tokenizer where there is one, else the turns, for the server to render.

        Raises:
            ModelError: neither side can apply a chat template.
        """
        return chat_of(self.server, item)

    def score_texts(self, texts: Sequence[Rendered]) -> list[Output]:
        """Score rendered texts; outputs in order.

        Raises:
            ScoringError: a request failed for good, an answer is not usable, or a text was
                rendered in a form that the protocol cannot send.
        """
        sent = [_cleaned(text) for text in texts]
        distinct = list(dict.fromkeys(sent))
        values = ask_all(self.server, distinct)
        known = {text: self._output(value) for text, value in zip(distinct, values, strict=True)}
        return [known[text] for text in sent]

    def score(self, items: Sequence[Item]) -> list[Output]:
        """Score items in the form that the model was made for.

        Raises:
            ScoringError: as `score_texts`.
        """
        rendering = rendering_for("default", self)
        return self.score_texts([rendering.render(item, scorer=self) for item in items])

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def _output(self, value: Value) -> Output:
        import numpy as np

        if not self.output_names:
            if isinstance(value, float):
                return Output(value)
            raise ScoringError(
                f"{self.server.url}: {len(value)} scores for one text, where it gave one before"
            )
        ordered = values_of(value, self.output_names)
        if ordered is None:
            raise ScoringError(
                f"{self.server.url}: a text has other outputs than {', '.join(self.output_names)}"
            )
        return Output(np.array(ordered, dtype=np.float64))


def ask_all(server: Server, texts: Sequence[Rendered]) -> list[Value]:
    """What the server says of every text, in order; several requests at one time.

    Raises:
        ScoringError: a request failed for good; it says how many texts were done by then.
    """
    batches = list(_batches(server, texts))
    if not batches:
        return []
    found: list[Value | None] = [None] * len(texts)
    pool = ThreadPoolExecutor(min(server.concurrency, len(batches)), "pyrite-endpoint")
    try:
        futures = [pool.submit(server.values, [texts[i] for i in batch]) for batch in batches]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        _raise_first(futures, done, batches, len(texts))
        for future, batch in zip(futures, batches, strict=True):
            for index, value in zip(batch, future.result(), strict=True):
                found[index] = value
    finally:
        # Nothing runs any more unless something failed: then nobody waits for its pauses.
        server.transport.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        server.transport.go_on()
    return [value for value in found if value is not None]


def _raise_first(
    futures: Sequence[Future[list[Value]]],
    done: set[Future[list[Value]]],
    batches: Sequence[Sequence[int]],
    total: int,
) -> None:
    failed = [future for future in futures if future in done and future.exception() is not None]
    if not failed:
        return
    scored = sum(
        len(batch)
        for future, batch in zip(futures, batches, strict=True)
        if future in done and future.exception() is None
    )
    error = failed[0].exception()
    assert error is not None
    if not isinstance(error, ScoringError):
        raise error
    raise ScoringError(f"{error}; {scored} of {total} texts of this call were done") from None


def _batches(server: Server, texts: Sequence[Rendered]) -> list[list[int]]:
    """Indices of texts that go into one request each: of one form, in order."""
    groups: dict[tuple[Form, bool], list[int]] = {}
    for index, text in enumerate(texts):
        form = form_of(text)
        if form not in server.protocol.takes():
            needed = " or ".join(_CURES[one] for one in sorted(server.protocol.takes()))
            raise ScoringError(
                f"{type(server.protocol).__name__} cannot send a text rendered as {form}; write "
                f"message.{needed}"
            )
        groups.setdefault((form, text.special_tokens), []).append(index)
    found = []
    for (form, _), indices in groups.items():
        size = server.batch_size if form in server.protocol.batched() else 1
        found += [indices[start : start + size] for start in range(0, len(indices), size)]
    return found


def values_of(value: Value, names: Sequence[str]) -> list[float] | None:
    """The numbers of a vector in the order of its names; None where they do not match."""
    if isinstance(value, dict):
        return [value[name] for name in names] if set(value) == set(names) else None
    if isinstance(value, list) and len(value) == len(names):
        return value
    return None


def chat_of(server: Server, item: Item) -> Rendered:
    """An item for a model with a chat template; see `EndpointScorer.render_chat`."""
    from pyrite.models._tokenizers import render_chat

    if server.tokenizer is not None:
        text = render_chat(server.tokenizer, item, name="the endpoint's tokenizer")
        return _without_second_start(text, server)
    if "messages" in server.protocol.takes():
        return Rendered("", special_tokens=False, messages=item.conversation())
    raise ModelError(
        f"{type(server.protocol).__name__} takes no messages, so the chat template is applied "
        "here: name the model's `tokenizer`, or write another form in message.unravel"
    )


def _without_second_start(text: Rendered, server: Server) -> Rendered:
    """Leave out the start token that the server's tokenizer will add once more.

    Only for servers that always add special tokens, and only for a token that this tokenizer
    adds by itself.
    """
    start = server.tokenizer.bos_token
    if not server.protocol.ADDS_SPECIAL or not start or not text.text.startswith(start):
        return text
    ids = server.tokenizer("", add_special_tokens=True)["input_ids"]
    if not ids or ids[0] != server.tokenizer.bos_token_id:
        return text
    return replace(text, text=text.text.removeprefix(start))


def _cleaned(text: Rendered) -> Rendered:
    """Lone surrogates replaced: JSON can write them, and most servers refuse them."""
    pair = None if text.text_pair is None else clean_text(text.text_pair)
    turns = tuple(Message(clean_text(m.role), clean_text(m.content)) for m in text.messages)
    return replace(text, text=clean_text(text.text), text_pair=pair, messages=turns)

"""A reward model behind HTTP."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from pyrite.component import nearest
from pyrite.endpoints import ENDPOINTS, Ask, Protocol
from pyrite.errors import ComponentError, ModelError
from pyrite.models import Model, TextScorer
from pyrite.models._endpoint_http import Clock, Limits, Transport
from pyrite.models._endpoint_probe import PROBES, detect, probe, recall, remember, served_by
from pyrite.models._endpoint_scorer import EndpointScorer, Server
from pyrite.models._model_files import TOKENIZER_FILES, content_source
from pyrite.models._tokenizers import SURROGATE_NOTE, open_tokenizer
from pyrite.sources import Source
from pyrite.types import Json

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Endpoint"]

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SECRET_PARAMETER = re.compile(
    r"(?i)(.*_)?(token|key|api-?key|apikey|password|secret|sig|signature|auth)"
)
_RESERVED = frozenset({"accept", "accept-encoding", "content-type", "content-length", "host"})
_PLANNING_SECONDS = 5.0
"""A server that is down must not keep a plan waiting."""


class Endpoint(Model):
    """A reward model behind HTTP: vLLM, SGLang, TEI, Infinity, OpenRLHF, or any JSON route.

    ::

        model:
          entrypoint: endpoint
          url: http://127.0.0.1:8000
          protocol: vllm_classify        auto: by the route, or by what the server says it is
          api_key_env: REWARD_API_KEY    the name of an environment variable, never the key

    `message.unravel` of the query decides what is sent, as for a local model: `chat_template`
    sends the turns to servers that apply the template themselves (vLLM), else renders them with
    `tokenizer`; `hh`, `qa`, `none` and the others are rendered here. What the server does after
    that (special tokens, truncation) is its own; `options` are added to every request.

    When it is opened, three fixed texts are scored, and a server that answers with softmaxed
    probabilities is refused. Equal texts are asked once. 408, 429, 5xx, broken and late answers
    are tried again; what is not a finite number is an error and never a score.

    The content of a server cannot be hashed. Its scores are reused under its url, protocol,
    `model`, `request` and what it says of itself (`served`): raise `version` when it serves
    something else under the same names. A server that says nothing of itself has no scores in the
    score store that all runs share, unless there is a `version`.

    Attributes:
        url: the server, or the whole route; without login or key.
        protocol: a name of `pyrite.endpoints`, or `./file.py:Name`.
        model: name sent with every request.
        request: template of what is sent, for the protocol `json`.
        scores: path of the scores in the answer, for the protocol `json`.
        options: further fields of every request, such as `truncate: true`; no secrets.
        outputs: `probabilities` asks for them and takes them.
        unravel: the form that the served model was trained with, used where the query says
            `default`; None: what suits the protocol.
        tokenizer: folder or repository with the chat template, to render here.
        headers_env: header -> name of the environment variable with its value.
        version: raised by you when the served model changes.
        served: what the server says of its model; filled in when a run starts, and checked.
        batch_size: most texts of one request.
        concurrency: most requests at one time.
        timeout: seconds for one request.
        retries: further tries of a request.
        requests_per_second: None sends as fast as it can.
    """

    # A url could hold a key: no error text may repeat what was given.
    model_config = ConfigDict(hide_input_in_errors=True)

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {
            "id",
            "tokenizer",
            "api_key_env",
            "headers_env",
            "batch_size",
            "concurrency",
            "timeout",
            "retries",
            "requests_per_second",
        }
    )

    url: str
    protocol: str = "auto"
    model: str | None = None
    request: Any = None
    scores: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    outputs: Literal["raw", "probabilities"] = "raw"
    unravel: str | None = None
    tokenizer: str | None = None
    api_key_env: str | None = None
    headers_env: dict[str, str] = Field(default_factory=dict)
    version: str | int | None = None
    served: str | None = None
    batch_size: int = Field(default=32, ge=1)
    concurrency: int = Field(default=4, ge=1, le=256)
    timeout: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    retries: int = Field(default=5, ge=0, le=100)
    requests_per_second: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, data: Any) -> Any:
        # On the whole section, and not on the fields, so that no message repeats a value.
        if not isinstance(data, Mapping):
            return data
        if isinstance(url := data.get("url"), str):
            _check_url(url)
        headers = data.get("headers_env")
        names = [*headers.values()] if isinstance(headers, Mapping) else []
        for name in (data.get("api_key_env"), *names):
            if name is not None and not (isinstance(name, str) and _ENVIRONMENT.fullmatch(name)):
                raise ValueError(
                    "api_key_env and headers_env hold names of environment variables (capital "
                    "letters, digits, _), never a key itself; what was written is not shown here"
                )
        return data

    @field_validator("headers_env")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for header in value:
            if not _HEADER.fullmatch(header) or header.lower() in _RESERVED:
                raise ValueError(f"no header of your own can be called {header!r:.60}")
        return value

    @field_validator("protocol")
    @classmethod
    def _is_known(cls, value: str) -> str:
        names = ENDPOINTS.names()
        if value == "auto" or ":" in value or value in names:
            return value
        raise ValueError(f"no protocol is called so ({nearest(value, ['auto', *names])})")

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Self:
        is_json = self.protocol == "json"
        if is_json and self.request is None:
            raise ValueError("protocol json needs request, a template of what is sent")
        if not is_json and (self.request is not None or self.scores is not None):
            raise ValueError("request and scores belong to protocol: json")
        if is_json and self.options:
            raise ValueError("write further fields into request, not into options")
        if is_json:
            self._made("json")
        if self.unravel is not None:
            from pyrite.rendering import RENDERINGS

            if ":" not in self.unravel and self.unravel not in RENDERINGS.names():
                hint = nearest(self.unravel, RENDERINGS.names())
                raise ValueError(f"unravel: no form is called {self.unravel!r:.60} ({hint})")
        return self

    def identity(self) -> dict[str, Json]:
        """The declared fields, and what the server says of its model or last said of it."""
        return {**super().identity(), "served": self.served or recall(self._key())}

    def sources(self) -> Mapping[str, Source]:
        """The tokenizer's files, where there is one; a server has no content to hash."""
        if self.tokenizer is None:
            return {}
        return {"tokenizer": content_source(self.tokenizer, None, TOKENIZER_FILES)}

    def pinned(self) -> Endpoint:
        """With `served` filled in: what the server says now, or said when it was last reachable."""
        if self.served is not None:
            return self
        limits = Limits(timeout=min(self.timeout, _PLANNING_SECONDS), retries=0)
        transport = Transport(limits, self._secrets(must_exist=False))
        try:
            protocol = self._protocol(transport)
            said = served_by(transport, self._base(protocol), protocol, self.model)
        except ModelError:
            said = None
        finally:
            transport.close()
        if said is not None:
            remember(self._key(), said)
        return self.model_copy(update={"served": said or recall(self._key())})

    def open(self) -> TextScorer:
        """Ask the server what it serves, and score three fixed texts.

        Raises:
            ModelError: it cannot be reached, is not of this protocol, serves something else than
                `served`, or answers with probabilities where scores are wanted.
        """
        return self._open(Clock())

    def _open(self, clock: Clock) -> EndpointScorer:
        limits = Limits(self.timeout, self.retries, self.requests_per_second, self.concurrency)
        transport = Transport(limits, self._secrets(must_exist=True), clock)
        try:
            return self._scorer(transport)
        except BaseException:
            transport.close()
            raise

    def _scorer(self, transport: Transport) -> EndpointScorer:
        protocol = self._protocol(transport)
        base = self._base(protocol)
        said = served_by(transport, base, protocol, self.model)
        if self.served is not None and said is not None and said != self.served:
            raise ModelError(
                f"{self.url}: the server says {said!r}, and {self.served!r} is expected; if that "
                "is right, take `served` out of the experiment, and run again"
            )
        if said is not None:
            remember(self._key(), said)
        server = Server(
            url=self._route(protocol),
            protocol=protocol,
            transport=transport,
            ask=Ask(self.model, raw=self.outputs == "raw"),
            extra=self.options,
            batch_size=self.batch_size,
            concurrency=self.concurrency,
            tokenizer=None if self.tokenizer is None else open_tokenizer(self.tokenizer),
        )
        unravel = self._unravel(protocol)
        probed = probe(server, unravel, raw=self.outputs == "raw")
        notes = [*self._notes(protocol, said, unravel), *probed.notes]
        return EndpointScorer(
            server,
            output_names=probed.output_names,
            default_unravel=unravel,
            facts={
                "read_at": "not read: a server",
                "url": self.url,
                "protocol": type(protocol).__name__,
                "served": said,
                "version": self.version,
                "probed": len(PROBES),
                "template": self._template(protocol),
                "text": SURROGATE_NOTE,
                "notes": notes,
            },
        )

    def _unravel(self, protocol: Protocol) -> str:
        if self.unravel is not None and self.unravel != "default":
            return self.unravel
        templated = self.tokenizer is not None and "text" in protocol.takes()
        return "chat_template" if templated else protocol.default_form()

    def _template(self, protocol: Protocol) -> str | None:
        if self.tokenizer is not None:
            return "chat template of `tokenizer`"
        return "the server's" if "messages" in protocol.takes() else None

    def _notes(self, protocol: Protocol, said: str | None, unravel: str) -> list[str]:
        what = f"what it says of itself ({said})" if said else "nothing that it says of itself"
        notes = [
            f"{self.url}: the content of a server cannot be hashed; scores are reused under its "
            f"url, its names and {what}; raise `version` when it serves something else",
            "truncation and special tokens are the server's own",
        ]
        if protocol.NOTE:
            notes.append(protocol.NOTE)
        if unravel == "none":
            notes.append(
                "prompt and response are sent put together, with nothing between them; where the "
                "model was trained on another form, name it in `unravel`"
            )
        return notes

    def _protocol(self, transport: Transport) -> Protocol:
        name = self.protocol
        return self._made(detect(transport, self.url, self._base(None)) if name == "auto" else name)

    def _made(self, name: str) -> Protocol:
        fields = {"request": self.request, "scores": self.scores or ""} if name == "json" else {}
        try:
            found = ENDPOINTS.get(name)(**fields)
        except ComponentError as error:
            raise ModelError(f"protocol: {error}") from error
        except ValidationError as error:
            said = "; ".join(str(problem["msg"]) for problem in error.errors())
            raise ValueError(said.replace("Value error, ", "")) from None
        assert isinstance(found, Protocol)
        return found

    def _route(self, protocol: Protocol) -> str:
        url, query, rest = self.url.partition("?")
        url = url.rstrip("/") if protocol.ROUTE else url
        whole = url if url.endswith(protocol.ROUTE) else url + protocol.ROUTE
        return whole + query + rest

    def _base(self, protocol: Protocol | None) -> str:
        """The server's address: the url without the route."""
        url = self.url.partition("?")[0].rstrip("/")
        if protocol is not None:
            return url.removesuffix(protocol.ROUTE)
        routes = {getattr(ENDPOINTS.get(name), "ROUTE", "") for name in ENDPOINTS.names()}
        return next((url.removesuffix(r) for r in routes if r and url.endswith(r)), url)

    def _key(self) -> Json:
        return {"url": self.url, "protocol": self.protocol, "model": self.model}

    def _secrets(self, *, must_exist: bool) -> dict[str, str]:
        """Header -> value, from the environment."""
        wanted = dict(self.headers_env)
        if self.api_key_env is not None:
            wanted["Authorization"] = self.api_key_env
        found = {}
        for header, name in wanted.items():
            value = os.environ.get(name, "").strip()
            if not value and must_exist:
                raise ModelError(
                    f"{self.url}: the environment variable {name}, for the header {header}, is "
                    "not set"
                )
            if not (value.isascii() and value.isprintable()):
                raise ModelError(f"{name}: its value cannot be sent in a header")
            if value:
                bearer = header == "Authorization" and name == self.api_key_env
                found[header] = f"Bearer {value}" if bearer else value
        return found


def _check_url(url: str) -> None:
    """Refuse what no server can be, and what holds a secret; no message repeats it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url is no url; write http://host:port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("url is no http or https url; write http://host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "url holds a login, which would be stored with the results; write api_key_env or "
            "headers_env with the name of an environment variable"
        )
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if any(_SECRET_PARAMETER.fullmatch(name) for name in names) or parts.fragment:
        raise ValueError(
            "url holds a key or a fragment; a key is named in api_key_env or headers_env"
        )
    if any(not c.isprintable() or c.isspace() for c in url):
        raise ValueError("url holds white space or control characters")

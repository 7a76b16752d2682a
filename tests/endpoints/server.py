"""A reward model server on loopback that speaks every protocol, and misbehaves on demand.

::

    with RewardServer() as server:
        model = Endpoint(url=server.url, protocol="vllm_classify")
        server.faults += [status(429, {"Retry-After": "2"}), garbage]
        server.requests                   # (route, headers, body) of every POST

The score of a text is `reward(text)`; a pair is `reward(pair_text(a, b))`, messages
`reward(chat_text(messages))`. Every element of `faults` spoils one POST, in order; `spoil` looks
at the body of every other one and says what to do with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = BaseHTTPRequestHandler
Fault = Callable[[Handler, bytes], None]
"""Answers a request in its own way; gets the answer that would have been right."""


def reward(text: str) -> float:
    """A number between -4 and 4 that only this text has."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**45 - 4.0


def pair_text(first: str, second: str) -> str:
    return f"{first}\x1f{second}"


def chat_text(messages: Sequence[dict[str, str]]) -> str:
    return "".join(f"<|{turn['role']}|>{turn['content']}" for turn in messages)


def status(code: int, headers: dict[str, str] | None = None, body: str = "sorry") -> Fault:
    def answer(handler: Handler, _: bytes) -> None:
        _send(handler, body.encode(), code, headers or {})

    return answer


def says(body: Any) -> Fault:
    """Answers 200 with this instead."""

    def answer(handler: Handler, _: bytes) -> None:
        _send(handler, body if isinstance(body, bytes) else json.dumps(body).encode())

    return answer


def garbage(handler: Handler, _: bytes) -> None:
    _send(handler, b"<html>not json \x00\xff</html>")


def half(handler: Handler, right: bytes) -> None:
    """Promises the whole answer, sends half of it and hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(right)))
    handler.end_headers()
    handler.wfile.write(right[: len(right) // 2])
    handler.close_connection = True


def hang_up(handler: Handler, _: bytes) -> None:
    handler.close_connection = True


def late(seconds: float) -> Fault:
    def answer(handler: Handler, right: bytes) -> None:
        time.sleep(seconds)
        _send(handler, right)

    return answer


def drip(seconds: float) -> Fault:
    """Sends a byte now and then, so that no single read is late."""

    def answer(handler: Handler, right: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(right)))
        handler.end_headers()
        for byte in right:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(seconds)

    return answer


class RewardServer:
    """The server.

    Attributes:
        outputs: names of the outputs; one is a scalar reward model.
        softmax: answer with probabilities whatever is asked.
        token: what `Authorization` has to be (`Bearer ...`), "" for anything.
        owner, sha: what `/v1/models` and `/info` say.
    """

    def __init__(self, *, outputs: Sequence[str] = ("LABEL_0",), token: str = "") -> None:
        self.outputs = tuple(outputs)
        self.softmax = False
        self.token = token
        self.owner = "vllm"
        self.sha = "a1b2c3"
        self.tei = False
        self.faults: list[Fault] = []
        self.spoil: Callable[[Any], Fault | None] = lambda body: None
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.delay: Callable[[Any], float] = lambda body: 0.0
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def logits(self, text: str) -> list[float]:
        if len(self.outputs) == 1:
            return [reward(text)]
        return [reward(f"{name}:{text}") for name in self.outputs]

    def scores(self, text: str, raw: bool) -> list[float]:
        logits = self.logits(text)
        if raw and not self.softmax:
            return logits
        top = max(logits)
        shares = [math.exp(value - top) for value in logits]
        return [value / sum(shares) for value in shares]

    def close(self) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> RewardServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


def _texts(body: dict[str, Any]) -> list[str]:
    """The texts of vLLM's requests."""
    if "messages" in body:
        return [chat_text(body["messages"])]
    given = body["input"]
    return [given] if isinstance(given, str) else given


def _answer(server: RewardServer, route: str, body: dict[str, Any]) -> Any:
    raw = not body.get("use_activation", True) or bool(body.get("raw_scores", False))
    if route == "/classify" and "text" in body:  # SGLang
        return [{"embedding": server.scores(t, True), "meta_info": {}} for t in body["text"]]
    if route in ("/classify", "/pooling"):
        name = "probs" if route == "/classify" else "data"
        rows = [{"index": i, name: server.scores(text, raw)} for i, text in enumerate(_texts(body))]
        return {"object": "list", "model": body.get("model"), "data": rows[::-1]}
    if route == "/score":
        pairs = zip(body["text_1"], body["text_2"], strict=True)
        texts = [pair_text(a, b) for a, b in pairs]
        return {
            "data": [{"index": i, "score": server.scores(t, raw)[0]} for i, t in enumerate(texts)]
        }
    if route == "/predict":
        texts = [one[0] if len(one) == 1 else pair_text(*one) for one in body["inputs"]]
        return [_best_first(server, server.scores(text, raw)) for text in texts]
    if route == "/rerank":
        documents = body.get("texts", body.get("documents"))
        texts = [pair_text(body["query"], one) if one else body["query"] for one in documents]
        name = "score" if "texts" in body else "relevance_score"
        rows = [{"index": i, name: server.scores(t, raw)[0]} for i, t in enumerate(texts)]
        return rows if "texts" in body else {"object": "rerank", "results": rows}
    if route == "/get_reward":
        return {"rewards": [server.scores(text, True)[0] for text in body["query"]]}
    if route == "/any/one":
        text = pair_text(body["q"], body["a"]) if "q" in body else body["t"]
        return {"out": [{"reward": server.scores(text, True)}]}
    if route == "/any/many":
        return {"out": [{"reward": server.scores(text, True)[0]} for text in body["ts"]]}
    return None


def _best_first(server: RewardServer, scores: list[float]) -> list[dict[str, Any]]:
    rows = [{"label": n, "score": s} for n, s in zip(server.outputs, scores, strict=True)]
    return sorted(rows, key=lambda row: -row["score"])


def _info(server: RewardServer, route: str) -> Any:
    if server.tei:
        kind = {"reranker": {}} if len(server.outputs) == 1 else {"classifier": {}}
        info = {"model_id": "a/model", "model_sha": server.sha, "model_type": kind}
        return info if route == "/info" else None
    if route == "/v1/models":
        entry = {
            "id": "a/model",
            "root": server.sha,
            "owned_by": server.owner,
            "created": time.time(),
        }
        return {"object": "list", "data": [entry]}
    return None


def _handler(server: RewardServer) -> type[Handler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            answer = _info(server, self.path)
            _send(self, json.dumps(answer).encode(), 404 if answer is None else 200)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw)
            with server._lock:
                server.requests.append((self.path, dict(self.headers), body))
                fault = server.faults.pop(0) if server.faults else server.spoil(body)
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                time.sleep(server.delay(body))
                self._reply(body, fault)
            finally:
                with server._lock:
                    server.at_once -= 1

        def _reply(self, body: Any, fault: Fault | None) -> None:
            if server.token and self.headers.get("Authorization") != server.token:
                sent = self.headers.get("Authorization")
                return _send(self, f"wrong key: {sent}".encode(), 401)
            answer = _answer(server, self.path, body)
            right = json.dumps(answer).encode()
            if fault is not None:
                return fault(self, right)
            return _send(self, right, 404 if answer is None else 200)

    return Requests


def _send(
    handler: Handler, content: bytes, code: int = 200, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(code)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)

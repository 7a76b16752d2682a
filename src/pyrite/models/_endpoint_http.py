"""Asking a server: retries, pace, limits, and secrets that never reach a message.

`Transport.ask` is one request with everything around it. What may pass by is tried again (no
connection, too late, a broken body, 408, 429, 5xx), after a pause that doubles, or for as long as
the server says in `Retry-After`; everything else fails at once.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyrite.types import Json

if TYPE_CHECKING:
    import httpx

__all__ = ["Clock", "Limits", "RequestError", "Transport"]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between tries: doubled every time, with jitter of half to one and a half of it."""
LONGEST_RETRY_AFTER = 300.0
"""A server that asks for more seconds than this is not waited for any longer."""
MAX_BODY = 64 << 20
"""Bytes of an answer; a longer one is refused unread."""
SHOWN = 300
"""Characters of an answer that a message shows."""


class RequestError(Exception):
    """A request that gave no answer; the text names the route, the status and the body."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, sleep and chance, so that tests need none of them; `sleep` None can be cut short."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Limits:
    """How a server is treated: seconds, further tries, requests per second (None: any)."""

    timeout: float = 60.0
    retries: int = 5
    requests_per_second: float | None = None
    connections: int = 8


class _TryAgainError(Exception):
    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass
class Transport:
    """One server; safe to use from several threads.

    Attributes:
        secrets: header -> value; sent, and cut out of every message.
        counts: requests sent and tries repeated so far.
    """

    limits: Limits
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Clock = field(default_factory=Clock)
    counts: dict[str, int] = field(default_factory=lambda: {"requests": 0, "retried": 0})

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0
        self._clients: dict[bool, httpx.Client] = {}
        self._stopped = threading.Event()

    def ask(self, url: str, body: Json = None, *, retries: int | None = None) -> Json:
        """POST `body` as JSON (GET where it is None) and read the JSON that comes back.

        Args:
            url: the route.
            body: plain JSON values.
            retries: further tries; None: as the limits say.

        Raises:
            RequestError: no answer that can be used, in one line, without secrets.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        most = self.limits.retries if retries is None else retries
        for attempt in range(most + 1):
            self._pace()
            try:
                return self._once(url, content)
            except _TryAgainError as error:
                too_long = error.wait is not None and error.wait > LONGEST_RETRY_AFTER
                if attempt == most or too_long or self._stopped.is_set():
                    tries = "1 try" if attempt == 0 else f"{attempt + 1} tries"
                    raise RequestError(f"{error} (after {tries})") from None
                self._count("retried")
                self._sleep(self._pause(attempt, error.wait))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def stop(self) -> None:
        """Let no request be tried again and no pause be waited for, until `go_on`."""
        self._stopped.set()

    def go_on(self) -> None:
        """Allow tries and pauses again."""
        self._stopped.clear()

    def scrub(self, text: str) -> str:
        """The text without any secret value, on one line."""
        for value in sorted(self._hidden(), key=len, reverse=True):
            text = _without(text, value)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())

    def _hidden(self) -> set[str]:
        found = set()
        for value in self.secrets.values():
            found |= {value, value.rpartition(" ")[2], json.dumps(value)[1:-1]}
        return {value for value in found if value}

    def _pace(self) -> None:
        """Wait until the next request may be sent."""
        if self.limits.requests_per_second is None:
            return
        with self._lock:
            now = self.clock.now()
            start = max(now, self._next)
            self._next = start + 1.0 / self.limits.requests_per_second
        if start > now:
            self._sleep(start - now)

    def _sleep(self, seconds: float) -> None:
        if self.clock.sleep is None:
            self._stopped.wait(seconds)
        else:
            self.clock.sleep(seconds)

    def _pause(self, attempt: int, wait: float | None) -> float:
        pause = min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE) * (0.5 + self.clock.random())
        # Jitter after what the server asked for, so that not all come back at once.
        return pause if wait is None else wait + pause * 0.1

    def _once(self, url: str, content: bytes | None) -> Json:
        import httpx

        self._count("requests")
        try:
            status, headers, raw = self._exchange(url, content)
        except httpx.TimeoutException as error:
            raise _TryAgainError(f"{url}: no answer within {self.limits.timeout:g} s") from error
        except httpx.TransportError as error:
            what = self.scrub(str(error)) or type(error).__name__
            raise _TryAgainError(f"{url}: {what:.{SHOWN}}") from error
        except (httpx.InvalidURL, httpx.DecodingError, UnicodeError) as error:
            raise RequestError(f"{url}: {self.scrub(str(error)):.{SHOWN}}") from None
        if status == 200:
            return self._json(url, raw)
        shown = self.scrub(raw[: 4 * SHOWN].decode("utf-8", "replace"))[:SHOWN]
        message = f"{url}: status {status}" + (f": {shown}" if shown else "")
        if status in (408, 429) or status >= 500:
            raise _TryAgainError(message, _retry_after(headers.get("retry-after")))
        if 300 <= status < 400:
            place = self.scrub(_place(headers.get("location", "")))
            message = f"{url}: status {status}, a redirect to {place!r:.200}; write that url"
        raise RequestError(message)

    def _exchange(self, url: str, content: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        import httpx

        started = time.monotonic()
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self.secrets}
        if content is not None:
            headers["Content-Type"] = "application/json"
        method = "GET" if content is None else "POST"
        client = self._client(url)
        with client.stream(method, url, content=content, headers=headers) as response:
            parts, size = [], 0
            for part in response.iter_raw():
                size += len(part)
                if size > MAX_BODY:
                    raise RequestError(f"{url}: an answer of more than {MAX_BODY >> 20} MiB")
                if time.monotonic() - started > self.limits.timeout:
                    # A server that drips keeps every single read in time.
                    raise httpx.ReadTimeout("the answer came too slowly")
                parts.append(part)
            return response.status_code, dict(response.headers), b"".join(parts)

    def _client(self, url: str) -> httpx.Client:
        import httpx

        local = _is_local(url)
        with self._lock:
            if local not in self._clients:
                most = self.limits.connections
                self._clients[local] = httpx.Client(
                    timeout=self.limits.timeout,
                    follow_redirects=False,
                    # A proxy of the environment is for the world outside, not for this machine.
                    trust_env=not local,
                    limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                )
            return self._clients[local]

    def _json(self, url: str, raw: bytes) -> Json:
        try:
            return json.loads(raw, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            shown = self.scrub(raw[: 4 * SHOWN].decode("utf-8", "replace"))[:SHOWN]
            raise RequestError(
                f"{url}: an answer that is no JSON ({self.scrub(str(error)):.100}): {shown}"
            ) from None

    def _count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1


def _without(text: str, secret: str) -> str:
    """The text without a secret, and without the start of one whose end was cut off."""
    kept, at, head = [], 0, secret[:8]
    while (found := text.find(head, at)) >= 0:
        kept += [text[at:found], "(redacted)"]
        at = found
        for expected, character in zip(secret, text[found : found + len(secret)], strict=False):
            if character != expected:
                break
            at += 1
    return "".join([*kept, text[at:]])


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no number")


def _retry_after(written: str | None) -> float | None:
    """Seconds to wait: the header holds seconds or a date; None where it says nothing usable."""
    if not written:
        return None
    if written.strip().isdecimal() and len(written.strip()) <= 9:
        return float(written)
    try:
        date = parsedate_to_datetime(written)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _place(location: str) -> str:
    """A redirect's target without login and parameters."""
    try:
        parts = urlsplit(location)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "(not a url)"


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

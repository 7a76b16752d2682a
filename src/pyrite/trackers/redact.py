"""Secrets out of a configuration, before it is stored, shown or sent anywhere.

Two signs give a secret away: the name of its key (`api_key`, `hf_token`, `password`), and its
value (the shape of a well-known credential, or the value of a secret environment variable).
Words that only look alike stay: `tokenizer`, `max_tokens`, `pad_token`, `key: [columns]`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pyrite.types import Json

__all__ = ["REDACTED", "redact"]

REDACTED = "(redacted)"

_ALWAYS = re.compile(
    r"passwords?|passwd|passphrase|pwd|secrets?|credentials?|authorization|api_?keys?|authtoken"
    r"|accesstoken|bearer|cookies?"
)
"""Last words of a key below which every value is secret, whatever it looks like."""

_KEY_OWNERS = re.compile(r"api|access|private|secret|auth|signing|encryption|ssh|license")
"""`<owner>_key` is a secret; `group_key`, `sort_key` and a bare `key` may name a column."""

_TEXT_TOKENS = re.compile(
    r"pad|eos|bos|unk|sep|cls|mask|special|stop|end|start|image|audio|video|last|first|next"
    r"|previous|begin|per|num|new|added|prefix|suffix|word"
)
"""`<word>_token` is a piece of text; any other `..._token` opens a door."""

_CREDENTIAL = re.compile(
    r"""
      \bhf_[A-Za-z0-9]{20,}
    | \b(?:sk|pk|rk)-[A-Za-z0-9_\-]{20,}
    | \b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bglpat-[A-Za-z0-9_\-]{16,}
    | \bwandb_v\d+_[A-Za-z0-9_]{20,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \bAIza[A-Za-z0-9_\-]{30,}
    | \bxox[abprs]-[A-Za-z0-9\-]{10,}
    | \beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+
    | (?<=\b(?i:Bearer)[ ])\S{8,}
    | (?<=\b(?i:Basic)[ ])[A-Za-z0-9+/=]{12,}
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]*
    """,
    re.VERBOSE,
)
_URL_LOGIN = re.compile(r"(?<=://)(?:[^/\s@?#:]*:[^/\s@?#]+|[\w\-]{20,})(?=@)")
_URL_PARAMETER = re.compile(
    r"(?i)(?<=[?&])((?:access_|auth_)?(?:token|key|api_?key|password|secret|sig|signature)=)[^&#\s]+"
)
_SHORTEST_SECRET = 8
"""An environment value below this length would also match harmless texts."""


def redact(config: Json, environment: Mapping[str, str] | None = None) -> Json:
    """A copy of `config` in which every value that looks secret reads `(redacted)`.

    Args:
        config: plain JSON values; it is not changed.
        environment: where to find secret values; default: the process environment.
    """
    secrets = _environment_secrets(os.environ if environment is None else environment)
    return _walk(config, secrets)


def _walk(value: Json, secrets: tuple[str, ...]) -> Json:
    if isinstance(value, Mapping):
        return {key: _entry(str(key), item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, secrets) for item in value]
    if isinstance(value, str):
        return _clean_text(value, secrets)
    return value


def _entry(key: str, value: Json, secrets: tuple[str, ...]) -> Json:
    words = _words(key)
    if _names_secret(words):
        return _blank(value)
    if _may_name_secret(words) and isinstance(value, str) and _looks_random(value):
        return REDACTED
    return _walk(value, secrets)


def _blank(value: Json) -> Json:
    """Every text and number below a secret key; true, false and null tell nothing."""
    if isinstance(value, Mapping):
        return {key: _blank(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_blank(item) for item in value]
    return value if value is None or isinstance(value, bool) or value == "" else REDACTED


def _words(key: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]
    # `token_value` is as secret as `token`.
    return words[:-1] if words[-1:] in (["value"], ["text"], ["string"]) else words


def _names_secret(words: list[str]) -> bool:
    if not words:
        return False
    owner, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if _ALWAYS.fullmatch(last):
        return True
    if last in ("key", "keys"):
        return bool(_KEY_OWNERS.fullmatch(owner))
    return last == "token" and not _TEXT_TOKENS.fullmatch(owner)


def _may_name_secret(words: list[str]) -> bool:
    return bool(words) and words[-1] in ("key", "auth", "pass", "pin", "sas", "pat")


def _looks_random(text: str) -> bool:
    """Long, without spaces, letters and digits mixed: no column name and no word."""
    return bool(
        len(text) >= 16
        and not re.search(r"\s", text)
        and re.search(r"\d", text)
        and re.search(r"[A-Za-z]", text)
    )


def _clean_text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    text = _CREDENTIAL.sub(REDACTED, text)
    text = _URL_LOGIN.sub(REDACTED, text)
    return _URL_PARAMETER.sub(lambda found: found.group(1) + REDACTED, text)


def _environment_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    found = {
        value
        for name, value in environment.items()
        if len(value) >= _SHORTEST_SECRET and _holds_secret(_words(name), value)
    }
    # The longest first, so that a secret that contains another one goes as a whole.
    return tuple(sorted(found, key=len, reverse=True))


def _holds_secret(words: list[str], value: str) -> bool:
    return _names_secret(words) or (_may_name_secret(words) and _looks_random(value))

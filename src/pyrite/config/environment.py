"""`${NAME}` and `${NAME:-default}` in texts, from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyrite.config.tree import EnvText, Findings, Mark

__all__ = ["escape", "substitute"]

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<broken>\$\{)"
)


def substitute(
    text: str, env: Mapping[str, str], mark: Mark, findings: Findings, *, plain: bool = False
) -> str:
    """A text with its references replaced; an `EnvText` where there was one.

    `${NAME:-default}` is the default where NAME is unset or empty, as in a shell; `$${` stands
    for the two characters themselves.
    """
    if "${" not in text:
        return text
    from_env = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal from_env
        if match["escaped"]:
            return "${"
        if match["broken"]:
            findings.mistake(
                mark,
                "'${' is not followed by a variable's name and '}'",
                "write '$${' for the characters themselves",
            )
            return match[0]
        from_env = True
        name, default = match["name"], match["default"]
        if default is not None:
            return env.get(name) or default
        if name not in env:
            findings.mistake(
                mark,
                f"the environment variable {name} is not set",
                f"set it, or write ${{{name}:-default}}",
            )
            return ""
        return env[name]

    value = _REFERENCE.sub(value_of, text)
    return EnvText(value, text, plain) if from_env else value


def escape(text: str) -> str:
    """A text written so that reading it gives the same characters back."""
    return text.replace("${", "$${")

"""Plain data -> YAML text that reads back as the same data."""

from __future__ import annotations

import io
from typing import Any

from pyrite.types import Json

__all__ = ["to_yaml"]


def to_yaml(content: Json) -> str:
    """A YAML document in block style, keys in their own order."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):  # type: ignore[misc, unused-ignore]
        """Writes texts with control characters and odd line ends escaped."""

    Representer.add_representer(str, _text)
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 100
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def _text(representer: Any, text: str) -> Any:
    # Left to itself the library folds these into blanks in some styles.
    style = None if text.isprintable() else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)

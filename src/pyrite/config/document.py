"""YAML text -> marked plain data; every problem of the syntax becomes a located mistake."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pyrite.config.environment import substitute
from pyrite.config.tree import EnvText, Findings, Map, Mark, Seq
from pyrite.errors import ConfigError
from pyrite.types import Json, Location, Mistake

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    Node: TypeAlias = MappingNode | ScalarNode | SequenceNode

__all__ = ["Document", "parse", "parse_value", "retype", "text_of"]

MAX_NODES = 100_000
"""Values in one file, aliases expanded; more is a mistake or an attack."""

_TAG = "tag:yaml.org,2002:"
_TRUE = {"true", "yes", "on", "y"}
_SAMPLE_DEFAULT = re.compile(r"^(?P<key>\s*(?:-\s+)?sample:\s+)default(?P<rest>\s*(?:#.*)?)$")
_NO_SPACE = re.compile(r"^\s*(?:-\s+)?[A-Za-z_][\w.]*:[^\s:/]")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file; `repaired` says that something that is not YAML was understood anyway."""

    root: Json
    repaired: bool = False


def text_of(path: Path, refused: type[ConfigError]) -> str:
    """The text of a YAML file.

    Args:
        path: the file.
        refused: the error of a file that cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        said = f"is not UTF-8 (byte {error.start})"
        raise refused([Mistake(Location(str(path)), "", said)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        said = f"cannot be read: {reason}"
        if isinstance(error, FileNotFoundError):
            said += "; check the spelling and the folder"
        raise refused([Mistake(Location(str(path)), "", said)]) from error


def parse(text: str, file: str, env: Mapping[str, str], findings: Findings) -> Document | None:
    """Read a YAML text.

    Returns:
        The document, or None where the syntax is beyond repair (`findings` then says why).
    """
    mark = Mark(Location(file))
    lines = text.splitlines()
    repaired = False
    while True:
        node, problem = _compose(text, file)
        if problem is None:
            break
        line = _repairable(lines, problem.location.line)
        if line is None:
            findings.mistake(problem, problem_text(problem, lines), _hint(lines, problem))
            return None
        lines[line] = _SAMPLE_DEFAULT.sub(r"\g<key>       \g<rest>", lines[line])
        text = "\n".join(lines)
        repaired = True
        findings.warn(
            Mark(Location(file, line + 1), "sample"),
            "'sample: default' followed by an indented block is not YAML; read as the block alone",
        )
    if node is None:
        findings.mistake(mark, "the file is empty", "an experiment has at least a model or data")
        return None
    return Document(_Builder(file, env, findings).build(node, Mark(Location(file, 1, 1))), repaired)


def parse_value(text: str, mark: Mark, env: Mapping[str, str], findings: Findings) -> Json:
    """Read the value of an override; everything in it is marked as `mark`."""
    node, problem = _compose(text, mark.location.file)
    if problem is not None:
        findings.mistake(mark, f"{text!r} is not valid YAML: {problem.message}")
        return None
    if node is None:
        return None
    return _Builder(mark.location.file, env, findings, fixed=mark.location).build(node, mark)


def retype(value: Json) -> Json:
    """A value from the environment, written without quotes, as the number or truth it spells."""
    if not (isinstance(value, EnvText) and value.plain):
        return value
    node, problem = _compose(value, "")
    if problem is not None or node is None or node.id != "scalar":
        return value
    findings = Findings()
    typed = _Builder("", {}, findings).build(node, Mark(Location("")))
    return value if isinstance(typed, str) or findings.mistakes else typed


@dataclass(frozen=True, slots=True)
class _Problem(Mark):
    message: str = ""


def problem_text(problem: _Problem, lines: list[str]) -> str:
    """What is wrong with the syntax, with the tabs said plainly."""
    number = problem.location.line
    if "'\\t'" in problem.message or (0 < number <= len(lines) and "\t" in lines[number - 1]):
        return f"{problem.message}; this line has a tab, and YAML is indented with spaces"
    return problem.message


def _compose(text: str, file: str) -> tuple[Any, _Problem | None]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return YAML(typ="safe", pure=True).compose(text), None
    except MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line, column = (at.line + 1, at.column + 1) if at else (0, 0)
        began = error.context_mark
        inside = str(error.context or "").startswith("while")
        if inside and began is not None and began.line + 1 != line:  # a quote that nothing closes
            words = f"{error.context} that begins in line {began.line + 1}: {error.problem}"
        else:
            words = " ".join(str(x) for x in (error.context, error.problem) if x)
        return None, _Problem(Location(file, line, column), "", words)
    except ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        words = f"the character U+{ord(text[int(error.position)]):04X} is not allowed in YAML"
        return None, _Problem(Location(file, line), "", words)
    except RecursionError:
        return None, _Problem(Location(file), "", "nested too deeply")
    except (YAMLError, ValueError, OverflowError) as error:
        return None, _Problem(Location(file), "", f"not valid YAML: {error}")


def _repairable(lines: list[str], line: int) -> int | None:
    """Index of the `sample: default` line that an indented block at `line` follows."""
    index = min(line, len(lines)) - 1
    indent = len(lines[index]) - len(lines[index].lstrip()) if index >= 0 else 0
    while index >= 0:
        match = _SAMPLE_DEFAULT.match(lines[index])
        if match:
            return index if match["key"].rstrip().index("sample") < indent else None
        bare = lines[index].strip()
        if bare and not bare.startswith("#") and index != line - 1:
            return None
        index -= 1
    return None


def _hint(lines: list[str], problem: _Problem) -> str:
    for number in (problem.location.line, problem.location.line - 1):
        if 0 < number <= len(lines) and _NO_SPACE.match(lines[number - 1]):
            return f"line {number}: a space is needed after ':'"
        if 0 < number <= len(lines) and "${" in lines[number - 1]:
            return f"line {number}: inside {{ }} and [ ], '${{NAME}}' needs quotes"
    return ""


class _Builder:
    """Turns composed nodes into marked data; `fixed` is the place of everything, if given."""

    def __init__(
        self,
        file: str,
        env: Mapping[str, str],
        findings: Findings,
        *,
        fixed: Location | None = None,
    ) -> None:
        from ruamel.yaml import nodes

        self.file = file
        self.env = env
        self.findings = findings
        self.fixed = fixed
        self.nodes = nodes
        self.open: set[int] = set()
        self.count = 0

    def build(self, node: Node, mark: Mark) -> Json:
        """The value of a node."""
        self.count += 1
        if self.count > MAX_NODES:
            if self.count == MAX_NODES + 1:
                self.findings.mistake(mark, f"more than {MAX_NODES} values in one file")
            return None
        if id(node) in self.open:
            self.findings.mistake(mark, "an alias refers to the value that it is part of")
            return None
        if isinstance(node, self.nodes.ScalarNode):
            return self._scalar(node, mark)
        self.open.add(id(node))
        if isinstance(node, self.nodes.MappingNode):
            value: Json = self._mapping(node, mark)
        else:
            value = self._sequence(node, mark)
        self.open.discard(id(node))
        return value

    def _place(self, node: Node) -> Location:
        at = node.start_mark
        return self.fixed or Location(self.file, at.line + 1, at.column + 1)

    def _sequence(self, node: Node, mark: Mark) -> Seq:
        self._check_tag(node, mark, "seq")
        sequence = Seq(mark)
        for index, child in enumerate(node.value):
            inner = Mark(self._place(child), mark.child(index).path)
            sequence.add(self.build(child, inner), inner)
        return sequence

    def _mapping(self, node: MappingNode, mark: Mark) -> Map:
        self._check_tag(node, mark, "map")
        mapping = Map(mark)
        merged: list[Node] = []
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if key_node.id != "scalar":
                self.findings.mistake(Mark(place, mark.path), "a key must be a single word")
                continue
            if key_node.tag == _TAG + "merge":
                many = value_node.id == "sequence"
                merged.extend(value_node.value if many else [value_node])
                continue
            key = str(key_node.value)
            inner = Mark(place, mark.child(key).path)
            if key in mapping:
                first = mapping.at(key).location.line
                self.findings.mistake(
                    inner, "this key is there twice", f"first on line {first}" if first else ""
                )
                continue
            mapping.put(key, self.build(value_node, inner), inner)
        for source in merged:
            self._merge(source, mapping)
        return mapping

    def _merge(self, source: Node, mapping: Map) -> None:
        base = self.build(source, mapping.mark)
        if not isinstance(base, Map):
            self.findings.mistake(mapping.mark, "'<<' merges a mapping, and this is none")
            return
        for key, value in base.items():
            if key not in mapping:
                mapping.put(key, value, base.at(key))

    def _check_tag(self, node: Node, mark: Mark, *allowed: str) -> str:
        tag = str(node.tag).removeprefix(_TAG)
        if tag not in allowed:
            self.findings.mistake(mark, f"the YAML tag {str(node.tag)!r} is not supported")
        return tag

    def _scalar(self, node: ScalarNode, mark: Mark) -> Json:
        text = str(node.value)
        scalars = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
        tag = self._check_tag(node, mark, *scalars)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() in _TRUE
        if tag in ("int", "float"):
            return self._number(text, tag, mark)
        try:
            # JSON writes characters above U+FFFF as pairs, and JSON is YAML.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.findings.mistake(mark, "half of a surrogate pair is not a character")
            return ""
        return substitute(text, self.env, mark, self.findings, plain=node.style is None)

    def _number(self, text: str, tag: str, mark: Mark) -> Json:
        digits = text.replace("_", "")
        try:
            if tag == "int":
                return int(digits) if digits.lstrip("+-").isdigit() else int(digits, 0)
            number = float(digits)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            short = text if len(text) <= 40 else text[:37] + "..."
            self.findings.mistake(mark, f"{short} is not a finite number")
            return None
        return number

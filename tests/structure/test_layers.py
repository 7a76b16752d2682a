"""The structure that the code promises: layers, public names, cheap imports, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyrite

SOURCE = Path(pyrite.__file__).parent

# Each layer may import those before it, at module level; see docs/architecture.md.
LAYERS: list[set[str]] = [
    {"types", "errors"},
    {"component", "escape", "files", "sources", "assets", "quiet", "listing", "displays"},
    {"forward"},
    {
        "models",
        "data",
        "features",
        "rendering",
        "trackers",
        "embedding",
        "tables",
        "config",
        "endpoints",
        "executors",
    },
    {"experiment", "progress", "init"},
    {"scoring", "analysis", "manifest", "doctor", "exploits"},
    {"steps", "store", "plan"},
    {"runs", "compile", "status", "tracking", "examination"},
    {"finished"},
    {"compare"},
    {"gate"},
    {"report"},
    {"runner"},
    {"api"},
    {"commands"},
    {"cli", "__main__"},
]
FAMILIES = {"models", "data", "features", "rendering", "trackers", "endpoints", "executors"}


def _imports(path: Path) -> set[str]:
    """Packages of pyrite that a file imports at module level, type checking left out."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyrite"):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("pyrite")}
    return found


def _layer(module: str) -> int:
    part = module.split(".")[1]
    for level, names in enumerate(LAYERS):
        if part in names:
            return level
    raise AssertionError(f"{part} is in no layer: add it to LAYERS and to docs/architecture.md")


def _modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts != ("__init__",):
            found.append((".".join(["pyrite", *parts]), path))
    return found


def test_layers_point_one_way() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in _modules()
        for imported in _imports(path)
        if imported != "pyrite" and _layer(imported) > _layer(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_families_do_not_import_one_another() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in _modules()
        for imported in _imports(path)
        if (a := module.split(".")[1]) in FAMILIES
        and (b := imported.split(".")[1] if "." in imported else "") in FAMILIES
        and a != b
        and imported != f"pyrite.{b}"
    ]
    assert not wrong, "\n".join(wrong)


def test_public_names() -> None:
    assert pyrite.__all__ == sorted(pyrite.__all__)
    assert set(dir(pyrite)) == set(pyrite.__all__)
    for name in pyrite.__all__:
        assert getattr(pyrite, name) is not None
    assert pyrite.__all__ == [
        "AnalyzeSection",
        "ConfigError",
        "DataSection",
        "Endpoint",
        "Experiment",
        "ExploitSection",
        "Feature",
        "GatingModel",
        "ItemScorer",
        "Model",
        "PyriteError",
        "PythonCallable",
        "QuerySection",
        "Recorded",
        "RewardModel",
        "Run",
        "Sample",
        "SequenceClassifier",
        "TokenScorer",
        "Tracker",
        "dry_run",
        "load",
        "run",
        "schema",
    ]


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_pyrite_and_its_command_line_is_cheap() -> None:
    heavy = {"torch", "transformers", "wandb", "plotly", "matplotlib", "pandas", "sklearn"}
    heavy |= {"numpy", "pyarrow", "datasets", "scipy", "pydantic", "ruamel"}
    assert not _loaded_by("import pyrite, pyrite.cli") & heavy


def test_loading_a_configuration_does_not_import_torch() -> None:
    loaded = _loaded_by("from pyrite.config import schema; schema()")
    assert not loaded & {"torch", "transformers", "wandb", "plotly", "pandas", "datasets"}


def test_files_and_functions_stay_small() -> None:
    big = []
    for module, path in _modules():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            big.append(f"{module}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 60:
                big.append(f"{module}.{node.name}: {(node.end_lineno or 0) - node.lineno} lines")
    assert not big, "\n".join(big)

"""`report.html`: one page that needs nothing else, and asks nobody for anything.

Python formats every value; the templates escape; the script only sorts, filters and unfolds. A
policy in the page lets the page's own script and style work and nothing that a text could bring.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pyrite.report import Report
from pyrite.report.html import figures
from pyrite.report.html.page import policy, sections
from pyrite.report.html.texts import clip, first_line, prose, visible
from pyrite.report.html.words import LEVEL_MARKS, LEVEL_WORDS, verdict_level

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]


def render(report: Report, run_folder: Path) -> str:
    """The whole page.

    Args:
        report: what to show; all its texts are data.
        run_folder: pictures are read from inside it.
    """
    made = sections(report, run_folder)
    figured = [
        block.value for section in made for block in section.blocks if block.kind == "figure"
    ]
    interactive = any(figure.script is not None for figure in figured)
    script, style, plotly_style = (
        _static(name) for name in ("report.js", "report.css", "plotly.css")
    )
    scripts = [script, figures.plotly_source()] if interactive else [script]
    styles = [style, plotly_style] if interactive else [style]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            made=_moment(report.made),
            sections=made,
            # As they stand: their hashes are in the policy.
            script=Markup(script),
            style=Markup(style),
            plotly_style=Markup(plotly_style) if interactive else None,
            plotly=figures.packed_plotly() if interactive else None,
            policy=policy(scripts=scripts, styles=styles),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pyrite.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(level_words=LEVEL_WORDS, level_marks=LEVEL_MARKS)
    environment.filters["first_line"] = first_line
    environment.filters["clip"] = clip
    environment.filters["prose"] = prose
    environment.filters["verdict_level"] = verdict_level
    return environment


def _finalize(value: Any) -> Any:
    """Every text that a template puts out; `Markup` is the page's own."""
    return visible(value) if type(value) is str else value


def _moment(written: str) -> str:
    """`24 November 2026, 14:56 UTC` of an ISO time; any other text as it is."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return written
    zone = "UTC" if moment.utcoffset() == timedelta(0) else (moment.tzname() or "")
    return f"{moment.day} {moment:%B %Y, %H:%M} {zone}".strip()


def _static(name: str) -> str:
    return files("pyrite.report.html").joinpath("static", name).read_text(encoding="utf-8")

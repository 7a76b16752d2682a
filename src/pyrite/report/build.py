"""A run as a report: every section reads what it needs, and says nothing where there is nothing."""

from __future__ import annotations

import time

from pyrite.report import Report
from pyrite.report.material import Material
from pyrite.report.sections import SECTIONS
from pyrite.report.verdict import verdict
from pyrite.runs import Run

__all__ = ["build"]


def build(run: Run) -> Report:
    """The report of a run, finished or not.

    Raises:
        CorruptArtifactError: a file of the run is gone or damaged; says which and the cure.
    """
    material = Material(run)
    sections = [section(material) for section in SECTIONS]
    told, others = verdict(material)
    manifest = material.manifest
    packages = manifest.get("environment", {}).get("packages", {})
    return Report(
        title=f"Audit of {manifest.get('name', run.path.parent.name)}",
        name=str(manifest.get("name", run.path.parent.name)),
        run=str(manifest.get("plan", run.path.name)),
        version=str(packages.get("pyrite", "unknown")),
        made=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        command=material.command,
        verdict=told,
        also=others,
        sections=[section for section in sections if section.blocks],
    )

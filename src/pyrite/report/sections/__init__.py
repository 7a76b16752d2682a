"""The contract of sections: one file each, with one function `section(material)`.

A section without blocks, because the run has nothing of its kind, is left out of the report. A new
section is a file and its name here, at the place where it is to be read.
"""

from __future__ import annotations

from collections.abc import Callable

from pyrite.report import Section
from pyrite.report.material import Material
from pyrite.report.sections import (
    audited,
    dependence,
    distributions,
    exploits,
    extremes,
    figures,
    gold,
    models,
    provenance,
    unmeasured,
    vector,
)

__all__ = ["SECTIONS"]

SECTIONS: tuple[Callable[[Material], Section], ...] = (
    audited.section,
    exploits.section,
    dependence.section,
    gold.section,
    distributions.section,
    models.section,
    vector.section,
    extremes.section,
    figures.section,
    unmeasured.section,
    provenance.section,
)

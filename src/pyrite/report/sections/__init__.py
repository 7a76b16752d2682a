"""The contract of sections: one file each, with one function `section(material)`.

It returns None where the run has nothing of its kind. A new section is a file and its name here,
at the place where it is to be read.
"""

from __future__ import annotations

from collections.abc import Callable

from pyrite.report import Section
from pyrite.report.material import Material
from pyrite.report.sections.audited import section as audited
from pyrite.report.sections.dependence import section as dependence
from pyrite.report.sections.distributions import section as distributions
from pyrite.report.sections.exploits import section as exploits
from pyrite.report.sections.extremes import section as extremes
from pyrite.report.sections.figures import section as figures
from pyrite.report.sections.gold import section as gold
from pyrite.report.sections.models import section as models
from pyrite.report.sections.provenance import section as provenance
from pyrite.report.sections.unmeasured import section as unmeasured
from pyrite.report.sections.vector import section as vector

__all__ = ["SECTIONS"]

SECTIONS: tuple[Callable[[Material], Section | None], ...] = (
    audited,
    exploits,
    dependence,
    gold,
    distributions,
    models,
    vector,
    extremes,
    figures,
    unmeasured,
    provenance,
)

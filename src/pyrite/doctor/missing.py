"""Do the rows have scores at all?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, failed, passed, warned
from pyrite.doctor._interval import share

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = ["Missing"]


class Missing(Check):
    """The sampled texts have scores: warns where one has none, fails where none has one."""

    why: ClassVar[str] = "rows without a score drop out of every result, and seldom at random"

    def run(self, patient: Patient) -> Verdict:
        """Count the texts without any output."""
        total = len(patient.scores)
        none = int(np.isnan(patient.scores).all(axis=1).sum())
        saw = f"{share(none, total, 'texts')} have no score"
        if not none:
            return passed(saw, missing=none, n=total)
        if none == total:
            return failed(saw, cure=_CURE, missing=none, n=total)
        return warned(saw, cure=_CURE, missing=none, n=total)


_CURE = "column `problem` of the query says why; recorded scores: check the column and the keys"

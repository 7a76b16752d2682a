"""Every error that Pyrite raises on purpose.

::

    PyriteError                  one root; the command line prints it without a traceback
    ├── ConfigError              the experiment file; holds all mistakes at once (exit status 2)
    │   └── PolicyError          the policy of a gate, likewise
    ├── ComponentError           a name that no component has, or a user's file that does not load
    ├── ModelError               a model that cannot be opened or would not be scored as trained
    │   ├── HeadError            no score head, or one that was never trained
    │   ├── DoctorError          a check of the model failed before a query scored anything
    │   └── CheckpointError      unreadable, incomplete, unsafe or non-finite weights
    ├── DataError                a source that cannot be read, or rows that do not fit the schema
    ├── ScoringError             a forward pass that failed
    ├── AnalysisError            a target or feature that does not exist
    ├── StoreError               the run directory
    │   ├── RunInUseError        another process works on the same run
    │   ├── NewerFormatError     written by a newer Pyrite
    │   └── CorruptArtifactError a stored file does not match what was recorded of it
    └── TrackerError             a tracker that refuses (a wrong key, no such project)

A message says what happened, where, and the likely cure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pyrite.types import Mistake

__all__ = [
    "AnalysisError",
    "CheckpointError",
    "ComponentError",
    "ConfigError",
    "CorruptArtifactError",
    "DataError",
    "DoctorError",
    "HeadError",
    "ModelError",
    "NewerFormatError",
    "PolicyError",
    "PyriteError",
    "RunInUseError",
    "ScoringError",
    "StoreError",
    "TrackerError",
]


class PyriteError(Exception):
    """Root of all errors that a user can cure; its text is meant to be read by one."""


class ConfigError(PyriteError):
    """The experiment is not valid; `mistakes` lists every problem found, not just the first."""

    WHAT: ClassVar[str] = "the experiment"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        head = "1 mistake" if count == 1 else f"{count} mistakes"
        lines = [str(mistake) for mistake in self.mistakes]
        super().__init__("\n".join([f"{head} in {self.WHAT}:", *lines]))


class PolicyError(ConfigError):
    """The policy of a gate is not valid; `mistakes` lists every problem found."""

    WHAT: ClassVar[str] = "the policy"


class ComponentError(PyriteError):
    """No component has this name, or a user's own component does not load."""


class ModelError(PyriteError):
    """A model cannot be opened, or would not be scored the way it was trained."""


class HeadError(ModelError):
    """The score head is missing, ambiguous or freshly initialised."""


class CheckpointError(ModelError):
    """Weights are unreadable, incomplete, unsafe to read, or not finite."""


class DoctorError(ModelError):
    """A check of an opened model failed; nothing was scored."""


class DataError(PyriteError):
    """A data source cannot be read, or its rows do not fit the schema."""


class ScoringError(PyriteError):
    """A forward pass failed or returned something that is not a score."""


class AnalysisError(PyriteError):
    """An analysis names a target, feature or estimator that does not exist."""


class StoreError(PyriteError):
    """The run directory cannot be read or written."""


class RunInUseError(StoreError):
    """Another process is working on this run."""


class NewerFormatError(StoreError):
    """The run directory was written by a newer version of Pyrite."""


class CorruptArtifactError(StoreError):
    """A stored file does not match what was recorded when it was written."""


class TrackerError(PyriteError):
    """A tracker refused to start or to take what it was given."""

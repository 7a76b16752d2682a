"""Trackio: a tracker in a local SQLite file, shown by `trackio show`; no account needed."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pyrite.errors import TrackerError
from pyrite.trackers import FigureFiles, RunInfo, Session, Tracker
from pyrite.trackers._shown import cells, file_name, key
from pyrite.trackers.redact import redact
from pyrite.types import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Trackio"]


class Trackio(Tracker):
    """Local charts, tables and figures with Trackio; nothing leaves the machine without `space`.

    Trackio keeps all projects in one folder, `TRACKIO_DIR` or its own default, so that runs can
    be compared.
    """

    project: str = "pyrite"
    name: str | None = Field(default=None, description="run name; default: the experiment's")
    space: str | None = Field(
        default=None, description="Hugging Face Space to log to; null: this machine only"
    )

    def start(self, info: RunInfo) -> Session:
        """Open a run.

        Raises:
            TrackerError: Trackio is not installed, or refuses the project or the Space.
        """
        try:
            import trackio
        except ImportError as error:
            raise TrackerError(
                f"the tracker 'trackio' is not installed: pip install 'pyrite[trackio]' ({error})"
            ) from error
        settings = {
            # The run's name becomes a folder in Trackio's media store.
            "name": file_name(self.name or info.name),
            "group": info.group,
            "config": _config(info),
        }
        try:
            with _silent():
                if self.space is None:
                    return _TrackioSession(_local_run(self.project, settings), self.project, None)
                run = trackio.init(
                    self.project,
                    space_id=self.space,
                    embed=False,
                    auto_log_gpu=False,
                    auto_log_cpu=False,
                    **settings,
                )
                return _TrackioSession(run, self.project, self.space)
        except (ValueError, OSError, RuntimeError, TrackerError) as error:
            where = f"Space {self.space!r}" if self.space else f"project {self.project!r}"
            raise TrackerError(
                f"trackio cannot start on {where}: {error} (leave `space` out to log on this "
                "machine only)"
            ) from error


def _local_run(project: str, settings: Mapping[str, Any]) -> Any:
    """A run that stays on this machine, whatever `TRACKIO_SPACE_ID` or a Hub login say."""
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    class LocalRun(trackio.Run):  # type: ignore[misc]
        def _get_username(self) -> str | None:
            # Trackio would ask the Hub whom a stored token belongs to: a request per run.
            return None

    SQLiteStorage.validate_project_name(project)
    return LocalRun(url=None, project=project, client=None, **settings)


def _config(info: RunInfo) -> dict[str, Json]:
    described = {
        **redact(info.config),
        "plan_id": info.plan_id,
        "tags": list(info.tags),
        "job_type": info.job_type,
    }
    # Trackio keeps names with a leading underscore for itself.
    return {name.lstrip("_") or "unnamed": value for name, value in described.items()}


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """No print, and a warning is an error: Trackio tells of data it could not log by warning.

    Raises:
        TrackerError: Trackio warned.
    """
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    if caught:
        raise TrackerError("; ".join(str(warning.message) for warning in caught))


class _TrackioSession(Session):
    def __init__(self, run: Any, project: str, space: str | None) -> None:
        self._run = run
        self._project = project
        self._space = space
        self._last_step = 0
        self._line: str | None = None

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        if step is not None:
            self._last_step = max(self._last_step, step)
        self._log({_free(name): float(value) for name, value in values.items()}, step)

    def table(self, name: str, table: pa.Table) -> None:
        import trackio

        columns, rows = cells(table)
        self._log({_free(name): trackio.Table(columns=columns, data=rows)})

    def figure(self, figure: FigureFiles) -> None:
        import trackio

        self._log({_free(figure.name): trackio.Image(figure.png, caption=key(figure.name))})

    def artifact(self, name: str, path: Path, kind: str) -> None:
        with _silent():
            self._run.log_artifact(path, name=file_name(f"{kind}-{name}"), type=file_name(kind))

    def finish(self, status: str) -> str | None:
        if self._line is None:
            self._line = self._where()
            with _silent():
                self._run.finish()
        return self._line

    def _log(self, values: Mapping[str, object], step: int | None = None) -> None:
        with _silent():
            self._run.log(dict(values), step=self._last_step if step is None else step)

    def _where(self) -> str:
        if self._space is not None:
            return f"trackio: https://huggingface.co/spaces/{self._space}"
        folder = os.environ.get("TRACKIO_DIR")
        prefix = f"TRACKIO_DIR={shlex.quote(folder)} " if folder else ""
        return f"trackio: {prefix}trackio show --project {shlex.quote(self._project)}"


def _free(name: str) -> str:
    """`name` as a metric; names that Trackio keeps for itself get a trailing underscore."""
    reserved = {"project", "run", "timestamp", "step", "time", "metrics"}
    shown = key(name)
    shown = f"{shown}_" if shown in reserved else shown
    return f"_{shown.lstrip('_')}" if shown.startswith("__") else shown

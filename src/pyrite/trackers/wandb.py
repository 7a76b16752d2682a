"""Weights & Biases: a hosted tracker; without a login or a network the run is kept on disk."""

from __future__ import annotations

import contextlib
import netrc
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from pyrite.errors import TrackerError
from pyrite.trackers import FigureFiles, RunInfo, Session, Tracker
from pyrite.trackers._shown import cells, file_name, key
from pyrite.trackers.redact import redact

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Wandb"]

_Reached = Literal["online", "offline"]
_EXIT_CODES = {"finished": 0, "failed": 1, "interrupted": 130}
_OFFLINE = "set `mode: offline` to keep the run on disk and sync it later"


class Wandb(Tracker):
    """Charts, tables, figures and artifacts on Weights & Biases, or offline for `wandb sync`."""

    project: str = "pyrite"
    entity: str | None = Field(default=None, description="user or team; null: your default")
    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        default="auto",
        description="auto: online where you are logged in and the server answers, else offline",
    )
    tags: tuple[str, ...] = Field(default=(), description="added to the experiment's tags")
    group: str | None = Field(default=None, description="default: the experiment's")
    job_type: str | None = Field(default=None, description="default: the experiment's")
    name: str | None = Field(default=None, description="run name; default: the experiment's")
    dir: str | None = Field(default=None, description="folder for its files; default: the run's")
    start_timeout: float = Field(
        default=20.0, gt=0, description="seconds to wait for the server before work starts"
    )
    finish_timeout: float = Field(
        default=120.0, gt=0, description="seconds to wait for uploads at the end"
    )

    def start(self, info: RunInfo) -> Session:
        """Open a run; never asks, never waits longer than `start_timeout`.

        Raises:
            TrackerError: a wrong key, no such project, no permission or (`mode: online`) no
                login or no answer.
        """
        if self._wished() == "disabled":
            return Session()
        _import_quietly()
        service = _Service.open()
        try:
            mode, reason = self._mode()
            try:
                run, reason = self._init(info, mode), reason
            except _UnreachableError as error:
                if self.mode != "auto":
                    raise TrackerError(
                        f"W&B does not answer: {error}. Check the network, or {_OFFLINE}."
                    ) from error
                run, mode = self._init(info, "offline"), "offline"
                reason = "the server did not answer"
        except BaseException:
            service.close()
            raise
        return _WandbSession(run, service, mode, reason)

    def _wished(self) -> str:
        """The mode asked for: by the experiment, or (auto) by the environment."""
        if self.mode == "auto" and os.environ.get("WANDB_MODE") in ("offline", "disabled"):
            return os.environ["WANDB_MODE"]
        return self.mode

    def _mode(self) -> tuple[_Reached, str]:
        """Online or offline, and why it is offline.

        Raises:
            TrackerError: `mode: online` without a login.
        """
        if self._wished() == "offline":
            return "offline", "as asked"
        if _logged_in():
            return "online", ""
        if self.mode == "online":
            raise TrackerError(f"W&B: not logged in. Run `wandb login`, or {_OFFLINE}.")
        return "offline", "not logged in"

    def _init(self, info: RunInfo, mode: _Reached) -> Any:
        import wandb
        from pydantic import ValidationError

        try:
            return wandb.init(
                project=self.project,
                entity=self.entity,
                mode=mode,
                name=redact(self.name or info.name),
                group=redact(self.group or info.group),
                job_type=redact(self.job_type or info.job_type),
                tags=list(dict.fromkeys(redact([*info.tags, *self.tags]))),
                dir=self.dir or str(info.path),
                config={**redact(info.config), "plan_id": info.plan_id},
                settings=_settings(self.start_timeout, self.finish_timeout),
            )
        except (wandb.errors.Error, TimeoutError, ValidationError, ValueError, OSError) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> TrackerError:
        import wandb

        text = " ".join(str(error).split("\nConsider increasing")[0].split())
        if isinstance(error, wandb.errors.AuthenticationError):
            return TrackerError(
                f"W&B: the key is not valid: {text} Run `wandb login`, or {_OFFLINE}."
            )
        if isinstance(error, TimeoutError) or "imed out" in text:
            return _UnreachableError(text)
        if isinstance(error, wandb.errors.CommError):
            where = f"{self.entity}/{self.project}" if self.entity else self.project
            said = "" if text in ("", "<no message>") else f" ({text})"
            return TrackerError(
                f"W&B at {_host_url()} refuses{said}: the key is wrong, or it may not write to "
                f"{where!r}. Run `wandb login --relogin`, or {_OFFLINE}."
            )
        return TrackerError(f"W&B cannot start: {text}. Mend its settings, or {_OFFLINE}.")


class _UnreachableError(TrackerError):
    """The server gave no answer in time; a run in mode auto goes on offline."""


class _Service:
    """W&B's helper process: ended with the last session, unless the caller uses W&B too."""

    _open: ClassVar[int] = 0
    _ours: ClassVar[bool] = False

    @classmethod
    def open(cls) -> _Service:
        import wandb

        if cls._open == 0:
            cls._ours = wandb.run is None
        cls._open += 1
        wandb.setup(wandb.Settings(silent=True))
        return cls()

    def close(self) -> None:
        import wandb

        _Service._open -= 1
        if _Service._open == 0 and _Service._ours:
            # Where it has died already, its connection is broken and nothing is left to end.
            with contextlib.suppress(ConnectionError):
                wandb.teardown()


def _import_quietly() -> None:
    # W&B reports its own errors and timings over the network, in offline runs too.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        import wandb  # noqa: F401 - found here, so that the message can name the cure
    except ImportError as error:
        raise TrackerError(
            f"the tracker 'wandb' is not installed: pip install wandb ({error})"
        ) from error


def _settings(start_timeout: float, finish_timeout: float) -> Any:
    """Silent, without code, git, requirements or machine data, and never without end."""
    import wandb

    wished: dict[str, object] = {
        "silent": True,
        "console": "off",
        "reinit": "create_new",
        "init_timeout": start_timeout,
        "finish_timeout": finish_timeout,
        "finish_timeout_raises": True,
        "disable_git": True,
        "disable_code": True,
        "save_code": False,
        "disable_job_creation": True,
        # The web page's stop button would interrupt the program; a tracker may not.
        "stop_fn": _ignore_stop,
        "x_save_requirements": False,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
    }
    known = wandb.Settings.model_fields
    return wandb.Settings(**{name: value for name, value in wished.items() if name in known})


def _ignore_stop() -> None:
    return None


def _host_url() -> str:
    import wandb

    return str(wandb.setup().settings.base_url)


def _logged_in() -> bool:
    """Whether W&B would find credentials: environment, its own settings, or the netrc file."""
    import wandb

    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    settings = wandb.setup().settings
    if settings.api_key or getattr(settings, "identity_token_file", None):
        return True
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        found = netrc.netrc(path).authenticators(urlsplit(_host_url()).netloc)
    except (OSError, netrc.NetrcParseError):
        return False
    return bool(found and found[2])


class _WandbSession(Session):
    def __init__(self, run: Any, service: _Service, mode: _Reached, reason: str) -> None:
        self._run = run
        self._service = service
        self._mode = mode
        self._reason = reason
        self._line: str | None = None
        # An axis of its own: W&B drops values whose own step goes backwards, as it does when
        # tables are logged in between or a second query starts to count again.
        run.define_metric("*", step_metric="step")

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        numbers = {key(name): float(value) for name, value in values.items()}
        if step is None:
            self._run.summary.update(numbers)
        else:
            self._run.log({"step": step, **numbers})

    def table(self, name: str, table: pa.Table) -> None:
        import wandb

        columns, rows = cells(table)
        shown = wandb.Table(columns=columns, data=rows, allow_mixed_types=True)
        self._run.log({key(name): shown})

    def figure(self, figure: FigureFiles) -> None:
        import wandb

        name = key(figure.name)
        shown: dict[str, object] = {name: wandb.Image(str(figure.png), caption=name)}
        if figure.html is not None:
            shown[f"{name} (interactive)"] = wandb.Html(str(figure.html), inject=False)
        self._run.log(shown)

    def artifact(self, name: str, path: Path, kind: str) -> None:
        import wandb

        # The kind is part of the name because W&B refuses one name for two kinds.
        artifact = wandb.Artifact(file_name(f"{kind}-{name}"), type=file_name(kind))
        # Finished files of the run directory do not change: no second copy of them is needed.
        if path.is_dir():
            artifact.add_dir(str(path), skip_cache=True, policy="immutable")
        else:
            artifact.add_file(str(path), skip_cache=True, policy="immutable")
        self._run.log_artifact(artifact)

    def finish(self, status: str) -> str | None:
        if self._line is not None:
            return self._line
        folder = Path(self._run.dir).parent
        sync = f"wandb sync {shlex.quote(str(folder))}"
        self._line = f"wandb: offline ({self._reason}); to upload: {sync}"
        try:
            if self._mode == "online":
                self._line = f"wandb: {self._run.url}"
            self._run.finish(exit_code=_EXIT_CODES.get(status, 1))
        except TimeoutError:
            self._line = f"wandb: the upload did not end in time; to upload the rest: {sync}"
        except Exception as error:
            self._line = f"wandb: the upload broke off; to upload the rest: {sync}"
            what = str(error) or type(error).__name__
            raise TrackerError(
                f"W&B did not finish ({what}); to upload the rest: {sync}"
            ) from error
        finally:
            self._service.close()
        return self._line

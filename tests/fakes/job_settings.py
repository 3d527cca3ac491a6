"""What an agent's jobs are given, from nothing but the options that a test names."""

from __future__ import annotations

from typing import Mapping, Optional

from bkagent.agent.settings import JobSettings
from bkagent.config import job_options
from bkagent.config.option import Option
from bkagent.config.options import agent
from bkagent.config.settings import defaults


def job_settings(values: Optional[Mapping[Option, object]] = None, launchers_path: str = "") -> JobSettings:
    """Return the settings of an agent that was started with these values."""
    options = defaults(agent.START)
    for option, value in (values or {}).items():
        options.put(option, value, "test")
    return JobSettings(job_options.complete(options, {}), launchers_path)

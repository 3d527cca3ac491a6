"""A caller of AWS's code for tests: variables, files in a temporary home, and messages that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional

from bkagent.cloud.aws import settings as aws_settings
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.cloud_context import CloudContext
from bkagent.transport.client.http_client import Pool

NOW_S = 1796065507.0  # 2026-11-30T19:05:07Z


class Caller:
    """`settings()` is what a command would use; `messages` what it would print."""

    def __init__(self, home: Path, environ: Optional[Dict[str, str]] = None) -> None:
        self.home, self.environ, self.now_s = home, dict(environ or {}), NOW_S
        self.messages: List[str] = []
        self.waits: List[float] = []

    def write(self, name: str, text: str) -> None:
        """Write a file below ~/.aws."""
        path = self.home / ".aws" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def settings(self, profile: str = "") -> AwsSettings:
        """Return the settings, read anew."""
        pool = Pool("http://localhost", self.environ)
        context = CloudContext(
            pool, self.environ, str(self.home), "test-agent/1", self._report, self._wait, lambda: self.now_s
        )
        return aws_settings.load(context, profile)

    def _report(self, level: str, text: str) -> None:
        self.messages.append(f"{level} {text}")

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False

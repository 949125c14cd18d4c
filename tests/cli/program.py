"""The real program, started as a person starts it: `python -m nameplate ...` with its own home."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """Runs commands on the database in `home`."""

    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "NAMEPLATE_HOME": str(self.home), **self.more}

    def with_(self, **more: str) -> "Program":
        return Program(self.home, {**self.more, **more})

    def __call__(self, *words: str, expect: int = 0, stdin: str = "") -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", *words],
            env=self.environment,
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=90,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert ran.code == expect, (words, ran.out, ran.err)
        return ran

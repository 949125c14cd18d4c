"""Another checkout to measure against: the Python of its environment, or a commit of this repository."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path


def python_of(given: str, folder: Path) -> str:
    """Return the Python that runs a checkout: `given` itself where it is a program.

    A commit's sources are put into `folder`, and run with what is installed for this checkout.
    """
    if Path(given).is_file():
        return given
    root = Path(__file__).parents[1]
    packed = subprocess.run(
        ["git", "archive", given, "src"], cwd=root, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder / "commit", filter="data")
    script = folder / "commit" / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/commit/src" exec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    return str(script)

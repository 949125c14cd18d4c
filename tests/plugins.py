"""Packages with entry points, installed into a folder the way pip leaves them."""

from collections.abc import Mapping
from pathlib import Path


def install(
    folder: Path, package: str, group: str, points: Mapping[str, str], modules: Mapping[str, str]
) -> None:
    """Leave a package in `folder`: its metadata with `points` of `group`, and its modules."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)

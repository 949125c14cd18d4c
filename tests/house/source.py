"""The source files that the house rules look at, read and parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "nameplate"

TEXT_SUFFIXES = {"", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py"} | {
    *(".sh", ".toml", ".ts", ".txt", ".vue", ".yaml", ".yml")
}
NOT_OURS = {".coverage", ".git", "__pycache__", "node_modules", "build", "dist"}


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """Return every Python file below these folders of the repository."""
    return tuple(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def text_files() -> Iterator[Path]:
    """Yield every text file of the repository; hidden folders hold tools' files, except .ci."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        ours = not hidden and not NOT_OURS & set(parts) and path.suffix in TEXT_SUFFIXES
        if ours and path.is_file():
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(), str(path))


def where(path: Path, node: ast.AST) -> str:
    """Return the place of `node` the way editors open it: `file:line`."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a name or attribute, and only the attributes of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def imports(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every imported name of a file, in full: `from a import b` is `a.b`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"

"""Pictures for a terminal."""

from collections.abc import Sequence

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_WIDTH, _ROWS = 72, 5


def curves(samples: Sequence[tuple[float, dict[str, int]]], names: Sequence[str]) -> str:
    """Draw how each of `names` grew over time (seconds): one strip each, on one scale."""
    if not samples:
        return "nothing was seen"
    end = samples[-1][0] or 1.0
    top = max(max(counts.values()) for _, counts in samples) or 1
    lines = []
    for name in names:
        heights = [0] * _WIDTH
        for at, counts in samples:
            place = min(_WIDTH - 1, int(at / end * _WIDTH))
            heights[place] = max(heights[place], counts[name])
        for place in range(1, _WIDTH):  # between two looks it is what it was
            heights[place] = max(heights[place], heights[place - 1])
        for row in reversed(range(_ROWS)):
            cells = (min(8, max(0, round(one / top * _ROWS * 8) - row * 8)) for one in heights)
            label = name if row == _ROWS - 1 else f"{heights[-1]:,}" if row == 0 else ""
            lines.append(f"{label:>10} │" + "".join(_HEIGHTS[cell] for cell in cells))
        lines.append(" " * 11 + "└" + "─" * _WIDTH)
    lines.append(f"{'':>11} 0 s{f'{end:.0f} s':>{_WIDTH - 3}}")
    return "\n".join(lines)

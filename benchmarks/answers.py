"""What a benchmark answers: ratios of two things measured in turn in one run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Two measured values and how they compare."""

    what: str
    ours: float
    other: float
    """Of a peer, of the bare model, or of a smaller job."""
    unit: str
    at_most: float | None = None
    """What the ratio is to keep to; None where it only tells."""

    @property
    def value(self) -> float:
        """Ours ÷ the other."""
        return self.ours / self.other

    @property
    def kept(self) -> bool:
        """Whether the ratio is what it is to be."""
        return self.at_most is None or self.value <= self.at_most


def table(ratios: list[Ratio]) -> str:
    """Return ratios as lines of a Markdown table."""
    lines = ["| what | ours | other | ratio | at most |", "|---|---|---|---|---|"]
    for ratio in ratios:
        bar = "" if ratio.at_most is None else f"{ratio.at_most:g}"
        ours, other = (f"{value:.4g} {ratio.unit}" for value in (ratio.ours, ratio.other))
        lines.append(f"| {ratio.what} | {ours} | {other} | {ratio.value:.3f} | {bar} |")
    return "\n".join(lines)

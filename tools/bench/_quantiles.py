"""Many figures in two."""

import statistics
from collections.abc import Iterable


def quantiles(name: str, values: Iterable[float | None]) -> dict[str, float | None]:
    """{name_p50, name_p95}, of what was measured; None where nothing was."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {f"{name}_p50": None, f"{name}_p95": None}
    at_95 = known[min(len(known) - 1, int(0.95 * len(known)))]
    return {f"{name}_p50": round(statistics.median(known), 1), f"{name}_p95": round(at_95, 1)}

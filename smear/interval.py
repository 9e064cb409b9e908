"""How sure a share is that was counted: Wilson's interval, for cards, reports and differential counts alike."""

import math

Z = 1.959964  # standard errors to each side of a 95 % interval


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of `right` of `total`, 0..1 (Wilson 1927, JASA 22:209); (0, 1) of nothing."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + Z * Z / (2 * total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)

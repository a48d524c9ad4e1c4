"""How far runs scatter: what a method and a seed do not explain, of all methods together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats
from statsmodels.formula.api import ols

#: Degrees of freedom from which on the scatter of all methods together is of use.
ENOUGH = 10
#: Chance below which methods that scatter alike would look as unlike as these.
UNLIKE = 0.05


@dataclass(frozen=True)
class Scatter:
    """The noise of a run, from a table of methods by seeds.

    Top-1 is taken for the sum of a method's part, a seed's part and noise, as in the analysis of variance
    of a randomised block design. Three seeds of one pair of methods say little of the noise; three seeds
    of ten methods say enough, if all methods scatter alike.

    Args:
        std: Standard deviation of the noise, in percentage points.
        freedom: Degrees of freedom of that estimate.
        alike: p-value of Bartlett's test that all methods scatter alike.
    """

    std: float
    freedom: int
    alike: float

    @classmethod
    def of(cls, values: Mapping[str, Mapping[int, float]]) -> Scatter | None:
        """The noise in a table.

        Args:
            values: Name of a method -> seed -> its value. Seeds may be missing.

        Returns:
            The noise; None if there are too few runs to tell, fewer than ten degrees of freedom.
        """
        # What a method of one seed differs by is that method's part.
        several = {name: seeds for name, seeds in values.items() if len(seeds) > 1}
        rows = [(name, seed, x) for name, seeds in several.items() for seed, x in seeds.items()]
        if len(several) < 2:
            return None
        names, seeds, numbers = zip(*rows, strict=True)
        table = dict(method=list(names), seed=[str(seed) for seed in seeds], value=list(numbers))
        fit = ols('value ~ C(method) + C(seed)', table).fit()
        if fit.df_resid < ENOUGH:
            return None
        groups: dict[str, list[float]] = {}
        for name, noise in zip(names, fit.resid, strict=True):
            groups.setdefault(name, []).append(float(noise))
        if any(statistics.pstdev(group) < 1e-9 for group in groups.values()):
            alike = 0.0  # always the same: diverged, or nothing was learned
        else:
            alike = float(stats.bartlett(*groups.values()).pvalue)
        return cls(math.sqrt(fit.mse_resid), int(fit.df_resid), alike)

    @property
    def shared(self) -> bool:
        """Whether methods scatter so much alike that one interval fits all."""
        return self.alike >= UNLIKE

    def paired(
        self, values: Sequence[float], others: Sequence[float], level: float = 0.95
    ) -> dict[str, float]:
        """As :func:`~.tables.paired`, by this noise in the place of that of the pairs: one is enough."""
        mean = statistics.mean(a - b for a, b in zip(values, others, strict=True))
        error = self.std * math.sqrt(2 / len(values))
        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * error
        p = 2 * float(stats.t.sf(abs(mean) / error, self.freedom))
        return dict(mean=mean, low=mean - half, high=mean + half, p=p)

    def note(self) -> str:
        """What it says of the intervals of a table, a sentence."""
        if not self.shared:
            return (
                f"The methods scatter unequally (Bartlett's test, p = {self.alike:.2g}), so that the "
                'interval of each is by its own seeds.'
            )
        return (
            f'A run differs by {self.std:.2f} points (standard deviation, {self.freedom} degrees of '
            'freedom) from what its method and its seed make; the intervals are by this scatter of all '
            f"methods together, which scatter alike (Bartlett's test, p = {self.alike:.2g})."
        )

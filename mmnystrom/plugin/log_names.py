"""Names under which figures of a loss are logged."""

from __future__ import annotations

import re
from collections.abc import Iterable


def log_labels(names: Iterable[str]) -> dict[str, str]:
    """Names of losses without the words that make mmengine log means of ten values.

    Example:
        >>> log_labels(['loss_kda', 'loss_kda_logits', 'kda_loss', 'loss'])
        {'loss_kda': 'kda', 'loss_kda_logits': 'kda_logits', 'kda_loss': 'kda2', 'loss': 'kda3'}
    """
    labels: dict[str, str] = {}
    for name in names:
        label = re.sub(r'_?(loss|time|grad_norm)', '', name).strip('_') or 'kda'
        same = sum(other.rstrip('0123456789') == label for other in labels.values())
        labels[name] = f'{label}{same + 1}' if same else label
    return labels

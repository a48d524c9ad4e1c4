"""The tables that say whether KDA can hurt."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from .. import tables
from ..plan import STUDENT as ALONE
from ..tables import markdown_table, mean_std, paired

#: Points that a loss may be below the student alone, beyond the interval.
TOLERATED = 1.0
#: Columns that not every row has.
EXTRA = ('KDA centred, post-FC', 'KDA centred, both', 'cka 3')
#: The forms and weights of the sweep.
FORMS = ('cka', 'landmark_cka')
SWEPT = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
#: The centred form at three times its weight.
STRONGER = 'landmark_cka 10'
#: The default loss, with its weight.
CORRELATED = 'correlated 10'
#: It at the weights that are tried, by name.
SWEPT_CORRELATED = {f'correlated {weight:g}': weight for weight in (1.0, 3.0, 10.0, 30.0, 100.0)}

Settings = dict[tuple[str, ...], dict[str, dict[int, dict]]]


def read(results: dict[str, dict]) -> Settings:
    """Results by setting (data, pair, batch, scale), method and seed."""
    found: Settings = {}
    for key, result in results.items():
        if key.startswith(('teacher |', 'tutorial |')):
            continue
        *setting, method, seed = key.split(' | ')
        found.setdefault(tuple(setting), {}).setdefault(method, {})[int(seed)] = result
    for (data, pair, batch, scale), methods in found.items():
        if scale != '1':  # these methods do not depend on the scale of features
            for method in (ALONE, 'KD'):
                methods.update({method: found[data, pair, batch, '1'][method]})
    return found


def top1(methods: dict, method: str) -> list[float]:
    """Top-1 of every seed."""
    return [result['top1'] for _, result in sorted(methods.get(method, {}).items())]


def difference(methods: dict, method: str, other: str) -> dict | None:
    """Percentage points between two methods, paired by seed; None where one is missing."""
    seeds = sorted(set(methods.get(method, {})) & set(methods.get(other, {})))
    if len(seeds) < 2:
        return None
    values = [[methods[name][seed]['top1'] for seed in seeds] for name in (method, other)]
    return paired(*values)


def shown(found: dict | None) -> str:
    """A difference and its 95 % interval."""
    return tables.difference(found, digits=1)


def cell(methods: dict, method: str) -> str:
    """Mean and standard deviation, or a dash."""
    return mean_std(top1(methods, method), 1)


def ratio(methods: dict, method: str) -> str:
    """Median over seeds and epochs of the gradient ratio, and the largest."""
    found = [x for result in methods.get(method, {}).values() for x in result.get('gradient_ratio', [])]
    return f'{statistics.median(found):.2g} ({max(found):.2g})' if found else '-'


def hurts(found: dict | None) -> bool:
    """Whether the whole interval is below what is tolerated."""
    return found is not None and found['high'] < -TOLERATED


def table(settings: Settings) -> str:
    """The centred form beside the others, a line a setting."""
    names = (ALONE, 'KD', 'KDA as published', 'KDA centred', 'KDA centred + KD', *EXTRA)
    pairs = {
        'as published - alone': ('KDA as published', ALONE),
        'centred - alone': ('KDA centred', ALONE),
        'centred + KD - KD': ('KDA centred + KD', 'KD'),
    }
    return _table(settings, 'KDA centred', names, pairs)


def stronger(settings: Settings) -> str:
    """The centred form at a larger weight, a line a setting."""
    return _everywhere(settings, STRONGER)


def correlated(settings: Settings) -> str:
    """The correlated form, a line a setting; then its other weights, a line each."""
    return f'{_everywhere(settings, CORRELATED)}\n\n{_sweep(settings, list(SWEPT_CORRELATED))}'


def _everywhere(settings: Settings, form: str) -> str:
    """One form by itself, with KD, and on other layers."""
    pairs = {'10 - alone': (form, ALONE), '10 + KD - KD': (f'{form} + KD', 'KD')}
    elsewhere = [f'{form}, {where}' for where in ('post-FC', 'both')]
    return _table(settings, form, (ALONE, 'KD', form, f'{form} + KD', *elsewhere), pairs)


def _table(settings: Settings, judged: str, names: tuple, pairs: dict[str, tuple[str, str]]) -> str:
    """Methods and differences, a line a setting, and where one of them hurts."""
    lines = [['data', 'teacher to student', 'batch', 'scale', *names, *pairs]]
    bad = []
    for setting, methods in sorted(settings.items()):
        if judged not in methods:
            continue
        if hurts(difference(methods, judged, ALONE)):
            bad.append(' '.join(setting))
        line = [*setting, *(cell(methods, name) for name in names)]
        lines.append([*line, *(shown(difference(methods, *pair)) for pair in pairs.values())])
    verdict = f'More than a point below, beyond the interval: {"; ".join(bad) or "none"}.'
    return f'{markdown_table(lines)}\n\n{verdict}'


def choice(settings: Settings) -> str:
    """Every candidate, a line each; a table a pair."""
    parts = []
    for setting, methods in sorted(settings.items()):
        if 'landmark_cka 1' not in methods:
            continue
        lines = [['method', 'top-1 (%)', 'less the student alone', 'less KD', 'gradient ratio']]
        for method in methods:
            line = [method, cell(methods, method), shown(difference(methods, method, ALONE))]
            lines.append([*line, shown(difference(methods, method, 'KD')), ratio(methods, method)])
        parts.append(f'{", ".join(setting)}\n\n{markdown_table(lines)}')
    return '\n\n'.join(parts)


def sweep(settings: Settings) -> str:
    """The centred forms at other weights, a line each."""
    return _sweep(settings, [f'{form} {weight:g}' for form in FORMS for weight in SWEPT])


def _sweep(settings: Settings, names: list[str]) -> str:
    """Losses and weights, a line each, in the settings that have the last of them."""
    chosen = {k: m for k, m in sorted(settings.items()) if names[-1] in m}
    columns = ('top-1', 'less the student alone', 'gradient ratio')
    head = (f'{setting[0]}, {setting[1]}: {what}' for setting in chosen for what in columns)
    lines = [['loss, weight', *head]]
    for name in (ALONE, *names):
        line = [name]
        for methods in chosen.values():
            line += [cell(methods, name), shown(difference(methods, name, ALONE)), ratio(methods, name)]
        lines.append(line)
    return markdown_table(lines)


def tutorial(results: dict[str, dict]) -> str:
    """The tutorial's run, a line a method."""
    methods: dict[str, dict[int, dict]] = {}
    for key, result in results.items():
        if key.startswith('tutorial |'):
            _, method, seed = key.split(' | ')
            methods.setdefault(method, {})[int(seed)] = result
    head = ['method', 'top-1 (%)', 'of every seed', 'less the student alone', 'less KD', 'gradient ratio']
    lines = [head]
    for method in methods:
        every = ', '.join(f'{value:.1f}' for value in top1(methods, method))
        line = [method, cell(methods, method), every, shown(difference(methods, method, ALONE))]
        lines.append([*line, shown(difference(methods, method, 'KD')), ratio(methods, method)])
    return markdown_table(lines)


REPORTS: dict[str, Callable[[Settings], str]] = dict(
    choose=choice, table=table, weights=sweep, stronger=stronger, correlated=correlated
)


def report(part: str, results: dict[str, dict]) -> str:
    """The table of a part, Markdown."""
    return tutorial(results) if part == 'tutorial' else REPORTS[part](read(results))

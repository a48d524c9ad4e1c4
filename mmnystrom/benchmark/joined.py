"""Reports of one suite from several machines, or of several days, as one.

Two machines add up in another order, and each has trained a teacher of its own: a difference is between
runs of one machine. So all methods of a seed come from one report, and reports bring different seeds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import ResultError
from .plan import STUDENT
from .provenance import provenance
from .report import KD, legend, replay_notes, shown, table, tuning_note, write_files
from .result import Result, compare_with
from .tuned import join_tunings
from .validation import GIVEN

#: What a joined report keeps of each of its parts.
KEPT = (
    'teacher',
    'teacher_given',
    'images',
    'recipes',
    'run_commits',
    'run_machines',
    'versions',
    'device',
    'machine',
    'commit',
    'command',
)


def join_reports(files: Sequence[Path], folder: Path) -> str:
    """Join the results.json of several reports; write results.md, results.json and the pictures.

    Args:
        files: The results.json. One may itself be joined.
        folder: Where the joined report goes; it is made.

    Returns:
        The table with its notes, Markdown.

    Raises:
        ResultError: If there are fewer than two, a file is no report, it is of another suite, other
            images or other tuned weights, a seed is in two of them, or the folder is that of a report.
    """
    if len(files) < 2:
        raise ResultError(f'{len(files)} report: give at least two to join.')
    if folder.resolve() in [file.resolve().parent for file in files if file.name == 'results.json']:
        raise ResultError(f'--out {folder} holds one of the reports, which would be overwritten.')
    reports = [_read(file) for file in files]
    _check_same(files, reports)
    tuning = join_tunings(files, reports)
    parts = sorted((part for report in reports for part in _parts(report)), key=_first_seed)
    results = _joined(sorted(reports, key=_first_seed))
    scatter = compare_with(results, (STUDENT, KD))
    first = reports[0]
    teachers = [part['teacher'] for part in parts if part['teacher'] is not None]
    images = {part['images'] for part in parts if part.get('images')}
    text = table(results, teachers)
    text += f'\n\n{legend(results, first.get("validation"), max(images, default=0), scatter)}'
    text += ''.join(f'\n\n{note}' for note in _notes(parts, results, first.get('validation')))
    text += '' if tuning is None else f'\n\n{tuning_note(tuning)}'
    found = dict(
        **shown(first['suite'], teachers, results, scatter, tuning, first.get('validation')),
        failed={run: why for report in reports for run, why in report['failed'].items()},
        parts=parts,
        **provenance(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, found, text, results)
    return text


def _read(file: Path) -> dict:
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        raise ResultError(f'{file} does not exist: give the results.json of a benchmark.') from None
    except (ValueError, OSError) as error:
        raise ResultError(f'{file} cannot be read as JSON: {error}') from error
    needed = ('suite', 'teacher', 'rows', 'failed')
    lacks = [key for key in needed if not isinstance(found, dict) or key not in found]
    if lacks or not found['rows']:
        what = ', '.join(lacks) or 'row in rows'
        raise ResultError(f'{file} is no results.json of a benchmark: it has no {what}.')
    return found


def _seeds(report: dict) -> list[int]:
    return sorted({seed for row in report['rows'].values() for seed in row['seeds']})


def _first_seed(report: dict) -> int:
    return min(report['seeds'] if 'seeds' in report else _seeds(report))


def _parts(report: dict) -> Iterable[dict]:
    if 'parts' in report:
        return report['parts']
    return [dict(seeds=_seeds(report), **{key: report[key] for key in KEPT if key in report})]


def _check_same(files: Sequence[Path], reports: Sequence[dict]) -> None:
    expected = reports[0]
    seen: dict[int, Path] = {}
    for file, report in zip(files, reports, strict=True):
        for key in ('suite', 'validation'):
            if report.get(key) != expected.get(key):
                raise ResultError(
                    f'{file}: {key}={report.get(key)!r}, and {files[0]} has {expected.get(key)!r}: only '
                    'reports of one suite can be joined.'
                )
        for seed in _seeds(report):
            if seed in seen:
                raise ResultError(
                    f'seed {seed} is in {seen[seed]} and in {file}. All methods of a seed are compared '
                    'with each other, so they come from one machine: train other seeds on the other, '
                    'with --first-seed.'
                )
            seen[seed] = file


def _joined(reports: Sequence[dict]) -> dict[str, Result]:
    """Name of a method -> its figures of all reports; costs are those of the first that has any."""
    results: dict[str, Result] = {}
    measured = next((r for r in reports if any('time' in row for row in r['rows'].values())), None)
    for report in reports:
        for name, row in report['rows'].items():
            more = Result.from_dict(row)
            more.costs = more.costs if report is measured else {}
            if name in results:
                results[name].extend(more)
            else:
                results[name] = more
    return results


def _notes(parts: Sequence[dict], results: dict[str, Result], validation: float | None) -> list[str]:
    """What the parts are, and where they differ."""
    lines = []
    for part in parts:
        seeds = ', '.join(map(str, part['seeds']))
        teacher = '' if part['teacher'] is None else f', teacher {part["teacher"]:.2f} %'
        machines = '; '.join(part.get('run_machines') or [part.get('machine') or 'an unknown machine'])
        lines.append(f'- seeds {seeds}: {machines}{teacher}')
    found = [
        'Joined from several reports; a difference is between runs of one of them.',
        '\n'.join(lines),
    ]
    all_seeds = {seed for part in parts for seed in part['seeds']}
    fewer = [
        f'{name} ({len(result.seeds)} of {len(all_seeds)} seeds)'
        for name, result in results.items()
        if len(result.seeds) < len(all_seeds)
    ]
    if fewer:
        found.append(f'Of fewer seeds: {", ".join(fewer)}.')
    recipes = [part.get('recipes') or {} for part in parts]
    odd = [name for name in results if len({recipe[name] for recipe in recipes if name in recipe}) > 1]
    if odd:
        found.append(
            'Trained otherwise in one report than in another (its config, --amp, --channels-last, '
            f'--replay or --cfg-options differ): {", ".join(odd)}.'
        )
    if any(part.get('teacher_given') for part in parts) and validation is not None:
        found.append(GIVEN)
    return found + replay_notes(results)

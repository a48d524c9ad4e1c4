"""Reports of one suite from several machines, or of several days, as one.

All methods of a seed have learnt from one teacher. So reports bring different seeds, or other methods of
one teacher, which is known by its weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .differences import BASELINES, check_against
from .errors import ResultError
from .one_teacher import Teacher, teachers_of, weights_of
from .plan import TUNED
from .provenance import provenance
from .report import shown, write_files
from .report_table import legend, replay_notes, table, tuning_note
from .result import Result, compare_top1
from .tables import if_fewer
from .tuned import is_tuning, join_tunings, of_methods
from .validation import GIVEN

#: What a joined report keeps of each of its parts.
KEPT = (
    'teacher',
    'teacher_given',
    'teacher_weights',
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


#: Said of a report that --same-teacher has joined.
WORD = (
    'Reports that do not tell by its weights which teacher they have are taken to have the same one '
    '(--same-teacher).'
)


def join_reports(
    files: Sequence[Path],
    folder: Path,
    against: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    same_teacher: bool = False,
) -> str:
    """Join the results.json of several reports; write results.md, results.json and the pictures.

    Args:
        files: The results.json. One may itself be joined.
        folder: Where the joined report goes; it is made.
        against: Methods that the others are compared with. Defaults to None, the student alone and KD.
        leave_out: Rows that are not taken. Defaults to none.
        same_teacher: Whether reports that do not say by its weights which teacher they have, being older
            than that, are taken to have the same one. Defaults to False.

    Returns:
        The table with its notes, Markdown.

    Raises:
        ResultError: If there are fewer than two, a file is no report, it is of another suite, other
            images or other tuned weights, a seed is in two of them with different teachers, one has no
            run that those before it have not, the folder is that of a report, or there is no row of a
            method that is left out or compared with.
    """
    if len(files) < 2:
        raise ResultError(f'{len(files)} report: give at least two to join.')
    if folder.resolve() in [file.resolve().parent for file in files if file.name == 'results.json']:
        raise ResultError(f'--out {folder} holds one of the reports, which would be overwritten.')
    reports = [_read(file) for file in files]
    _leave_out(reports, leave_out)
    _check_same(files, reports, same_teacher)
    tuning = join_tunings(files, reports)
    parts = sorted((part for report in reports for part in _parts(report)), key=_first_seed)
    results, repeated = _joined(sorted(reports, key=_first_seed))
    baselines = against or BASELINES
    check_against(against or (), results)
    scatter = compare_top1(results, baselines)
    first = reports[0]
    teachers = teachers_of(parts)
    images = {part['images'] for part in parts if part.get('images')}
    text = table(results, teachers, baselines)
    text += f'\n\n{legend(results, first.get("validation"), max(images, default=0), scatter)}'
    text += ''.join(f'\n\n{note}' for note in _notes(parts, results, repeated, first.get('validation')))
    said = same_teacher or any(report.get('same_teacher') == 'given' for report in reports)
    if said:
        text += f'\n\n{WORD}'
    text += '' if tuning is None else f'\n\n{tuning_note(tuning)}'
    found = dict(
        **shown(first['suite'], teachers, results, scatter, tuning, first.get('validation')),
        failed={run: why for report in reports for run, why in report['failed'].items()},
        repeated=repeated,
        same_teacher='given' if said else 'known',
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


def _leave_out(reports: Sequence[dict], names: Sequence[str]) -> None:
    """Take rows out of the reports, and what was tried for them."""
    if not names:
        return
    there = {name: None for report in reports for name in report['rows']}
    lacks = [name for name in names if name not in there]
    if lacks:
        raise ResultError(f'--leave-out: no row of {", ".join(lacks)}, only of {", ".join(there)}.')
    for report in reports:
        report['rows'] = {name: row for name, row in report['rows'].items() if name not in names}
        if 'parts' in report:
            report['parts'] = [
                {**part, 'methods': [name for name in part['methods'] if name not in names]}
                for part in report['parts']
            ]
        if is_tuning(report.get('tuning')):
            rows, tuning = report['rows'], report['tuning']
            kept = [name for name in tuning['chosen'] if name in rows or name + TUNED in rows]
            report['tuning'] = of_methods(tuning, kept)


def _seeds(report: dict) -> list[int]:
    return sorted({seed for row in report['rows'].values() for seed in row['seeds']})


def _first_seed(report: dict) -> int:
    return min(report['seeds'] if 'seeds' in report else _seeds(report))


def _parts(report: dict) -> Iterable[dict]:
    if 'parts' in report:
        return report['parts']
    kept = {key: report[key] for key in KEPT if key in report}
    return [dict(seeds=_seeds(report), methods=list(report['rows']), **kept)]


def _check_same(files: Sequence[Path], reports: Sequence[dict], same_teacher: bool) -> None:
    expected = reports[0]
    seen: set[tuple[str, int]] = set()
    of_seed: dict[int, Teacher] = {}
    for file, report in zip(files, reports, strict=True):
        for key in ('suite', 'validation'):
            if report.get(key) != expected.get(key):
                raise ResultError(
                    f'{file}: {key}={report.get(key)!r}, and {files[0]} has {expected.get(key)!r}: only '
                    'reports of one suite can be joined.'
                )
        runs = {(name, seed) for name, row in report['rows'].items() for seed in row['seeds']}
        if runs <= seen:
            raise ResultError(f'{file} has no run that the reports before it have not: leave it out.')
        seen |= runs
        for part in _parts(report):
            for seed in part['seeds']:
                own = Teacher(file, weights_of(part, seed), part['teacher'])
                other = of_seed.get(seed)
                if other is not None and other.file != file:
                    other.check(own, seed, same_teacher)
                if other is None or other.weights is None:
                    of_seed[seed] = own


def _joined(reports: Sequence[dict]) -> tuple[dict[str, Result], list[dict]]:
    """The figures of all reports, and the runs that two of them have.

    Returns:
        Name of a method -> its figures; a run that two reports have is that of the first, and costs are
        those of the first that has any. And of every such run ``method``, ``seed``, ``taken``, the top-1
        of the first, and ``other``.
    """
    results: dict[str, Result] = {}
    repeated = [run for report in reports for run in report.get('repeated', [])]
    measured = next((r for r in reports if any('time' in row for row in r['rows'].values())), None)
    for report in reports:
        for name, row in report['rows'].items():
            more = Result.from_dict(row)
            more.costs = more.costs if report is measured else {}
            if name not in results:
                results[name] = more
                continue
            known = dict(zip(results[name].seeds, results[name].top1, strict=True))
            for seed, top1 in zip(more.seeds, more.top1, strict=True):
                if seed in known:
                    repeated.append(dict(method=name, seed=seed, taken=known[seed], other=top1))
            results[name].extend(more.of_seeds(set(more.seeds) - set(known)))
    return results, repeated


def _notes(
    parts: Sequence[dict],
    results: dict[str, Result],
    repeated: Sequence[dict],
    validation: float | None,
) -> list[str]:
    """What the parts are, and where they differ."""
    lines = []
    for part in parts:
        seeds = ', '.join(map(str, part['seeds']))
        shared = any(other is not part and set(other['seeds']) & set(part['seeds']) for other in parts)
        if shared:
            seeds += f' of {", ".join(part["methods"])}'
        teacher = '' if part['teacher'] is None else f', teacher {part["teacher"]:.2f} %'
        machines = '; '.join(part.get('run_machines') or [part.get('machine') or 'an unknown machine'])
        lines.append(f'- seeds {seeds}: {machines}{teacher}')
    found = [
        'Joined from several reports; a difference is between students of one teacher.',
        '\n'.join(lines),
    ]
    if repeated:
        runs = '; '.join(
            '{method}, seed {seed}: {taken:.2f}, not {other:.2f}'.format(**r) for r in repeated
        )
        found.append(f'In two reports, of which the first is taken: {runs}.')
    all_seeds = {seed for part in parts for seed in part['seeds']}
    fewer = [
        name + lacks
        for name, result in results.items()
        if (lacks := if_fewer(len(result.seeds), len(all_seeds)))
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

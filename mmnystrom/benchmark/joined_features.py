"""What features are good for, measured on several machines or several days, as one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .differences import BASELINES, check_against
from .errors import ResultError
from .feature_quality import quality_table
from .one_teacher import SAME_TOP1
from .provenance import provenance

#: What a joined file keeps of each of its parts.
KEPT = ('versions', 'device', 'machine', 'commit', 'command', 'note')


def join_features(files: Sequence[Path], out: Path, against: Sequence[str] | None = None) -> str:
    """Join features.json of several reports, and write them as one.

    All methods of a seed have one teacher.

    Args:
        files: The files, of tools/analysis/feature_quality.py. Of a run that two have the first is taken.
        out: Where the joined one goes; its folder is made.
        against: Methods that the others are compared with. Defaults to None, the student alone and KD.

    Returns:
        The table, Markdown, and what its intervals are by.

    Raises:
        ResultError: If there are fewer than two, a file is no features.json, it is of another probe,
            other neighbours or another teacher, it has no run that those before it have not, it is the
            file to write, or there is no row of a method that is compared with.
    """
    if len(files) < 2:
        raise ResultError(f'{len(files)} file: give at least two to join.')
    if out.resolve() in [file.resolve() for file in files]:
        raise ResultError(f'--out {out} is one of the files, which would be overwritten.')
    parts = [_read(file) for file in files]
    found = _merged(files, parts)
    check_against(against or (), found)
    text, versus = quality_table(found, against or BASELINES)
    joined = dict(
        rows=found,
        versus=versus,
        probe=parts[0]['probe'],
        neighbours=parts[0]['neighbours'],
        parts=[own for part in parts for own in _parts(part)],
        **provenance(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(joined, indent=2) + '\n')
    return text


def _read(file: Path) -> dict:
    try:
        found = json.loads(file.read_text())
    except (ValueError, OSError) as error:
        raise ResultError(f'{file} cannot be read as JSON: {error}') from error
    needed = ('rows', 'probe', 'neighbours')
    lacks = [key for key in needed if not isinstance(found, dict) or not found.get(key)]
    if lacks:
        raise ResultError(
            f'{file} is no features.json of tools/analysis/feature_quality.py: it has no '
            f'{", ".join(lacks)}.'
        )
    return found


def _parts(part: dict) -> list[dict]:
    own = dict(methods=list(part['rows']), **{key: part[key] for key in KEPT if key in part})
    return part.get('parts') or [own]


def _merged(files: Sequence[Path], parts: Sequence[dict]) -> dict[str, dict[int, dict]]:
    """Method -> seed -> figures, of all files."""
    found: dict[str, dict[int, dict]] = {}
    teachers: dict[int, tuple[Path, dict]] = {}
    for file, part in zip(files, parts, strict=True):
        for key in ('probe', 'neighbours'):
            if part[key] != parts[0][key]:
                raise ResultError(
                    f'{file}: {key}={part[key]!r}, and {files[0]} has {parts[0][key]!r}: they are not of '
                    'one table.'
                )
        runs = [
            (name, int(seed), row) for name, rows in part['rows'].items() for seed, row in rows.items()
        ]
        new = [(name, seed, row) for name, seed, row in runs if seed not in found.get(name, {})]
        if not new:
            raise ResultError(f'{file} has no run that the files before it have not: leave it out.')
        for _, seed, row in runs:
            if 'teacher' in row:
                _check(file, seed, row['teacher'], *teachers.setdefault(seed, (file, row['teacher'])))
        for name, seed, row in new:
            found.setdefault(name, {})[seed] = row
    return found


def _check(file: Path, seed: int, teacher: dict, first: Path, other: dict) -> None:
    """Two teachers are one if they classify and retrieve alike, as one does on two devices."""
    if any(abs(teacher[key] - other[key]) > SAME_TOP1 for key in ('top1', 'neighbours')):
        raise ResultError(
            f'{file}: the teacher of seed {seed} has top-1 {teacher["top1"]:.2f} and with neighbours '
            f'{teacher["neighbours"]:.2f}, and that of {first} {other["top1"]:.2f} and '
            f'{other["neighbours"]:.2f}: students of two teachers are not compared.'
        )

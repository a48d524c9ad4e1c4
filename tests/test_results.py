"""Tables of results against the files of figures that they are made of."""

import json
import re
import shlex
import statistics

import pytest
from support import CONFIGS, ROOT

from mmnystrom.benchmark.joined import join_reports
from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.benchmark.tables import difference

PAGE = CONFIGS / 'benchmark/results/README.md'


def joined(command):
    """What a command of tools/analysis/join_reports.py makes its report of."""
    files, given, key = [], {}, None
    for word in shlex.split(command.replace('\\\n', ' '))[2:]:
        if word.startswith('--'):
            key = word[2:].replace('-', '_')
            given[key] = True if key == 'same_teacher' else []
        elif key is None:
            files.append(ROOT / word)
        else:
            given[key].append(word)
    return files, given


def test_the_table_of_all_classes_is_what_its_command_prints(tmp_path):
    section = PAGE.read_text().split('## All of CIFAR-100\n')[1].split('\n## ')[0]
    (command,) = re.findall(r'```bash\n(python tools/analysis/join_reports\.py .*?)```', section, re.S)
    files, given = joined(command)
    assert len(files) >= 3 and given['same_teacher']
    join_reports(files, tmp_path, **given)
    found = json.loads((tmp_path / 'results.json').read_text())
    lines = [line for line in section.splitlines() if line.startswith('| ')]
    cells = [[cell.strip() for cell in line.replace('**', '').split('|')[1:-1]] for line in lines]
    head, teacher, *rows = [row for row in cells if not set(row[0]) <= set('-')]
    assert head[1:5] == ['seeds 0, 1, 2', 'mean (%)', 'vs student', 'vs KDA']
    assert float(teacher[1]) == pytest.approx(found['teacher'], abs=0.005)
    by_seeds = {row[1]: row for row in rows}
    assert len(by_seeds) == len(rows) == len(found['rows'])
    for name, row in found['rows'].items():
        written = by_seeds[', '.join(f'{value:.2f}' for value in row['top1'])]
        expected = [f'{statistics.mean(row["top1"]):.2f}']
        for baseline in (STUDENT, 'KDA correlated'):
            expected.append(difference(row.get(f'vs {baseline}')))
        expected += [f'{statistics.mean(row["cka"][layer]):.3f}' for layer in ('pre-FC', 'post-FC')]
        assert written[2:] == expected, name
    noise, freedom = found['scatter']['std'], found['scatter']['freedom']
    assert f'({noise:.2f} points, {freedom} degrees of freedom)' in section

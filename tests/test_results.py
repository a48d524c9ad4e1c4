"""Tables of results against the files of figures that they are made of."""

import json
import re
import shlex
import statistics

import pytest
from support import CONFIGS, ROOT, run_tool

from mmnystrom.benchmark.feature_quality import quality_table
from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.benchmark.result import LAYERS, Result, compare_top1
from mmnystrom.benchmark.tables import difference, mean_std

RESULTS = CONFIGS / 'benchmark/results'


def section_of(heading):
    """What stands below a heading, up to the next one."""
    _, below = re.split(rf'^#+ {re.escape(heading)}$', (RESULTS / 'README.md').read_text(), flags=re.M)
    return re.split(r'^#+ ', below, flags=re.M)[0]


def check_table(section, found, baselines):
    """Every row of figures has its row in a section's table, known by its top-1, and the same cells."""
    lines = [line.replace('**', '').split('|')[1:-1] for line in section.splitlines() if line[:2] == '| ']
    head, teacher, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head[1:5] == ['seeds 0, 1, 2', 'mean (%)', *[f'vs {name.split()[0]}' for name in baselines]]
    assert float(teacher[1]) == pytest.approx(found['teacher'], abs=0.005)
    by_top1 = {row[1]: row for row in rows}
    assert len(by_top1) == len(rows) == len(found['rows'])
    results = {name: Result.from_dict(row) for name, row in found['rows'].items()}
    scatter = compare_top1(results, baselines)
    for name, result in results.items():
        written = by_top1[', '.join(f'{value:.2f}' for value in result.top1)]
        expected = [f'{statistics.mean(result.top1):.2f}']
        expected += [difference(result.versus.get(baseline)) for baseline in baselines]
        expected += [f'{statistics.mean(result.cka[layer]):.3f}' for layer in LAYERS]
        assert written[2:] == expected, name
    return scatter


def test_the_table_of_all_classes_is_what_its_command_prints(tmp_path):
    section = section_of('All of CIFAR-100')
    (command,) = re.findall(r'```bash\n(python tools/analysis/join_reports\.py .*?)```', section, re.S)
    words = shlex.split(command.replace('\\\n', ' '))[2:]
    assert sum(word.endswith('.json') for word in words) >= 3 and '--same-teacher' in words
    run_tool('analysis/join_reports.py', *words, '--out', tmp_path, cwd=ROOT)
    found = json.loads((tmp_path / 'results.json').read_text())
    scatter = check_table(section, found, [STUDENT, 'KDA correlated'])
    assert f'({scatter.std:.2f} points, {scatter.freedom} degrees of freedom)' in section


@pytest.mark.parametrize(
    ('heading', 'file', 'baselines'),
    [
        ('CIFAR-100, 20 classes', 'cifar100-20_correlated', [STUDENT, 'KD']),
        ('The weights that all classes chose', 'cifar100-20_chosen', [STUDENT, 'KDA correlated']),
    ],
)
def test_a_table_has_the_figures_of_its_file(heading, file, baselines):
    found = json.loads((RESULTS / f'machines/{file}.json').read_text())
    section = section_of(heading)
    assert f'(machines/{file}.json)' in section
    check_table(section, found, baselines)


#: Columns of the tables of features.
FIGURES = {
    'probe, other classes (%)': 'probe',
    '5 neighbours, other classes (%)': 'probe_neighbours',
    '5 neighbours, own classes (%)': 'neighbours',
}


@pytest.mark.parametrize(
    ('place', 'file', 'kd'),
    [(0, 'correlated', 'KD'), (1, 'chosen', 'KD, three times its weight')],
)
def test_a_table_of_features_has_the_figures_of_its_file(place, file, kd):
    section = section_of('Classes that no network has seen')
    (table,) = re.findall(r'((?:^\|.*\n)+)', section, re.M)[place : place + 1]
    assert f'(features/cifar100-20_{file}.json)' in section
    head, _, *lines = [
        [cell.strip() for cell in line.replace('**', '').split('|')[1:-1]] for line in table.splitlines()
    ]
    text = (RESULTS / f'features/cifar100-20_{file}.json').read_text()
    rows = {
        name: {int(seed): row for seed, row in by_seed.items()}
        for name, by_seed in json.loads(text)['rows'].items()
    }
    _, versus = quality_table(rows, [STUDENT, kd])
    assert len(lines) == len(rows)
    for name, by_seed in rows.items():
        expected, figure = [], None
        for column in head[1:]:
            figure = FIGURES.get(column, figure)
            if column in FIGURES:
                expected.append(mean_std([row[figure] for row in by_seed.values()], 2))
            else:
                baseline = {'vs student': STUDENT, 'vs KD': kd}[column]
                expected.append(difference(versus[figure][name].get(baseline)))
        (written,) = [line[1:] for line in lines if line[1] == expected[0]]
        assert written == expected, name

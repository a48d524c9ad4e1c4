"""Tables of results against the files of figures that they are made of."""

import json
import re
import shlex
import statistics
from decimal import ROUND_HALF_UP, Decimal

import pytest
from support import CONFIGS, ROOT, cells_of, run_tool

from mmnystrom.benchmark.feature_quality import quality_table
from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.benchmark.result import LAYERS, Result, compare_top1
from mmnystrom.benchmark.tables import difference, mean_std

RESULTS = CONFIGS / 'benchmark/results'
KDA = CONFIGS / 'distill/mmpretrain/kda'


def figures(file):
    """A file of figures."""
    return json.loads((RESULTS / file).read_text())


def features_of(files):
    """Name of a method -> seed -> what its features are good for."""
    found = {}
    for file in files:
        for name, by_seed in figures(file)['rows'].items():
            found.setdefault(name, {}).update({int(seed): row for seed, row in by_seed.items()})
    return found


def section_of(heading, folder=RESULTS):
    """What stands below a heading of a folder's page, up to the next one."""
    _, below = re.split(rf'^#+ {re.escape(heading)}$', (folder / 'README.md').read_text(), flags=re.M)
    return re.split(r'^#+ ', below, flags=re.M)[0]


def tables_of(section):
    """The Markdown tables of a section, each as it stands there."""
    return re.findall(r'((?:^\|.*\n)+)', section, re.M)


def check_table(section, found, baselines):
    """Every row of figures has its row in a section's table, known by its top-1, and the same cells."""
    head, teacher, *rows = cells_of(section)
    seeds = [[int(seed) for seed in re.findall(r'\d+', name)] for name in head if name[:6] == 'seeds ']
    width = 1 + len(seeds)  # of a row, without what follows from its seeds
    versus = [f'vs {name.split()[0]}' for name in baselines]
    assert head[width : -len(LAYERS)] == ['mean (%)', *versus]
    taught = [float(cell) for cell in teacher[1:width]]
    assert statistics.mean(taught) == pytest.approx(found['teacher'], abs=0.005)
    by_seeds = {tuple(row[1:width]): row for row in rows}
    assert len(by_seeds) == len(rows) == len(found['rows'])
    results = {name: Result.from_dict(row) for name, row in found['rows'].items()}
    scatter = compare_top1(results, baselines)
    for name, result in results.items():
        top1 = dict(zip(result.seeds, result.top1, strict=True))
        cells = [', '.join(f'{top1.pop(seed):.2f}' for seed in of if seed in top1) for of in seeds]
        assert not top1, name
        expected = [f'{statistics.mean(result.top1):.2f}']
        expected += [difference(result.versus.get(baseline)) for baseline in baselines]
        expected += [f'{statistics.mean(result.cka[layer]):.3f}' for layer in LAYERS]
        assert by_seeds[tuple(cells)][width:] == expected, name
    return scatter


ALL = 'All of CIFAR-100'
PUBLISHED = 'The loss as published, on every layer'
CHOSEN = 'The weights that all classes chose'
CHOSEN_FEATURES = ['features/cifar100-20_chosen.json', 'features/cifar100-20_seeds_3_4.json']


@pytest.fixture(scope='module')
def printed(tmp_path_factory):
    """The results.json that the command below a heading writes."""
    found = {}

    def run(heading):
        if heading not in found:
            found[heading] = _run(heading, tmp_path_factory.mktemp('joined'))
        return found[heading]

    return run


def _run(heading, folder):
    (command,) = re.findall(
        r'```bash\n(python tools/analysis/join_reports\.py .*?)```', section_of(heading), re.S
    )
    words = shlex.split(command.replace('\\\n', ' '))[2:]
    assert sum(word.endswith('.json') for word in words) >= 2
    run_tool('analysis/join_reports.py', *words, '--out', folder, cwd=ROOT)
    return json.loads((folder / 'results.json').read_text())


@pytest.mark.parametrize(
    ('heading', 'baselines'),
    [
        (ALL, [STUDENT, 'KDA correlated']),
        (PUBLISHED, [f'{STUDENT} tuned', 'KDA correlated']),
        (CHOSEN, [STUDENT, 'KDA correlated']),
    ],
)
def test_a_table_is_what_its_command_prints(heading, baselines, printed):
    section = section_of(heading)
    scatter = check_table(section, printed(heading), baselines)
    if scatter is None:  # too few seeds
        words = 'no intervals'
    elif scatter.shared:
        words = f'({scatter.std:.2f} points, {scatter.freedom} degrees of freedom)'
    else:
        words = f"own seeds: the methods scatter unequally (Bartlett's test, p = {scatter.alike:.2g})"
    assert words in section


def test_a_table_has_the_figures_of_its_file():
    found = figures('machines/cifar100-20_correlated.json')
    section = section_of('CIFAR-100, 20 classes')
    assert '(machines/cifar100-20_correlated.json)' in section
    check_table(section, found, [STUDENT, 'KD'])


def test_the_overview_has_the_figures_of_the_tables(printed):
    readme = (CONFIGS / 'benchmark/README.md').read_text()
    section = re.split(r'^## ', readme.split('## The figures\n')[1], flags=re.M)[0]
    head, *rows = cells_of(section)
    probes = {
        name: dict(seeds=list(by_seed), top1=[row['probe'] for row in by_seed.values()])
        for name, by_seed in features_of(CHOSEN_FEATURES).items()
    }
    columns = [printed(ALL), printed(CHOSEN), dict(rows=probes, teacher=None), figures('digits.json')]
    assert len(head) == 1 + len(columns)
    expected: dict[str, list[str]] = {row[0]: [''] * len(columns) for row in rows}
    for place, found in enumerate(columns):
        alone = found['rows'][STUDENT]
        of_seed = dict(zip(alone['seeds'], alone['top1'], strict=True))
        for name, row in found['rows'].items():
            method = name.split(',')[0].removesuffix(' tuned')
            cell = one_place(statistics.mean(row['top1']))
            if name != STUDENT:
                pairs = zip(row['seeds'], row['top1'], strict=True)
                gain = statistics.mean(value - of_seed[seed] for seed, value in pairs)
                cell += f' ({one_place(gain, "+")})'
            if len(row['seeds']) < 3:
                cell += f', {["", "one seed", "two seeds"][len(row["seeds"])]}'
            if place < 2:
                assert method in expected, method  # the overview leaves out what only Digits has
            if method in expected:
                expected[method][place] = cell
        if found['teacher'] is not None:
            expected['teacher'][place] = one_place(found['teacher'])
    assert {row[0]: row[1:] for row in rows} == expected


@pytest.mark.parametrize(('heading', 'data'), [(ALL, 'All of CIFAR-100'), (CHOSEN, '20 of its classes')])
def test_the_projects_page_has_the_figures_of_the_tables(heading, data, printed):
    lines = (ROOT / 'README.md').read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f'| [{data}]')]
    cells = [cell.strip() for cell in line.split('|')[2:-1]]
    means = {
        name.split(',')[0].removesuffix(' tuned'): one_place(statistics.mean(row['top1']))
        for name, row in printed(heading)['rows'].items()
    }
    ours = (STUDENT, 'KD', 'KDA correlated')
    assert cells[:3] == [means.pop(name) for name in ours]
    best = max(means, key=lambda name: float(means[name]))
    words = best.replace('KDA both', 'KDA on both layers').replace('KDA correlated +', 'KDA with')
    assert cells[3] == f'{words} {means[best]}'


def one_place(value, sign=''):
    """A figure with one place, half of it upwards."""
    return f'{Decimal(f"{value:.6f}").quantize(Decimal("0.1"), ROUND_HALF_UP):{sign}}'


#: Columns of the tables of features.
FIGURES = {
    'probe, other classes (%)': 'probe',
    '5 neighbours, other classes (%)': 'probe_neighbours',
    '5 neighbours, own classes (%)': 'neighbours',
}


@pytest.mark.parametrize(
    ('place', 'files', 'kd'),
    [
        (0, ['features/cifar100-20_correlated.json'], 'KD'),
        (1, CHOSEN_FEATURES, 'KD, three times its weight'),
    ],
)
def test_a_table_of_features_has_the_figures_of_its_files(place, files, kd):
    section = section_of('Classes that no network has seen')
    (table,) = tables_of(section)[place : place + 1]
    assert all(f'({file})' in section for file in files)
    head, *lines = cells_of(table)
    rows = features_of(files)
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


def test_the_trials_are_those_of_their_files():
    trials = figures('tuned/cifar100-cpu.json')['tuning']
    other = figures('tuned/cifar100-gpu.json')['tuning']
    single = figures('tuned/cifar100-cpu-float32.json')['tuning']
    forms = figures('tuned/cifar100-weights-forms.json')['rows']
    by_seed = {
        **trials['scores'],
        **single['scores'],
        'KD standardized': other['scores']['KD standardized'],
        'KDA correlated': [forms[f'KDA correlated, weight {weight}']['top1'] for weight in (3, 10, 30)],
    }
    scores = {name: [score for (score,) in of] for name, of in by_seed.items()}
    own = {name: list(of.values()) for name, of in (trials['weights'] | single['weights']).items()}
    section = section_of('The trials behind it').split('\nBeyond the three')[0]
    _, *rows = cells_of(section)
    _, *marked = cells_of(section.replace('**', '!'))
    for (name, weight, *tried, _), (_, _, *bold, _) in zip(rows, marked, strict=True):
        method = name.replace('CKA of the batch', 'CKA, weight 10')
        method = method if method in own else method.split(',')[0]
        of = scores.pop(method)
        assert tried == [one_place(score) for score in of], name
        assert [cell.startswith('!') for cell in bold] == [score == max(of) for score in of], name
        if method in own:
            assert weight == ' and '.join(f'{value:g}' for value in own[method]), name
    assert all('centred' in name for name in scores)  # another page has those


#: Where a row of the table of further weights begins and ends.
FURTHER = {'three and ten times': ('3.16', '10'), 'a third and a tenth': ('0.316', '0.1')}
DECAY = ', three times the weight decay'


def test_what_lies_beyond_the_trials_is_that_of_its_files():
    forms = figures('tuned/cifar100-weights-forms.json')['rows']
    of_decay = {'KDA correlated': forms['KDA correlated, weight 10'], 'DIST': forms['DIST']}
    of_decay['KD x3.16'] = forms['KD, three times its weight']
    of_weight = figures('tuned/cifar100-wider.json')['rows']
    of_weight['KD x3.16'] = of_decay['KD x3.16']
    section = section_of('The trials behind it').split('\nBeyond the three')[1]
    weights, decays = tables_of(section)
    _, *rows = cells_of(weights)
    for name, *tried in rows:
        method, steps = name.rsplit(', ', 1)
        method = method.replace('CKA of the batch', 'CKA, weight 10')
        of = [of_weight.pop(f'{method} x{factor}')['top1'] for factor in FURTHER[steps]]
        assert tried == [one_place(score) for (score,) in of], name
    _, *rows = cells_of(decays)
    for name, *tried in rows:
        method = name.replace(', three times its weight', ' x3.16')
        of = [of_decay.pop(method)['top1'], of_weight.pop(method + DECAY)['top1']]
        assert tried == [one_place(score) for (score,) in of], name
    assert not of_weight


#: Columns of the tables of choices, after top-1.
CHOICES = {
    'transfer': 'transfer',
    'linear transfer': 'linear_transfer',
    'cka': 'cka',
    'Nystrom error': 'nystrom_error_teacher',
}


def test_the_choices_have_the_figures_of_their_file():
    rows = json.loads((KDA / 'results/digits_choices.json').read_text())['rows']
    section = section_of('Which choice does what: Digits', KDA)
    assert '(results/digits_choices.json)' in section
    for table in tables_of(section):
        head, *lines = cells_of(table)
        place = head.index('top-1 (%)')
        for line in lines:
            row = rows.pop(' '.join(line[:place]))
            of_seeds = '' if len(row['seeds']) == 3 else f' ({len(row["seeds"])} of 3 seeds)'
            expected = [mean_std(row['top1'], 2) + of_seeds]
            for column in head[place + 1 :]:
                values = row.get(CHOICES[column])
                expected.append(mean_std(values, 3) if values else '-')
            assert line[place:] == expected, line
    assert not rows


def test_the_batches_are_those_of_their_file():
    found = figures('tuned/kda-batches.json')
    top1 = {name: row['top1'] for name, row in found['rows'].items()}
    del top1[STUDENT]
    section = section_of('One weight for every batch')
    assert '(tuned/kda-batches.json)' in section
    _, *rows = cells_of(section)
    for head, batch, *cells in rows:
        name, weights = head.split(': ')
        half = len(cells) // 2
        for column, weight in enumerate(weights.split(', ')):
            method = f'{name}, weight {weight}, batch {batch}'
            pair = (top1.pop(method), found['test_split'][method])
            expected = [', '.join(map(one_place, values)) for values in pair]
            assert [cells[column], cells[half + column]] == expected, method
        assert not any(cells[column + 1 : half] + cells[half + column + 1 :]), head
    assert not top1

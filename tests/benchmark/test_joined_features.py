"""Features that were measured on several machines, as one table."""

import json

import pytest

from mmnystrom.benchmark.differences import differences
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.joined_features import join_features
from mmnystrom.benchmark.plan import STUDENT

TEACHER = dict(top1=70.0, neighbours=66.0)
PROBES = {
    STUDENT: [30.0, 31.0, 29.5],
    'KD': [32.0, 32.5, 31.0],
    'DIST': [34.0, 35.0, 33.0],
    'KDA': [33.0, 34.5, 33.5],
}


def features(folder, name, methods, seeds=(0, 1, 2), teacher=TEACHER, **changes):
    """The features.json of a machine that has trained some of the methods."""
    rows = {}
    for method in methods:
        rows[method] = {}
        for seed in seeds:
            value = PROBES[method][seed]
            row = dict(
                top1=value + 20,
                diverged=False,
                transfer={'pre-FC': 0.5},
                cka={'pre-FC': 0.9},
                neighbours=value + 10,
                probe=value,
                probe_neighbours=value - 10,
            )
            rows[method][seed] = row if method == STUDENT else dict(row, teacher=teacher)
    found = dict(rows=rows, probe='other', neighbours=5, machine=f'machine {name}', commit='abc')
    file = folder / f'{name}.json'
    file.write_text(json.dumps({**found, **changes}))
    return file


def test_methods_of_two_files_are_compared_as_those_of_one(tmp_path):
    a = features(tmp_path, 'a', [STUDENT, 'KD', 'KDA'])
    b = features(tmp_path, 'b', ['DIST', 'KDA'], teacher=dict(TEACHER, top1=70.05))
    out = tmp_path / 'joined' / 'features.json'
    text = join_features([a, b], out, ['KDA', STUDENT])
    found = json.loads(out.read_text())
    assert list(found['rows']) == [STUDENT, 'KD', 'KDA', 'DIST']
    by_seed = {name: dict(enumerate(values)) for name, values in PROBES.items()}
    order = {name: by_seed[name] for name in found['rows']}
    expected, _ = differences(order, ['KDA', STUDENT])
    assert found['versus']['probe'] == expected
    assert expected['DIST']['KDA']['mean'] == pytest.approx(1 / 3)
    assert found['rows']['KDA']['0']['teacher'] == TEACHER  # of the first
    assert [part['machine'] for part in found['parts']] == ['machine a', 'machine b']
    assert '33.67' in text and 'vs KDA' in text and 'vs KD ' not in text


def test_a_joined_file_takes_another_and_more_seeds(tmp_path):
    a = features(tmp_path, 'a', [STUDENT, 'KD'], seeds=[0, 1])
    b = features(tmp_path, 'b', ['DIST'])
    c = features(tmp_path, 'c', [STUDENT, 'KD'], seeds=[2])
    join_features([a, b], tmp_path / 'two.json')
    join_features([tmp_path / 'two.json', c], tmp_path / 'three.json')
    join_features([a, b, c], tmp_path / 'once.json')
    three, once = (json.loads((tmp_path / f'{name}.json').read_text()) for name in ('three', 'once'))
    assert three == once and len(three['parts']) == 3
    assert {name: len(rows) for name, rows in once['rows'].items()} == {STUDENT: 3, 'KD': 3, 'DIST': 3}


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (
            dict(probe='digits'),
            r"b\.json: probe='digits', and .*a\.json has 'other': they are not of one",
        ),
        (dict(neighbours=3), r'b\.json: neighbours=3, and .*a\.json has 5'),
        (dict(rows={}), r'b\.json is no features\.json of .*: it has no rows'),
        (
            dict(teacher=dict(TEACHER, neighbours=65.0)),
            r'b\.json: the teacher of seed 0 has top-1 70\.00 .* 65\.00, and that of .*a\.json .* 66\.00',
        ),
    ],
)
def test_what_is_not_of_one_table_is_refused(tmp_path, changes, words):
    files = [features(tmp_path, 'a', [STUDENT, 'KD']), features(tmp_path, 'b', ['DIST'], **changes)]
    with pytest.raises(ResultError, match=words):
        join_features(files, tmp_path / 'out.json')
    assert not (tmp_path / 'out.json').exists()


def test_files_that_cannot_be_joined_are_named(tmp_path):
    a = features(tmp_path, 'a', [STUDENT, 'KD'])
    b = features(tmp_path, 'b', ['DIST'])
    (tmp_path / 'c.json').write_text('[')
    for files, out, against, words in (
        ([a], 'out', None, '1 file: give at least two'),
        ([a, b], 'b', None, r'--out .*b\.json is one of the files'),
        ([a, a], 'out', None, r'a\.json has no run that the files before it have not: leave it out'),
        ([a, tmp_path / 'c.json'], 'out', None, r'c\.json cannot be read as JSON'),
        ([a, tmp_path / 'd.json'], 'out', None, r'd\.json cannot be read as JSON: .*No such file'),
        ([a, b], 'out', ['SP'], '--against: no row of SP, only of student alone, KD, DIST'),
    ):
        with pytest.raises(ResultError, match=words):
            join_features(files, tmp_path / f'{out}.json', against)

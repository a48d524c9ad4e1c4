"""The metafiles of the zoo."""

import json

import pytest

from mmnystrom.benchmark import zoo
from mmnystrom.benchmark.plan import recipe


def test_metafiles_are_what_the_configs_and_results_say():
    """tools/write_metafiles.py writes them anew."""
    results, _ = zoo.measured()
    for path, text in zoo.metafiles(results).items():
        assert path.read_text() == text, f'{path}: run python tools/write_metafiles.py'


def test_a_result_is_that_of_the_config_alone():
    """The suite cifar100-gpu has other batches than its configs, and was run."""
    assert (zoo.RESULTS / 'cifar100-gpu.json').is_file()
    names, _ = zoo.measured()
    assert any(name.endswith('_digits') for name in names)
    assert not any(name.endswith('1xb128-15e_cifar100') for name in names)


KD = zoo.ZOO / 'kd/kd_logits_resnet18-w16_resnet18-w8_1xb32-40e_digits.py'


@pytest.mark.parametrize(
    ('report', 'found'),
    [
        ({}, True),  # of before there were recipes
        (dict(recipes={'KD': recipe(KD)}), True),
        (dict(recipes={'KD': recipe(KD, ['--amp'])}), False),
        (dict(parts=[dict(recipes={'KD': recipe(KD)}), dict(recipes={})]), True),
        (dict(parts=[dict(recipes={'KD': recipe(KD)}), dict(recipes={'KD': 'another'})]), False),
    ],
)
def test_what_was_trained_otherwise_is_no_result_of_the_config(tmp_path, monkeypatch, report, found):
    (tmp_path / 'digits.json').write_text(
        json.dumps(dict(rows={'KD': dict(top1=[90.0, 91.0])}, **report))
    )
    monkeypatch.setattr(zoo, 'RESULTS', tmp_path)
    assert zoo.measured() == (({KD.stem: 90.5}, {}) if found else ({}, {'digits': ['KD']}))


@pytest.mark.parametrize('line', ['epochs = 3', "options = {'randomness.seed': 1}", 'validation = 0.1'])
def test_what_a_suite_changes_is_no_result_of_the_config(tmp_path, monkeypatch, line):
    suite = tmp_path / 'digits.py'
    suite.write_text(f"_base_ = ['mmnystrom::benchmark/digits.py']\n{line}\n")
    (tmp_path / 'digits.json').write_text(json.dumps(dict(rows={'KD': dict(top1=[90.0])})))
    monkeypatch.setattr(zoo, 'RESULTS', tmp_path)
    monkeypatch.setattr(zoo, 'find_suite', lambda name: suite)
    assert zoo.measured() == ({}, {})

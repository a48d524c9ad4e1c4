"""The benchmark as a whole, without training."""

from dataclasses import replace

import pytest

from mmnystrom.benchmark import compare
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.options import Options
from mmnystrom.bridge import cpu_amp


@pytest.mark.parametrize(
    ('fast', 'device', 'amp', 'report_only', 'said'),
    [
        (False, 'cpu', True, False, True),
        (True, 'cpu', True, False, False),
        (False, 'cuda', True, False, False),
        (False, 'cpu', False, False, False),
        (False, 'cpu', True, True, False),
    ],
)
def test_a_cpu_that_amp_makes_slower_is_named_before_anything_is_trained(
    tmp_path, monkeypatch, capsys, fast, device, amp, report_only, said
):
    monkeypatch.setattr(cpu_amp, 'bf16_ratio', lambda: 0.5 if fast else 1.7)
    monkeypatch.setattr(compare, 'get_device', lambda: device)
    monkeypatch.setattr(compare, 'check_builds', lambda plan: None)
    monkeypatch.setattr(compare.Scheduler, 'train_all', lambda self, **kwargs: print('training'))
    monkeypatch.setattr(compare, 'write_report', lambda *args: 'a table')
    options = Options('digits', tmp_path, methods=['KD'], amp=amp, report_only=report_only)
    text, failed = compare.benchmark(options)
    shown = ''.join(capsys.readouterr())
    assert 'a table' in text and not failed
    assert ('1.7 times as long in bfloat16' in shown.partition('training')[0]) == said
    assert ('training' in shown) == (not report_only)


def test_what_methods_are_compared_with_is_among_them(tmp_path, monkeypatch):
    monkeypatch.setattr(compare, 'check_builds', lambda plan: pytest.fail('models were built'))
    options = Options(
        'digits', tmp_path, methods=['KD', 'DIST'], against=['DIST', 'KDA', 'student alone']
    )
    with pytest.raises(
        SuiteError, match='--against: KDA is not among .*, which are student alone, KD, DIST'
    ):
        compare.benchmark(options)
    of_tuned = replace(options, against=['KD tuned'])
    with pytest.raises(SuiteError, match='--against: KD tuned is not among'):
        compare.suite_scheduler(of_tuned)
    compare.suite_scheduler(replace(of_tuned, tune=True))

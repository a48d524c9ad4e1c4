"""Threads: no more than cores are free, by the files that the system keeps of them."""

import pytest
import torch
from mmengine.runner import Runner
from support import kda_config

from mmnystrom.bridge import threads

TICKS = 'cpu  9 9 9 9 9 9 9 9\ncpu0 {0}\ncpu1 {1}\ncpu10 100 0 0 0 0 0 0 0 0 0\n'


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(threads, '_affinity', lambda: {0, 1})


def test_ticks_are_of_the_cores_of_this_process(two_cores, tmp_path):
    stat = tmp_path / 'stat'
    # user, nice, system, idle, iowait, irq, softirq, steal, guest (which user has counted already)
    stat.write_text(TICKS.format('10 1 2 50 30 3 4 5 10 0', '1 0 0 9 0 0 0 0 0 0'))
    assert threads._busy_and_all(stat) == (10 + 1 + 2 + 3 + 4 + 5 + 1, 105 + 10)
    assert threads._busy_and_all(tmp_path / 'none') is None


@pytest.mark.parametrize(
    ('busy', 'free'), [((0, 0), 2), ((20, 20), 2), ((100, 0), 1), ((100, 20), 1), ((100, 100), 1)]
)
def test_a_core_that_is_half_used_is_free(busy, free, two_cores, monkeypatch):
    looks = iter([(0, 0), (sum(busy), 200)])
    monkeypatch.setattr(threads, '_busy_and_all', lambda: next(looks))
    monkeypatch.setattr(threads, 'usable_cores', lambda: 2)
    monkeypatch.setattr(threads, 'WATCH', 0)
    assert threads.free_cores() == (free, 2)


@pytest.mark.parametrize(
    ('files', 'cores'),
    [
        ({}, 4),
        ({'cpu.max': 'max 100000'}, 4),
        ({'cpu.max': '200000 100000'}, 2),
        ({'cpu.max': '150000 100000'}, 2),
        ({'cpu.max': '900000 100000'}, 4),
        ({'cpu/cpu.cfs_quota_us': '100000', 'cpu/cpu.cfs_period_us': '100000'}, 1),
        ({'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000'}, 4),
    ],
)
def test_the_quota_of_a_container(files, cores, monkeypatch, tmp_path):
    monkeypatch.setattr(threads, '_affinity', lambda: {0, 1, 2, 3})
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.usable_cores(tmp_path) == cores


@pytest.mark.parametrize('chosen', [None, *threads.CHOSEN])
def test_what_somebody_chose_is_kept(chosen, monkeypatch):
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv(chosen, '1')
    before = Runner.__init__
    monkeypatch.setattr(Runner, '__init__', before)
    threads.choose()
    assert (Runner.__init__ is before) == (chosen is not None)


def test_fewer_threads_are_taken_and_said(monkeypatch):
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(threads, 'free_cores', lambda: (1, 2))
        assert threads._take_free_cores().startswith('torch uses 1 threads in the place of 2')
        assert torch.get_num_threads() == 1
        assert threads._take_free_cores() is None  # there is nothing to take away
    finally:
        torch.set_num_threads(usual)


def test_a_run_on_busy_cores_says_it(monkeypatch, tmp_path):
    """As tools/train.py begins: choose(), then a Runner."""
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Runner, '__init__', Runner.__init__)  # put back afterwards
    monkeypatch.setattr(threads, 'free_cores', lambda: (1, 2))
    monkeypatch.setattr(threads, 'get_threads', lambda: 3)
    threads.choose()
    cfg = kda_config(tmp_path, log_level='INFO', experiment_name=tmp_path.name)
    Runner.from_cfg(cfg)
    (log,) = tmp_path.glob('*/*.log')
    assert log.read_text().count('torch uses 1 threads in the place of 3') == 1

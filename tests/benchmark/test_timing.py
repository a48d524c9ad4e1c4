"""Ratios in turns, and memory; their figures are for reading, not for testing."""

import pytest
import torch

from mmnystrom.benchmark import timing


def test_ratios_are_medians_of_rounds(monkeypatch):
    times = iter([1.0, 9.0, 1.0, 9.0, 1.0, 2.0, 1.0, 3.0, 2.0, 20.0])
    monkeypatch.setattr(timing, 'seconds_of', lambda *args: next(times))
    steps = dict(unit=None, other=None)
    assert timing.ratios_in_turns(steps, 'unit', 3, warmup=2) == dict(unit=1.0, other=3.0)


def test_steps_take_turns_and_some_calls_do_not_count(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock[0])

    def step(name, seconds):
        def call():
            calls.append(name)
            clock[0] += seconds

        return call

    steps = dict(a=step('a', 1.0), b=step('b', 3.0))
    found = timing.ratios_in_turns(steps, 'a', rounds=1, at_least=1.5, warmup=1, uncounted=1)
    assert found == dict(a=1.0, b=3.0)
    assert ''.join(calls) == 'aaabb' * 2


def test_memory_is_what_the_step_allocates():
    class Stand:
        """A model of one parameter, whose step makes and drops two tensors."""

        def __init__(self):
            self.runner = self
            self.model = torch.nn.Linear(1000, 1, bias=False)
            self.optim_wrapper = self
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

        def __call__(self):
            a = torch.zeros(1000, 1000)
            b = a + 1
            del a
            return b.sum().item()

    assert timing.peak_memory(Stand()) == pytest.approx(4000 + 8_000_000, abs=2000)


def test_one_thread():
    before = torch.get_num_threads()
    with timing.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before

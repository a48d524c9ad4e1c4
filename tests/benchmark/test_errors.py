"""What is said of runs that failed."""

from mmnystrom.benchmark.errors import one_message_a_cause


def test_runs_that_end_alike_are_one_message():
    failed = [
        'KD, seed 0: ValueError: a: b; see x/train.log\nTraceback 0',
        'KD, seed 1: ValueError: a: b; see y/train.log\nTraceback 1',
        'AT, seed 0: another; see z/train.log\nTraceback 2',
        'AT, seed 1: needs AT first stage, seed 1, which failed',
    ]
    assert one_message_a_cause(failed) == [
        f'{failed[0]}\nThe same: KD, seed 1',
        failed[2],
        failed[3],
    ]

"""What a benchmark is asked to do with a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What a benchmark does with a suite.

    Args:
        suite: Name of a suite, or the path of its file.
        work_dir: Where the runs are kept. Defaults to None, the suite's ``work_dir``, or
            ``work_dirs/benchmark/<suite>``.
        seeds: Seeds of each method. Defaults to None, the suite's.
        first_seed: The first of them. Defaults to 0.
        methods: Names of the methods to take. Defaults to None, all of the suite.
        without_student: Whether the student alone is left out, as for a report that is joined with one
            that has it. Defaults to False.
        teacher: A checkpoint in the place of the suite's teacher. Defaults to None.
        jobs: Runs at a time. Defaults to None, one a GPU and at least 2.
        gpus: Numbers of the GPUs to spread the runs over. Defaults to None, all.
        ranks: Processes and GPUs of one run. Defaults to None, the suite's.
        amp: Whether to train in mixed precision. Defaults to False.
        channels_last: Whether to keep weights and images in channels_last. Defaults to False.
        replay: Views of an image with which teachers are replayed; 0 for as many as epochs. Defaults to
            None: teachers run live.
        max_gib: Of what one run may store; a run that would take more has a live teacher. Defaults to
            20.
        cfg_options: More ``key=value`` of tools/train.py, for every run.
        rounds: Rounds of the timing; 0: without. Defaults to 8.
        report_only: Whether to train nothing. Defaults to False.
        fresh: Whether to delete these runs and repeat them. Defaults to False.
        timeout: Whether to end a run that shows no sign of life. Defaults to False.
        tune: Whether the loss weights of every method are tuned, see :mod:`~.tuning`. Defaults to False.
        tuned: A results.json whose tuned weights are taken, see :mod:`~.tuned`; with ``tune``, methods
            that it lacks are tried. Defaults to None.
        against: Methods that the others are compared with. Defaults to None, the student alone and KD,
            those of them that there are.
        tuned_only: Whether tuned weights take the place of the paper's, instead of a row beside them.
            Defaults to False.
    """

    suite: str
    work_dir: Path | None = None
    seeds: int | None = None
    methods: Sequence[str] | None = None
    without_student: bool = False
    teacher: str | None = None
    jobs: int | None = None
    gpus: Sequence[int] | None = None
    ranks: int | None = None
    amp: bool = False
    channels_last: bool = False
    replay: int | None = None
    max_gib: float = 20
    cfg_options: Sequence[str] = ()
    rounds: int = 8
    report_only: bool = False
    fresh: bool = False
    timeout: bool = False
    tune: bool = False
    tuned: str | Path | None = None
    tuned_only: bool = False
    against: Sequence[str] | None = None
    first_seed: int = 0

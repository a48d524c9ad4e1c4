"""Runs of a script of a few lines in the place of tools/train.py, in real processes."""

import sys

from mmnystrom.benchmark import plan
from mmnystrom.benchmark.plan import Method, Plan
from mmnystrom.benchmark.scheduler import Scheduler

SCRIPT = """
import json, os, pathlib, sys, time
name, directory, behaviour = sys.argv[1:]
directory = pathlib.Path(directory)
with (directory.parents[1] / 'calls').open('a') as file:
    file.write(f'{name} {directory.name}\\n')
(directory / 'threads').write_text(os.environ['OMP_NUM_THREADS'])
if behaviour == 'fail':
    sys.exit('the real error')
if behaviour == 'hang' and not (directory / 'resumed').exists():
    (directory / 'resumed').write_text('')
    print('hanging', flush=True)
    time.sleep(60)
logs = directory / 'a' / 'vis_data'
logs.mkdir(parents=True, exist_ok=True)
rows = [
    {'loss': 1.0, 'epoch': 1, 'step': 3},
    {'accuracy/top1': 63.0, 'step': 1},
    {'accuracy/top1': 61.0, 'step': 2, 'kernel/a': 0.5},
]
(logs / 'scalars.json').write_text('\\n'.join(map(json.dumps, rows)) + '\\n{"torn')
(directory / 'last_checkpoint').write_text(str(directory / 'epoch_9.pth'))
"""


class StandIn(Scheduler):
    """A scheduler that runs the script; ``behaviour`` is by method."""

    behaviour: dict = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, warm=False, **kwargs)

    def command(self, run):
        script = str(self.plan.work_dir / 'stand_in.py')
        name, behaviour = run.method.replace(' ', '-'), self.behaviour.get(run.method, 'work')
        return [sys.executable, script, name, str(run.folder.path), behaviour]

    def calls(self):
        path = self.plan.work_dir / 'calls'
        return path.read_text().split('\n')[:-1] if path.exists() else []


def make_plan(folder, only=None, **kwargs):
    """A teacher, a student, and a method of two stages, whose configs are in a folder."""
    plan.resolved.cache_clear()
    methods = {
        'teacher': Method(folder / 'teacher.py', seeds=1),
        'student alone': Method(folder / 'alone.py'),
        'KD first': Method(folder / 'first.py', distilled=True),
        'KD': Method(folder / 'KD.py', distilled=True, first='KD first'),
    }
    (folder / 'runs').mkdir(exist_ok=True)
    (folder / 'runs' / 'stand_in.py').write_text(SCRIPT)
    methods = {name: method for name, method in methods.items() if only is None or name in only}
    return Plan(folder / 'runs', methods, 2, **kwargs)


def make(folder, only=None, behaviour=None):
    """A scheduler of :func:`make_plan`'s runs, two at a time."""
    scheduler = StandIn(make_plan(folder, only), 2)
    scheduler.behaviour = behaviour or {}
    return scheduler


def finish(run, top1):
    """What a run leaves behind."""
    logs = run.folder.path / 'a' / 'vis_data'
    logs.mkdir(parents=True, exist_ok=True)
    (logs / 'scalars.json').write_text(f'{{"accuracy/top1": {top1}, "step": 1}}\n')
    (run.folder.path / 'last_checkpoint').write_text('x.pth')
    run.folder.write_mark(dict(finished=True, fingerprint=run.fingerprint))

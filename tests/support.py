"""Small real runs: the shipped digits configs, cut short."""

import atexit
import contextlib
import copy
import functools
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from pathlib import Path
from unittest import mock

import mmengine.config.config
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmnystrom.benchmark.processes import end_group
from mmnystrom.benchmark.warm import Warm

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'


#: Changes of kda_config for channels_last, where torch crashes if a student has fewer than eight channels
#: and the CPU no AVX-512.
WIDER = {
    'model.architecture.backbone.stem_channels': 8,
    'model.architecture.backbone.base_channels': 8,
    'model.architecture.head.in_channels': 64,
}


def kda_config(work_dir, location='neck', epochs=2, **overrides):
    """The digits KDA config: few images, networks a few channels wide, no teacher checkpoint.

    ``overrides`` are merged last, with ``__`` for the dots of their keys.
    """
    cfg = Config.fromfile(CONFIGS / f'distill/mmpretrain/kda/kda_{location}_{PAIR}.py')
    shrink = dict(stem_channels=4, base_channels=4)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'model.teacher_ckpt': None,
            'model.architecture.backbone': shrink,
            'model.architecture.head.in_channels': 32,
            'model.teacher.backbone': dict(stem_channels=8, base_channels=8),
            'model.teacher.head.in_channels': 64,
            'train_dataloader.dataset.samples_per_class': 6,
            'train_dataloader.batch_size': 16,
            'train_cfg.max_epochs': epochs,
            'val_dataloader.dataset.indices': 40,
            'test_dataloader.dataset.indices': 40,
            'default_hooks.logger.interval': 1,
            'custom_hooks': [dict(type='LandmarkHook', warmup_epochs=0)],
            'log_level': 'WARNING',
            **{key.replace('__', '.'): value for key, value in overrides.items()},
        }
    )
    return cfg


def unformatted():
    """mmengine formats the text of a config five times a run, which takes longer than a small run."""
    if not hasattr(mmengine.config.config, 'FormatCode'):  # OneDL's
        return contextlib.nullcontext()
    return mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))


class Losses(Hook):
    """Keeps the losses of every iteration."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.curve = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.curve.append({key: value.item() for key, value in outputs.items()})


def train(cfg, *hooks):
    """Train, with more hooks; returns the runner and the losses of every iteration."""
    cfg = copy.deepcopy(cfg)
    # Not by torch's generator, which runs seed: two of one name share a logger, and its captured stream.
    cfg.experiment_name = f'test-{uuid.uuid4().hex}'
    with unformatted():
        runner = Runner.from_cfg(cfg)
        losses = Losses()
        for hook in (losses, *hooks):
            runner.register_hook(hook)
        runner.train()
    return runner, losses.curve


def free_port():
    """A port for ranks to meet at."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_ranks(tool, *args, ranks=2):
    """Run tools/<tool> on several ranks: real processes on gloo, forked, with everything imported."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f'{rank}.log' for rank in range(ranks)]
        pids = []
        for rank, log in enumerate(logs):
            pid = os.fork()
            if not pid:
                _be_rank(rank, ranks, port, log, tool, args)
            pids.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        output = '\n'.join(log.read_text() for log in logs)
    if any(codes):
        raise AssertionError(f'exit codes {codes}\n{output[-8000:]}')
    return subprocess.CompletedProcess([tool, *args], 0, output, '')


def _be_rank(rank, ranks, port, log, tool, args):
    """Be a rank until the end of this process, which leaves nothing of the tests behind."""
    code = 1
    try:
        signal.alarm(200)
        file = log.open('w')
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        sys.stdout = sys.stderr = os.fdopen(1, 'w', buffering=1, closefd=False)
        address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE=ranks)
        address.update(RANK=rank, LOCAL_RANK=rank, LOCAL_WORLD_SIZE=ranks)
        os.environ.update({name: str(value) for name, value in address.items()})
        torch.set_num_threads(1)  # a pool of threads does not live on in a fork
        call_tool(tool, *args, '--launcher', 'pytorch')
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def run_tool(tool, *args, ranks=None, check=True, cwd=None):
    """Run tools/<tool>, or a script by its whole path, as a user does, on ``ranks`` processes if given.

    Where nothing speaks against it the process is a fork of one that has imported everything.
    """
    if not ranks and Warm.possible():
        result = run_warm([str(ROOT / 'tools' / tool), *map(str, args)], cwd)
    else:
        result = _start_tool(tool, args, ranks, cwd)
    if check and result.returncode:
        raise AssertionError(result.stdout[-3000:] + result.stderr[-6000:])
    return result


def _start_tool(tool, args, ranks, cwd):
    command = [sys.executable]
    if ranks:
        command += ['-m', 'torch.distributed.run', f'--nproc_per_node={ranks}', '--master_port=0']
        command += ['--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0']
        args = (*args, '--launcher', 'pytorch')
    return subprocess.run(
        [*command, str(ROOT / 'tools' / tool), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        cwd=cwd,
    )


@functools.cache
def warm():
    """The process that forks, one for each that runs tests."""
    made = Warm({**os.environ, 'OMP_NUM_THREADS': '1'})
    atexit.register(made.close)
    return made


def run_warm(command, cwd=None, seconds=300):
    """Run a script and its arguments in a fork."""
    with tempfile.TemporaryFile('w+') as output, tempfile.TemporaryFile('w+') as errors:
        run = warm().start(command, output, output, errors, directory=cwd)
        until = time.monotonic() + seconds
        while run.poll() is None:
            if time.monotonic() > until:
                end_group(run.pid)
                raise subprocess.TimeoutExpired(command, seconds)
            time.sleep(0.02)
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(command, run.returncode, output.read(), errors.read())


def call_tool(tool, *args):
    """Run tools/<tool> in this process, which has everything imported."""
    with mock.patch.object(sys, 'argv', [tool, *map(str, args)]):
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')


def cells_of(text):
    """The cells of a Markdown table's lines, the head first."""
    lines = [line.replace('**', '').split('|')[1:-1] for line in text.splitlines() if line[:2] == '| ']
    return [[cell.strip() for cell in line] for line in lines]

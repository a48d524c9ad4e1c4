"""A process group and a data-parallel wrapper without CUDA, through every launcher of mmengine's."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from bare import python

from mmnystrom.bridge import cpu_ranks

pytestmark = pytest.mark.skipif(not cpu_ranks.is_broken(), reason='this machine has an accelerator')

CODE = """
import os, sys
import mmnystrom
import torch
from mmengine.dist import get_backend, get_rank, init_dist
from mmengine.model import MMDistributedDataParallel
from mmnystrom.bridge import cpu_ranks

init_dist(sys.argv[1], backend='nccl')
module = MMDistributedDataParallel(torch.nn.Linear(2, 2), device_ids=[int(os.environ['LOCAL_RANK'])])
module(torch.ones(1, 2)).sum().backward()
print(get_backend(), get_rank(), module.device_ids)
try:
    torch.cuda.set_device(0)  # the stand-ins are gone again
except Exception:
    print('no CUDA')
cpu_ranks.leave()
print(torch.distributed.is_initialized())
"""
TWO_RANKS = """
import atexit, os, sys
from pathlib import Path
import mmnystrom
import torch
from mmengine.dist import all_gather, all_reduce, get_rank, init_dist
from mmengine.model import MMDistributedDataParallel
from mmnystrom.bridge import cpu_ranks

def threads():
    names = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]
    return sum('gloo' in name for name in names)

def report():
    # In one piece: the ranks share the output.
    os.write(1, f'rank {get_rank()}: {threads()} threads of gloo\\n'.encode())

leave = sys.argv[1] == 'leave'
if not leave:
    atexit.register(report)  # the last to be registered is the first to run
init_dist('pytorch')
module = MMDistributedDataParallel(torch.nn.Linear(2, 2), device_ids=[0])
module.cycle = [module]  # as hooks and runners are: no reference count ends it
module(torch.ones(1, 2)).sum().backward()
all_reduce(torch.ones(3)), all_gather(torch.ones(3))
assert threads() > 0
if leave:
    cpu_ranks.leave()
    report()
"""
RANK_0_OF_1 = {
    'pytorch': dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0'),
    'slurm': dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_NODELIST='localhost'),
    'mpi': dict(
        OMPI_COMM_WORLD_LOCAL_RANK='0',
        OMPI_COMM_WORLD_SIZE='1',
        OMPI_COMM_WORLD_RANK='0',
        LOCAL_RANK='0',
    ),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize('launcher', RANK_0_OF_1)
def test_launcher(launcher):
    address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()))
    result = python('-c', CODE, launcher, environment={**address, **RANK_0_OF_1[launcher]})
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-3:] == ['gloo 0 None', 'no CUDA', 'False']


@pytest.mark.skipif(not Path('/proc/self/task').exists(), reason='threads are looked up in /proc')
@pytest.mark.parametrize('way', ['leave', 'exit'])
def test_no_thread_of_gloo_outlives_the_group(tmp_path, way):
    """One that is late, on a busy machine, would abort a rank that is done: see the bridge's file."""
    (tmp_path / 'script.py').write_text(TWO_RANKS)
    launch = ['-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=0']
    launch += ['--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0']
    result = subprocess.run(
        [sys.executable, *launch, str(tmp_path / 'script.py'), way],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stdout.splitlines() if 'threads of gloo' in line]
    assert sorted(line.partition(': ')[2] for line in said) == ['0 threads of gloo'] * 2


def test_another_backend_is_kept():
    asked = []
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('mpi', 'mpi')
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('pytorch')
    assert asked == ['mpi', 'gloo']


def test_leaving_without_a_group_does_nothing():
    cpu_ranks.leave()

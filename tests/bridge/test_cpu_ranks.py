"""A process group and a data-parallel wrapper without CUDA, through every launcher of mmengine's."""

import os
import socket
import subprocess
import sys

import pytest

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
    result = subprocess.run(
        [sys.executable, '-c', CODE, launcher],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **address, **RANK_0_OF_1[launcher]},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-3:] == ['gloo 0 None', 'no CUDA', 'False']


def test_another_backend_is_kept():
    asked = []
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('mpi', 'mpi')
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('pytorch')
    assert asked == ['mpi', 'gloo']


def test_leaving_without_a_group_does_nothing():
    cpu_ranks.leave()

"""A process group and a data-parallel wrapper without CUDA, through every launcher of mmengine's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bare import python
from support import free_port

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
import atexit, sys
from pathlib import Path
import mmnystrom
import torch
from mmengine.dist import all_gather, all_reduce, get_world_size, init_dist
from mmengine.model import MMDistributedDataParallel
from mmnystrom.bridge import cpu_ranks

def threads():
    names = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]
    return sum('gloo' in name for name in names)

def report():
    print(f'{threads()} threads of gloo', flush=True)

leave = sys.argv[1] == 'leave'
if not leave:
    atexit.register(report)  # the last to be registered is the first to run
init_dist('pytorch')
module = MMDistributedDataParallel(torch.nn.Linear(2, 2), device_ids=[0])
module.cycle = [module]  # as hooks and runners are: no reference count ends it
module(torch.ones(1, 2)).sum().backward()
all_reduce(torch.ones(3)), all_gather(torch.ones(3))
assert get_world_size() == 2 and threads() > 0
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


@pytest.mark.parametrize('launcher', RANK_0_OF_1)
def test_launcher(launcher):
    address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()))
    result = python('-c', CODE, launcher, environment={**address, **RANK_0_OF_1[launcher]})
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-3:] == ['gloo 0 None', 'no CUDA', 'False']


@pytest.mark.skipif(not Path('/proc/self/task').exists(), reason='threads are looked up in /proc')
@pytest.mark.parametrize('way', ['leave', 'exit'])
def test_no_thread_of_gloo_outlives_the_group(way):
    """One that is late, on a busy machine, would abort a rank that is done: see the bridge's file."""
    port, common = free_port(), dict(MASTER_ADDR='127.0.0.1', WORLD_SIZE='2', OMP_NUM_THREADS='1')

    def rank(number):
        own = dict(common, MASTER_PORT=str(port), RANK=str(number), LOCAL_RANK=str(number))
        return python('-c', TWO_RANKS, way, environment=own)

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(rank, range(2)))
    assert [result.returncode for result in results] == [0, 0], results
    assert [result.stdout.splitlines()[-1] for result in results] == ['0 threads of gloo'] * 2


def test_another_backend_is_kept():
    asked = []
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('mpi', 'mpi')
    cpu_ranks._without_cuda(lambda launcher, backend, **kwargs: asked.append(backend))('pytorch')
    assert asked == ['mpi', 'gloo']


def test_leaving_without_a_group_does_nothing():
    cpu_ranks.leave()

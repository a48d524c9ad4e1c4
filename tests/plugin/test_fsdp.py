"""FSDP, by mmengine's FlexibleRunner and the tool of mmpretrain that takes it: two real processes."""

import re
from pathlib import Path

import mmpretrain
import pytest
import torch
from support import kda_config, run_ranks

TRAIN = Path(mmpretrain.__file__).parent / '.mim/tools/train.py'


def config(tmp_path, name, epochs=2, hooks=(), **overrides):
    cfg = kda_config(tmp_path / name, epochs=epochs, log_level='INFO', **overrides)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None  # mmrazor's loop does not know the runner
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.train_dataloader.persistent_workers = False
    cfg.runner_type = 'FlexibleRunner'
    wrapper = dict(type='MMFullyShardedDataParallel', use_orig_params=True, device_id='cpu')
    cfg.strategy = dict(type='FSDPStrategy', model_wrapper=wrapper, state_dict_cfg='full')
    cfg.custom_hooks.extend(hooks)
    cfg.dump(tmp_path / f'{name}.py')
    return tmp_path / f'{name}.py'


def losses(result):
    return re.findall(r'Epoch\(train\) +\[(\d+)\]\[1/2\].*loss_kda: ([\d.]+)', result.stdout)


def landmarks(path):
    # The file is our own of a moment ago.
    state = torch.load(path, map_location='cpu', weights_only=False)['state_dict']
    return {key.rpartition('.')[2]: value for key, value in state.items() if '.landmarks.' in key}


def test_landmarks_of_a_first_pass_a_monitor_that_says_why_not_and_resuming(tmp_path):
    init = dict(model__distiller__distill_losses__loss_kda__landmarks__init='pass')
    cfg = config(tmp_path, 'whole', 3, [dict(type='KernelMonitorHook')], **init)
    whole = run_ranks(TRAIN, cfg)
    found = losses(whole)
    assert [epoch for epoch, _ in found] == ['1', '2', '3'] and float(found[0][1]) > 0
    assert 'KernelMonitorHook measures nothing: it calls the teacher by itself' in whole.stdout
    checkpoint = tmp_path / 'whole/epoch_2.pth'
    assert landmarks(checkpoint)['refreshes'] == 3
    assert landmarks(checkpoint)['weight'].sum() == 60
    cfg = config(tmp_path, 'resumed', 3, resume=True, load_from=str(checkpoint), **init)
    assert losses(run_ranks(TRAIN, cfg)) == found[2:]


@pytest.mark.parametrize('what', ['classifier', 'replay'])
def test_what_needs_a_whole_network_is_refused(tmp_path, what):
    hooks, overrides = [], {}
    if what == 'replay':
        hooks = [dict(type='TeacherReplayHook', store=str(tmp_path / 'store'))]
        message = 'TeacherReplayHook: FSDP holds the parameters of the teacher'
    else:
        recorder = dict(fc=dict(type='Parameter', source='head.fc.weight'))
        given = dict(s_weight=dict(from_student=True, recorder='fc'))
        given['t_weight'] = dict(from_student=False, recorder='fc')
        overrides = {
            'model__distiller__student_recorders__fc': recorder['fc'],
            'model__distiller__teacher_recorders__fc': recorder['fc'],
            'model__distiller__loss_forward_mappings__loss_kda__s_weight': given['s_weight'],
            'model__distiller__loss_forward_mappings__loss_kda__t_weight': given['t_weight'],
            'model__distiller__distill_losses__loss_kda__landmarks': dict(type='classifier'),
        }
        message = (
            "loss_kda: landmarks of type='classifier' are the weights of both classifiers, of which FSDP"
        )
    with pytest.raises(AssertionError, match=message):
        run_ranks(TRAIN, config(tmp_path, what, 1, hooks, **overrides))

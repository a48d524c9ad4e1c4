"""What cannot be built is said before anything is trained, one line a cause."""

import pytest
from mmengine.config import Config
from support import CONFIGS, PAIR

from mmnystrom.benchmark.buildable import check_builds, why_not_built
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.plan import Method, Plan

KDA = CONFIGS / f'distill/mmpretrain/kda/kda_neck_{PAIR}.py'
KD = CONFIGS / f'distill/mmpretrain/kd/kd_logits_{PAIR}.py'


def changed(tmp_path, name, config, **changes):
    path = tmp_path / f'{name}.py'
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in changes.items()})
    cfg.dump(path)
    return Method(path, distilled=True)


def test_causes_and_the_methods_that_they_stop(tmp_path):
    layer = dict(model__distiller__teacher_recorders__feat__source='neck.gapp')
    methods = {
        'fine': Method(KDA, distilled=True),
        'A': changed(tmp_path, 'a', KDA, **layer),
        'B': changed(tmp_path, 'b', KDA, **layer),
        'C': changed(tmp_path, 'c', KD, model__distiller__distill_losses__loss_kl__type='KLDivergense'),
        'D': changed(tmp_path, 'd', KDA, custom_hooks=[dict(type='LandmarkHook', warmup_epochs=-1)]),
    }
    plan = Plan(tmp_path / 'runs', methods, 1, teacher='not there yet.pth')
    with pytest.raises(SuiteError) as error:
        check_builds(plan)
    first, *lines = str(error.value).splitlines()
    assert first.startswith('Nothing is trained') and len(lines) == 3
    assert lines[0].startswith('- A (a.py), B (b.py): ValueError: ') and "There is 'neck.gap'" in lines[0]
    assert lines[1].startswith('- C (c.py): KeyError: ') and 'Nearest to it: KLDivergence' in lines[1]
    assert 'warmup_epochs=-1' in lines[2]


def test_options_of_the_command_are_built_too():
    assert why_not_built(KDA, {}) is None
    assert "kernel='rbff'" in why_not_built(
        KDA, {'model.distiller.distill_losses.loss_kda.kernel': 'rbff'}
    )


def test_finished_runs_are_not_built(tmp_path):
    plan = Plan(
        tmp_path, {'A': changed(tmp_path, 'a', KDA, model__type='NoSuchModel')}, 1, teacher='t.pth'
    )
    with pytest.raises(SuiteError):
        check_builds(plan)
    (run,) = plan
    run.folder.path.mkdir(parents=True)
    run.folder.write_mark(dict(finished=True, fingerprint=run.fingerprint))
    check_builds(plan)

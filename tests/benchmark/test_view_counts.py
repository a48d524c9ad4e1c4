"""The table of replayed views."""

import json

import pytest
from benchmark.stand_in import make
from mmengine.config import Config
from support import cells_of

from mmnystrom.benchmark import analysis, view_counts
from mmnystrom.benchmark.result import Result
from mmnystrom.benchmark.view_counts import ALL, SETTINGS, views_plan


@pytest.mark.parametrize('name', SETTINGS)
def test_the_rows_of_the_table_of_views(tmp_path, name):
    plan = views_plan(SETTINGS[name], tmp_path)
    hooks = {}
    for method, spec in plan.methods.items():
        cfg = Config.fromfile(spec.config)
        if spec.store_key:
            hooks[method] = cfg.custom_hooks[-1]
            assert hooks[method].refuse
            assert ('AmpOptimWrapper' in str(cfg.optim_wrapper)) is ('bf16' in method)
        if method != 'teacher' and name == 'digits':  # of which every view would be the same
            assert cfg.train_dataloader.dataset.pipeline[0].type == 'RandomCrop'
    views = {method: hook.views for method, hook in hooks.items()}
    assert views.pop(ALL) is None
    assert all(method.startswith(f'{count} view') for method, count in views.items()) and len(views) == 6
    assert [m for m, hook in hooks.items() if hook.get('dtype') == 'float16'] == [
        '10 views, float16 store'
    ]


def test_a_row_that_fails_does_not_cost_the_table(tmp_path, configs, monkeypatch):
    runs = make(configs, behaviour={'KD first': 'fail'})
    results = {
        'student alone': Result(seeds=[0, 1], top1=[60.0, 62.0], transfer={'pre-FC': []}),
        '5 views': Result(seeds=[1], top1=[65.0], transfer={'pre-FC': [0.5]}),
    }
    monkeypatch.setattr(view_counts, 'views_plan', lambda *_: runs.plan)
    monkeypatch.setattr(analysis, 'Scheduler', lambda *_: runs)
    monkeypatch.setattr(view_counts, 'evaluate', lambda *_: (results, None))
    text, failed = view_counts.views_table('digits', tmp_path)
    head, *rows = cells_of(text)
    assert head[2:4] == ['vs student', 'vs all views']
    assert [row[1] for row in rows] == ['61.00 ± 1.41', '65.00 (1 of 2 seeds)']
    assert rows[1][2] == '+3.00' and rows[1][3:] == ['-', '0.500']
    assert 'KD first, seed 0: the real error' in failed[0]
    found = json.loads((runs.plan.work_dir / 'results.json').read_text())
    assert found['rows']['5 views']['top1'] == [65.0] and found['setting'] == 'digits'
    assert found['failed']['KD, seed 1'] == 'KD, seed 1: needs KD first, seed 1, which failed'

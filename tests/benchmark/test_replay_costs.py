"""Costs of whole iterations with a live and with a replayed teacher."""

import json

from mmnystrom.benchmark import replay_costs
from mmnystrom.benchmark.plan import STUDENT
from mmnystrom.benchmark.replay_costs import LIVE, PAIRS, REPLAYED, VARIANTS, Pair


def test_every_pair_has_its_configs():
    for pair in PAIRS.values():
        for method in pair.methods:
            path = replay_costs.CONFIGS / f'distill/mmpretrain/{VARIANTS[method]}_{pair.name}.py'
            assert path.is_file(), path


def test_rows_take_turns_and_the_replayed_teacher_is_not_called(tmp_path, monkeypatch):
    digits = PAIRS['digits']
    pair = Pair(digits.name, ('KDA pre-FC',), images=64)
    monkeypatch.setitem(PAIRS, 'digits', pair)
    monkeypatch.setattr(replay_costs, 'ALONE', (STUDENT,))
    modes = (LIVE, REPLAYED, f'{REPLAYED}, {replay_costs.HALF}')
    monkeypatch.setattr(replay_costs, 'MODES', modes)
    seen = {}

    def in_turns(rows, unit, *args, **kwargs):
        for name, row in rows.items():
            row()
            teacher = getattr(row.runner.model, 'teacher', None)
            calls = []
            if teacher is not None:
                teacher.backbone.register_forward_pre_hook(lambda *x, calls=calls: calls.append(1))
            row()
            losses = row.runner.message_hub.get_scalar('train/loss')
            seen[name] = len(calls), losses.current() > 0
        return dict.fromkeys(rows, 1.5)

    monkeypatch.setattr(replay_costs, 'ratios_in_turns', in_turns)
    text = replay_costs.replay_costs('digits', rounds=1, at_least=0.01, out=tmp_path / 'out.json')
    expected = {f'KDA pre-FC, {mode}': int(mode == LIVE) for mode in modes} | {STUDENT: 0}
    assert {name: calls for name, (calls, _) in seen.items()} == expected
    assert text.count('1.50') == 4
    found = json.loads((tmp_path / 'out.json').read_text())
    assert found['batch_size'] == 32 and 0 < found['rows'][f'KDA pre-FC, {REPLAYED}']['reading_share'] < 1
    assert found['rows']['KDA pre-FC, live']['reading_share'] == 0
    assert (
        found['images_per_second'] > 0 and f'{found["images_per_second"]:,.0f} images per second' in text
    )
    # The teacher's weights stay in memory whether it runs or not.
    alone, live = (found['rows'][row]['bytes'] for row in (STUDENT, 'KDA pre-FC, live'))
    assert 10_000 < alone < live

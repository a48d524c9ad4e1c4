"""RazorVisualizationHook draws with mmpretrain's visualizer."""

import mmcv
import numpy as np
import pytest
from mmpretrain.visualization import UniversalVisualizer
from support import kda_config, train

from mmnystrom.plugin import Digits


def test_image_is_written(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 200  # red
    path = tmp_path / 'feature.png'
    UniversalVisualizer().add_datasample('feature', image, out_file=str(path), draw_gt=False)
    assert (mmcv.imread(str(path), channel_order='rgb') == image).all()


def test_image_goes_to_the_backends(tmp_path):
    visualizer = UniversalVisualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    visualizer.add_datasample('feature', np.zeros((4, 4, 3), np.uint8), step=3)
    assert list(tmp_path.rglob('feature_3.png'))


@pytest.mark.parametrize('out_dir', [None, 'drawn'])
def test_in_a_run(tmp_path, out_dir):
    dataset = Digits('train', samples_per_class=3, pipeline=[])
    for i in range(len(dataset)):
        item = dataset[i]
        mmcv.imwrite(item['img'], str(tmp_path / 'data' / str(item['gt_label']) / f'{i}.png'))
    cfg = kda_config(tmp_path / 'run', epochs=1)
    # The hook's forward pass is in training mode: larger images, for BatchNorm to have a variance.
    pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=32), dict(type='PackInputs')]
    folder = dict(type='CustomDataset', data_root=str(tmp_path / 'data'), pipeline=pipeline)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset = folder
    recorder = dict(_scope_='mmrazor', type='ModuleOutputs', source='architecture.backbone.layer1')
    cfg.custom_hooks.append(
        dict(
            type='mmrazor.RazorVisualizationHook',
            enabled=True,
            recorders=dict(feature=recorder),
            mappings=dict(map=dict(recorder='feature')),
            out_dir=out_dir,
        )
    )
    train(cfg)
    drawn = [path.name for path in tmp_path.rglob('*_data_idx_0_map_*')]
    assert sorted(name.partition('_data')[0] for name in drawn) == ['before_run', 'epoch_0']

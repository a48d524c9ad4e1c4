"""RazorVisualizationHook draws with mmpretrain's visualizer."""

import numpy as np
from mmpretrain.visualization import UniversalVisualizer


def test_image_is_written(tmp_path):
    import mmcv

    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 200  # red
    path = tmp_path / 'feature.png'
    UniversalVisualizer().add_datasample('feature', image, out_file=str(path), draw_gt=False)
    assert (mmcv.imread(str(path), channel_order='rgb') == image).all()


def test_image_goes_to_the_backends(tmp_path):
    visualizer = UniversalVisualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    visualizer.add_datasample('feature', np.zeros((4, 4, 3), np.uint8), step=3)
    assert list(tmp_path.rglob('feature_3.png'))

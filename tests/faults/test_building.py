"""Mistakes that show when a config is built: a row is a mistake and the words its message must hold."""

import numpy as np
import pytest
import torch
from mmpretrain.registry import DATASETS
from mmrazor.registry import HOOKS, MODELS

CENTER = dict(type='class_center', num_landmarks=3)
KDA = dict(type='mmrazor.KDALoss', landmarks=CENTER)


def kda(**arguments):
    return {**KDA, **arguments}


def landmarks(**arguments):
    return dict(KDA, landmarks=arguments)


def build(spec):
    return MODELS.build(spec)


LOSSES = {
    'no landmarks': (dict(type='mmrazor.KDALoss'), 'landmarks is missing', 'num_landmarks=<number of'),
    'kernel is a typo': (kda(kernel='rbff'), "kernel='rbff' is unknown", "'rbf'"),
    'kernel type is a list': (kda(kernel=dict(type=['rbf'])), r"\['rbf'\].* is unknown: write one of"),
    'kernel is a list': (kda(kernel=['rbf']), r"kernel=\['rbf'\] must be a name or a dict"),
    'kernel without type': (kda(kernel=dict(gamma=1)), "kernel={'gamma': 1} is unknown"),
    'kernel with an argument of another': (
        kda(kernel=dict(type='linear', gamma=1)),
        'gamma',
        r'linear\(scale=None\)',
    ),
    'gamma is negative': (kda(kernel=dict(type='rbf', gamma=-1)), 'gamma=-1', "'median' or 'scale'"),
    'gamma is a typo': (kda(kernel=dict(type='rbf', gamma='mean')), "gamma='mean' is unknown"),
    'gamma median of polynomial': (
        kda(kernel=dict(type='polynomial', gamma='median')),
        "gamma='median' is unknown",
    ),
    'degree is no integer': (kda(kernel=dict(type='polynomial', degree=2.5)), 'degree=2.5', 'integer'),
    'coef0 is negative': (
        kda(kernel=dict(type='polynomial', coef0=-1)),
        'coef0=-1',
        'no positive kernel',
    ),
    'preset is a typo': (dict(type='mmrazor.KDALoss', preset='spp'), "preset='spp' is unknown", 'cka'),
    'preset is a list': (dict(type='mmrazor.KDALoss', preset=['sp']), r"preset=\['sp'\] is unknown"),
    'preset with landmarks': (kda(preset='sp'), 'has no landmarks: leave'),
    'form is a typo': (kda(form='nystroem'), "form='nystroem' is unknown"),
    'rank above the landmarks': (kda(form=dict(type='nystrom', rank=9)), 'rank=9', 'landmarks, 3'),
    'rank is zero': (kda(form=dict(type='nystrom', rank=0)), 'rank=0 must be an integer >= 1'),
    'rank is a share above one': (kda(form=dict(type='nystrom', rank=1.5)), 'rank=1.5', 'share'),
    'threshold is one': (kda(form=dict(type='nystrom', threshold=1)), 'threshold=1'),
    'center is no flag': (
        dict(type='mmrazor.KDALoss', form=dict(type='batch', center='yes')),
        "center='yes' must be True or False",
    ),
    'center is a typo': (
        kda(form=dict(type='partial', center='both')),
        "center='both' is unknown: write one of",
        "'landmarks'",
    ),
    'mean without center': (
        kda(form=dict(type='partial', mean='landmarks')),
        "mean='landmarks'",
        'set center=True',
    ),
    'mean is a typo': (kda(form=dict(type='nystrom', center=True, mean='ema')), "mean='ema'"),
    'scale is a typo': (kda(kernel=dict(type='linear', scale='landmark')), "scale='landmark' is"),
    'scale is zero': (kda(kernel=dict(type='linear', scale=0)), 'scale=0', "write 'landmarks'"),
    'scale without landmarks': (
        dict(type='mmrazor.KDALoss', form='batch', kernel=dict(type='linear', scale='landmarks')),
        "scale='landmarks' is found from landmarks, and form='batch' has none",
        'leave it out',
    ),
    'update is a typo': (
        landmarks(type='class_center', num_landmarks=3, update='moving'),
        "update='moving' is unknown: write one of",
        "'running'",
    ),
    'update with an interval': (
        landmarks(type='class_center', num_landmarks=3, update='running', refresh=dict(interval=9)),
        "update='running' renews",
        r'refresh=dict\(momentum=0.9\)',
    ),
    'update of another strategy': (
        landmarks(type='kmeans', num_landmarks=3, update='running'),
        'update',
        r'kmeans\(num_landmarks',
    ),
    'distance is a typo': (kda(distance='l2'), "distance='l2' is unknown", 'mse'),
    'tau is zero': (kda(distance=dict(type='kl', tau=0)), 'tau=0', 'a temperature'),
    'beta is zero': (kda(distance=dict(type='smooth_l1', beta=0)), 'beta=0', "distance='l1'"),
    'normalize is a typo': (kda(normalize='norm'), "normalize='norm' is unknown"),
    'normalize of a cosine': (kda(distance='cosine', normalize='mean'), 'does not go with'),
    'weight is a string': (kda(loss_weight='0.04'), "loss_weight='0.04' must be a finite number"),
    'weight is negative': (kda(loss_weight=-1), 'loss_weight=-1'),
    'weight is nan': (kda(loss_weight=float('nan')), 'loss_weight=nan'),
    'argument is a typo': (kda(los_weight=1), 'los_weight'),
    'strategy is a typo': (landmarks(type='kmean', num_landmarks=3), "'kmean'", 'kmeans'),
    'strategy is a list': (landmarks(type=['kmeans'], num_landmarks=3), r"\['kmeans'\].* is unknown"),
    'landmarks is a number': (kda(landmarks=10), 'landmarks=10 must be a name or a dict'),
    'number of landmarks is missing': (
        landmarks(type='kmeans'),
        'num_landmarks',
        r'kmeans\(num_landmarks',
    ),
    'number of landmarks is zero': (landmarks(type='class_center', num_landmarks=0), 'number of classes'),
    'number of landmarks is a string': (landmarks(type='random', num_landmarks='3'), "num_landmarks='3'"),
    'pool below the landmarks': (
        landmarks(type='random', num_landmarks=9, pool_size=4),
        'pool_size=4 is smaller than num_landmarks=9',
    ),
    'seed is negative': (landmarks(type='random', num_landmarks=3, seed=-1), 'seed=-1'),
    'ridge is zero': (landmarks(type='leverage', num_landmarks=3, ridge=0), 'ridge=0'),
    'momentum of drawn samples': (
        landmarks(type='random', num_landmarks=3, refresh=dict(momentum=0.5)),
        'momentum=0.5 makes no sense here',
    ),
    'momentum is one': (landmarks(**CENTER, refresh=dict(momentum=1)), 'momentum=1'),
    'refresh is a number': (landmarks(**CENTER, refresh=100), 'refresh=100 must be a dict'),
    'refresh with a typo': (landmarks(**CENTER, refresh=dict(intervall=2)), 'intervall', 'by_epoch'),
    'interval is zero': (landmarks(**CENTER, refresh=dict(interval=0)), 'interval=0'),
    'init is a typo': (landmarks(**CENTER, init='epoch'), "init='epoch' is unknown", 'pass'),
    'init of the classifier': (
        landmarks(type='classifier', init='pass'),
        'exist from the first iteration',
    ),
    'fixed without anything': (landmarks(type='fixed'), r'indices=\[...\]'),
    'fixed indices is a number': (landmarks(type='fixed', indices=5), 'indices=5 must be a list'),
    'fixed indices is a string': (landmarks(type='fixed', indices='0,1'), "indices='0,1' must be a list"),
    'fixed indices twice': (landmarks(type='fixed', indices=[1, 1]), 'none twice'),
    'fixed indices negative': (landmarks(type='fixed', indices=[-1]), 'indices=-1'),
    'fixed arrays ragged': (
        landmarks(type='fixed', student=[[1], [1, 2]], teacher=[[1], [2]]),
        r'student must be a matrix of numbers \(m, d\), got list',
    ),
    'fixed arrays of words': (
        landmarks(type='fixed', student='rows.npy', teacher=[[1.0]]),
        'student must be a matrix of numbers',
    ),
    'fixed arrays with nan': (
        landmarks(type='fixed', student=[[float('nan')]], teacher=[[1.0]]),
        'must be finite matrices',
    ),
    'fixed arrays of unlike length': (
        landmarks(type='fixed', student=[[1.0]], teacher=[[1.0], [2.0]]),
        'with the same m',
    ),
    'fixed student alone': (landmarks(type='fixed', student=[[1.0]]), 'two matrices'),
    'fixed number that differs': (landmarks(type='fixed', indices=[1], num_landmarks=3), 'leave'),
    'pool of a connector': (dict(type='PoolConnector', map_pool='mean'), "map_pool='mean' is unknown"),
    'norm of a connector is a string': (
        dict(type='ProjectionConnector', in_channel=2, out_channel=2, norm_cfg='BN1d'),
        "norm_cfg='BN1d' must be a dict",
        r"norm_cfg=dict\(type='BN1d'\)",
    ),
    'norm of a connector is a typo': (
        dict(type='ProjectionConnector', in_channel=2, out_channel=2, norm_cfg=dict(type='BN')),
        "'BN' is unknown",
    ),
    'width of a connector': (
        dict(type='ProjectionConnector', in_channel=0, out_channel=2),
        'in_channel=0',
    ),
    'eps of a connector': (dict(type='NormalizeConnector', eps=0), 'eps=0'),
}


@pytest.mark.parametrize('spec', LOSSES.values(), ids=LOSSES)
def test_losses_and_connectors(spec):
    spec, *words = spec
    for pattern in words:
        with pytest.raises((ValueError, TypeError), match=pattern):
            build(dict(spec, _scope_='mmrazor'))


def write(folder, name, content):
    path = folder / name
    if isinstance(content, dict):
        np.savez(path, **content)
    elif isinstance(content, np.ndarray):
        np.save(path, content, allow_pickle=True)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content == 'folder':
        path.mkdir()
    return str(path)


WHOLE = np.ones((2, 3))
LANDMARK_FILES = {
    'missing': ('a.npy', None, 'does not exist', 'working directory'),
    'a folder': ('a.npy', 'folder', 'is a folder'),
    'empty': ('a.npy', b'', 'cannot be read: it is empty'),
    'empty text': ('a.txt', b'\n\n', 'must be a vector'),
    'words': ('a.txt', b'one two', 'cannot be read'),
    'a table': ('a.csv', b'1,2', "ends in '.csv'", '.npz of the arrays'),
    'no name of a kind': ('a', b'1', "ends in ''"),
    'no array': ('a.npy', b'not numpy at all', 'cannot be read'),
    'no archive': ('a.npz', b'not a zip at all', 'it is no .npz archive'),
    'an array in the name of an archive': ('a.npz', None, 'does not exist'),
    'objects': ('a.npy', np.array([1, 'x'], dtype=object), 'cannot be read', 'Object arrays'),
    'strings': ('a.npy', np.array(['1', '2']), 'positions must be numbers'),
    'a matrix of positions': ('a.npy', WHOLE, r'must be a vector, got the shape \(2, 3\)'),
    'fractions': ('a.npy', np.array([1.5]), r'indices=1\.5 must be an integer >= 0'),
    'nan positions': ('a.npy', np.array([np.nan]), 'indices=nan must be an integer'),
    'negative positions': ('a.npy', np.array([-3]), 'indices=-3 must be an integer'),
    'one array of two': ('a.npz', dict(student=WHOLE), r"holds the arrays \['student'\]"),
    'arrays of objects': (
        'a.npz',
        dict(student=np.array([['x', 1]], dtype=object), teacher=WHOLE),
        'cannot be read',
    ),
    'arrays of strings': ('a.npz', dict(student=np.array([['x']]), teacher=WHOLE), 'array student has'),
    'vectors': ('a.npz', dict(student=np.ones(2), teacher=WHOLE), r'shape \(2,\)', r'numbers \(m, d\)'),
}


@pytest.mark.parametrize('row', LANDMARK_FILES.values(), ids=LANDMARK_FILES)
def test_files_of_landmarks(row, tmp_path):
    name, content, *words = row
    file = write(tmp_path, name, content)
    for pattern in (*words, 'file='):
        with pytest.raises((ValueError, FileNotFoundError), match=pattern):
            build(landmarks(type='fixed', file=file))


@pytest.mark.parametrize('file', [5, None, ['a.npy']])
def test_a_file_that_is_no_path(file):
    with pytest.raises(ValueError, match=r'landmarks: file=.* must be the path of a file'):
        build(landmarks(type='fixed', file=file))


def png(path, size=(32, 32)):
    import mmcv

    mmcv.imwrite(np.zeros((*size, 3), np.uint8), str(path))


def cifar(folder):
    """Ten class folders of a white image each."""
    from mmpretrain.datasets import CIFAR10

    for name in CIFAR10.METAINFO['classes']:
        png(folder / 'train' / name / '0.png')
    return dict(type='CIFAR10Images', data_root=str(folder), split='train', pipeline=[])


def tiny(folder, annotations):
    (folder / 'wnids.txt').write_text('n01\nn02\n')
    (folder / 'val').mkdir()
    if annotations is not None:
        (folder / 'val' / 'val_annotations.txt').write_text(annotations)
    return dict(type='TinyImageNet', data_root=str(folder), split='val', pipeline=[])


def cifar_with(change):
    def make(folder):
        spec = cifar(folder)
        change(folder / 'train' / 'cat')
        return spec

    return make


def no_pictures(folder):
    (folder / '0.png').unlink()


def another_kind(folder):
    (folder / '0.png').rename(folder / '0.jpg')


DATA = {
    'a class without images': (cifar_with(no_pictures), r'train/cat holds no \*.png'),
    'a class of another kind': (cifar_with(another_kind), r'cat holds no \*.png', r"kinds \['.jpg'\]"),
    'an image of another size': (
        cifar_with(lambda folder: png(folder / '1.png', (16, 48))),
        r'cat/1.png is 48 x 16 pixels',
        'CustomDataset',
    ),
    'an empty image': (
        cifar_with(lambda folder: (folder / '1.png').write_bytes(b'')),
        'cat/1.png cannot be read as an image',
    ),
    'text as an image': (
        cifar_with(lambda folder: (folder / '1.png').write_text('hello')),
        'cat/1.png',
    ),
    'a class too many': (
        cifar_with(lambda folder: (folder.parent / 'cow').mkdir()),
        'the 11 folders of .* are not the 10 classes',
        'cow',
    ),
    'more classes than there are': (
        lambda folder: dict(cifar(folder), num_classes=11),
        'num_classes at most 10',
    ),
    'a short annotation': (
        lambda folder: tiny(folder, 'a.JPEG\tn01\nb.JPEG\n'),
        'val_annotations.txt, line 2',
        'unpack',
    ),
    'an unknown annotation': (
        lambda folder: tiny(folder, 'a.JPEG\tn09\n'),
        "line 1: the class 'n09' of a.JPEG",
        'wnids.txt',
    ),
    'no annotations': (lambda folder: tiny(folder, None), 'val_annotations.txt does not exist'),
    'empty annotations': (lambda folder: tiny(folder, ''), 'holds no images'),
    'no archive': (
        lambda folder: dict(type='TinyImageNet', data_root=str(folder), pipeline=[]),
        'holds no wnids.txt',
    ),
    'a split that is none': (
        lambda folder: dict(type='Digits', split='val', pipeline=[]),
        "split='val' is unknown",
    ),
    'more samples than there are': (
        lambda folder: dict(type='Digits', samples_per_class=100, pipeline=[]),
        'samples_per_class=100',
    ),
}


@pytest.mark.parametrize('row', DATA.values(), ids=DATA)
def test_data_sets(row, tmp_path):
    make, *words = row
    spec = make(tmp_path)
    for pattern in words:
        with pytest.raises((ValueError, FileNotFoundError, AssertionError), match=pattern):
            DATASETS.build(spec)


@pytest.mark.parametrize(
    ('spec', 'words'),
    [
        (dict(type='LandmarkHook', warmup_epochs=-1), 'warmup_epochs=-1 must be an integer >= 0'),
        (dict(type='LandmarkHook', warmup_epochs='5'), "warmup_epochs='5'"),
        (dict(type='LandmarkHook', ramp_epochs=-1), 'ramp_epochs=-1 must be a finite number >= 0'),
        (dict(type='LandmarkHook', ramp_epochs='2'), "ramp_epochs='2'"),
        (dict(type='KernelMonitorHook', interval=0), 'interval=0'),
        (dict(type='KernelMonitorHook', max_samples=0), 'max_samples=0'),
    ],
)
def test_hooks(spec, words):
    with pytest.raises(ValueError, match=words):
        HOOKS.build(spec)


POOL = dict(type='PoolConnector')
INPUTS = {
    'nothing': (POOL, None, 'PoolConnector got NoneType', 'Record a layer'),
    'a dict': (POOL, dict(a=1), 'PoolConnector got dict'),
    'an empty tuple': (POOL, (), 'an empty tuple'),
    'a vector': (POOL, torch.zeros(3), r'got \(3,\)'),
    'a tuple to normalise': (dict(type='NormalizeConnector'), (torch.zeros(2, 2),), 'got tuple'),
    'another width': (
        dict(type='ProjectionConnector', in_channel=3, out_channel=2),
        torch.zeros(2, 5),
        'set in_channel=5',
    ),
}


@pytest.mark.parametrize('row', INPUTS.values(), ids=INPUTS)
def test_what_connectors_cannot_take(row):
    spec, value, *words = row
    for pattern in words:
        with pytest.raises((ValueError, TypeError), match=pattern):
            build(dict(spec, _scope_='mmrazor'))(value)


def attached():
    loss = build(KDA)
    loss.attach('loss_kda', ('gt_label',))
    return loss


LABELS = torch.tensor([0, 1, 2, 0])
ROWS = torch.randn(4, 5)
BATCHES = {
    'no images': ((torch.zeros(0, 5), torch.zeros(0, 5), LABELS[:0]), 'the batch holds no images'),
    'other images': ((ROWS, ROWS[:3], LABELS), 's_feature has 4 rows and t_feature 3'),
    'integers': ((ROWS.long(), ROWS, LABELS), 's_feature must be floating point'),
    'no tensor': ((None, ROWS, LABELS), 's_feature must be a tensor'),
    'no labels': ((ROWS, ROWS, None), 'class_center landmarks need labels', 'data_idx=1'),
    'labels that are numbers': ((ROWS, ROWS, LABELS.float()), 'must be integers', 'data_idx=1'),
    'labels of another number': ((ROWS, ROWS, LABELS[:3]), r'got \(3,\)'),
    'logits as labels': ((ROWS, ROWS, torch.randn(4, 3)), 'are no probabilities', 'data_idx=0'),
    'weights as labels': ((ROWS, ROWS, torch.rand(4, 3)), 'must sum to 1'),
    'logits of more classes': ((ROWS, ROWS, torch.randn(4, 9)), r'got \(4, 9\)', 'data_idx'),
    'labels outside': ((ROWS, ROWS, LABELS + 1), 'gt_label: labels hold 3'),
    'negative labels': ((ROWS, ROWS, LABELS - 1), 'gt_label: labels hold -1'),
}


@pytest.mark.parametrize('row', BATCHES.values(), ids=BATCHES)
def test_what_the_loss_cannot_take(row):
    batch, *words = row
    for pattern in ('loss_kda', *words):
        loss = attached()
        with pytest.raises((ValueError, TypeError), match=pattern):
            loss(*batch)
            loss.report()

# All there is to set. Paths are seen from the folder in which commands are started.
_base_ = 'mmnystrom::_base_/default_runtime.py'

name = 'my_project'  # results go to work_dirs/<name>

data_root = 'data/my_images'
train, val = 'train', 'val'  # folders below data_root, with a folder of images a class

image_size = 224  # what networks get, in pixels; 64 or less: networks for small images
batch_size = 32
num_workers = 2

teacher, student = 'resnet34', 'mobilenet_v2'  # names of networks.py
teacher_epochs, epochs = 100, 100

# Weights to begin with; None: random ones. A teacher that has seen other images is
# nearly always better: dict(checkpoint='torchvision://resnet34') for ResNets, or a
# checkpoint of mmpretrain's: dict(checkpoint='resnet34.pth', prefix='backbone.').
teacher_init, student_init = None, None

# The finished teacher. Of your own, with your classes, in their alphabetical order?
# Then leave teacher.py out.
teacher_ckpt = f'work_dirs/{name}/teacher/epoch_{teacher_epochs}.pth'

# Read from the folders.
import glob

classes, of_val = [
    sorted(path.split('/')[-2] for path in glob.glob(f'{data_root}/{split}/*/'))
    for split in (train, val)
]
num_classes = len(classes)
if not classes:
    raise ValueError(f'{data_root}/{train} holds no folders of images: set data_root')
if classes != of_val:
    odd = ', '.join(sorted({*classes} ^ {*of_val})[:4])
    raise ValueError(f'{train} and {val} of {data_root} have other classes: {odd}')

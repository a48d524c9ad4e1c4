# The student's data: 20 training images a class instead of some 90, and the same test images.
_base_ = ['./digits_bs64.py']

train_images = 200

train_dataloader = dict(batch_size=32, dataset=dict(samples_per_class=20))

"""Our runs beside the authors' training loop, written in plain PyTorch."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import Runner
from support import kda_config, train

from mmnystrom.plugin import Digits

# Small enough for some iterations to repeat in float32: at 0.01 rounding grows tenfold a step.
LEARNING_RATE = 0.001


def forward(network, images, location):
    """Features and logits of an image classifier, without mmrazor's recorders."""
    pooled = network.backbone(images)[-1].mean((2, 3))
    logits = network.head.fc(pooled)
    return (pooled if location == 'neck' else logits), logits


def authors_loop(student, teacher, images, labels, location, batch_size, epochs, warm, weight):
    """main.py of the authors' code, with its hazards mended: counts are taken every epoch."""
    parameters = list(student.parameters())
    optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE, momentum=0.9, weight_decay=5e-4)
    teacher.eval()
    student.train()
    num_classes = 10
    s_center = t_center = None
    curve, centers = [], []
    for epoch in range(epochs):
        s_sum, t_sum, count = 0, 0, torch.zeros(num_classes)
        for i in range(0, len(images), batch_size):
            x, y = images[i : i + batch_size], labels[i : i + batch_size]
            with torch.no_grad():
                t_feat, _ = forward(teacher, x, location)
            s_feat, logits = forward(student, x, location)
            one_hot = F.one_hot(y, num_classes).float()
            s_sum = s_sum + one_hot.T @ s_feat.detach()
            t_sum = t_sum + one_hot.T @ t_feat
            count += one_hot.sum(0)
            loss = F.cross_entropy(logits, y)
            kda = torch.zeros(())
            if epoch >= warm and s_center is not None:
                s_sim = s_feat @ s_center.T
                t_sim = t_feat @ t_center.T
                kda = F.smooth_l1_loss(s_sim, t_sim, reduction='sum', beta=1) / torch.norm(t_sim)
            optimizer.zero_grad()
            (loss + weight * kda).backward()
            optimizer.step()
            curve.append((loss.item(), weight * kda.item()))
        s_center, t_center = s_sum / count[:, None], t_sum / count[:, None]
        centers.append((s_center, t_center))
    return curve, centers


@pytest.mark.parametrize('location', ['neck', 'logits'])
def test_same_loss_curve(tmp_path, location):
    epochs, batch_size, warm, weight = 6, 20, 2, 0.04
    cfg = kda_config(
        tmp_path,
        location,
        epochs=epochs,
        train_dataloader__batch_size=batch_size,
        train_dataloader__sampler__shuffle=False,
        train_dataloader__dataset__samples_per_class=5,
        custom_hooks=[dict(type='LandmarkHook', warmup_epochs=warm)],
        param_scheduler=[],
        optim_wrapper__optimizer__lr=LEARNING_RATE,
    )
    losses = cfg.model.distiller.distill_losses
    losses.loss_kda = dict(type='KDALoss', loss_weight=weight, landmarks=losses.loss_kda.landmarks)
    torch.manual_seed(0)
    probe = Runner.from_cfg(copy.deepcopy(cfg))
    probe.model.init_weights()
    with torch.no_grad():
        for parameter in probe.model.teacher.head.parameters():
            parameter.mul_(20)  # an untrained head gives logits near 0, and no kernel to transfer
    torch.save(probe.model.state_dict(), tmp_path / 'start.pth')
    student = copy.deepcopy(probe.model.student)
    teacher = copy.deepcopy(probe.model.teacher)

    cfg.load_from = str(tmp_path / 'start.pth')
    runner, curve = train(cfg)

    dataset = Digits('train', samples_per_class=5, pipeline=[])
    images = np.stack([dataset[i]['img'] for i in range(len(dataset))]).transpose(0, 3, 1, 2)
    # Contiguous: in channels_last torch crashes with so few channels, see ChannelsLastHook.
    images = (torch.from_numpy(images.copy()).float() - 78.5) / 96.2
    labels = torch.tensor([dataset[i]['gt_label'] for i in range(len(dataset))])
    expected, centers = authors_loop(
        student, teacher, images, labels, location, batch_size, epochs, warm, weight
    )
    assert len(curve) == len(expected) >= 12
    ours = [(step['student.loss'], step['distill.loss_kda']) for step in curve]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
    first_on = warm * len(curve) // epochs
    assert all(kda == 0 for _, kda in ours[:first_on])
    assert all(kda > 0 for _, kda in ours[first_on:])

    landmarks = runner.model.distiller.distill_losses.loss_kda.landmarks
    scale = centers[-1][0].abs().max().item()
    np.testing.assert_allclose(landmarks.student, centers[-1][0], rtol=1e-4, atol=1e-4 * scale)
    np.testing.assert_allclose(landmarks.teacher, centers[-1][1], rtol=1e-5, atol=1e-6)

"""KDA in a training loop of your own: two torchvision models, two forward hooks, no OpenMMLab.

The images are random; take your own data loader, and a teacher that has been trained.
"""

import torch
import torch.nn.functional as F
from torchvision.models import resnet18, resnet34

from mmnystrom.core import KernelTransferLoss

CLASSES, EPOCHS = 10, 3
torch.manual_seed(0)
images, labels = torch.randn(64, 3, 32, 32), torch.arange(64) % CLASSES
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(images, labels), batch_size=16, shuffle=True
)
teacher = resnet34(num_classes=CLASSES).eval().requires_grad_(False)  # weights='IMAGENET1K_V1', say
student = resnet18(num_classes=CLASSES)

recorded = {}
for name, network in (('teacher', teacher), ('student', student)):
    network.avgpool.register_forward_hook(
        lambda module, inputs, output, name=name: recorded.update({name: output.flatten(1)})
    )

landmarks = dict(type='class_center', num_landmarks=CLASSES)
kda = KernelTransferLoss(landmarks, preset='nystrom_correlation')
optimizer = torch.optim.SGD(student.parameters(), lr=0.01, momentum=0.9)
for epoch in range(EPOCHS):
    for x, y in loader:
        teacher(x)
        loss = F.cross_entropy(student(x), y)
        kda.update(recorded['student'], recorded['teacher'], y)
        if kda.ready:  # from the second epoch on
            transfer = kda(recorded['student'], recorded['teacher'])
            loss = loss + 10 * transfer
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    kda.refresh()  # the landmarks of the next epoch
    print(f'epoch {epoch + 1}: loss {loss.item():.3f}')
print(f'2 - correlations of images and of landmarks: {transfer.item():.3f}')
torch.save(dict(student=student.state_dict(), kda=kda.state_dict()), 'student.pth')

"""The PyTorch twins of the parity programs, with torchvision's parameter names."""

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet(nn.Module):
    def __init__(self, depths, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for i, depth in enumerate(depths):
            width = 64 << i
            blocks = []
            for j in range(depth):
                blocks.append(BasicBlock(channels, width, 2 if i > 0 and j == 0 else 1))
                channels = width
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Features(nn.Module):
    """`keep` is the mask of the step's dropout, already scaled."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8, momentum=0.2)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4, bias=False)
        self.bn2 = nn.BatchNorm2d(12)
        self.conv3 = nn.Conv2d(12, 16, (3, 1), padding=(1, 0))
        self.fc1 = nn.Linear(16 * 2 * 2, 10)
        self.fc2 = nn.Linear(10, 2)

    def forward(self, x, keep=None):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = F.max_pool2d(h, 3, 2, 1)
        h = F.avg_pool2d(F.softplus(self.conv3(h)), 2, 2)
        h = F.relu(self.fc1(h.flatten(1)))
        if keep is not None:
            h = h * keep
        h = self.fc2(h)
        return h[:, 0], h[:, 1]


def resnet_losses(outputs, fields):
    total = F.cross_entropy(outputs, fields["label"])
    return {"total": total, "loss": total}


def features_losses(outputs, fields):
    logit, level = outputs
    target = fields["label"].to(logit.dtype)
    weight = torch.tensor(5.0, dtype=logit.dtype)
    binary = F.binary_cross_entropy_with_logits(logit, target, pos_weight=weight)
    squares = F.mse_loss(level, target)
    total = binary + 0.3 * squares
    return {"binary": binary, "squares": squares, "total": total, "loss": total}


def adamw(parameters, settings):
    return torch.optim.AdamW(parameters, lr=1.0, weight_decay=0.05)


def sgd(parameters, settings):
    return torch.optim.SGD(
        parameters,
        lr=1.0,
        momentum=float(settings.get("momentum", 0.9)),
        dampening=float(settings.get("dampening", 0)),
        nesterov=settings.get("nesterov", "true") == "true",
        weight_decay=float(settings.get("weight_decay", 0.01)),
    )


MODELS = {
    "resnet18": lambda: ResNet([2, 2, 2, 2]),
    "resnet34": lambda: ResNet([3, 4, 6, 3]),
    "features": Features,
}
LOSSES = {"resnet18": resnet_losses, "features": features_losses}
OPTIMIZERS = {"resnet18": adamw, "features": sgd}
SLOTS = {"resnet18": ("exp_avg", "exp_avg_sq"), "features": ("momentum_buffer",)}

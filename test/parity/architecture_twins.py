"""The PyTorch twins of the architectures, with torchvision's, timm's and PyTorch's own names."""

import torch
import torch.nn.functional as F
from torch import nn
from twins import MODELS


class LSTMClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(36, 32, 2, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        rows, _ = self.lstm(x.permute(0, 2, 1, 3).flatten(2))
        return self.head(rows[:, -1])


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Linear(24, 32)
        self.columns = nn.Linear(24, 32)
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(
            [nn.TransformerDecoderLayer(32, 4, 48, **options) for _ in range(2)]
        )
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        y = self.rows(x.permute(0, 2, 1, 3).flatten(2))
        context = self.columns(x.permute(0, 3, 1, 2).flatten(2))
        later = torch.full((8, 8), -torch.inf, dtype=x.dtype).triu(1)
        for layer in self.layers:
            y = layer(y, context, tgt_mask=later)
        return self.head(y.mean(1))


def conv(channels, out, kernel, stride=1, groups=1):
    padding = (kernel - 1) // 2
    return nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=False)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, mid):
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, mid, 1)
        self.conv_expand = nn.Conv2d(mid, channels, 1)

    def forward(self, x):
        gate = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.conv_expand(F.silu(self.conv_reduce(gate))))


class SeparableConv(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.same = channels == out
        self.conv_dw = conv(channels, channels, 3, groups=channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.se = SqueezeExcite(channels, channels // 4)
        self.conv_pw = conv(channels, out, 1)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, x):
        h = self.se(F.silu(self.bn1(self.conv_dw(x))))
        h = self.bn2(self.conv_pw(h))
        return h + x if self.same else h


class FusedMBConv(nn.Module):
    def __init__(self, channels, out, stride, expand):
        super().__init__()
        self.same = stride == 1 and channels == out
        self.conv_exp = conv(channels, expand * channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(expand * channels)
        self.conv_pwl = conv(expand * channels, out, 1)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, x):
        h = self.bn2(self.conv_pwl(F.silu(self.bn1(self.conv_exp(x)))))
        return h + x if self.same else h


class MBConv(nn.Module):
    def __init__(self, channels, out, kernel, stride, expand):
        super().__init__()
        self.same = stride == 1 and channels == out
        inner = expand * channels
        self.conv_pw = conv(channels, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv_dw = conv(inner, inner, kernel, stride, inner)
        self.bn2 = nn.BatchNorm2d(inner)
        self.se = SqueezeExcite(inner, channels // 4)
        self.conv_pwl = conv(inner, out, 1)
        self.bn3 = nn.BatchNorm2d(out)

    def forward(self, x):
        h = F.silu(self.bn1(self.conv_pw(x)))
        h = self.se(F.silu(self.bn2(self.conv_dw(h))))
        h = self.bn3(self.conv_pwl(h))
        return h + x if self.same else h


class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_stem = conv(3, 16, 3, 2)
        self.bn1 = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(
            nn.Sequential(SeparableConv(16, 8)),
            nn.Sequential(FusedMBConv(8, 12, 2, 4), FusedMBConv(12, 12, 1, 4)),
            nn.Sequential(MBConv(12, 16, 5, 2, 6), MBConv(16, 16, 5, 1, 6)),
        )
        self.conv_head = conv(16, 64, 1)
        self.bn2 = nn.BatchNorm2d(64)
        self.classifier = nn.Linear(64, 4)

    def forward(self, x):
        h = self.blocks(F.silu(self.bn1(self.conv_stem(x))))
        return self.classifier(F.silu(self.bn2(self.conv_head(h))).mean((2, 3)))


ARCHITECTURES = {
    "resnet18": MODELS["resnet18"],
    "resnet34": MODELS["resnet34"],
    "resnet50": MODELS["resnet50"],
    "vit": MODELS["vit"],
    "lstm": LSTMClassifier,
    "efficientnet": EfficientNet,
    "decoder": Decoder,
}

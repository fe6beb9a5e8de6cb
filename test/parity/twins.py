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
    def __init__(self, depths, classes=1000, first=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, first, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        channels = first
        for i, depth in enumerate(depths):
            width = first << i
            blocks = []
            for j in range(depth):
                blocks.append(BasicBlock(channels, width, 2 if i > 0 and j == 0 else 1))
                channels = width
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

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


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride != 1 or channels != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + shortcut)


class Bottlenecks(nn.Module):
    def __init__(self, depths, widths, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        channels = widths[0]
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for j in range(depth):
                blocks.append(Bottleneck(channels, width, 2 if i > 0 and j == 0 else 1))
                channels = 4 * width
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, width, heads, depth, patch, side, classes):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.Sequential(*[EncoderBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 8, 3, 2, 1, output_padding=1)
        self.group = nn.GroupNorm(2, 8)
        self.place = nn.Embedding(8, 256)
        layer = {"dropout": 0.0, "batch_first": True}
        self.first = nn.TransformerEncoderLayer(256, 4, 32, **layer)
        self.second = nn.TransformerEncoderLayer(256, 4, 32, norm_first=True, **layer)
        self.norm = nn.BatchNorm1d(256)
        self.head = nn.Linear(256, 4)

    def forward(self, x):
        x = self.group(self.up(x)).flatten(2) + self.place.weight
        hidden = torch.full((8, 8), -torch.inf, dtype=x.dtype).triu(1)
        x = self.second(self.first(x), src_mask=hidden)
        return self.head(self.norm(x.mean(1)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(24, 10, 2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(20, 6, 2, bidirectional=True, batch_first=True)
        self.last = nn.GRU(12, 5, bias=False, batch_first=True)
        self.head = nn.Linear(5, 4)

    def forward(self, x):
        rows = x.permute(0, 2, 1, 3).flatten(2)
        for layer in (self.lstm, self.gru, self.last):
            rows, _ = layer(rows)
        return self.head(rows.mean(1))


class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.utils.spectral_norm
        self.first = norm(nn.Conv2d(3, 4, 3, padding=1))
        self.conv = norm(nn.Conv1d(4, 6, 3, stride=2, padding=1))
        self.up = norm(nn.ConvTranspose1d(6, 5, 4, stride=2))
        self.plain = nn.Conv1d(5, 10, 3, dilation=2, groups=5, bias=False)
        self.back = nn.ConvTranspose1d(10, 8, 3, padding=1, groups=2)
        self.head = norm(nn.Linear(8, 4))

    def forward(self, x):
        h = torch.tanh(self.first(x)).flatten(2)
        for layer in (self.conv, self.up, self.plain):
            h = torch.tanh(layer(h))
        return self.head(self.back(h).mean(2))


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 1, 1, bias=False)
        self.first = nn.InstanceNorm2d(6, affine=True)
        self.conv2 = nn.Conv2d(6, 8, 3, 2, 1, bias=False)
        self.second = nn.InstanceNorm2d(8, eps=1e-3)
        self.rms = nn.RMSNorm(32, eps=1e-6)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        x = torch.tanh(self.first(self.conv1(x)))
        x = torch.tanh(self.second(self.conv2(x)))
        return self.head(self.rms(x.mean(2).flatten(1)))


def weighted_losses(outputs, fields):
    weight = torch.tensor([1, 2, 0.5, 1.5], dtype=outputs.dtype)
    total = F.cross_entropy(outputs, fields["label"], weight=weight, label_smoothing=0.1)
    return {"total": total, "loss": total}


def focal_losses(outputs, fields):
    target = F.one_hot(fields["label"], 4).to(outputs.dtype)
    each = F.binary_cross_entropy_with_logits(outputs, target, reduction="none")
    p = torch.sigmoid(outputs)
    wrong = 1 - (p * target + (1 - p) * (1 - target))
    total = ((0.25 * target + 0.75 * (1 - target)) * each * wrong**2).mean()
    return {"total": total, "loss": total}


def adam(parameters, settings):
    return torch.optim.Adam(parameters, lr=1.0, weight_decay=0.01)


def rmsprop(parameters, settings):
    return torch.optim.RMSprop(parameters, lr=1.0, eps=1e-4, momentum=0.5, weight_decay=0.01)


def adamax(parameters, settings):
    return torch.optim.Adamax(parameters, lr=1.0, weight_decay=0.01)


MODELS = {
    "resnet18": lambda: ResNet([2, 2, 2, 2]),
    "resnet34": lambda: ResNet([3, 4, 6, 3]),
    "features": Features,
}
LOSSES = {"resnet18": resnet_losses, "features": features_losses}
OPTIMIZERS = {"resnet18": adamw, "features": sgd}
SLOTS = {"resnet18": ("exp_avg", "exp_avg_sq"), "features": ("momentum_buffer",)}

MODELS |= {
    "resnet50": lambda: Bottlenecks([3, 4, 6, 3], [64, 128, 256, 512], 1000),
    "bottlenecks": lambda: Bottlenecks([1, 2, 1, 1], [8, 12, 16, 20], 4),
    "vit": lambda: ViT(24, 3, 3, 4, 16, 4),
    "attention": Attention,
    "recurrent": Recurrent,
    "spectral": Spectral,
    "norms": Norms,
}
LOSSES |= {"bottlenecks": weighted_losses, "vit": resnet_losses, "attention": focal_losses}
LOSSES |= {"recurrent": resnet_losses, "spectral": resnet_losses}
LOSSES |= {"norms": resnet_losses}
OPTIMIZERS |= {"bottlenecks": adam, "vit": rmsprop, "attention": adamax, "recurrent": adam}
OPTIMIZERS |= {"spectral": adam, "norms": adam}
SLOTS |= {
    "bottlenecks": ("exp_avg", "exp_avg_sq"),
    "vit": ("square_avg", "momentum_buffer"),
    "attention": ("exp_avg", "exp_inf"),
    "recurrent": ("exp_avg", "exp_avg_sq"),
    "spectral": ("exp_avg", "exp_avg_sq"),
    "norms": ("exp_avg", "exp_avg_sq"),
}

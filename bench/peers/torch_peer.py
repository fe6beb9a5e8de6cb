"""PyTorch as the benchmark's peer: a worker that answers JSON lines on standard input.

The requests are those of `protocol.ts`; each gives one line of JSON.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

import torch_ops


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


def resnet(depths, classes):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    channels = 64
    for i, depth in enumerate(depths):
        for j in range(depth):
            layers.append(BasicBlock(channels, 64 << i, 2 if i > 0 and j == 0 else 1))
            channels = 64 << i
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers)


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        b, t, d = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, d // self.heads)
        y = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, width, heads, depth, classes):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 197, width))
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.blocks = nn.Sequential(*[EncoderBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


class Transformer(nn.Module):
    """One block on patches as they are."""

    def __init__(self, classes):
        super().__init__()
        self.block = EncoderBlock(768, 12)
        self.head = nn.Linear(768, classes)

    def forward(self, x):
        b = len(x)
        x = x.reshape(b, 3, 14, 16, 14, 16).permute(0, 2, 4, 1, 3, 5).reshape(b, 196, 768)
        return self.head(self.block(x).mean(1))


class BiLSTM(nn.Module):
    """Over the channels of the images, or over their rows."""

    def __init__(self, over, features, classes):
        super().__init__()
        self.order = {"channels": (0, 1, 2, 3), "rows": (0, 2, 1, 3)}[over]
        self.lstm = nn.LSTM(features, 512, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(1024, classes)

    def forward(self, x):
        y, _ = self.lstm(x.permute(self.order).flatten(2))
        return self.head(y.mean(1))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, mid):
        super().__init__()
        self.reduce = nn.Conv2d(channels, mid, 1)
        self.expand = nn.Conv2d(mid, channels, 1)

    def forward(self, x):
        gate = self.expand(F.silu(self.reduce(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class MBConv(nn.Module):
    def __init__(self, channels, out, kernel, stride, expand):
        super().__init__()
        self.same = stride == 1 and channels == out
        inner = expand * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            SqueezeExcite(inner, channels // 4),
            nn.Conv2d(inner, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )

    def forward(self, x):
        y = self.layers(x)
        return y + x if self.same else y


def efficientnet(classes):
    return nn.Sequential(
        nn.Conv2d(3, 24, 4, 4),
        MBConv(24, 40, 5, 2, 6),
        MBConv(40, 40, 5, 1, 6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(40, classes),
    )


MODELS = {
    "resnet18": lambda classes: resnet([2, 2, 2, 2], classes),
    "resnet34": lambda classes: resnet([3, 4, 6, 3], classes),
    "vit": lambda classes: ViT(192, 3, 6, classes),
    "transformer": Transformer,
    "lstm3": lambda classes: BiLSTM("channels", 196, classes),
    "lstm64": lambda classes: BiLSTM("rows", 192, classes),
    "efficientnet": efficientnet,
}


class Training:
    """A model, its optimizer and one batch."""

    def __init__(self, request):
        torch.manual_seed(0)
        size, batch, classes = request["size"], request["batch"], request["classes"]
        self.model = MODELS[request["model"]](classes).train()
        self.x = torch.randn(batch, 3, size, size)
        self.labels = torch.randint(classes, (batch,))
        fused = {"fused": True} if request["fused"] else {}
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, weight_decay=0.01, **fused
        )

    def step(self):
        loss = self.gradient()
        self.update()
        return loss

    def gradient(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        return loss.item()

    def update(self):
        self.optimizer.step()

    def part(self, name):
        """The work of one repetition; an update needs gradients, which stay as they are."""
        if name == "update":
            self.gradient()
        return getattr(self, name)


def timed(function, count):
    times = []
    before = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1e3)
    return {"ms": times, "cpuMs": (time.process_time() - before) * 1e3 / count}


def main():
    work = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "setup":
                torch.set_num_threads(request["threads"])
                work = Training(request).part(request["part"])
                answer = {"version": torch.__version__}
            case "op":
                torch.set_num_threads(request["threads"])
                work = torch_ops.prepare(request["call"])
                answer = {"version": torch.__version__}
            case "steps":
                answer = timed(work, request["count"])
            case "gemm":
                a, b = torch.randn(2, request["size"], request["size"])
                out = torch.empty_like(a)
                answer = timed(lambda: torch.mm(a, b, out=out), request["count"])
            case "peak":
                scale = 1 if sys.platform == "darwin" else 1024
                answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}
        print(json.dumps(answer), flush=True)


main()

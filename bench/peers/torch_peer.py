"""PyTorch as the benchmark's peer: a worker that answers JSON lines on standard input.

Requests: `{"do": "setup", "model", "size", "batch", "classes", "fused", "threads"}`, `{"do": "steps",
"count"}`, `{"do": "gemm", "size", "count"}`, `{"do": "peak"}`. Each gives one line of JSON.
"""

import json
import resource
import sys
import time

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


DEPTHS = {"resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3]}


class Training:
    """A model, its optimizer and one batch."""

    def __init__(self, request):
        torch.manual_seed(0)
        size, batch, classes = request["size"], request["batch"], request["classes"]
        self.model = resnet(DEPTHS[request["model"]], classes).train()
        self.x = torch.randn(batch, 3, size, size)
        self.labels = torch.randint(classes, (batch,))
        fused = {"fused": True} if request["fused"] else {}
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, weight_decay=0.01, **fused
        )

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def timed(function, count):
    times = []
    before = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1e3)
    return {"ms": times, "cpuMs": (time.process_time() - before) * 1e3 / count}


def main():
    training = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "setup":
                torch.set_num_threads(request["threads"])
                training = Training(request)
                answer = {"version": torch.__version__}
            case "steps":
                answer = timed(training.step, request["count"])
            case "gemm":
                a, b = torch.randn(2, request["size"], request["size"])
                out = torch.empty_like(a)
                answer = timed(lambda: torch.mm(a, b, out=out), request["count"])
            case "peak":
                scale = 1 if sys.platform == "darwin" else 1024
                answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}
        print(json.dumps(answer), flush=True)


main()

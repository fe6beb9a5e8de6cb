"""Loads the same pictures as saic's loader with PyTorch's DataLoader: requests and answers are lines of JSON."""

import json
import os
import sys
import time

import torch

real = torch.library.register_fake
# A torchvision that was built for another device has no compiled ops here; its transforms need none.
torch.library.register_fake = lambda name, *rest, **named: (
    (lambda function: function) if str(name).startswith("torchvision::") else real(name, *rest, **named)
)
from torchvision import datasets, transforms  # noqa: E402

torch.library.register_fake = real

ticks = os.sysconf("SC_CLK_TCK")


def setup(request):
    mean, std = [request["mean"]] * 3, [request["std"]] * 3
    steps = [transforms.RandomHorizontalFlip(0.5)]
    if request["jitter"] > 0:
        steps.append(transforms.ColorJitter(request["jitter"], request["jitter"]))
    steps += [transforms.ToTensor(), transforms.Normalize(mean, std)]
    pictures = datasets.ImageFolder(request["folder"], transforms.Compose(steps))
    return torch.utils.data.DataLoader(
        pictures,
        batch_size=request["batch"],
        shuffle=True,
        num_workers=request["workers"],
        persistent_workers=True,
        drop_last=True,
    )


def processes():
    """This process and its workers."""
    own = os.getpid()
    with open(f"/proc/{own}/task/{own}/children") as file:
        return [own, *map(int, file.read().split())]


def cpu_ms():
    """User and system time of all of them so far."""
    total = 0
    for pid in processes():
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return 1000 * total / ticks


def resident():
    """Bytes, pages that processes share counted once each."""
    total = 0
    for pid in processes():
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return 1024 * total


def main():
    torch.set_num_threads(1)
    loader = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "setup":
            loader = setup(request)
            answer = {}
        elif request["do"] == "epochs":
            cpu, began, images = cpu_ms(), time.perf_counter(), 0
            for _ in range(request["count"]):
                for batch, _ in loader:
                    images += len(batch)
            ms = 1000 * (time.perf_counter() - began)
            answer = {"images": images, "ms": ms, "cpuMs": cpu_ms() - cpu}
        else:
            answer = {"bytes": resident()}
        print(json.dumps(answer), flush=True)


main()

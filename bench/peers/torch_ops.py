"""Single ops in PyTorch, with the attributes that saic's have: forward, gradient, or one after the other."""

import torch
import torch.nn.functional as F


def conv(x, w, stride=(1, 1), pads=(0, 0, 0, 0), groups=1):
    return F.conv2d(x, w, None, stride, pads[:2], groups=groups)


def batch_norm(x, scale, bias):
    return F.batch_norm(x, None, None, scale, bias, training=True)


OPS = {
    "matmul": torch.matmul,
    "linear": F.linear,
    "conv": conv,
    "batch_norm": batch_norm,
    "batch_norm_add_relu": lambda x, scale, bias, skip: F.relu(batch_norm(x, scale, bias) + skip),
    "layer_norm": lambda x, scale, bias: F.layer_norm(x, scale.shape, scale, bias),
    "add": torch.add,
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softmax": lambda x: F.softmax(x, -1),
    "dropout": lambda x, p: F.dropout(x, p),
    "sum": lambda x, axes: x.sum(axes),
    "mean": lambda x, axes: x.mean(axes),
    "max_pool": lambda x, kernel, stride, pads: F.max_pool2d(x, kernel, stride, pads[:2]),
    "scaled_dot_product": lambda q, k, v, scale: F.scaled_dot_product_attention(
        q, k, v, scale=scale
    ),
    "softmax_cross_entropy": lambda logits, labels: F.cross_entropy(
        logits, labels, reduction="none"
    ),
}


def tensor(described):
    if "below" in described:
        return torch.randint(described["below"], described["shape"])
    return torch.randn(described["shape"])


def prepare(call):
    """The work of one repetition."""
    torch.manual_seed(0)
    inputs = {each["name"]: tensor(each) for each in call["inputs"]}
    wanted = [inputs[name].requires_grad_() for name in call["wrt"]]
    op, attrs = OPS[call["op"]], call["attrs"]
    forward = lambda: op(*inputs.values(), **attrs)
    if call["pass"] == "forward":
        return forward
    y = forward()
    dy = torch.randn_like(y)
    if call["pass"] == "gradient":
        return lambda: torch.autograd.grad(y, wanted, dy, retain_graph=True)
    return lambda: torch.autograd.grad(forward(), wanted, dy)

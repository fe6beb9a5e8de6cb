"""What single ops are in PyTorch: functions of the op's attributes and its inputs."""

import torch
import torch.nn.functional as F


def _conv(a, x, w):
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    return F.conv2d(
        F.pad(x, [left, right, top, bottom]),
        w,
        stride=a.get("stride", 1),
        dilation=a.get("dilation", 1),
        groups=a.get("groups", 1),
    )


def _pad(a, x):
    """Axis by axis, since PyTorch repeats and reflects the last axes only."""
    mode = a.get("mode", "constant")
    for axis, (before, after) in enumerate(zip(a["before"], a["after"], strict=True)):
        extent = x.shape[axis]
        if mode == "constant":
            amounts = [0, 0] * (x.ndim - axis - 1) + [before, after]
            x = F.pad(x, amounts, value=a.get("value", 0))
            continue
        places = torch.arange(-before, extent + after)
        if mode == "circular":
            places = places % extent
        if mode == "reflect":
            places = extent - 1 - (places.abs() - extent + 1).abs()
        x = x.index_select(axis, places.clamp(0, extent - 1))
    return x


def _slice(a, x):
    index = [slice(None)] * x.ndim
    index[a["axis"]] = slice(a["from"], a["to"], a["step"])
    return x[tuple(index)]


def _conv_transpose(a, x, w):
    pads = a.get("pads", [0, 0, 0, 0])
    assert pads[:2] == pads[2:]
    return F.conv_transpose2d(
        x,
        w,
        stride=a.get("stride", 1),
        padding=pads[:2],
        output_padding=a.get("output_pad", 0),
        dilation=a.get("dilation", 1),
        groups=a.get("groups", 1),
    )


def _lstm_cell(a, gates, c):
    i, f, g, o = gates.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cell = f * c + i * g
    return o * cell.tanh(), cell, i, f, g, o


def _cross_entropy(a, x, k):
    weight = torch.tensor(a["weights"], dtype=x.dtype) if a.get("weights") else None
    if x.ndim == 1:
        return _cross_entropy(a, x[None], k[None])[0]
    return F.cross_entropy(
        x.movedim(-1, 1),
        k,
        weight=weight,
        ignore_index=a.get("ignore", -100),
        reduction="none",
        label_smoothing=a.get("smoothing", 0),
    )


def _gather(a, x, k):
    shape = (*x.shape[: a["axis"]], *k.shape, *x.shape[a["axis"] + 1 :])
    return x.index_select(a["axis"], k.flatten()).reshape(shape)


def _resize(a, x):
    corners = {} if a["mode"] == "nearest" else {"align_corners": a["align_corners"]}
    return F.interpolate(x, (a["height"], a["width"]), mode=a["mode"], **corners)


def _prod(a, x):
    for axis in sorted(a["axes"], reverse=True):
        x = x.prod(axis, keepdim=a["keep"])
    return x


def _cumsum(a, x):
    axis = a["axis"]
    whole = x.flip(axis) if a.get("reverse") else x
    sums = whole.cumsum(axis)
    if a.get("exclusive"):
        sums = sums - whole
    return sums.flip(axis) if a.get("reverse") else sums


def _pool(a):
    pads = a.get("pads", [0, 0, 0, 0])
    assert pads[:2] == pads[2:]
    return a["kernel"], a["stride"], pads[:2]


def _avg_pool(a, x):
    return F.avg_pool2d(x, *_pool(a), count_include_pad=a.get("count_include_pad", True))


def _batch_norm(a, x, g, b):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    y = F.batch_norm(x, None, None, g, b, True, eps=a["eps"])
    return y, x.mean(axes), x.var(axes, correction=0)


def _batch_norm_inference(a, x, g, b, mean, variance):
    """Written out: PyTorch's own has no gradient for its statistics."""
    mean, variance, g, b = (each[:, None, None] for each in (mean, variance, g, b))
    return (x - mean) / (variance + a["eps"]).sqrt() * g + b


def _attention(a, q, k, v, bias=None):
    scores = a["scale"] * q @ k.mT
    if a.get("causal"):
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    p = (scores if bias is None else scores + bias).softmax(-1)
    return p @ v, p


def _scatter_along(a, k, x):
    shape = list(x.shape)
    shape[a["axis"]] = a["size"]
    return x.new_zeros(shape).scatter_add(a["axis"], k, x)


def _extreme(which):
    start = torch.inf if which == "amin" else -torch.inf

    def rows(a, k, x):
        made = x.new_full((a["size"], *x.shape[1:]), start)
        return made.index_reduce(0, k, x.detach(), which)

    return rows


def _over(which):
    return lambda a, x: which(x, tuple(a["axes"]), keepdim=a["keep"])


DTYPES = {"f32": torch.float32, "i64": torch.int64}

TWINS = {
    "relu": lambda a, x: F.relu(x),
    "softplus": lambda a, x: F.softplus(x),
    "sigmoid": lambda a, x: torch.sigmoid(x),
    "tanh": lambda a, x: torch.tanh(x),
    "erf": lambda a, x: torch.erf(x),
    "matmul": lambda a, x, w: x @ w,
    "mul": lambda a, x, w: x * w,
    "div": lambda a, x, w: x / w,
    "sum": lambda a, x: x.sum(a["axes"], keepdim=a["keep"]),
    "mean": lambda a, x: x.mean(a["axes"], keepdim=a["keep"]),
    "amax": lambda a, x: x.amax(a["axes"], keepdim=a["keep"]),
    "logsumexp": lambda a, x: x.logsumexp(a["axis"], keepdim=a["keep"]),
    "softmax": lambda a, x: x.softmax(a["axis"]),
    "log_softmax": lambda a, x: x.log_softmax(a["axis"]),
    "softmax_cross_entropy": _cross_entropy,
    "slice": _slice,
    "pad": _pad,
    "concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "transpose": lambda a, x: x.permute(a["order"]),
    "conv": _conv,
    "max_pool": lambda a, x: F.max_pool2d(x, *_pool(a)),
    "avg_pool": _avg_pool,
    "batch_norm": _batch_norm,
    "gelu": lambda a, x: F.gelu(x, approximate=a.get("approximate", "none")),
    "silu": lambda a, x: F.silu(x),
    "elu": lambda a, x: F.elu(x, a.get("alpha", 1)),
    "hardsigmoid": lambda a, x: F.hardsigmoid(x),
    "hardswish": lambda a, x: F.hardswish(x),
    "leaky_relu": lambda a, x: F.leaky_relu(x, a["slope"]),
    "expm1": lambda a, x: torch.expm1(x),
    "amin": lambda a, x: x.amin(a["axes"], keepdim=a["keep"]),
    "var": lambda a, x: x.var(a["axes"], correction=a["correction"], keepdim=a["keep"]),
    "prod": _prod,
    "cumsum": _cumsum,
    "top_k": lambda a, x: x.topk(a["k"], a["axis"]),
    "tile": lambda a, x: x.tile(a["repeats"]),
    "flip": lambda a, x: x.flip(a["axes"]),
    "roll": lambda a, x: x.roll(a["shift"], a["axis"]),
    "gather": _gather,
    "take_along": lambda a, x, k: x.take_along_dim(k, a["axis"]),
    "conv_transpose": _conv_transpose,
    "adaptive_avg_pool": lambda a, x: F.adaptive_avg_pool2d(x, (a["height"], a["width"])),
    "resize": _resize,
    "layer_norm": lambda a, x, g, b: F.layer_norm(x, g.shape, g, b, a["eps"]),
    "rms_norm": lambda a, x, g: F.rms_norm(x, g.shape, g, a["eps"]),
    "group_norm": lambda a, x, g, b: F.group_norm(x, a["groups"], g, b, a["eps"]),
    "scaled_dot_product": _attention,
    "scaled_dot_product_biased": _attention,
    "lstm_cell": _lstm_cell,
    "clip": lambda a, x: x.clamp(a.get("low"), a.get("high")),
    "pow": lambda a, x, w: x**w,
    "where": lambda a, c, x, w: torch.where(c, x, w),
    "not": lambda a, x: ~x,
    "and": lambda a, x, w: x & w,
    "or": lambda a, x, w: x | w,
    "xor": lambda a, x, w: x ^ w,
    "stop_gradient": lambda a, x: x.detach(),
    "reshape": lambda a, x: x.reshape(a["shape"]),
    "flatten": lambda a, x: x.flatten(a["from"]),
    "squeeze": lambda a, x: x.squeeze(a["axis"]),
    "unsqueeze": lambda a, x: x.unsqueeze(a["axis"]),
    "expand": lambda a, x: x.expand(a["shape"]),
    "expand_like": lambda a, x, w: x.expand_as(w),
    "stack": lambda a, *xs: torch.stack(xs, a["axis"]),
    "split": lambda a, x: x.split(a["sizes"], a["axis"]),
    "scatter_add": lambda a, k, x: x.new_zeros(a["size"], *x.shape[1:]).index_add(0, k, x),
    "scatter_along": _scatter_along,
    "argmax": lambda a, x: x.argmax(a["axis"], keepdim=a["keep"]),
    "argmin": lambda a, x: x.argmin(a["axis"], keepdim=a["keep"]),
    "einsum": lambda a, *xs: torch.einsum(a["equation"], *xs),
    "equal": lambda a, x, w: x == w,
    "not_equal": lambda a, x, w: x != w,
    "isnan": lambda a, x: torch.isnan(x),
    "mod": lambda a, x, w: torch.remainder(x, w),
    "any": _over(torch.any),
    "all": _over(torch.all),
    "cast": lambda a, x: x.to(DTYPES[a["dtype"]]),
    "one_hot": lambda a, k: F.one_hot(k, a["depth"]),
    "scatter_min": _extreme("amin"),
    "scatter_max": _extreme("amax"),
    "iota": lambda a: torch.arange(a["size"]),
    "vector": lambda a: torch.tensor(a["values"]),
    "constant": lambda a: torch.full(a["shape"], a["value"]),
    "row_product": lambda a, x, w: (x.T @ w).detach(),
    "gemm_bias": lambda a, x, w, b: F.relu(x @ w + b).detach(),
    "gemm_residual": lambda a, x, w, b, r: (x @ w + b + r).detach(),
    "after": lambda a, x, since: x * 1,
    "batch_norm_inference": _batch_norm_inference,
    "rearrange": lambda a, x: x.reshape(a["split"]).permute(a["order"]).reshape(a["shape"]),
}
"""By the name of the op, from its attributes and inputs; several outputs are a tuple."""

PLAIN = (
    "neg abs sign exp log log1p sqrt rsqrt reciprocal square sin cos floor ceil round "
    "add sub maximum minimum less less_equal greater greater_equal"
)
TWINS |= {name: lambda a, *xs, f=getattr(torch, name): f(*xs) for name in PLAIN.split()}

UNTESTED: dict[str, str] = {}
"""Ops that no parity test reaches, each with the reason why, as a sentence."""

ALONE = frozenset(
    "after all any batch_norm_inference constant equal gemm_bias gemm_residual iota isnan mod"
    " not_equal one_hot row_product scatter_max scatter_min vector".split()
)
"""Ops that are compared by themselves alone: constants and comparisons, and what passes make."""

"""Layers, losses and initializers: plain functions of arrays and nested arrays.

A layer is a function of its parameters, a dict of arrays, and of what it is applied to;
``init_`` and its name makes the parameters. Nothing is registered or hidden, so any
function of them can be compiled, differentiated and batched:

    def model(parameters, x):
        x = nn.relu(nn.dense(parameters["first"], x))
        return nn.dense(parameters["second"], x)
"""

from penstock.nn.activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    logsumexp,
    one_hot,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from penstock.nn.attention import (
    attention,
    init_multi_head_attention,
    multi_head_attention,
)
from penstock.nn.convolutions import (
    conv,
    convolution,
    init_conv,
    max_pool,
    mean_pool,
)
from penstock.nn.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
)
from penstock.nn.layers import (
    batch_norm,
    dense,
    dropout,
    embedding,
    init_batch_norm,
    init_dense,
    init_embedding,
    init_layer_norm,
    layer_norm,
)
from penstock.nn.losses import (
    binary_cross_entropy,
    cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
)
from penstock.nn.recurrent import gru_cell, init_gru_cell, init_lstm_cell, lstm_cell

__all__ = [
    "attention", "batch_norm", "binary_cross_entropy", "conv", "convolution",
    "cross_entropy",
    "dense", "dropout", "elu", "embedding", "gelu", "glorot_normal", "glorot_uniform",
    "gru_cell", "he_normal", "he_uniform", "huber", "init_batch_norm", "init_conv",
    "init_dense", "init_embedding", "init_gru_cell", "init_layer_norm",
    "init_lstm_cell", "init_multi_head_attention", "layer_norm", "leaky_relu",
    "lecun_normal", "lecun_uniform", "log_softmax", "logsumexp", "lstm_cell",
    "max_pool", "mean_absolute_error", "mean_pool", "mean_squared_error",
    "multi_head_attention", "one_hot", "relu", "sigmoid", "silu", "softmax",
    "softplus",
]  # fmt: skip

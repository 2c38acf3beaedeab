"""TensorFlow models against PyTorch twins."""

import importlib.util
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links.jscc import JSCCLink
from tokencom.linklevel.tokens import Tokens

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed: pip install tensorflow-cpu"
)


@pytest.fixture(scope="module")
def tf():
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    return tensorflow


@pytest.fixture
def block_of(tf):
    from tokencom.linklevel.tensorflow_block import TensorFlowBlock

    return TensorFlowBlock


def _keras_mlp(tf, sizes=(6, 10, 4), dtype="float32"):
    layers = [tf.keras.Input((sizes[0],), dtype=dtype)]
    for number, size in enumerate(sizes[1:]):
        last = number == len(sizes) - 2
        layers.append(
            tf.keras.layers.Dense(
                size,
                activation=None if last else "tanh",
                dtype=dtype,
                kernel_initializer=tf.keras.initializers.GlorotUniform(seed=number),
            )
        )
    return tf.keras.Sequential(layers)


def _torch_twin(block, sizes=(6, 10, 4), dtype=torch.float32):
    twin = nn.Sequential()
    for number, (a, b) in enumerate(itertools.pairwise(sizes)):
        linear = nn.Linear(a, b, dtype=dtype)
        linear.weight.data = block.weights[2 * number].data.T.clone()
        linear.bias.data = block.weights[2 * number + 1].data.clone()
        twin.append(linear)
        if number < len(sizes) - 2:
            twin.append(nn.Tanh())
    return twin


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_torch_twin(tf, block_of, dtype):
    block = block_of(_keras_mlp(tf, dtype=dtype))
    kind = getattr(torch, dtype)
    twin = _torch_twin(block, dtype=kind)
    x = torch.randn(7, 6, dtype=kind, generator=torch.Generator().manual_seed(1))
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, z = block(mine), twin(other)
    assert y.dtype == kind
    torch.testing.assert_close(y, z, rtol=1e-5, atol=1e-5)
    (y**3).sum().backward()
    (z**3).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=1e-5, atol=1e-5)
    gradients = [g for m in twin if isinstance(m, nn.Linear) for g in (m.weight.grad.T, m.bias.grad)]
    for weight, gradient in zip(block.weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-5, atol=1e-5)


def test_trained_by_a_torch_optimiser_like_its_twin(tf, block_of):
    model = _keras_mlp(tf)
    block = block_of(model)
    twin = _torch_twin(block)
    x = torch.randn(32, 6, generator=torch.Generator().manual_seed(2))
    for net in (block, twin):
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
        for _ in range(10):
            loss = (net(x) - x[:, :4]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.testing.assert_close(block(x), twin(x), rtol=1e-4, atol=1e-5)
    block.push()
    for weight, variable in zip(block.weights, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(weight.detach().numpy(), variable.numpy())
    model.trainable_variables[0].assign(np.zeros((6, 10), np.float32))
    block.pull()
    assert not block.weights[0].any()


def test_complex_function_has_torch_gradients(tf, block_of):
    block = block_of(tf.function(lambda x, h: (h * x + tf.math.conj(x), tf.abs(x) ** 2)))
    generator = torch.Generator().manual_seed(3)
    x, h = (torch.randn(5, 3, dtype=torch.complex64, generator=generator) for _ in range(2))
    found = []
    for function in (block, lambda x, h: (h * x + x.conj(), x.abs() ** 2)):
        inputs = [v.clone().requires_grad_() for v in (x, h)]
        y, power = function(*inputs)
        (y.abs() + y.real * power).sum().backward()
        found.append([y.detach(), power.detach(), *(v.grad for v in inputs)])
    assert found[0][0].dtype == torch.complex64
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_gradcheck_in_double_precision(tf, block_of):
    scale = tf.Variable(np.array([0.5, -1.0]), trainable=True)
    block = block_of(lambda x: {"a": tf.sin(x) * scale, "b": tf.reduce_sum(x * x)}, variables=[scale])
    x = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4), requires_grad=True)

    def function(x, *weights):
        result = block(x)
        return result["a"], result["b"]

    assert torch.autograd.gradcheck(function, (x, *block.weights))


def test_layouts_and_structures(tf, block_of):
    block = block_of(lambda x, factor: [tf.identity(x) * factor, tf.reduce_sum(x, 0), tf.shape(x)])
    base = torch.arange(24.0).reshape(4, 6)
    for x in (base.T, base[1:, 1:], base[::2], base[:0], base[0]):
        doubled, total, shape = block(x, 2.0)
        torch.testing.assert_close(doubled, 2.0 * x)
        torch.testing.assert_close(total, x.sum(0))
        assert shape.tolist() == list(x.shape)
    mask = torch.tensor([True, False])
    assert block_of(tf.math.logical_not)(mask).tolist() == [False, True]


def test_nothing_is_shared_with_the_caller(tf, block_of):
    block = block_of(tf.identity)
    x = torch.ones(4)
    block(x).add_(1.0)
    assert x.tolist() == [1.0] * 4
    y = torch.ones(4).requires_grad_()
    inside = y * 1.0
    out = block_of(lambda x: x * x)(inside)
    inside.detach().add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_states_of_keras_layers_are_buffers(tf, block_of):
    model = tf.keras.Sequential(
        [tf.keras.Input((3,)), tf.keras.layers.BatchNormalization(), tf.keras.layers.Dropout(0.5, seed=1)]
    )
    block = block_of(model)
    assert block.state_dict().keys() >= {"weights.0", "weights.1", "state0", "state1", "state2"}
    before = {name: value.clone() for name, value in block.state_dict().items()}
    x = torch.ones(64, 3) * 5
    block.train()
    first = block(x)
    assert bool((first == 0).any())
    assert not torch.equal(block.state0, before["state0"])
    block.load_state_dict(before)
    assert torch.equal(block(x), first)  # moving means and the generator of the dropout are back
    block.eval()
    assert torch.equal(block(x), block(x))


def test_encoder_and_decoder_of_a_link(tf, block_of):
    class Codec(DenseCodec):
        """Dense codec whose networks are Keras models."""

        def __init__(self):
            super().__init__(dim=6, symbols_per_token=4, reliability=False)
            del self.encoder_in, self.encoder_out, self.decoder_in, self.decoder_hidden, self.decoder_out, self.norm
            self.encoder = block_of(_keras_mlp(tf, (6, 12, 8)))
            self.decoder = block_of(_keras_mlp(tf, (8, 12, 6)))

        def _reals(self, values, mask, snr_db):
            return self.encoder(values.flatten(0, 1)).unflatten(0, values.shape[:2])

        def _rebuilt(self, features, heard):
            return self.decoder(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    link = JSCCLink(FlatAirInterface(channel="rayleigh"), Codec(), length="known")
    optimizer = torch.optim.AdamW(link.parameters(), lr=1e-2)
    tokens = Tokens(torch.randn(64, 3, 6, generator=torch.Generator().manual_seed(5)))
    losses = []
    for step in range(60):
        reception = link(tokens, 15.0, Draws(seed=1, batch=step))
        loss = (reception.payload.values - tokens.values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_channel_of_a_link(tf, block_of):
    class Air(FlatAirInterface):
        """AWGN with a channel written in TensorFlow: a phase rotation that grows with the amplitude."""

        def __init__(self):
            super().__init__(channel="awgn")
            turn = tf.function(lambda x: x * tf.exp(tf.complex(tf.zeros_like(tf.abs(x)), 0.1 * tf.abs(x) ** 2)))
            self.block = block_of(turn)

        def propagate(self, tx, h):
            return self.block(super().propagate(tx, h))

    class Twin(FlatAirInterface):
        def propagate(self, tx, h):
            x = super().propagate(tx, h)
            return x * torch.exp(1j * 0.1 * x.abs() ** 2)

    codec = DenseCodec(dim=6, symbols_per_token=4)
    tokens = Tokens(torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(6)))
    found = []
    for air in (Air(), Twin(channel="awgn")):
        codec.zero_grad()
        values = JSCCLink(air, codec, length="known")(tokens, 10.0, Draws(seed=1)).payload.values
        values.square().sum().backward()
        found.append([values.detach(), *(p.grad.clone() for p in codec.parameters())])
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_bad_input(tf, block_of):
    with pytest.raises(TypeError, match="function: int given"):
        block_of(3)
    with pytest.raises(ValueError, match="not built"):
        block_of(tf.keras.Sequential([tf.keras.layers.Dense(3)]))
    block = block_of(_keras_mlp(tf))
    with pytest.raises(TypeError, match=r"inputs\[0\]: torch.float64 given, but the Keras model computes in float32"):
        block(torch.zeros(1, 6, dtype=torch.float64))
    with pytest.raises(TypeError, match=r"inputs\[0\]: torch.bfloat16 given"):
        block(torch.zeros(1, 6, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match=r"weights.0: torch.float64 given, but the variable is float32"):
        block.double()(torch.zeros(1, 6))
    with pytest.raises(TypeError, match="knows its own"):
        block_of(_keras_mlp(tf), variables=[])

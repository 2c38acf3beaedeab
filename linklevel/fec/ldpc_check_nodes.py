"""One iteration of message passing over all check nodes: the inner loops of the LDPC decoders.

Values keep Sionna's sign, log p(1)/p(0), so a bit is 1 when its sign bit is clear (a tie is a 1, as in
Sionna). The product of signs over a check of d edges then needs one more flip when d is odd; `parity_sign`
starts it off.

Layered and flooding schedules share the loops. Both read a variable's total, take the check's own old
message off, and add the new one. Layered puts the sum back at once, so the next check sees it. Flooding adds
the message to another array, which started from the channel values and becomes the totals of the next
iteration. Every pass reads ``total`` and updates ``result``, both [num_vns, lanes]; when layered, ``result``
is ``total``.

The exact updates are those of Ryan, "An introduction to LDPC codes" (2004); their two forms differ in
rounding only, and are for float32.
"""

import numpy as np

from .ldpc_work import Wiring, Workspace
from .numba_setup import inlined
from .simd import (
    Vector,
    add,
    constant,
    fill,
    flipped,
    greater,
    lesser,
    load,
    magnitude,
    parity_sign,
    reduced,
    scaled,
    store,
    sub,
    where_equal,
    with_sign,
)
from .vector_math import divide, exponential, logarithm, multiply


@inlined
def minsum_pass(
    wiring: Wiring, work: Workspace, total: np.ndarray, result: np.ndarray, rule: tuple, flooding: bool
) -> None:
    r"""Min-sum, normalised and offset: m = max(scale · min |x| - offset, 0) under the product of the signs.

    Only the two smallest magnitudes of a check are needed: the second one answers the edge that holds the
    smallest (Chen et al., "Reduced-complexity decoding of LDPC codes", IEEE Trans. Commun. 53(8), 2005).
    The rule is (scale, offset, limit), see `scaled`; magnitudes into a check are clipped to limit.
    """
    messages, incoming = work.messages, work.incoming
    scale, offset, limit = rule
    taken = fill(incoming, offset)
    for check in range(wiring.starts.size - 1):
        first, last = wiring.starts[check], wiring.starts[check + 1]
        smallest = fill(incoming, limit)
        second = smallest
        sign = parity_sign(incoming, last - first)
        for edge in range(first, last):
            x = sub(load(total, wiring.columns[edge]), load(messages, edge))
            store(incoming, edge - first, x)
            sign = flipped(sign, x)
            size = magnitude(x)
            second = lesser(second, greater(smallest, size))
            smallest = lesser(smallest, size)
        to_others = reduced(scaled(smallest, scale), taken)
        to_smallest = reduced(scaled(second, scale), taken)
        for edge in range(first, last):
            x = load(incoming, edge - first)
            size = where_equal(magnitude(x), smallest, to_smallest, to_others)
            message = with_sign(size, flipped(sign, x))
            store(messages, edge, message)
            if flooding:
                x = load(result, wiring.columns[edge])
            store(result, wiring.columns[edge], add(x, message))


@inlined
def phi(x: Vector) -> Vector:
    """φ(x) = -log(tanh(x/2)) = log((e^x + 1) / (e^x - 1)), its own inverse, as far as float32 holds it."""
    power = exponential(greater(lesser(x, constant(x, 16.635532)), constant(x, 8.5e-8)))
    one = constant(x, 1.0)
    return logarithm(divide(add(power, one), sub(power, one)))


@inlined
def tanh_half(x: Vector) -> Vector:
    """tanh(x/2), but never zero."""
    one = constant(x, 1.0)
    power = exponential(sub(constant(x, 0.0), magnitude(x)))
    size = divide(sub(one, power), add(one, power))
    return with_sign(greater(size, constant(x, 1e-12)), x)


@inlined
def twice_atanh(x: Vector) -> Vector:
    """2·atanh(x) of -1 < x < 1."""
    one = constant(x, 1.0)
    size = lesser(magnitude(x), constant(x, 1 - 1e-7))
    return with_sign(logarithm(divide(add(one, size), sub(one, size))), x)


@inlined
def clipped(x: Vector, limit: Vector) -> Vector:
    """Clip x to ±limit."""
    return with_sign(lesser(magnitude(x), limit), x)


@inlined
def send(wiring: Wiring, work: Workspace, result: np.ndarray, edge: int, message: Vector, flooding: bool) -> None:
    """Replace the message of an edge, in ``result`` too if that holds the old one."""
    base = load(result, wiring.columns[edge])
    if not flooding:
        base = sub(base, load(work.messages, edge))
    store(work.messages, edge, message)
    store(result, wiring.columns[edge], add(base, message))


@inlined
def phi_pass(
    wiring: Wiring, work: Workspace, total: np.ndarray, result: np.ndarray, bound: float, flooding: bool
) -> None:
    r"""Exact update by sums: m = ± φ(Σ φ(|x|)), Sionna's "boxplus-phi"; values are clipped to ±bound."""
    incoming = work.incoming
    limit = fill(incoming, bound)
    for check in range(wiring.starts.size - 1):
        first, last = wiring.starts[check], wiring.starts[check + 1]
        sign = parity_sign(incoming, last - first)
        everything = fill(incoming, np.float32(0))
        for edge in range(first, last):
            x = clipped(sub(load(total, wiring.columns[edge]), load(work.messages, edge)), limit)
            size = phi(magnitude(x))
            sign = flipped(sign, x)
            everything = add(everything, size)
            store(incoming, edge - first, with_sign(size, x))
        for edge in range(first, last):
            x = load(incoming, edge - first)
            size = lesser(phi(sub(everything, magnitude(x))), limit)
            send(wiring, work, result, edge, with_sign(size, flipped(sign, x)), flooding)


@inlined
def tanh_pass(
    wiring: Wiring, work: Workspace, total: np.ndarray, result: np.ndarray, bound: float, flooding: bool
) -> None:
    r"""Exact update by products: m = 2·atanh ∏ tanh(x/2), Sionna's "boxplus"; values are clipped to ±bound."""
    incoming = work.incoming
    limit = fill(incoming, bound)
    for check in range(wiring.starts.size - 1):
        first, last = wiring.starts[check], wiring.starts[check + 1]
        product = with_sign(fill(incoming, np.float32(1)), parity_sign(incoming, last - first))
        for edge in range(first, last):
            x = clipped(sub(load(total, wiring.columns[edge]), load(work.messages, edge)), limit)
            size = tanh_half(x)
            product = multiply(product, size)
            store(incoming, edge - first, size)
        for edge in range(first, last):
            message = clipped(twice_atanh(divide(product, load(incoming, edge - first))), limit)
            send(wiring, work, result, edge, message, flooding)

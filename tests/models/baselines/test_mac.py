"""The MAC network against its equations, written as loops."""

import pytest
import torch

from tokencom.models.baselines.mac import MACCell, MACNetwork

DIM, WORDS, PLACES = 6, 4, 5
OPTIONS = [
    {"activation": False},
    {"activation": True},
    {"activation": False, "self_attention": True, "gate": True},
]


def given() -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return {
        "question": torch.randn(3, DIM, generator=g),
        "words": torch.randn(3, WORDS, DIM, generator=g),
        "said": torch.tensor([[True, True, True, True], [True, True, False, False], [True, False, False, False]]),
        "knowledge": torch.randn(2, PLACES, DIM, generator=g),
        "there": torch.tensor([[True, True, True, True, True], [True, False, True, True, False]]),
        "owner": torch.tensor([0, 1, 0]),
    }


def mixed_by_loop(network: MACNetwork, inputs: dict[str, torch.Tensor], row: int) -> torch.Tensor:
    """Answer one question by the equations, one word and one place at a time."""
    cell: MACCell = network.cell
    elu = torch.nn.functional.elu if isinstance(cell.activation, torch.nn.ELU) else lambda x: x
    item = int(inputs["owner"][row])
    words = [w for w, there in zip(inputs["words"][row], inputs["said"][row], strict=True) if there]
    places = [k for k, there in zip(inputs["knowledge"][item], inputs["there"][item], strict=True) if there]
    controls, memories = [network.control], [network.memory]
    for step in network.questions:
        q = step(inputs["question"][row])
        cq = cell.control_question(torch.cat([controls[-1], q]))
        cv = torch.stack([cell.control_score(cq * w)[0] for w in words]).softmax(0)
        c = sum(share * w for share, w in zip(cv, words, strict=True))
        scores = []
        for k in places:
            interaction = cell.read_memory(memories[-1]) * cell.read_knowledge(k)
            both = elu(cell.read_mixed(torch.cat([interaction, k])))
            scores.append(cell.read_score(elu(c * both))[0])
        rv = torch.stack(scores).softmax(0)
        r = sum(share * k for share, k in zip(rv, places, strict=True))
        m = cell.write(torch.cat([r, memories[-1]]))
        if cell.past_score is not None:
            sa = torch.stack([cell.past_score(c * past)[0] for past in controls]).softmax(0)
            recalled = sum(share * past for share, past in zip(sa, memories, strict=True))
            m = cell.past_memory(recalled) + cell.past_new(m)
        if cell.gate is not None:
            keep = cell.gate(c).sigmoid()
            m = (1 - keep) * memories[-1] + keep * m
        controls.append(c)
        memories.append(m)
    return memories[-1]


@pytest.mark.parametrize("options", OPTIONS)
def test_network_equals_its_equations(options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    network, inputs = MACNetwork(DIM, 3, **options).double(), given()
    inputs = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    with torch.no_grad():
        network.control.normal_()
        network.memory.normal_()
    found = network(**inputs)
    wanted = torch.stack([mixed_by_loop(network, inputs, row) for row in range(3)])
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
def test_every_parameter_gets_a_gradient(options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    network = MACNetwork(DIM, 3, **options)
    network(**given()).square().sum().backward()
    # A shift of all scores changes no softmax, so score biases have gradients of exactly zero.
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith("score.bias"):
            assert bool((parameter.grad != 0).any()) or (
                options["activation"] is False and name.endswith("mixed.bias")
            ), name


def test_nothing_received_is_nothing_read() -> None:
    torch.manual_seed(0)
    network, inputs = MACNetwork(DIM, 2), given()
    inputs["there"] = torch.zeros_like(inputs["there"])
    other = {**inputs, "knowledge": 7.0 * inputs["knowledge"] + 1.0}
    assert torch.equal(network(**inputs), network(**other))


def test_a_chain_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="num_steps"):
        MACNetwork(DIM, 0)

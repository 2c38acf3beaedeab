"""The memory, attention and composition (MAC) network."""

import torch
from torch import nn

from ...linklevel.validation import check_range


class MACCell(nn.Module):
    r"""One reasoning step: control, read, write.

    D. A. Hudson and C. D. Manning, "Compositional Attention Networks for Machine Reasoning", ICLR 2018, with
    question q, words :math:`cw_s` and knowledge base :math:`k_n`:

    .. math::
        cq_i &= W [c_{i-1}, q_i] \ \text{(c1)}, \quad
        cv_i = \mathrm{softmax}_s(w^T (cq_i \odot cw_s)) \ \text{(c2)}, \quad c_i = \sum_s cv_{i,s} cw_s \ \text{(c3)}

        I_n &= [W m_{i-1}] \odot [W k_n] \ \text{(r1)}, \quad I'_n = W [I_n, k_n] \ \text{(r2)}, \quad
        rv_i = \mathrm{softmax}_n(w^T (c_i \odot I'_n)), \ r_i = \sum_n rv_{i,n} k_n \ \text{(r3)}

        m_i &= W [r_i, m_{i-1}] \ \text{(w1)}

    with :math:`q_i = W_i q + b_i`. As in the authors' program, ELU follows (r2) and the product in (r3) if
    ``activation``. The options of the paper: self-attention over the steps before (w2) and a memory gate (w3).

    Args:
        dim: width of everything.
        activation: whether ELU stands in the read unit.
        self_attention: (w2).
        gate: (w3).
    """

    def __init__(self, dim: int, *, activation: bool = True, self_attention: bool = False, gate: bool = False) -> None:
        super().__init__()
        self.control_question = nn.Linear(2 * dim, dim)
        self.control_score = nn.Linear(dim, 1)
        self.read_memory, self.read_knowledge = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.read_mixed = nn.Linear(2 * dim, dim)
        self.read_score = nn.Linear(dim, 1)
        self.write = nn.Linear(2 * dim, dim)
        self.activation = nn.ELU() if activation else nn.Identity()
        self.past_score = nn.Linear(dim, 1) if self_attention else None
        self.past_memory = nn.Linear(dim, dim) if self_attention else None
        self.past_new = nn.Linear(dim, dim) if self_attention else None
        self.gate = nn.Linear(dim, 1) if gate else None
        if self.gate is not None:
            nn.init.ones_(self.gate.bias)

    def control(
        self, control: torch.Tensor, question: torch.Tensor, words: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        """Return the next control [batch, dim] (c1 to c3); ``question`` is this step's."""
        wanted = self.control_question(torch.cat([control, question], -1))
        score = self.control_score(wanted[:, None] * words)[..., 0]
        return (weights(score, there)[:, None] @ words)[:, 0]

    def scores(
        self, memory: torch.Tensor, control: torch.Tensor, projected: torch.Tensor, mixed: torch.Tensor
    ) -> torch.Tensor:
        """Return the scores of what may be read [batch, num_tokens] (r1, r2 and the argument of the softmax of r3).

        ``projected`` is W k_n of (r1) and ``mixed`` the part of (r2) that has k_n, bias included; both are the
        same in all steps.
        """
        memory = self.read_memory(memory)
        weight = self.read_mixed.weight[:, : memory.shape[-1]]
        if isinstance(self.activation, nn.Identity):
            # Everything is linear in the knowledge base: one vector per question meets it, instead of a matrix.
            wanted = control * self.read_score.weight[0]
            score = torch.einsum("bd,bnd->bn", (wanted @ weight) * memory, projected)
            score = score + torch.einsum("bd,bnd->bn", wanted, mixed) + self.read_score.bias
        else:
            mixed = self.activation(nn.functional.linear(memory[:, None] * projected, weight) + mixed)
            score = self.read_score(self.activation(control[:, None] * mixed))[..., 0]
        return score

    def prepared(self, knowledge: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ``projected`` and ``mixed`` parts of :meth:`scores`."""
        weight = self.read_mixed.weight[:, knowledge.shape[-1] :]
        return self.read_knowledge(knowledge), nn.functional.linear(knowledge, weight, self.read_mixed.bias)

    def written(
        self, read: torch.Tensor, control: torch.Tensor, controls: list[torch.Tensor], memories: list[torch.Tensor]
    ) -> torch.Tensor:
        """Return the next memory [batch, dim] (w1 to w3).

        Args:
            read: what was read.
            control: of this step.
            controls: of the steps before, [batch, dim] each.
            memories: of the steps before; the last is the previous one.
        """
        memory = self.write(torch.cat([read, memories[-1]], -1))
        if self.past_score is not None and self.past_memory is not None and self.past_new is not None:
            past = torch.stack(controls, 1)
            share = self.past_score(control[:, None] * past)[..., 0].softmax(1)
            recalled = (share[:, None] @ torch.stack(memories, 1))[:, 0]
            memory = self.past_memory(recalled) + self.past_new(memory)
        if self.gate is not None:
            keep = self.gate(control).sigmoid()
            memory = (1 - keep) * memories[-1] + keep * memory
        return memory


class MACNetwork(nn.Module):
    """A chain of MAC steps that share the cell; the question has a projection for each.

    Args:
        dim: width of everything.
        num_steps: length of the chain.
        options: as :class:`MACCell` takes them.
    """

    def __init__(self, dim: int, num_steps: int, **options: bool) -> None:
        super().__init__()
        self.num_steps = check_range("num_steps", num_steps, 1, 64, integer=True)
        self.cell = MACCell(dim, **options)
        self.questions = nn.ModuleList(nn.Linear(dim, dim) for _ in range(num_steps))
        self.control = nn.Parameter(0.02 * torch.randn(dim))
        self.memory = nn.Parameter(0.02 * torch.randn(dim))

    def forward(
        self, question: torch.Tensor, words: torch.Tensor, said: torch.Tensor, knowledge: torch.Tensor,
        there: torch.Tensor, owner: torch.Tensor, looked: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Return the last memory [num_questions, dim].

        Args:
            question: [num_questions, dim].
            words: [num_questions, num_words, dim].
            said: [num_questions, num_words], torch.bool; which words there are.
            knowledge: [num_items, num_tokens, dim].
            there: [num_items, num_tokens], torch.bool.
            owner: [num_questions], torch.int64; the item that a question is about.
            looked: gets the scores of each step, [num_questions, num_tokens].
        """
        projected, mixed = (part[owner] for part in self.cell.prepared(knowledge))
        knowledge, there = knowledge[owner], there[owner]
        control, memory = (start.expand_as(question) for start in (self.control, self.memory))
        controls, memories = [control], [memory]
        for step in self.questions:
            control = self.cell.control(control, step(question), words, said)
            scores = self.cell.scores(memories[-1], control, projected, mixed)
            if looked is not None:
                looked.append(scores)
            read = (weights(scores, there)[:, None] @ knowledge)[:, 0]
            memories.append(self.cell.written(read, control, controls, memories))
            controls.append(control)
        return memories[-1]


def weights(score: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Return softmax over the positions there are, zeros if there is none."""
    share = score.float().masked_fill(~there, -1e30).softmax(-1) * there
    return share.to(score)

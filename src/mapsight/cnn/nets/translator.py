"""A small translator: a recurrent encoder, a recurrent decoder that looks back at all the encoder's states.

GRUs (Cho et al. 2014) with the multiplicative attention of Luong et al. (2015), in the place of the recurrent net of
Good (2015).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3  # tokens that both vocabularies begin with


class Translator(nn.Module):
    """(B, S) source tokens, (B, T) target tokens so far, BEGIN first → (B, T, vocabulary) logits of the next."""

    def __init__(
        self, *, source_words: int = 8000, target_words: int = 8000, hidden: int = 256, dropout: float = 0.3
    ) -> None:  # fmt: skip
        super().__init__()
        self.read = nn.Embedding(source_words, hidden, padding_idx=PAD)
        self.encoder = nn.GRU(hidden, hidden // 2, batch_first=True, bidirectional=True)
        self.heard = nn.Embedding(target_words, hidden, padding_idx=PAD)
        self.decoder = nn.GRU(hidden, hidden, batch_first=True)
        self.bridge = nn.Linear(hidden, hidden)
        self.attend = nn.Linear(hidden, hidden, bias=False)
        self.mix = nn.Linear(2 * hidden, hidden)
        self.drop = nn.Dropout(dropout)
        self.speak = nn.Linear(hidden, target_words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        states, last = self.encoder(self.drop(self.read(source)))  # (B, S, hidden), (2, B, hidden / 2)
        begin = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
        own, _ = self.decoder(self.drop(self.heard(target)), begin[None])  # (B, T, hidden)
        closeness = own @ self.attend(states).transpose(1, 2)  # (B, T, S)
        closeness = closeness.masked_fill((source == PAD)[:, None], float("-inf"))
        seen = closeness.softmax(dim=-1) @ states
        return self.speak(self.drop(torch.tanh(self.mix(torch.cat([own, seen], dim=-1)))))

    @torch.inference_mode()
    def translate(self, source: Tensor, *, longest: int = 20) -> Tensor:
        """Greedy: (B, S) → (B, ≤ longest) tokens, PAD after END."""
        said = torch.full((len(source), 1), BEGIN, dtype=torch.long, device=source.device)
        ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        for _ in range(longest):
            word = self(source, said)[:, -1].argmax(dim=-1)
            word[ended] = PAD
            said = torch.cat([said, word[:, None]], dim=1)
            ended |= word == END
            if bool(ended.all()):
                break
        return said[:, 1:]

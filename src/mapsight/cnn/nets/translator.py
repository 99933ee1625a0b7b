"""A small translator: a recurrent encoder, a recurrent decoder that looks back at all the encoder's
states.

GRUs (Cho et al. 2014) with the multiplicative attention of Luong et al. (2015), in the place of the
recurrent net of Good (2015).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3  # tokens that both vocabularies begin with


class Translator(nn.Module):
    """(B, S) source tokens, (B, T) target tokens so far, BEGIN first → (B, T, vocabulary) logits of
    the next.

    PAD stands behind the source's tokens only, and changes nothing; a source has at least one
    token.
    """

    def __init__(
        self,
        *,
        source_words: int = 8000,
        target_words: int = 8000,
        hidden: int = 256,
        dropout: float = 0.3,
    ) -> None:
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
        states, own = self.encode(source)
        return self.decode(target, own, states, source == PAD)[0]

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) → states (B, S, hidden), the decoder's first own state (1, B, hidden)."""
        words = self.drop(self.read(source))
        if source.is_meta:  # no lengths to look at: shapes alone are asked for
            states, last = self.encoder(words)
        else:
            lengths = (source != PAD).sum(dim=1).clamp_min(1).cpu()
            packed, last = self.encoder(
                pack_padded_sequence(words, lengths, True, enforce_sorted=False)
            )
            states, _ = pad_packed_sequence(packed, True, total_length=source.shape[1])
        return states, torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))[None]

    def decode(
        self, target: Tensor, own: Tensor, states: Tensor, padded: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, T) tokens, own state, the encoder's states, where they are padding → (B, T,
        vocabulary), own state.
        """
        said, own = self.decoder(self.drop(self.heard(target)), own)  # (B, T, hidden)
        closeness = said @ self.attend(states).transpose(1, 2)  # (B, T, S)
        seen = closeness.masked_fill(padded[:, None], float("-inf")).softmax(dim=-1) @ states
        return self.speak(self.drop(torch.tanh(self.mix(torch.cat([said, seen], dim=-1))))), own

    @torch.inference_mode()
    def translate(self, source: Tensor, *, longest: int = 20, beams: int = 1) -> Tensor:
        """(B, S) → (B, ≤ longest) tokens, PAD after END: the likeliest of `beams` hypotheses a
        token (1: greedy).
        """
        batch = len(source)
        source = source.repeat_interleave(beams, dim=0)  # (B · beams, S)
        states, own = self.encode(source)
        padded = source == PAD
        word = source.new_full((len(source), 1), BEGIN)
        said = source.new_empty((batch, beams, 0))
        score = torch.full((batch, beams), float("-inf"), device=source.device)
        score[:, 0] = 0  # all beams begin alike: one of them counts
        ended = torch.zeros_like(score, dtype=torch.bool)
        for _ in range(longest):
            logits, own = self.decode(word, own, states, padded)
            logits[..., [PAD, BEGIN, UNKNOWN]] = float("-inf")  # never said
            gain = logits[:, -1].float().log_softmax(dim=-1).view(batch, beams, -1)
            rest = torch.full_like(gain, float("-inf"))
            rest[..., PAD] = 0  # what has ended stays as it is
            total = score[..., None] + torch.where(ended[..., None], rest, gain)
            words = total.shape[-1]
            score, best = total.flatten(1).topk(beams, dim=1)
            parent, token = best // words, best % words
            said = torch.cat(
                [said.gather(1, parent[..., None].expand_as(said)), token[..., None]], dim=2
            )
            ended = ended.gather(1, parent) | (token == END)
            rows = (parent + beams * torch.arange(batch, device=source.device)[:, None]).flatten()
            own, word = own[:, rows], token.view(-1, 1)
            if bool(ended.all()):
                break
        return said[:, 0]  # topk sorts: the first is the likeliest

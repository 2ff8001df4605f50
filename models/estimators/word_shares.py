"""The share of each word in what a text is taken for."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.text_encoder import SENTENCE_SCALE, TextEncoder
from models.encoding.words import character_grams
from models.nn.arrays import Array
from models.nn.sparse_network import SparseNetwork
from models.nn.sparse_rows import SparseRows


def entry_shares(network: SparseNetwork, row: SparseRows, weights: Array) -> Floats:
    """The contribution of each entry of a row to a weighted sum of the outputs: integrated gradients from no entry.

    For one layer of relu units the path integral (Sundararajan, Taly and Yan 2017) has a closed form: a unit of sum
    t s + b at the part t of the path counts for the part of it where that is above 0. The contributions add up to the
    difference between the row's weighted sum and that of a row without entries.

    Parameters
    ----------
    row : one row. weights : of the outputs, shape (n_outputs,).

    Returns
    -------
    array of shape (n_entries,)
    """
    columns, values = row.row(0)
    first, second = network.first, network.layers[0]
    touched = first.weights[columns].astype(np.float64)
    sums, biases = values @ touched, first.biases.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.clip(-biases / sums, 0, 1)  # where on the path the unit turns on or off
    on = np.where(sums > 0, 1 - turn, np.where(sums < 0, turn, 0.0))
    of_units = (second.weights @ weights / network.n_members).ravel()
    shares: Floats = values * (touched @ (on * of_units))
    return shares


def sentence_shares(sentences: SentenceEncoder, words: list[str], values: Array, entries: Floats) -> Floats:
    """The shares of the numbers of a sentence vector as those of the words: shape (n_words,).

    Each word has what the vector's share loses without it, and all have an even part of the rest, so that they add up.

    Parameters
    ----------
    words : with slips corrected.
    values, entries : of the vector as the network reads it, and its shares: shape (width,).
    """
    without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    vectors = sentences.vectors([" ".join(words), *without]).astype(np.float64) * SENTENCE_SCALE
    slopes = np.divide(entries, values, out=np.zeros(len(entries)), where=values != 0)
    lost: Floats = (vectors[0] - vectors[1:]) @ slopes
    lost += (entries.sum() - lost.sum()) / len(words)
    return lost


def word_shares(encoder: TextEncoder, words: list[str], entries: Floats, row: SparseRows) -> Floats:
    """The shares of entries, each split evenly over the words that it is made of: shape (n_words,).

    Those of a sentence vector are shared out by `sentence_shares`.
    """
    share_of = dict(zip(row.columns.tolist(), entries.tolist(), strict=True))
    owners: dict[int, list[int]] = {}
    for i, word in enumerate(words):
        found = [encoder.word_number(word), *map(encoder.piece_number, character_grams(word))]
        for number in found:
            owners.setdefault(number, []).append(i)
        before = words[i - 1] if i else "^"
        owners.setdefault(encoder.word_number(f"{before} {word}"), []).extend([i - 1, i] if i else [i])
    if words:
        owners.setdefault(encoder.word_number(f"{words[-1]} $"), []).append(len(words) - 1)
    shares = np.zeros(len(words))
    for number, places in owners.items():
        np.add.at(shares, places, share_of.get(number, 0.0) / len(places))
    if words and encoder.sentences is not None and encoder.speller is not None:
        width = encoder.sentences.width
        shares += sentence_shares(
            encoder.sentences, encoder.speller.words(words), row.values[-width:], entries[-width:]
        )
    return shares

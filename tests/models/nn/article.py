"""The network of the article on which the project began."""

import numpy as np

from models.nn.network import Network


def article_network(n_inputs: int, n_hidden: int, n_outputs: int, *, rng: np.random.Generator) -> Network:
    """The article's own network: two layers of sigmoid units. Train it with SGD(), SQUARED_ERROR and `mean=False`."""
    return Network(
        (n_inputs, n_hidden, n_outputs),
        hidden_activation="sigmoid",
        output_activation="sigmoid",
        rng=rng,
        dtype=np.float64,
    )

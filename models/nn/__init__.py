"""The network, in numpy and the standard library alone.

Read it in this order: `layers` (forward, and under it backward), `activations`, `losses`, `network`, `optimizers`,
`training`. The words are the usual ones: weights, biases, activation, forward, loss, backward, learning rate, epoch.
"""

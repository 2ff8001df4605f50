"""The network, in numpy and the standard library alone.

Read it in this order: `layers` (forward, and under it backward), `activations`, `losses`, `network`, `rows`,
`optimizers`, `schedules`, `training`. `loss_sums` computes the losses reported after each epoch, `dropout` holds
its random numbers, `input_scales` learns how much each input counts, `monotone` is for inputs whose direction is known,
and `compiled` repeats it faster where numba is installed. The words are the usual ones: weights,
biases, activation, forward, loss, backward, learning rate, epoch.
"""

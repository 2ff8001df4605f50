"""The network, in numpy and the standard library alone.

Read it in this order: `layers` (forward, and under it backward), `activations`, `losses`, `network`, `rows`,
`optimizers`, `schedules`, `training`. `loss_sums` computes the losses reported after each epoch, `dropout` draws the
masks, `input_scales` learns a scale for each input, `monotone` constrains the direction of inputs, and `compiled` has
the same inner loops for numba, where it is installed.
"""

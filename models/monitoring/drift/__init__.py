"""Drift: whether the rows that are answered now are still like those that the model was trained on.

Each column of recent rows, and their score, is compared with what the bundle keeps of the training rows (`reference`).
A finding needs two things at once: a difference that chance does not explain (`significance`: two-sample tests, with
the false discovery rate over all columns controlled), and one that is large enough to matter (`psi`, `transport`, with
bootstrap bands). So few rows raise no alarm by chance, and very many rows raise none by a difference that is real and
tiny.
"""

"""Data drift: recent rows compared with the training rows.

Each column of recent rows, and their score, is compared with the reference in the bundle (`reference`). A finding needs
a difference that is both significant (`significance`: two-sample tests that control the false discovery rate over all
columns) and large enough to matter (`models.evaluation.psi`, `wasserstein`, with bootstrap bands). So few rows raise no
alarm by chance, and very many rows raise none for a real but tiny difference.
"""

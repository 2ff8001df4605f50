"""Rollouts: a challenger beside the champion, and the test whether it is better.

A challenger runs as a shadow (it answers the champion's rows; recorded, never sent) or as a canary (it answers a share
of the predictions; sent and recorded). `models.registry.rollouts` stores the challengers, `comparison` compares both
versions by outcomes, with a test that is valid however often one looks (`confidence_sequence`).
"""

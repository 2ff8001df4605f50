"""Rolling out a version: who challenges the champion, on which answers, and how one may tell that it is better.

A challenger answers in the shadow of the champion (the same rows, recorded and never sent), or as a canary (a share of
the predictions, sent and recorded). `rollouts` keeps who challenges whom, `promotion_test` compares the two by what
became of the predictions, and may be looked at as often as one likes (`confidence_sequence`).
"""

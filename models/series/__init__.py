"""Forecasts of many series at once: for each step the quantiles of what comes.

Read it in this order: `tidy` (one series from rows as they are), `histories`, `smoothers`, `bank_path`, `features`,
`windows`, `quantile_network`, `held_out`, `gate`, `conformal`, `mixture`, `forecaster`, `answer`.
"""

"""Forecasts of many series at once: for each step the quantiles of what comes.

Their histories come from `data.series`. Read it in this order: `histories`, `smoothers`, `bank_path`, `features`,
`windows`, `quantile_network`, `held_out`, `gate`, `conformal`, `mixture`, `forecaster`, `answer`.
`returns` is about one market.
"""

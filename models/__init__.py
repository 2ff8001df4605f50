"""Everything that learns or decides, from the network to the retraining job. May import `data`."""

import data  # noqa: F401 - before scikit-learn, see there

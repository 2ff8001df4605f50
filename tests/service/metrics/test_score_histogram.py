"""The histogram of probabilities, beside the library's own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from models.tasks.binary import BOUNDS
from service.metrics.score_histogram import MAX_VERSIONS, ScoreHistogram

PROBABILITIES = st.lists(st.floats(0, 1) | st.sampled_from(BOUNDS), max_size=30)


def samples(collector):
    """Name and labels of each sample, and its value."""
    (metric,) = collector.collect()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


@given(PROBABILITIES, PROBABILITIES)
def test_it_counts_as_the_library_does(one_by_one, together):
    """Single probabilities and batches fall into the buckets of prometheus_client."""
    histogram = ScoreHistogram("score", "Scores.")
    oracle = Histogram("score", "Scores.", ["model", "version"], buckets=BOUNDS, registry=CollectorRegistry())
    oracle.labels("credit", "3")
    histogram.observe_many("credit", 3, BOUNDS, together)
    for probability in one_by_one:
        histogram.observe("credit", 3, BOUNDS, probability)
    for probability in (*together, *one_by_one):
        oracle.labels("credit", "3").observe(probability)

    ours, theirs = samples(histogram), samples(oracle)

    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert np.isclose(ours[name], value), name


def test_old_versions_give_way():
    """However often a model is trained anew, the number of series stays bounded."""
    histogram = ScoreHistogram("score", "Scores.")
    for version in range(1, 50):
        histogram.observe("credit", version, BOUNDS, 0.5)
        histogram.observe("fraud", 1, (10.0, 20.0), 0.5)

    versions = {dict(labels)["version"] for _, *labels in samples(histogram) if dict(labels)["model"] == "credit"}

    assert versions == {str(version) for version in range(50 - MAX_VERSIONS, 50)}

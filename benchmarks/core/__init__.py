"""The kernels of `analytics.core` beside their peers, on the same inputs, in one run."""

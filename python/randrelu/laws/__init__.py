"""Closed forms: what the paper and probability theory say before anything is measured.

A law here is exact at any width unless its description says *limit*. All logarithms are natural.
"""

from randrelu.laws.angles import (
    flip_fractions,
    next_angle,
    sine_excess,
)
from randrelu.laws.linear_step import linear_step_norm_quantile
from randrelu.laws.norms import sample_gradient
from randrelu.laws.row_space import (
    draw_projected_length,
    mean_projected_length,
    projected_length_law,
)
from randrelu.laws.scales import VARIANCES, nn_def_scale, weight_variances
from randrelu.laws.shares import CONFIDENCE, share_interval
from randrelu.laws.theorem import (
    log10_required_width,
    log_widest,
    narrowest,
    paper_step_size,
    size_bound,
)

__all__ = [
    "CONFIDENCE",
    "VARIANCES",
    "draw_projected_length",
    "flip_fractions",
    "linear_step_norm_quantile",
    "log10_required_width",
    "log_widest",
    "mean_projected_length",
    "narrowest",
    "next_angle",
    "nn_def_scale",
    "paper_step_size",
    "projected_length_law",
    "sample_gradient",
    "share_interval",
    "sine_excess",
    "size_bound",
    "weight_variances",
]

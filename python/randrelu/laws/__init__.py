"""Closed forms: what the paper and probability theory say before anything is measured.

A law here is exact at any width unless its description says *limit*. All logarithms are natural.
"""

from randrelu.laws.angles import (
    flip_fractions,
    flips_given_images,
    gradient_deviation,
    gradient_terms,
    next_angle,
    sine_excess,
)
from randrelu.laws.crossover import limit_crossover
from randrelu.laws.kernel import LimitKernel, limit_kernel, limit_kernel_at
from randrelu.laws.lemmas import large_preactivations, normal_beyond_sphere, worst_sign_change
from randrelu.laws.limit import LimitStep, limit_step, limit_value_after
from randrelu.laws.linear_step import linear_step_norm_quantile, sample_linear_step
from randrelu.laws.norms import (
    gradient_norm_law,
    layer_norm_law,
    limit_gradient_norm_law,
    limit_output_size_law,
    masked_difference_law,
    output_size_law,
)
from randrelu.laws.products import NormLaw
from randrelu.laws.row_space import (
    draw_projected_length,
    mean_projected_length,
    projected_length_law,
)
from randrelu.laws.scales import VARIANCES, nn_def_scale, weight_variances
from randrelu.laws.shares import CONFIDENCE, share_interval
from randrelu.laws.theorem import (
    base,
    log10_required_width,
    log_widest,
    narrowest,
    paper_step_size,
    size_bound,
)
from randrelu.laws.zeros import great_circle_zeros

__all__ = [
    "CONFIDENCE",
    "VARIANCES",
    "LimitKernel",
    "LimitStep",
    "NormLaw",
    "base",
    "draw_projected_length",
    "flip_fractions",
    "flips_given_images",
    "gradient_deviation",
    "gradient_norm_law",
    "gradient_terms",
    "great_circle_zeros",
    "large_preactivations",
    "layer_norm_law",
    "limit_crossover",
    "limit_gradient_norm_law",
    "limit_kernel",
    "limit_kernel_at",
    "limit_output_size_law",
    "limit_step",
    "limit_value_after",
    "linear_step_norm_quantile",
    "log10_required_width",
    "log_widest",
    "masked_difference_law",
    "mean_projected_length",
    "narrowest",
    "next_angle",
    "nn_def_scale",
    "normal_beyond_sphere",
    "output_size_law",
    "paper_step_size",
    "projected_length_law",
    "sample_linear_step",
    "share_interval",
    "sine_excess",
    "size_bound",
    "weight_variances",
    "worst_sign_change",
]

"""Two seeds that training never draws from: one for what a training run is watched by, one for what is measured at its end."""

VALIDATION_SEED = 1_234_567
EVALUATION_SEED = 7_654_321

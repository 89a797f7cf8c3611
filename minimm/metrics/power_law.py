"""How the loss falls with a model's size and with what it has read: a power law, fitted to finished trainings.

    L(N, D) = E + (A / N^alpha + B / D^beta)^gamma

N: parameters; D: tokens read. Two papers hold some of the unknowns fixed, and are fitted both, for the runs may prefer
either:

    "hoffmann": gamma = 1: a floor E, as the text itself is not certain, and two shortages that add up (Hoffmann et al. 2022,
                "Training compute-optimal large language models", equation 2)
    "kaplan":   E = 0, beta = 1: who reads little gains little by size, for the larger shortage hides the smaller (Kaplan et
                al. 2020, "Scaling laws for neural language models", equation 1.5; alpha = alpha_N / alpha_D, gamma = alpha_D)

With C = 6 N D operations to spend, the best size is that of Hoffmann's equation 4, in either form:

    N*(C) = G (C / 6)^(beta / (alpha + beta)),   G = (alpha A / (beta B))^(1 / (alpha + beta))

The unknowns minimise the Huber loss (Huber 1964) of log L, so that one run gone wrong does not bend the curve. With
A = exp(a), B = exp(b), E = exp(e) the prediction is made of log-sum-exps, whose derivatives are softmaxes:

    m = LSE(a - alpha log N, b - beta log D),   log L = LSE(gamma m, e),   with the softmaxes (q_1, q_2) and (p, 1 - p)
    d log L / d(a, alpha, b, beta, e, gamma) = (p gamma (q_1, -q_1 log N, q_2, -q_2 log D), 1 - p, p m)

Gauss-Newton steps with Levenberg's and Marquardt's damping descend from many starts at once, and the lowest end counts. The
uncertainty is the bootstrap's (Efron 1979): fit again to runs drawn with replacement, and see how far the answers scatter.

Differs from Hoffmann et al.: a Huber threshold of 1e-2 instead of 1e-3, for log L of models of `scaling/plan.py` that
differed by their seeds alone had deviations from 3e-3 to 1.8e-2; and Gauss-Newton instead of L-BFGS, whose loose stopping
rule gave the paper intervals that were too narrow (Besiroglu et al. 2024, "Chinchilla scaling: a replication attempt").
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from minimm.errors import check

Array = np.ndarray
HUBER = 1e-2  # residuals of log L up to this count squared, beyond it in proportion
FORMS = ("hoffmann", "kaplan")
EXPONENTS = (0.01, 4.0)  # where alpha, beta and gamma are looked for
LOWEST_FLOOR = -6.0  # log of E as a share of the smallest loss: 0.25 %, as good as none
STEPS = 300  # of Gauss-Newton at most
LEAST_DAMPING = 1e-6  # keeps the equations solvable where drawn runs leave an unknown without any say
BETA, FLOOR, GAMMA = 3, 4, 5  # places in theta = (a, alpha, b, beta, e, gamma)
WIDE = 60.0  # a logarithm that no coefficient reaches
MANY_STARTS = ((0.1, 0.3, 0.7, 1.5), (0.1, 0.4, 0.9))  # exponents; floors or gammas
FEW_STARTS = ((0.2, 0.8), (0.4,))
DIFFERENT = 3  # sizes, and amounts of data, without which a power and a floor cannot be told apart


@dataclass(frozen=True)
class PowerLaw:
    """L(N, D) = irreducible + (size_coefficient / N^alpha + data_coefficient / D^beta)^gamma, losses in nats per token."""

    irreducible: float
    size_coefficient: float
    alpha: float
    data_coefficient: float
    beta: float
    gamma: float = 1.0

    def loss(self, parameters: Array | float, tokens: Array | float) -> Array | float:
        """The loss that models with so many parameters reach after so many tokens; shapes as in NumPy's arithmetic."""
        by_size = self.size_coefficient * np.power(parameters, -self.alpha, dtype=np.float64)
        by_data = self.data_coefficient * np.power(tokens, -self.beta, dtype=np.float64)
        return self.irreducible + (by_size + by_data) ** self.gamma

    @property
    def size_exponent(self) -> float:
        """With which power the loss above the floor falls with N where data abounds: Hoffmann's alpha, Kaplan's alpha_N."""
        return self.alpha * self.gamma

    @property
    def data_exponent(self) -> float:
        """With which power the loss above the floor falls with D where size abounds: Hoffmann's beta, Kaplan's alpha_D."""
        return self.beta * self.gamma

    @property
    def compute_exponent(self) -> float:
        """With which power of the compute the best size grows; 1/2 where size and data should grow alike."""
        return self.beta / (self.alpha + self.beta)

    def best_parameters(self, compute: Array | float) -> Array | float:
        """The size with the lowest loss among those that `compute` = 6 N D operations can train."""
        ratio = self.alpha * self.size_coefficient / (self.beta * self.data_coefficient)
        return ratio ** (1 / (self.alpha + self.beta)) * (np.asarray(compute) / 6) ** self.compute_exponent


def fit_power_law(parameters: Array, tokens: Array, losses: Array, form: str = "hoffmann") -> PowerLaw:
    """The law of a form ("hoffmann" or "kaplan") that fits n runs best: parameters (n,), tokens (n,), losses (n,) in nats.

    Raises `MinimmError` where the runs are too few or too alike to decide on the unknowns, or a number is not above 0.
    """
    logs = _Logs(parameters, tokens, losses, form)
    return logs.law(_best(logs, logs.starts(MANY_STARTS)[None], np.ones((1, logs.count)))[0])


def bootstrap(
    parameters: Array, tokens: Array, losses: Array, form: str = "hoffmann", *, resamples: int = 500, seed: int = 0
) -> list[PowerLaw]:
    """Laws fitted to `resamples` draws of n runs with replacement; the order of the runs does not matter.

    Drawing a run k times is giving it the weight k, so all resamples are fitted at once.
    """
    logs = _Logs(parameters, tokens, losses, form)
    weights = np.random.default_rng(seed).multinomial(logs.count, np.full(logs.count, 1 / logs.count), size=resamples)
    whole = _best(logs, logs.starts(MANY_STARTS)[None], np.ones((1, logs.count)))
    starts = np.concatenate([whole, logs.starts(FEW_STARTS)])
    found = _best(logs, np.broadcast_to(starts, (resamples, *starts.shape)), weights.astype(np.float64))
    return [logs.law(theta) for theta in found]


def percentile_interval(values: Array, level: float = 0.8) -> tuple[float, float]:
    """The middle `level` of some values (Efron 1979): as many lie below as above."""
    check(0.0 < level < 1.0, f"level={level} is no share between 0 and 1; try 0.8")
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def goodness_of_fit(law: PowerLaw, parameters: Array, tokens: Array, losses: Array) -> dict[str, float]:
    """How close the law comes: `r_squared` of log L, and the mean of |log predicted - log measured|, 0.01 for 1 %."""
    measured = np.log(np.asarray(losses, dtype=np.float64))
    residual = measured - np.log(law.loss(np.asarray(parameters), np.asarray(tokens)))
    scatter = float(np.sum((measured - measured.mean()) ** 2))
    explained = 1.0 - float(np.sum(residual**2)) / scatter if scatter > 0 else 0.0
    return {"r_squared": explained, "mean_absolute_log_error": float(np.abs(residual).mean())}


class _Logs:
    """The runs as logarithms, sorted, and centred: then a coefficient and its exponent hardly depend on each other."""

    def __init__(self, parameters: Array, tokens: Array, losses: Array, form: str) -> None:
        check(form in FORMS, f"the form {form!r} is not known; choose from {', '.join(FORMS)}")
        given = [np.asarray(values, dtype=np.float64) for values in (parameters, tokens, losses)]
        shapes = [values.shape for values in given]
        check(
            len(shapes[0]) == 1 and len(set(shapes)) == 1,
            f"parameters, tokens and losses must be three lists of the same length, but their shapes are {shapes}",
        )
        for name, values in zip(("parameters", "tokens", "losses"), given, strict=True):
            check(
                bool(np.all(np.isfinite(values) & (values > 0))),
                f"{name} must be finite numbers above 0, for logarithms are fitted; leave out the runs where they are not",
            )
        for name, values in (("model sizes", given[0]), ("amounts of data", given[1])):
            different = len(np.unique(values))
            check(
                different >= DIFFERENT,
                f"the {len(values)} runs have {different} different {name}, but a power law with a floor needs at least "
                f"{DIFFERENT}; train more",
            )
        self.count = len(given[0])
        check(self.count > 5, f"{self.count} runs cannot decide on up to five unknowns; train at least 6")
        order = np.lexsort(given[::-1])
        log_size, log_data, self.log_loss = (np.log(values[order]) for values in given)
        self.size_centre, self.data_centre = log_size.mean(), log_data.mean()
        self.x, self.y = log_size - self.size_centre, log_data - self.data_centre
        self.form, (least, most), floor = form, EXPONENTS, self.log_loss.min() + LOWEST_FLOOR
        low, high = [-WIDE, least, -WIDE, least, floor, least], [WIDE, most, WIDE, most, self.log_loss.max(), most]
        held = {"hoffmann": {GAMMA: 1.0}, "kaplan": {BETA: 1.0, FLOOR: -WIDE}}[form]
        for place, value in held.items():
            low[place] = high[place] = value
        self.low, self.high, self.free = (
            np.array(low),
            np.array(high),
            np.array([place not in held for place in range(6)]),
        )

    def starts(self, shapes: tuple[tuple[float, ...], ...]) -> Array:
        """First guesses (S, 6): every two exponents with every bend, which is a floor (a share of the lowest loss) or a gamma.

        What is above the floor is split into two equal parts.
        """
        lowest, mean = np.exp(self.log_loss.min()), np.exp(self.log_loss.mean())
        guesses = []
        for alpha, beta, bend in itertools.product(shapes[0], shapes[0], shapes[1]):
            floor, gamma = (bend * lowest, 1.0) if self.form == "hoffmann" else (0.0, bend)
            half = np.log(mean - floor) / gamma - np.log(2)
            guesses.append([half, alpha / gamma, half, beta / gamma, np.log(bend * lowest), gamma])
        return np.array(guesses)

    def law(self, theta: Array) -> PowerLaw:
        """theta (6,) of the centred logarithms -> the law in the units of the runs."""
        a, alpha, b, beta, e, gamma = (float(value) for value in theta)
        by_size, by_data = np.exp(a + alpha * self.size_centre), np.exp(b + beta * self.data_centre)
        floor = float(np.exp(e)) if self.free[FLOOR] else 0.0
        return PowerLaw(floor, float(by_size), alpha, float(by_data), beta, gamma)


def _best(logs: _Logs, starts: Array, weights: Array) -> Array:
    """starts (R, S, 6), weights of the runs (R, n) -> for each R the lowest end that its S starts reach: (R, 6)."""
    rows, guesses = starts.shape[:2]
    ends, heights = _descend(logs, starts.reshape(-1, 6), np.repeat(weights, guesses, axis=0))
    return ends.reshape(rows, guesses, 6)[np.arange(rows), heights.reshape(rows, guesses).argmin(axis=1)]


def _residuals(logs: _Logs, theta: Array) -> tuple[Array, Array]:
    """theta (S, 6) -> log L minus its prediction (S, n), and the derivative of the prediction (S, n, 6)."""
    a, alpha, b, beta, e, gamma = theta.T[:, :, None]
    by_size, by_data = a - alpha * logs.x, b - beta * logs.y
    short = np.logaddexp(by_size, by_data)
    predicted = np.logaddexp(gamma * short, e)
    above = np.exp(gamma * short - predicted)  # the share of the loss that is above the floor
    q_size, q_data = (above * gamma * np.exp(part - short) for part in (by_size, by_data))
    slopes = np.stack([q_size, -q_size * logs.x, q_data, -q_data * logs.y, 1 - above, above * short], axis=-1)
    return logs.log_loss - predicted, slopes * logs.free


def _huber(residuals: Array, weights: Array) -> Array:
    """(S, n) -> the weighted Huber loss (S,)."""
    size = np.abs(residuals)
    return np.sum(weights * np.where(size <= HUBER, size**2 / 2, HUBER * (size - HUBER / 2)), axis=1)


def _descend(logs: _Logs, theta: Array, weights: Array) -> tuple[Array, Array]:
    """Go down from each theta (S, 6) by itself until no step helps: where that is, and how high, (S,).

    A run whose residual is r > HUBER gets the weight HUBER / r in the squares (iteratively reweighted least squares). A step
    that does not help is taken back, and the next one is damped more, which makes it shorter and steeper.
    """
    theta = np.clip(theta, logs.low, logs.high)
    damping = np.full(len(theta), 1e-2)
    residuals, slopes = _residuals(logs, theta)
    height = _huber(residuals, weights)
    going = np.arange(len(theta))
    for _ in range(STEPS):
        r, jacobian = residuals[going], slopes[going]
        weighted = jacobian * (weights[going] * HUBER / np.maximum(np.abs(r), HUBER))[..., None]
        squares = np.swapaxes(weighted, 1, 2) @ jacobian  # (S, 6, 6)
        downhill = np.einsum("snk,sn->sk", weighted, r)
        scale = np.einsum("skk->sk", squares) + 1e-6 * logs.count
        damped = squares + (damping[going, None] * scale)[..., None] * np.eye(6)
        tried = np.clip(theta[going] + np.linalg.solve(damped, downhill[..., None])[..., 0], logs.low, logs.high)
        new_residuals, new_slopes = _residuals(logs, tried)
        new_height = _huber(new_residuals, weights[going])
        gain = height[going] - new_height
        better = gain > 0
        accepted = going[better]
        theta[accepted], height[accepted] = tried[better], new_height[better]
        residuals[accepted], slopes[accepted] = new_residuals[better], new_slopes[better]
        damping[going] = np.maximum(damping[going] * np.where(better, 0.3, 5.0), LEAST_DAMPING)
        arrived = better & (gain <= 1e-9 * new_height)
        going = going[~arrived & (damping[going] < 1e8)]
        if len(going) == 0:
            break
    return theta, height

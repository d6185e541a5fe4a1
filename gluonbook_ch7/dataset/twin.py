"""The moment twin: random rows with the real data's loss surface, for use without its file."""

import numpy as np
import numpy.typing as npt

from .parse import COLUMNS

# The lower triangle of the real columns' correlation matrix, worked out in exact fractions from
# the file's decimals and rounded once. np.corrcoef(np.genfromtxt(FILE_NAME).T) gives it to 1e-14.
_BELOW_DIAGONAL = (
    (-0.27276453615260454,),
    (-0.0036606388723611173, -0.5048681497642217),
    (0.13366383072398194, 0.058759565117634825, 0.003786628767393116),
    (-0.23010735309074182, 0.7533937846545847, -0.2208424309142407, -0.0039740131835833605),
    (
        -0.3907114117082141,
        -0.15610752934415487,
        -0.2361615123642077,
        0.1251028007619847,
        -0.312669506276543,
    ),
)
# Its upper triangle is zero, because np.linalg.cholesky reads only the lower one.
CORRELATIONS = np.eye(len(COLUMNS))
CORRELATIONS[np.tril_indices(len(COLUMNS), k=-1)] = np.concatenate(_BELOW_DIAGONAL)


def moment_twin() -> npt.NDArray[np.float64]:
    """Draw standardised rows, (1503, 6), that have the same loss surface as the real data set.

    The mean squared loss of a linear model is a quadratic function of its weights whose
    coefficients are the means and the correlations of the standardised columns, nothing else. The
    twin has exactly these: Gaussian draws, always the same, freed of their sample mean and sample
    covariance, then given the real data's correlations C::

        rows = draws @ inv(cholesky(cov(draws))).T @ cholesky(C).T

    So it keeps every full-batch loss at every weight, in both editions. The rows are made up, and
    so is each minibatch: the losses of a training run differ from the real data's by as much as
    those of another order of minibatches would.
    """
    draws = np.random.RandomState(7).standard_normal((1503, len(COLUMNS)))
    draws -= draws.mean(axis=0)
    own = np.linalg.cholesky(draws.T @ draws / len(draws))
    real = np.linalg.cholesky(CORRELATIONS)
    return draws @ np.linalg.solve(own.T, real.T)

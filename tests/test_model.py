"""The model and its loss against NumPy in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import nd

NUMBERS = st.floats(-100, 100, width=32)


@given(st.data(), st.integers(1, 5), st.integers(1, 4))
def test_linreg_and_squared_loss(data, n, k):
    """If this fails, every training minimises something else than the book does."""
    X, w, b, y = (
        data.draw(hnp.arrays(np.float32, shape, elements=NUMBERS))
        for shape in ((n, k), (k, 1), (1,), (n,))
    )
    y_hat = gb.linreg(nd.array(X), nd.array(w), nd.array(b))
    exact = X.astype(np.float64) @ w + b
    assert y_hat.shape == (n, 1)
    np.testing.assert_allclose(y_hat.asnumpy(), exact, rtol=1e-5, atol=1e-2)
    for labels in (nd.array(y), nd.array(y).reshape((n, 1))):
        loss = gb.squared_loss(y_hat, labels)
        assert loss.shape == (n, 1)
        difference = y_hat.asnumpy().astype(np.float64) - y.reshape(n, 1)
        np.testing.assert_allclose(loss.asnumpy(), difference**2 / 2, rtol=1e-5, atol=1e-6)

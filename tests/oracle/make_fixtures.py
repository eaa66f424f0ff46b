"""Makes every file under fixtures/. Run: python3 tests/oracle/make_fixtures.py (needs NumPy, SciPy, mpmath and POT)."""

import sys

sys.dont_write_bytecode = True

import array_fixtures  # noqa: E402
import divergence_fixtures  # noqa: E402
import barycenter_fixtures  # noqa: E402
import exact_transport_fixtures  # noqa: E402
import grid_fixtures  # noqa: E402
import iterative_fixtures  # noqa: E402
import linalg_fixtures  # noqa: E402
import matrix_function_fixtures  # noqa: E402
import philox_fixtures  # noqa: E402
import sinkhorn_fixtures  # noqa: E402
import sparse_fixtures  # noqa: E402
import transform_fixtures  # noqa: E402
import unbalanced_fixtures  # noqa: E402

if __name__ == "__main__":
    philox_fixtures.make()
    array_fixtures.make()
    sinkhorn_fixtures.make()
    divergence_fixtures.make()
    barycenter_fixtures.make()
    exact_transport_fixtures.make()
    grid_fixtures.make()
    sparse_fixtures.make()
    linalg_fixtures.make()
    matrix_function_fixtures.make()
    transform_fixtures.make()
    iterative_fixtures.make()
    unbalanced_fixtures.make()

"""The one decorator of every compiled function in core.

The arguments of a kernel have passed `core.checks`: right dtype, C-contiguous, read-only. So each
kernel compiles for one signature, and a mapped model file needs no second one.
"""

from numba import njit

kernel = njit(
    # Kernels hold no Python object, so other threads answer requests meanwhile.
    nogil=True,
    # Written once by `python -m core.warmup`, read-only after (numba#4807: several writers crash).
    # NUMBA_CACHE_DIR must be set before the first import of core.
    cache=True,
    # Division by zero gives inf or NaN as in NumPy; the "python" model branches to raise instead,
    # and a loop with that branch is not vectorised.
    error_model="numpy",
    # `nnan` and `ninf` would let LLVM drop tests for NaN and -inf, which mean "missing" and
    # "excluded" here; `reassoc` and `contract` would make sums depend on the CPU.
    fastmath=False,
    # One request, one core. Parallel kernels also cannot share the disk cache safely.
    parallel=False,
)

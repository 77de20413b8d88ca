"""Which rows faiss may answer with: its types know the C++ signatures only, hence Any."""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray


def among(eligible: NDArray[np.bool_] | None) -> Any:
    """Return search parameters that exclude rows; None for no exclusion."""
    if eligible is None:
        return None
    selector: Any = faiss.IDSelectorBitmap
    parameters: Any = faiss.SearchParameters
    return parameters(sel=selector(np.packbits(eligible, bitorder="little")))

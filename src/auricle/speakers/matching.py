"""Which of some belong to which of others, one to one, so that all together match best.

Knows nothing about voices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_pairs(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The one-to-one pairs ``(row, column)`` with the largest sum; pairs of value 0 are left out.

    Hungarian algorithm (Kuhn 1955) with potentials, on the negated values.
    """
    if values.shape[0] > values.shape[1]:
        return sorted((i, j) for j, i in best_pairs(values.T))
    n, m = values.shape
    of_row, of_column = np.zeros(n + 1), np.zeros(m + 1)
    row_at = np.zeros(m + 1, int)  # rows and columns are numbered from 1; 0 stands for none
    for row in range(1, n + 1):
        row_at[0], column = row, 0
        least, before = np.full(m + 1, np.inf), np.zeros(m + 1, int)
        used = np.zeros(m + 1, bool)
        while row_at[column]:
            used[column] = True
            i = row_at[column]
            costs = -values[i - 1] - of_row[i] - of_column[1:]
            nearer = ~used[1:] & (costs < least[1:])
            least[1:][nearer], before[1:][nearer] = costs[nearer], column
            following = int(np.where(used, np.inf, least).argmin())
            delta = least[following]
            of_row[row_at[used]] += delta
            of_column[used] -= delta
            least[~used] -= delta
            column = following
        while column:
            row_at[column] = row_at[before[column]]
            column = before[column]
    pairs = [(int(row_at[j]) - 1, j - 1) for j in range(1, m + 1) if row_at[j]]
    return sorted((i, j) for i, j in pairs if values[i, j] > 0)

"""The pictures that belong to a verdict on a loss curve."""

from typing import Optional

import numpy as np
from matplotlib.figure import Figure

from ..experiments.charts import Fan
from ..inference.results import interval_figure, intervals_from
from .verdict import Judgement


def fan_of(judgement: Judgement) -> Optional[Fan]:
    """Return what a recorded curve was ranked among, or None for another output."""
    content = judgement.numbers.get("fan")
    if not content:
        return None
    return Fan(_title(judgement), **{name: np.array(values) for name, values in content.items()})


def likelihood_figure(judgement: Judgement) -> Optional[Figure]:
    """Return the chart that belongs to a judgement, or None if it has no intervals."""
    inference = judgement.numbers.get("inference")
    if not inference or not inference["intervals"]:
        return None
    return interval_figure(intervals_from(inference), _title(judgement))


def _title(judgement: Judgement) -> str:
    return f"{judgement.output} (p = {judgement.numbers['p']:.2g})"

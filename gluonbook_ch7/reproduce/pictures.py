"""The pictures that belong to a verdict on a loss curve."""

from typing import Optional

import numpy as np

from ..experiments.charts import Fan, fan_figure, figure_bytes
from .interval_chart import likelihood_figure
from .verdict import Judgement

__all__ = ["fan_of", "pictures_of"]


def fan_of(judgement: Judgement, title: str = "") -> Optional[Fan]:
    """Return what a recorded curve was ranked among, or None for another output."""
    content = judgement.numbers.get("fan")
    if not content:
        return None
    return Fan(title, **{name: np.array(values) for name, values in content.items()})


def pictures_of(judgement: Judgement) -> dict[str, bytes]:
    """Return SVG files by their kind: the "fan" and the "likelihood", where there are any."""
    fan = fan_of(judgement)
    figures = {
        "fan": fan_figure([fan], "") if fan else None,
        "likelihood": likelihood_figure(judgement),
    }
    return {kind: figure_bytes(figure, "svg") for kind, figure in figures.items() if figure}

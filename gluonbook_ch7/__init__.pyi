# The book's own names, in the order the chapter meets them.
from .figures import set_figsize as set_figsize
from .figures import use_svg_display as use_svg_display
from .figures import plt as plt
from .descent2d import train_2d as train_2d
from .descent2d import show_trace_2d as show_trace_2d
from .data import get_data_ch7 as get_data_ch7
from .model import linreg as linreg
from .model import squared_loss as squared_loss
from .training import train_ch7 as train_ch7
from .training import train_gluon_ch7 as train_gluon_ch7

# The section's, now importable.
from .descent2d import rmsprop_2d as rmsprop_2d
from .rules import init_rmsprop_states as init_rmsprop_states
from .rules import rmsprop as rmsprop

# Ours: the same training as values.
from .training import LossCurve as LossCurve
from .training import fit_scratch as fit_scratch
from .training import fit_gluon as fit_gluon
from .experiments.ensemble import fit_ensemble as fit_ensemble
from .errors import GluonbookError as GluonbookError

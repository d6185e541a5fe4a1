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

# The sections' own, now importable.
from .descent2d import f_2d as f_2d
from .descent2d import gd_2d as gd_2d
from .rules import sgd as sgd
from .descent2d import momentum_2d as momentum_2d
from .rules import init_momentum_states as init_momentum_states
from .rules import sgd_momentum as sgd_momentum
from .descent2d import adagrad_2d as adagrad_2d
from .rules import init_adagrad_states as init_adagrad_states
from .rules import adagrad as adagrad
from .descent2d import rmsprop_2d as rmsprop_2d
from .rules import init_rmsprop_states as init_rmsprop_states
from .rules import rmsprop as rmsprop
from .rules import init_adadelta_states as init_adadelta_states
from .rules import adadelta as adadelta
from .rules import init_adam_states as init_adam_states
from .rules import adam as adam

# Ours: the same training as values.
from .training import LossCurve as LossCurve
from .training import fit_scratch as fit_scratch
from .training import fit_gluon as fit_gluon
from .experiments.ensemble import Ensemble as Ensemble
from .experiments.ensemble import fit_ensemble as fit_ensemble
from .experiments.sweep import Sweep as Sweep
from .experiments.sweep import sweep as sweep
from .experiments.compare import Comparison as Comparison
from .experiments.compare import compare as compare
from .experiments.registry import RULES as RULES
from .data import load_data_ch7 as load_data_ch7
from .tables import load_table as load_table
from .inference.infer import infer as infer
from .errors import GluonbookError as GluonbookError
from .errors import ArgumentError as ArgumentError
from .errors import DataError as DataError
from .errors import DataNotFoundError as DataNotFoundError
from .errors import DataWarning as DataWarning
from .errors import DependencyError as DependencyError
from .errors import DivergenceWarning as DivergenceWarning
from .errors import ForkError as ForkError
from .errors import RecordError as RecordError
from .errors import TracingWarning as TracingWarning
from .errors import WorkerError as WorkerError
from .errors import WorkerWarning as WorkerWarning

# For notebooks: %load_ext gluonbook_ch7.
from .extension import load_ipython_extension as load_ipython_extension
from .extension import unload_ipython_extension as unload_ipython_extension

__version__: str
__all__: list[str]

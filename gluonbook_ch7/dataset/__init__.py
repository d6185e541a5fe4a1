"""The airfoil data set. Nothing here imports MXNet: the data can be fetched before it is there."""

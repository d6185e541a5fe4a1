"""``gluonbook-ch7 compare``: a rule from scratch against Gluon's optimizer or any other."""

from pathlib import Path
from typing import Any, Optional

import click

from ..errors import ArgumentError
from .command import (
    Command,
    data_options,
    file_option,
    folder_option,
    settings_option,
    training_options,
)
from .console import counted, print_origin, print_table, progress, write_plot
from .user_rules import (
    file_of,
    load_named_data,
    load_rule,
    own_errors,
    parse_assignments,
    parse_optimizer,
    parse_value,
)

LEGEND = """\
Largest difference of a parameter at any step: median and range of {seeds}.
worst: the seed with the largest. ulps: units in the last place.
> 1e-6: the first step above it."""


@click.command(cls=Command)
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option(
    "--against",
    metavar="OPTIMIZER",
    help="The other side: the name of a Gluon optimizer, such as nag, or torch.optim.CLASS, "
    "optax.NAME or FILE.py:FUNCTION. By default Gluon's counterpart of the RULE.",
)
@settings_option("--set", "settings", "NAME=VALUE", "A hyperparameter of the RULE.")
@settings_option(
    "--against-set", "against_settings", "NAME=VALUE", "A hyperparameter of the other optimizer."
)
@training_options(seeds=3, per="rule")
@data_options
@folder_option("--out", "Folder for the figures.")
@file_option("--json", "File for the numbers, as JSON.")
def compare(
    rules: tuple[str, ...],
    against: Optional[str],
    settings: tuple[str, ...],
    against_settings: tuple[str, ...],
    seeds: int,
    batch_size: int,
    epochs: int,
    edition: str,
    source: str,
    out: Optional[Path],
    json_file: Optional[Path],
) -> None:
    """Compare update rules with other optimizers.

    Compares each RULE, by default all six of the chapter, with Gluon's optimizer. Both sides train
    from the same start on the same minibatches: as in the book, then with only one of the known
    differences, then with none. With the extra `peers`, the rules are compared with PyTorch's and
    optax's counterparts as well.

    A RULE of your own is FILE.py:FUNCTION. Its states are those that init_FUNCTION_states in the
    same file makes from the features, or else a zero array for each parameter.

    Exit status: 0 if the comparison was finished, 2 after an error, 130 if it was interrupted.
    """
    from .._files import write_json
    from .._mxnet.install_hints import install_extra
    from ..experiments.compare import compare as run_comparison
    from ..experiments.registry import RULES
    from ..experiments.sides import PEERS, installed

    names = tuple(dict.fromkeys(rules)) or tuple(RULES)
    if len(names) > 1 and (against or settings or against_settings):
        raise ArgumentError("--against, --set and --against-set need a single RULE")
    if any(map(file_of, names)) and against is None:
        raise ArgumentError(
            "a rule in a file has no counterpart. Give --against, such as --against nag"
        )
    functions = [load_rule(name) for name in names]
    other = parse_optimizer(against) if against else None
    ours = parse_assignments("--set", settings, parse_value)
    theirs = parse_assignments("--against-set", against_settings, parse_value)
    if names[0] in RULES and ours:
        ours = {**RULES[names[0]].hyperparams, **ours}
    peers = () if against else installed()
    data, origin = load_named_data(edition, source)
    task = (data.features, data.labels, batch_size, epochs)
    numbers: dict[str, Any] = {}
    explained: set[tuple[str, ...]] = set()
    try:
        for name, rule in zip(names, functions):
            with progress(f"comparing {name}"), own_errors(*names, against):
                comparison = run_comparison(
                    rule,
                    *task,
                    against=other,
                    hyperparams=ours or None,
                    against_hyperparams=theirs or None,
                    seeds=seeds,
                    peers=peers,
                )
            if not numbers:
                click.echo(LEGEND.format(seeds=counted(seeds, "seed")))
            _print(comparison, explained)
            if out:
                write_plot(comparison, out, f"compare_{comparison.rule}")
            # After every rule, so that an interruption loses nothing that was finished.
            numbers[comparison.rule] = {**comparison.numbers(), **origin}
            if json_file:
                write_json(json_file, numbers)
    except KeyboardInterrupt as interrupt:
        compared = f"{len(numbers)} of {len(names)} rules were compared."
        raise KeyboardInterrupt(compared) from interrupt
    print_origin(origin)
    missing = [] if against else [peer for peer in PEERS if peer not in peers]
    if missing:
        click.echo(f"To compare with {' and '.join(missing)}: {install_extra('peers')}")


def _print(comparison: Any, explained: set[tuple[str, ...]]) -> None:
    """Print a comparison: its table, the verdict, the losses, and differences not yet explained."""
    import numpy as np

    title = f"{comparison.rule} against {comparison.against}"
    for name, value in comparison.settings["hyperparams"].items():
        title += f", {name} {value:g}"
    print_table(*comparison._table(), numbers_from=1, title=title)
    losses = [f"{n} {np.median(loss):.6f}" for n, loss in comparison.final_losses.items()]
    lines = [f"Verdict: {comparison.verdict}.", f"Final losses: {', '.join(losses)}."]
    for name, ours, theirs in comparison.differences:
        if (name, ours, theirs) not in explained:
            lines.append(f"{name}: from scratch, {ours}; the other, {theirs}.")
    explained.update(comparison.differences)
    for line in lines:
        click.echo(click.wrap_text(line, 80, initial_indent="  ", subsequent_indent="    "))

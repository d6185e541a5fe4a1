"""The built-in section, on the real data, on the moment twin, and with a wrong record."""

from dataclasses import replace

import pytest

from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.reproduce.record import load_recorded
from gluonbook_ch7.reproduce.section import rerun_section
from gluonbook_ch7.reproduce.verdict import Verdict, hold_together, is_reproduced

TRAINING = ("from scratch", "Gluon")


def verdicts(results):
    judgements = [judgement for result in results for judgement in result.judgements]
    return {judgement.output: judgement for judgement in hold_together(judgements)}


@pytest.fixture(scope="module")
def on_twin(trained_once):
    return verdicts(rerun_section(load_data_ch7(source="twin"), load_recorded()))


def test_the_section_is_reproduced_on_the_real_data(real_data_path):
    """If this fails, the book's results are not reproduced, or the evidence fails to see it."""
    data = load_data_ch7(source=real_data_path)
    judgements = verdicts(rerun_section(data, load_recorded()))
    assert is_reproduced(judgements.values())
    assert judgements["2-D descent: text"].recorded == "epoch 20, x1 -0.010599, x2 0.000000"
    for output in ("2-D descent: text", "2-D descent: figure"):
        assert judgements[output].verdict is Verdict.IDENTICAL
    assert judgements["2-D descent: figure"].numbers["largest_difference"] < 1e-6
    for name in TRAINING:
        assert judgements[f"{name}: first loss"].numbers["difference"] < 3e-8
        assert judgements[f"{name}: 30 later losses"].numbers["p"] > 0.01
        assert judgements[f"{name}: time"].verdict is Verdict.NOT_COMPARABLE


def test_the_exact_checks_hold_on_the_twin(on_twin):
    """If this fails, a reader without the data file sees the section fail."""
    assert is_reproduced(on_twin.values())
    exact = ["2-D descent: text", "2-D descent: figure"]
    exact += [f"{name}: {what}" for name in TRAINING for what in ("axes", "first loss")]
    assert {on_twin[output].verdict for output in exact} == {Verdict.IDENTICAL}
    for name, recorded in zip(TRAINING, ("0.258765", "0.259499")):
        printed, later = on_twin[f"{name}: printed loss"], on_twin[f"{name}: 30 later losses"]
        assert (printed.recorded, later.recorded) == (recorded, f"… {recorded}")
        assert later.rerun == f"… {printed.rerun}"


def test_a_recorded_loss_of_edition_1_0_is_caught(on_twin):
    """If this fails, a record that says 0.243 passes for one that says 0.26."""
    record = load_recorded()
    cells = list(record.cells)
    scratch = next(i for i, cell in enumerate(cells) if cell.text.startswith("loss"))
    text = cells[scratch].text.replace("0.258765", "0.243000")
    assert text != cells[scratch].text
    cells[scratch] = replace(cells[scratch], text=text)
    edited = replace(record, cells=tuple(cells))
    judgements = verdicts(rerun_section(load_data_ch7(source="twin"), edited))
    changed = [
        output for output in judgements if judgements[output].verdict is not on_twin[output].verdict
    ]
    assert changed == ["from scratch: printed loss"]
    assert judgements[changed[0]].verdict is Verdict.DIFFERENT

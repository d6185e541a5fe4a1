"""Trainings in several threads and processes: each gives what it gives alone."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import book
import numpy as np
import pytest

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ForkError
from gluonbook_ch7.experiments.trajectory import draw_trials, follow_gluon

SCRATCH, GLUON = {"lr": 0.01, "gamma": 0.9}, {"learning_rate": 0.01, "gamma1": 0.9}
SECONDS = 120  # after which a process is taken to hang


def data():
    twin = load_data_ch7(source="twin")
    return twin.features[:203], twin.labels[:203]


DATA = data()


def scratch(seed, traced=False, rule=gb.rmsprop, hyperparams=SCRATCH):
    states = gb.init_rmsprop_states(DATA[0])
    return gb.fit_scratch(rule, states, dict(hyperparams), *DATA, seed=seed, traced=traced).losses


def gluon(seed, traced=False):
    return gb.fit_gluon("rmsprop", GLUON, *DATA, seed=seed, traced=traced).losses


def ensemble(seed, executor=None):
    states = gb.init_rmsprop_states(DATA[0])
    seeds = (seed, seed + 1)
    runs = gb.fit_ensemble(gb.rmsprop, states, SCRATCH, *DATA, seeds=seeds, executor=executor)
    return runs.losses


def trial(seed):
    return follow_gluon(draw_trials(*DATA, 10, 1, (seed,)), "rmsprop", GLUON)


def train(way, seed):
    """Train in one of the `WAYS`; return the bytes of the losses."""
    return WAYS[way](seed).tobytes()


WAYS = {
    "literal": scratch,
    "traced": lambda seed: scratch(seed, traced=True),
    "gluon": gluon,
    "gluon traced": lambda seed: gluon(seed, traced=True),
    "ensemble": ensemble,
    "trial": trial,
}
TASKS = [(way, seed) for seed in range(4) for way in WAYS]


@pytest.fixture(scope="module")
def alone():
    """Return what each task gives alone."""
    return {task: train(*task) for task in TASKS}


@pytest.mark.parametrize("threads", [2, 8])
def test_threads(alone, threads):
    """If this fails, trainings in several threads mix their draws, and their losses are wrong."""
    all_there = threading.Barrier(threads)
    with ThreadPoolExecutor(threads, initializer=all_there.wait) as pool:
        assert dict(zip(TASKS, pool.map(train, *zip(*TASKS)))) == alone


@pytest.mark.parametrize("way", ["literal", "traced", "gluon"])
def test_threads_without_a_seed(way):
    """If this fails, unseeded trainings in threads do not draw one after the other."""
    expected, results = set(), set()
    np.random.seed(7)
    for _ in range(4):
        mx.random.seed(0)  # where MXNet's generator starts in every thread
        expected.add(train(way, None))
    np.random.seed(7)
    threads = [threading.Thread(target=lambda: results.add(train(way, None))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == expected
    assert len(expected) == 4


def test_blocks_of_an_ensemble_in_threads(alone):
    """If this fails, an ensemble whose executor is made of threads waits for itself."""
    with ThreadPoolExecutor(2) as pool:
        assert ensemble(0, pool).tobytes() == alone["ensemble", 0]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes(alone, method):
    """If this fails, trainings in other processes hang, crash or give other losses."""
    tasks = TASKS[: len(WAYS)]
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(2, mp_context=context)
    try:
        results = list(pool.map(train, *zip(*tasks), timeout=SECONDS))
    except BaseException:
        for process in pool._processes.values():
            process.kill()
        raise
    finally:
        pool.shutdown()
    assert results == [alone[task] for task in tasks]


def forked(work):
    """Call a function in a forked child; return True if it returned True there."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        try:
            os._exit(0 if work() is True else 1)
        except BaseException:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def outcome(scenario):
    """Call a function in a process of its own, which may hang without hanging the tests."""
    process = multiprocessing.get_context("spawn").Process(target=scenario)
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return "hung"
    return "done" if process.exitcode == 0 else f"failed with status {process.exitcode}"


def fork_while_a_thread_trains():
    ways, alone = list(WAYS), {way: train(way, 3) for way in WAYS}
    stop, wrong = threading.Event(), []

    def keep_training():
        while not stop.is_set():
            for way in ways:
                wrong.extend([way] if train(way, 3) != alone[way] else [])

    thread = threading.Thread(target=keep_training)
    thread.start()
    try:
        for way in ways * 3:
            assert forked(lambda way=way: train(way, 3) == alone[way]), way
    finally:
        stop.set()
        thread.join()
    assert not wrong


def test_a_fork_while_another_thread_trains():
    """If this fails, such a fork hangs inside MXNet, or its child does."""
    assert outcome(fork_while_a_thread_trains) == "done"


def interrupt_a_fork_that_waits():
    expected, begun, go_on = train("literal", 3), threading.Event(), threading.Event()

    def rule(params, states, hyperparams):
        begun.set()
        go_on.wait()
        gb.rmsprop(params, states, hyperparams)

    def interrupt(*_):
        raise KeyboardInterrupt

    def is_refused():
        with pytest.raises(ForkError, match=r"start it with .*spawn"):
            scratch(0)
        return True

    signal.signal(signal.SIGALRM, interrupt)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(scratch, 3, rule=rule)
        begun.wait()
        while True:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            try:
                refused = forked(is_refused)
                break
            except KeyboardInterrupt:
                pass  # too early: the fork did not wait yet
        go_on.set()
        assert training.result().tobytes() == expected
    assert refused
    assert train("literal", 3) == expected


def test_a_fork_in_the_middle_of_another_threads_training_is_refused():
    """If this fails, a child waits for ever for a thread that it does not have."""
    assert outcome(interrupt_a_fork_that_waits) == "done"


def test_a_rule_that_forks(alone):
    """If this fails, a child that is forked by a rule cannot train, or the parent no longer can."""
    children = []

    def rule(params, states, hyperparams):
        if not children:
            children.append(forked(lambda: train("gluon", 1) == alone["gluon", 1]))
        gb.rmsprop(params, states, hyperparams)

    losses = scratch(0, rule=rule)
    assert children == [True]
    assert losses.tobytes() == alone["literal", 0]


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.filterwarnings("ignore:this training cannot be traced")
def test_a_rule_that_trains(traced):
    """If this fails, a rule that itself trains waits for its own training to end."""
    inner = []

    def rule(params, states, hyperparams):
        if not inner:
            inner.append(gluon(5).tobytes())
        gb.rmsprop(params, states, hyperparams)

    book.seed_both(2)
    expected = book.train_scratch(rule, gb.init_rmsprop_states(DATA[0]), SCRATCH, *DATA)
    outer = inner.copy()
    inner.clear()
    np.testing.assert_array_equal(scratch(2, traced, rule), expected)
    assert inner == outer


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.filterwarnings("ignore:this training cannot be traced")
def test_an_error_in_the_middle_of_a_training(alone, traced, error):
    """If this fails, after an interrupted training the next one waits, or computes otherwise."""
    steps = 0

    def rule(params, states, hyperparams):
        nonlocal steps
        steps += 1
        if steps == 5:
            raise error
        gb.rmsprop(params, states, hyperparams)

    with pytest.raises(error):
        scratch(0, traced, rule)
    with ThreadPoolExecutor(1) as pool:
        for way in ("literal", "traced", "gluon"):
            assert pool.submit(train, way, 0).result(SECONDS) == alone[way, 0]

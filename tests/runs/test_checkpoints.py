"""What is saved is what is restored, and a restored run goes on exactly like the one that was not interrupted."""

import pwd
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_runs import GAME, ONE_DEVICE, assert_equal, begin, host

from experiments.command_line import start_jax
from ringrift_jax.devices import everywhere, make_mesh, on_mesh
from ringrift_jax.learning.config import RunConfig, to_dict
from ringrift_jax.learning.loop import LAYOUT, make_iterate, new_loop
from ringrift_jax.runs import checkpoints
from ringrift_jax.runs.champion_files import champion_versions, load_champion, remove_champions_after
from ringrift_jax.runs.checkpoints import Checkpoints, save_champion
from ringrift_jax.runs.run import Run


def start(seed=0):
    return begin(seed)


def test_a_user_without_a_name_can_train(tmp_path, monkeypatch):
    """As in a container that is run with the number of a user it does not know."""

    def unknown(number):
        raise KeyError(f"uid not found: {number}")

    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, name, unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    state = start()
    for iteration in range(1, 5):  # older ones are deleted meanwhile
        with Checkpoints(tmp_path / "checkpoints") as checkpoints:
            checkpoints.save(replace(state, iteration=jnp.int32(iteration)))
    for read_only in (False, True):
        with Checkpoints(tmp_path / "checkpoints", read_only=read_only) as checkpoints:
            assert checkpoints.latest() == 4
            assert_equal(host(checkpoints.restore(jax.eval_shape(start))).learner, host(state).learner)
    config = RunConfig("square8", loop=ONE_DEVICE)
    assert_equal(load_champion(save_champion(tmp_path, 0, config, state.champion))[1], state.champion)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    before = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.chdir(tmp_path)
    start_jax()  # there is no home to keep compiled programs in, so they are kept nowhere
    assert jax.config.jax_compilation_cache_dir == before  # pyright: ignore[reportAttributeAccessIssue]
    assert not (tmp_path / "~").exists()


def test_a_restored_run_goes_on_bit_for_bit(tmp_path):
    iterate = make_iterate(GAME, ONE_DEVICE)
    state = start()
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.latest() is None
        for _ in range(5):
            state, _ = iterate(state)
            # Saving goes on in the background while the next iteration takes the state over.
            checkpoints.save(state)
        expected = []
        for _ in range(3):
            state, metrics = iterate(state)
            expected.append((host(state), jax.device_get(metrics)))
    assert int(metrics.steps) > 0

    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.latest() == 5
        restored = checkpoints.restore(jax.eval_shape(start))
    assert jnp.issubdtype(restored.key.dtype, jax.dtypes.prng_key)
    for wanted in expected:
        restored, metrics = iterate(restored)
        assert_equal((host(restored), jax.device_get(metrics)), wanted)
    assert sorted(int(p.name) for p in (tmp_path / "checkpoints").iterdir()) == [3, 4, 5]


def test_a_run_goes_on_where_another_generator_is_the_default(tmp_path):
    """Keys of other generators have other shapes."""
    config = RunConfig("square8", seed=3, loop=ONE_DEVICE)
    with Checkpoints(tmp_path) as checkpoints:
        saved = start(config.seed)
        checkpoints.save(saved)
        checkpoints.wait()
        with pytest.MonkeyPatch.context() as patch, jax.default_prng_impl("rbg"):
            patch.setattr(RunConfig, "make_env", lambda self: GAME)
            run = Run(config)
            restored = checkpoints.restore(run.abstract)
            assert_equal(host(run.start()), host(saved))
        assert restored.key.dtype == saved.key.dtype
        assert_equal(host(restored), host(saved))


def test_a_run_goes_on_on_other_devices(tmp_path):
    """Lanes and rings are where they then belong."""
    two = on_mesh(LAYOUT, make_mesh(2))
    with Checkpoints(tmp_path) as checkpoints:
        saved = jax.device_put(start(), two)
        checkpoints.save(saved)
        checkpoints.wait()
        alone = checkpoints.restore(jax.eval_shape(start))
        shared = checkpoints.restore(jax.eval_shape(start), two)
    lanes = ONE_DEVICE.self_play.lanes
    for state, devices in (alone, 1), (shared, 2):
        assert_equal(host(state), host(saved))
        assert {shard.data.shape[1] for shard in state.replay.status.addressable_shards} == {lanes // devices}
        assert {shard.data.shape[0] for shard in state.games.length.addressable_shards} == {lanes // devices}


def test_restoring_needs_a_checkpoint_of_the_same_shapes(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
            checkpoints.restore(jax.eval_shape(start))
        checkpoints.save(start())
        checkpoints.wait()
        other = replace(ONE_DEVICE, learner=replace(ONE_DEVICE.learner, replay_blocks=65))
        with pytest.raises(ValueError, match="shape"):
            checkpoints.restore(jax.eval_shape(lambda: new_loop(GAME, other, jax.random.key(0))))


def damage(checkpoint) -> None:
    """Cuts every file of some size in half, as when a disk was full or the power failed."""
    for file in checkpoint.rglob("*"):
        if file.is_file() and file.stat().st_size > 100:
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


# Reads that were given up leave coroutines nobody awaits.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(tmp_path):
    iterate, state, saved = make_iterate(GAME, ONE_DEVICE), start(), {}
    with Checkpoints(tmp_path) as checkpoints:
        for _ in range(3):
            state, _ = iterate(state)
            saved[int(state.iteration)] = host(state)
            checkpoints.save(state)
    damage(tmp_path / "3")
    with Checkpoints(tmp_path, read_only=True) as checkpoints, pytest.warns(match="iteration 3 is damaged"):
        assert_equal(host(checkpoints.restore(jax.eval_shape(start))), saved[2])
    assert (tmp_path / "3").exists()

    said = []
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(jax.eval_shape(start), say=said.append)
        assert_equal(host(restored), saved[2])
        assert len(said) == 1
        assert said[0].startswith("the checkpoint after iteration 3 is damaged, so an older one is used: ")
        assert checkpoints.latest() == 2
        restored, _ = iterate(restored)
        checkpoints.save(restored)
    with Checkpoints(tmp_path) as checkpoints:
        assert_equal(host(checkpoints.restore(jax.eval_shape(start))), saved[3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "damaged-3"]

    for step in (1, 2, 3):
        damage(tmp_path / str(step))
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(ValueError, match="iteration 3: ") as raised:
        checkpoints.restore(jax.eval_shape(start))
    assert str(raised.value).startswith(f"no checkpoint in {tmp_path} can be read; ")
    assert (tmp_path / "3").exists()


def test_a_checkpoint_from_before_an_iteration_can_be_named(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for iteration in (1, 2, 3):
            checkpoints.save(replace(start(), iteration=jnp.int32(iteration)))
        checkpoints.wait()
        for last in (1, 2, 7):
            restored = checkpoints.restore(jax.eval_shape(start), last=last)
            assert int(restored.iteration) == min(last, 3)
        with pytest.raises(FileNotFoundError, match="no checkpoint up to iteration 0"):
            checkpoints.restore(jax.eval_shape(start), last=0)


def test_champions_are_parameters_and_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = RunConfig("hex8", 3, seed=7, loop=ONE_DEVICE)
    params = start().champion
    for version in (0, 2, 11):
        save_champion("champions", version, config, jax.tree.map(lambda leaf, v=version: leaf + v, params))
    assert champion_versions("champions") == [0, 2, 11]

    got_config, got_params = load_champion("champions/2")
    assert got_config == config
    assert_equal(got_params, jax.tree.map(lambda leaf: np.asarray(leaf + 2), params))
    assert jax.tree.structure(got_params) == jax.tree.structure(params)

    remove_champions_after("champions", 2)
    assert champion_versions("champions") == [0, 2]
    with pytest.raises(FileNotFoundError, match="is not a champion"):
        load_champion("champions/11")


def test_a_champion_of_another_version_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "to_dict", lambda config: to_dict(config) | {"komi": 7})
    save_champion(tmp_path, 0, RunConfig("hex8", loop=ONE_DEVICE), start().champion)
    with pytest.raises(ValueError, match="0 is damaged or of another version of ringrift_jax: komi is no setting"):
        load_champion(tmp_path / "0")


def test_a_champion_can_be_loaded_with_other_devices_than_it_was_trained_on(tmp_path):
    params = jax.device_put(start().champion, everywhere(make_mesh(2)))
    assert all(len(leaf.devices()) == 2 for leaf in jax.tree.leaves(params))
    save_champion(tmp_path, 0, RunConfig("hex8", loop=ONE_DEVICE), params)
    loaded = load_champion(tmp_path / "0")[1]
    assert_equal(loaded, params)
    assert all(leaf.devices() == {jax.devices()[0]} for leaf in jax.tree.leaves(loaded))


def test_keys_are_not_confused_with_numbers(tmp_path):
    """Two states that differ in their key alone restore to different keys."""
    keys = []
    for seed in (0, 1):
        with Checkpoints(tmp_path / str(seed)) as checkpoints:
            checkpoints.save(replace(start(), key=jax.random.key(seed)))
            checkpoints.wait()
            keys.append(jax.random.key_data(checkpoints.restore(jax.eval_shape(start)).key))
    np.testing.assert_array_equal(keys[1], jax.random.key_data(jax.random.key(1)))
    assert not jnp.array_equal(*keys)

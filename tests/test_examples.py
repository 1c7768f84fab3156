"""The examples do what they say, with NumPy alone and compiled."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def example(request):
    name = request.param
    spec = importlib.util.spec_from_file_location(
        f"example_{name}", ROOT / "examples" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def use(name):
    return pytest.mark.parametrize("example", [name], indirect=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_prints(path):
    # Those that train do so for a moment.
    quick = ["--quick"] if "--quick" in path.read_text() else []
    finished = subprocess.run(
        [sys.executable, path, *quick], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert len(finished.stdout.splitlines()) >= 3
    assert not re.search(r"\bnan\b", finished.stdout)


@use("photo")
def test_photo_leaves_an_even_grey_even(example):
    grey = np.full((12, 14, 3), 99, np.uint8)
    picture, mean, peak, contrast = example.develop(grey, 0.12, 0.4)
    assert picture.shape == (8, 10, 3)
    assert picture.dtype == np.float32
    # The tone curve at the exposure asked for: 0.12 of light.
    film = 0.12 * (2.51 * 0.12 + 0.03) / (0.12 * (2.43 * 0.12 + 0.59) + 0.14)
    assert np.ptp(picture) < 1e-6
    np.testing.assert_allclose([mean, peak], film, rtol=2e-3)
    assert contrast < 1e-5


@use("photo")
def test_photo_sharpens_against_a_gaussian(example):
    """What sharpening adds is the picture less its Gaussian blur."""
    light = np.random.default_rng(1).uniform(0.4, 0.6, (30, 30)).astype(np.float32)
    kernel = np.outer(example.BLUR, example.BLUR)
    blurred = scipy.ndimage.convolve(light, kernel)[2:-2, 2:-2]
    encoded = 1.055 * light ** (1 / 2.4) - 0.055
    photo = np.repeat(np.rint(encoded * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    detail = light[2:-2, 2:-2] - blurred
    flat, *_ = example.develop(photo, 0.12, 0.0)
    sharp, *_ = example.develop(photo, 0.12, 0.8)
    change = (sharp - flat)[:, :, 0]
    assert np.corrcoef(change.ravel(), detail.ravel())[0, 1] > 0.99


@use("nearest")
def test_nearest_knows_a_degree_of_latitude(example):
    places = np.array([[0.0, 0.0], [1.0, 0.0], [50.0, 179.9], [50.0, -179.9]])
    which, haversine = example.nearest(places, places)
    assert which.tolist() == [1, 0, 3, 2]
    np.testing.assert_allclose(haversine[0], np.sin(np.pi / 360) ** 2)
    expected = example.nearest.__wrapped__(places, places)
    np.testing.assert_array_equal(which, expected[0])
    np.testing.assert_allclose(haversine, expected[1], rtol=1e-14)


@use("heat")
def test_heat_is_kept_away_from_the_rim(example):
    plate = np.zeros((21, 21))
    plate[10, 10] = 100.0
    after = plate
    for _ in range(8):
        after = example.step(after)
    np.testing.assert_allclose(after.sum(), 100.0)
    np.testing.assert_allclose(after, after[::-1, ::-1].T, rtol=1e-13)
    assert after[10, 10] < 100
    assert plate[10, 10] == 100


@use("palette")
def test_palette_finds_three_separate_colours(example):
    rng = np.random.default_rng(2)
    centres = np.array([[20, 20, 20], [200, 60, 60], [60, 60, 220]], np.float32)
    pixels = np.repeat(centres, (10, 30, 60), axis=0)
    pixels += rng.normal(0, 2, pixels.shape).astype(np.float32)
    colours = pixels[[0, 20, 60]]
    for _ in range(3):
        colours, share, error = example.improve(pixels, colours)
    np.testing.assert_allclose(colours, centres, atol=2)
    np.testing.assert_allclose(share, [0.1, 0.3, 0.6], rtol=1e-6)
    assert 6 < error < 20


@use("textures")
def test_textures_learns_to_separate(example):
    x = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.2, 0.8]], np.float32)
    target = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    model = example.Classifier(2, 2)
    np.testing.assert_allclose(model.probabilities(x), 0.5)
    for _ in range(100):
        model.learn(x, target)
    assert (model.probabilities(x).argmax(axis=1) == target.argmax(axis=1)).all()
    np.testing.assert_allclose(model.probabilities(x).sum(axis=1), 1, rtol=1e-6)


@use("stereo")
def test_stereo_projects_back_to_the_pixels(example):
    camera = example.Camera(900.0, 0.2, 30.0, (3.0, 2.0))
    disparity = np.random.default_rng(3).uniform(5, 50, (5, 7)).astype(np.float32)
    disparity[1, 2] = np.nan
    points, valid = example.locate(camera, disparity)
    assert valid.sum() == 34
    assert not valid[1, 2]
    x, y, depth = np.moveaxis(points, 2, 0)
    np.testing.assert_allclose(900 * x / depth + 3, np.arange(7) + 0 * x, atol=1e-12)
    np.testing.assert_allclose(
        900 * y / depth + 2, np.arange(5)[:, None] + 0 * x, atol=1e-12
    )
    np.testing.assert_allclose((900 * 0.2 / depth - 30)[valid], disparity[valid])


@pytest.mark.slow
def test_digits_are_read_as_well_as_promised():
    """At least 97% by the perceptron, 98.5% by the network, in a minute each."""
    finished = subprocess.run(
        [sys.executable, ROOT / "examples" / "digits.py"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = dict(re.findall(r"^(\w+) +([\d.]+)% read right", finished.stdout, re.M))
    assert float(found["perceptron"]) >= 97
    assert float(found["network"]) >= 98.5


@use("digits")
def test_digits_moves_images_by_a_pixel(example):
    images = np.arange(3 * 64, dtype=np.float32).reshape(3, 8, 8) + 1
    moved = example.shifted(example.ps.random.key(0), images)
    for image, original in zip(moved, images, strict=True):
        middle = image[1:-1, 1:-1]
        shifts = [
            (original[1 + i : 7 + i, 1 + j : 7 + j] == middle).all()
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        assert sum(shifts) == 1


@use("orbit")
def test_orbit_ends_where_it_is_seen(example):
    parameters = {
        "mass": np.float64(1.0),
        "place": np.array([1.0, 0.0]),
        "speed": np.array([0.0, 1.0]),
    }
    steps = 200
    seen = example.path_of(parameters, steps)
    np.testing.assert_allclose(np.hypot(*seen.T), 1, atol=1e-4)
    end = steps * example.STEP
    assert example.orbit(parameters, end, seen) < 1e-20
    example.ps.check_grads(
        lambda p: example.orbit(p, end, seen + 0.1), (parameters,), order=1
    )


@use("characters")
def test_characters_never_looks_ahead(example):
    parameters = example.init_model(example.ps.random.key(0), 11, 6, 8, 2)
    text = np.array([[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 0, 1]])
    changed = text.copy()
    changed[:, 4:] = 0
    model = example.ps.compile(lambda p, text: example.model(p, text, 2))
    before, after = model(parameters, text), model(parameters, changed)
    assert before.shape == (2, 6, 11)
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (before[0, 4:] != after[0, 4:]).all()


@use("each")
def test_each_gradient_is_that_of_its_patient(example):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 10)), rng.normal(size=5)
    parameters = {
        "first": {"weight": rng.normal(size=(10, 4)), "bias": np.zeros(4)},
        "second": {"weight": rng.normal(size=(4, 1)), "bias": np.zeros(1)},
    }
    gradients, norms = example.pulls(parameters, x, y)
    for i in range(5):
        own = example.ps.grad(example.loss)(parameters, x[i], y[i])
        flat = [leaf.ravel() for leaf in example.ps.tree_leaves(own)]
        np.testing.assert_allclose(np.linalg.norm(np.concatenate(flat)), norms[i])
        np.testing.assert_allclose(
            gradients["second"]["bias"][i], own["second"]["bias"]
        )

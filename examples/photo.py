"""Develop a photograph: the compiler's main job, on a real picture.

Writes build/photo.png, with the picture as it was on the left and as developed on
the right, and prints what the compiler made of the pipeline, how far that is from
NumPy, and how fast both are.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

import penstock as ps

ROUNDS = 15
BLUR = np.array([1, 4, 6, 4, 1], np.float32) / 16
# The share of each primary in luminance: ITU-R BT.709, section 3.2.
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def develop(
    photo: np.ndarray, exposure: float, sharpness: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sharpen a photograph and fit its range of light to the screen.

    Args:
        photo: uint8 [height + 4, width + 4, 3], sRGB with a border of two pixels.
        exposure: the light that middle grey should have, from 0 to 1.
        sharpness: how much of the fine detail to add.

    Returns:
        The picture, float32 [height, width, 3] from 0 to 1; and the mean, the
        largest value and the contrast (deviation over mean) of its luminance.
    """
    encoded = photo.astype(np.float32) / 255
    # sRGB to light and back: IEC 61966-2-1, section 5.2.
    light = np.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )

    rows = sum(BLUR[i] * light[i : light.shape[0] - 4 + i] for i in range(5))
    blurred = sum(BLUR[i] * rows[:, i : rows.shape[1] - 4 + i] for i in range(5))
    centre = light[2:-2, 2:-2]
    sharp = np.maximum(centre + sharpness * (centre - blurred), 0)

    # The mean of the logarithm is the brightness that the eye adapts to: Reinhard
    # and others, Photographic Tone Reproduction for Digital Images (2002), eq. 1, 2.
    adapted = np.exp(np.log(sharp @ LUMINANCE + 1e-4).mean())
    exposed = sharp * (exposure / adapted)
    # A curve with a film's toe and shoulder: Narkowicz, ACES Filmic Tone Mapping
    # Curve (2016).
    film = (exposed * (2.51 * exposed + 0.03)) / (
        exposed * (2.43 * exposed + 0.59) + 0.14
    )
    toned = np.clip(film, 0, 1)

    luminance = toned @ LUMINANCE
    picture = np.where(
        toned <= 0.0031308, toned * 12.92, 1.055 * toned ** (1 / 2.4) - 0.055
    )
    mean = luminance.mean()
    return picture, mean, luminance.max(), luminance.std() / mean


def milliseconds(function: Callable[..., object], *arguments: object) -> float:
    """Time one call."""
    start = time.perf_counter()
    function(*arguments)
    return 1e3 * (time.perf_counter() - start)


def save_side_by_side(before: np.ndarray, after: np.ndarray, path: Path) -> None:
    """Write two pictures as one PNG."""
    path.parent.mkdir(exist_ok=True)
    eight_bits = np.rint(after * 255).astype(np.uint8)
    Image.fromarray(np.concatenate([before, eight_bits], axis=1)).save(path)


def main() -> None:
    """Develop one photograph with NumPy and compiled, and compare them."""
    photo = skimage.data.rocket()
    arguments = (np.pad(photo, ((2, 2), (2, 2), (0, 0)), mode="edge"), 0.12, 0.4)
    compiled = ps.compile(develop)

    first = milliseconds(compiled, *arguments)
    results = compiled(*arguments)
    expected = develop(*arguments)
    difference = max(
        float(np.max(np.abs(one - other)))
        for one, other in zip(results, expected, strict=True)
    )
    # One after the other, so that a busy moment of the machine slows both.
    times = [
        (milliseconds(develop, *arguments), milliseconds(compiled, *arguments))
        for _ in range(ROUNDS)
    ]
    numpy_time, our_time = (
        statistics.median(column) for column in zip(*times, strict=True)
    )

    path = Path(__file__).resolve().parent.parent / "build" / "photo.png"
    save_side_by_side(photo, results[0], path)

    height, width, _ = photo.shape
    picture, mean, peak, contrast = results
    # Long, so that it comes first.
    print("What ran, after fusion:\n")
    print(f"{compiled.lower(*arguments).text('fused')}\n")
    print(f"photograph      {width} x {height}, before | after in build/photo.png")
    print(f"luminance       mean {mean:.3f}, peak {peak:.3f}, contrast {contrast:.3f}")
    print(f"from NumPy      {difference:.2g} at most, {picture.dtype}")
    print(f"first call      {first:.0f} ms, compiling included")
    print(
        f"speed           NumPy {numpy_time:.1f} ms, compiled {our_time:.1f} ms: "
        f"{numpy_time / our_time:.1f} times as fast (medians of {ROUNDS})"
    )


if __name__ == "__main__":
    main()

"""How far away is it? Depth from a pair of photographs, with dataclass parameters."""

from dataclasses import dataclass

import numpy as np
import skimage.data

import penstock as ps


@dataclass(frozen=True)
class Camera:
    """A pair of cameras side by side: lengths in pixels and in metres."""

    focal_length: float
    baseline: float
    offset: float
    centre: tuple[float, float]


@ps.compile
def locate(camera: Camera, disparity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the point in space behind each pixel.

    Args:
        camera: the pair that took the photographs.
        disparity: float32 [height, width], pixels between the two views of a point.

    Returns:
        Metres to the right, down and away, float64 [height, width, 3], and where
        they are known, bool [height, width].
    """
    # Middlebury Stereo Datasets (2014), calibration file format.
    valid = np.isfinite(disparity)
    known = np.where(valid, disparity, 1.0).astype(np.float64)
    depth = camera.focal_length * camera.baseline / (known + camera.offset)
    across = np.arange(disparity.shape[1]) - camera.centre[0]
    down = np.arange(disparity.shape[0]) - camera.centre[1]
    x = across * depth / camera.focal_length
    y = down[:, None] * depth / camera.focal_length
    return np.stack([x, y, depth], axis=2), valid


def main() -> None:
    """Measure the scene of the Middlebury motorcycle."""
    _, _, disparity = skimage.data.stereo_motorcycle()
    camera = Camera(994.978, 0.193001, 31.086, (311.193, 254.877))
    points, valid = locate(camera, disparity)
    points = points[valid]
    print(f"{len(points)} of {disparity.size} pixels have a known depth")
    for name, column in zip(("width", "height", "depth"), points.T, strict=True):
        low, middle, high = np.percentile(column, [1, 50, 99])
        print(f"  {name:<6} {low:6.2f} m .. {middle:6.2f} m .. {high:6.2f} m")


if __name__ == "__main__":
    main()

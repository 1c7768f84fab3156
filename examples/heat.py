"""Heat spreads through a copper plate: a stencil written by slices, in place."""

import numpy as np

import penstock as ps

DIFFUSIVITY = 1.11e-4  # copper, m^2/s: CRC Handbook of Chemistry and Physics
SPACING = 0.002  # metres between points
INTERVAL = 0.004  # seconds: stable while at most SPACING^2 / (4 DIFFUSIVITY)


@ps.compile
def step(plate: np.ndarray) -> np.ndarray:
    """Let heat flow for one interval; the rim keeps its temperature.

    Args:
        plate: float64 [height, width], degrees Celsius.

    Returns:
        The temperatures after the interval, float64 [height, width].
    """
    # Forward in time, centred in space: LeVeque, Finite Difference Methods for
    # Ordinary and Partial Differential Equations (2007), section 9.2.
    after = plate.copy()
    after[1:-1, 1:-1] += (DIFFUSIVITY * INTERVAL / SPACING**2) * (
        plate[2:, 1:-1]
        + plate[:-2, 1:-1]
        + plate[1:-1, 2:]
        + plate[1:-1, :-2]
        - 4 * plate[1:-1, 1:-1]
    )
    return after


def main() -> None:
    """Watch the middle of a plate of 20 cm warm up from one hot side."""
    plate = np.full((101, 101), 20.0)
    plate[:, 0] = 100.0
    shades = " .:-=+*#%@"
    for done in range(3001):
        if done % 1000 == 0:
            middle = plate[50]
            row = "".join(shades[int(9 * (t - 20) / 80)] for t in middle[::2])
            print(f"{done * INTERVAL:5.1f} s |{row}| middle {middle[50]:5.2f} °C")
        plate = step(plate)


if __name__ == "__main__":
    main()

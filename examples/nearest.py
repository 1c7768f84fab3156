"""Which city is nearest to which? All distances at once, from a broadcast."""

import numpy as np

import penstock as ps

EARTH_RADIUS = 6371.0088  # kilometres, the mean of IUGG's GRS 80
CITIES = {  # latitude and longitude in degrees
    "Auckland": (-36.85, 174.76),
    "Beijing": (39.90, 116.41),
    "Buenos Aires": (-34.60, -58.38),
    "Cairo": (30.04, 31.24),
    "Geneva": (46.20, 6.14),
    "Los Angeles": (34.05, -118.24),
    "Montevideo": (-34.90, -56.16),
    "Mumbai": (19.08, 72.88),
    "New York": (40.71, -74.01),
    "Tokyo": (35.68, 139.69),
    "Zürich": (47.37, 8.54),
}


@ps.compile
def nearest(places: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest other place of each place, on a sphere.

    Args:
        places: float64 [n, 2], latitude and longitude in degrees.
        others: float64 [m, 2], the same.

    Returns:
        For each place which of ``others`` is nearest without being the same,
        int64 [n], and the haversine of the angle between them, float64 [n].
    """
    latitude, longitude = np.radians(places).T
    to_latitude, to_longitude = np.radians(others).T
    # The haversine keeps its digits at short distances: R. W. Sinnott, Virtues of
    # the Haversine, Sky and Telescope 68 (1984).
    haversine = (
        np.sin((latitude[:, None] - to_latitude) / 2) ** 2
        + np.cos(latitude)[:, None]
        * np.cos(to_latitude)
        * np.sin((longitude[:, None] - to_longitude) / 2) ** 2
    )
    apart = np.where(haversine > 0, haversine, np.inf)
    return apart.argmin(axis=1), apart.min(axis=1)


def main() -> None:
    """Print the nearest city of each city."""
    names = list(CITIES)
    places = np.array(list(CITIES.values()))
    which, haversine = nearest(places, places)
    far = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(haversine))
    for name, other, distance in zip(names, which, far, strict=True):
        print(f"{name:<13} {names[other]:<13} {distance:6.0f} km")


if __name__ == "__main__":
    main()

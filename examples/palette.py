"""The six colours that tell most about a photograph, by k-means."""

import numpy as np
import skimage.data

import penstock as ps


@ps.compile
def improve(
    pixels: np.ndarray, colours: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each pixel to its nearest colour, and move the colours to their pixels.

    Args:
        pixels: float32 [n, 3].
        colours: float32 [k, 3].

    Returns:
        The new colours, float32 [k, 3]; the share of the pixels that each has,
        float32 [k]; and the mean squared distance before the move, float32 [].
    """
    # Lloyd, Least Squares Quantization in PCM (1982), section IV.
    distance = ((pixels[:, None, :] - colours) ** 2).sum(axis=2)
    nearest = distance.argmin(axis=1)
    belongs = (nearest[:, None] == np.arange(colours.shape[0])).astype(np.float32)
    count = belongs.sum(axis=0)
    centres = belongs.T @ pixels / np.maximum(count, 1)[:, None]
    moved = np.where(count[:, None] > 0, centres, colours)
    return moved, count / count.sum(), distance.min(axis=1).mean()


def main() -> None:
    """Print the palette of a cup of coffee."""
    pixels = skimage.data.coffee()[::2, ::2].reshape(-1, 3).astype(np.float32)
    colours = pixels[:: len(pixels) // 6][:6]
    error = previous = np.inf
    rounds = 0
    while rounds == 0 or error < 0.999 * previous:
        previous = error
        colours, share, error = improve(pixels, colours)
        rounds += 1

    print(f"{len(pixels)} pixels, {rounds} rounds, error {error**0.5:.1f} of 255")
    for position in np.argsort(-share):
        red, green, blue = np.rint(colours[position]).astype(int)
        bar = "#" * round(40 * float(share[position]))
        print(f"  #{red:02x}{green:02x}{blue:02x} {share[position]:6.1%} {bar}")


if __name__ == "__main__":
    main()

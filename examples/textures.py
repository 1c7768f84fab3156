"""Tell brick, grass and gravel apart: softmax regression, a class with methods."""

import numpy as np
import skimage.data

import penstock as ps


@ps.compile
def describe(patches: np.ndarray) -> np.ndarray:
    """Turn uint8 [n, height, width] into the figures of each patch, float32 [n, 6]."""
    light = patches.astype(np.float32) / 255
    down = np.abs(light[:, 1:] - light[:, :-1])
    across = np.abs(light[:, :, 1:] - light[:, :, :-1])
    means = [part.mean(axis=(1, 2)) for part in (light, down, across)]
    deviations = [part.std(axis=(1, 2)) for part in (light, down, across)]
    return np.stack(means + deviations, axis=1)


class Classifier:
    """Softmax regression: Bishop, Pattern Recognition and Machine Learning, 4.3.4."""

    def __init__(self, features: int, classes: int) -> None:
        self.weights = np.zeros((features, classes), np.float32)

    @ps.compile
    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float32 [n, classes]."""
        scores = x @ self.weights
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def learn(self, x: np.ndarray, target: np.ndarray) -> None:
        """Take one step against the gradient of the mean cross entropy."""
        slope = x.T @ (self.probabilities(x) - target) / np.float32(len(x))
        self.weights = self.weights - 2 * slope


def main() -> None:
    """Train on the upper half of three photographs, and test on the lower half."""
    names = ("brick", "grass", "gravel")
    photos = np.stack([getattr(skimage.data, name)() for name in names])
    tiles = photos.reshape(3, 2, 8, 32, 16, 32).transpose(1, 0, 2, 4, 3, 5)
    training, testing = (describe(half.reshape(-1, 32, 32)) for half in tiles)
    mean, spread = training.mean(axis=0), training.std(axis=0)
    truth = np.repeat(np.arange(3), len(training) // 3)

    model = Classifier(6, 3)
    for _ in range(200):
        model.learn((training - mean) / spread, np.eye(3, dtype=np.float32)[truth])

    right = model.probabilities((testing - mean) / spread).argmax(axis=1) == truth
    print(f"{len(right)} patches not seen before, {right.mean():.1%} named right")
    for i, name in enumerate(names):
        print(f"  {name:<6} {right[truth == i].mean():.1%}")


if __name__ == "__main__":
    main()

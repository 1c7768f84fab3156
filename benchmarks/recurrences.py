# ruff: noqa: C901, N806  (one loop by hand; matrices have the names of the literature)
"""Loops of many tiny steps, and the same as one would write them by hand for numba.

The first of each pair is plain NumPy with a scan, which JAX has too; the second is a
function of Python's loops on numbers, in which arrays are only read and written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import penstock as ps

scan = ps.scan
STEPS = 100_000


def running_sum(x: Any) -> Any:
    """Sums up to each element."""
    return scan(lambda total, element: (total + element, total), 0.0, x)


def running_sum_by_hand(x: Any) -> Any:
    """Sums up to each element."""
    sums = np.empty_like(x)
    total = 0.0
    for i in range(x.shape[0]):
        sums[i] = total
        total += x[i]
    return total, sums


def pendulum(start: Any, torque: Any) -> Any:
    """A driven pendulum by the classical Runge-Kutta method, 1/100 s a step."""

    def step(state: Any, force: Any) -> Any:
        def slope(angle: Any, speed: Any) -> Any:
            return speed, force - 9.81 * np.sin(angle) - 0.1 * speed

        angle, speed = state
        a1, s1 = slope(angle, speed)
        a2, s2 = slope(angle + 0.005 * a1, speed + 0.005 * s1)
        a3, s3 = slope(angle + 0.005 * a2, speed + 0.005 * s2)
        a4, s4 = slope(angle + 0.01 * a3, speed + 0.01 * s3)
        angle = angle + 0.01 / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        speed = speed + 0.01 / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
        return (angle, speed), angle

    return scan(step, (start, 0.0 * start), torque)


def pendulum_by_hand(start: Any, torque: Any) -> Any:
    """A driven pendulum by the classical Runge-Kutta method, 1/100 s a step."""
    angles = np.empty_like(torque)
    angle, speed = start, 0.0
    for i in range(torque.shape[0]):
        force = torque[i]
        a1, s1 = speed, force - 9.81 * np.sin(angle) - 0.1 * speed
        a, s = angle + 0.005 * a1, speed + 0.005 * s1
        a2, s2 = s, force - 9.81 * np.sin(a) - 0.1 * s
        a, s = angle + 0.005 * a2, speed + 0.005 * s2
        a3, s3 = s, force - 9.81 * np.sin(a) - 0.1 * s
        a, s = angle + 0.01 * a3, speed + 0.01 * s3
        a4, s4 = s, force - 9.81 * np.sin(a) - 0.1 * s
        angle += 0.01 / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        speed += 0.01 / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
        angles[i] = angle
    return (angle, speed), angles


def lorenz(start: Any, forces: Any) -> Any:
    """The Lorenz system with noise, its state an array of three, by Runge-Kutta."""

    def slope(state: Any) -> Any:
        x, y, z = state[0], state[1], state[2]
        return np.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8 / 3 * z])

    def step(state: Any, force: Any) -> Any:
        k1 = slope(state)
        k2 = slope(state + 0.0005 * k1)
        k3 = slope(state + 0.0005 * k2)
        k4 = slope(state + 0.001 * k3)
        state = state + 0.001 / 6 * (k1 + 2 * k2 + 2 * k3 + k4) + force
        return state, state

    return scan(step, start, forces)


def lorenz_by_hand(start: Any, forces: Any) -> Any:
    """The Lorenz system with noise, by Runge-Kutta."""
    path = np.empty_like(forces)
    x, y, z = start[0], start[1], start[2]
    for i in range(forces.shape[0]):
        x1, y1, z1 = 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8 / 3 * z
        a, b, c = x + 0.0005 * x1, y + 0.0005 * y1, z + 0.0005 * z1
        x2, y2, z2 = 10.0 * (b - a), a * (28.0 - c) - b, a * b - 8 / 3 * c
        a, b, c = x + 0.0005 * x2, y + 0.0005 * y2, z + 0.0005 * z2
        x3, y3, z3 = 10.0 * (b - a), a * (28.0 - c) - b, a * b - 8 / 3 * c
        a, b, c = x + 0.001 * x3, y + 0.001 * y3, z + 0.001 * z3
        x4, y4, z4 = 10.0 * (b - a), a * (28.0 - c) - b, a * b - 8 / 3 * c
        x = x + 0.001 / 6 * (x1 + 2 * x2 + 2 * x3 + x4) + forces[i, 0]
        y = y + 0.001 / 6 * (y1 + 2 * y2 + 2 * y3 + y4) + forces[i, 1]
        z = z + 0.001 / 6 * (z1 + 2 * z2 + 2 * z3 + z4) + forces[i, 2]
        path[i, 0], path[i, 1], path[i, 2] = x, y, z
    return np.array([x, y, z]), path


def kalman_2(measured: Any, F: Any, h: Any, Q: Any, r: Any) -> Any:
    """A Kalman filter of position and speed, from positions."""

    def step(state: Any, z: Any) -> Any:
        mean, P = state
        mean = F @ mean
        P = F @ P @ F.T + Q
        gain = P @ h / (h @ P @ h + r)
        mean = mean + gain * (z - h @ mean)
        P = (np.eye(2) - np.outer(gain, h)) @ P
        return (mean, P), mean

    return scan(step, (np.zeros(2), np.eye(2)), measured)


def kalman_2_by_hand(measured: Any, F: Any, h: Any, Q: Any, r: Any) -> Any:
    """A Kalman filter of position and speed, from positions, in scalars."""
    means = np.empty((measured.shape[0], 2))
    f00, f01, f10, f11 = F[0, 0], F[0, 1], F[1, 0], F[1, 1]
    h0, h1 = h[0], h[1]
    m0, m1 = 0.0, 0.0
    p00, p01, p10, p11 = 1.0, 0.0, 0.0, 1.0
    for i in range(measured.shape[0]):
        m0, m1 = f00 * m0 + f01 * m1, f10 * m0 + f11 * m1
        a00, a01 = f00 * p00 + f01 * p10, f00 * p01 + f01 * p11
        a10, a11 = f10 * p00 + f11 * p10, f10 * p01 + f11 * p11
        p00, p01 = a00 * f00 + a01 * f01 + Q[0, 0], a00 * f10 + a01 * f11 + Q[0, 1]
        p10, p11 = a10 * f00 + a11 * f01 + Q[1, 0], a10 * f10 + a11 * f11 + Q[1, 1]
        s = (h0 * p00 + h1 * p10) * h0 + (h0 * p01 + h1 * p11) * h1 + r
        k0, k1 = (p00 * h0 + p01 * h1) / s, (p10 * h0 + p11 * h1) / s
        error = measured[i] - (h0 * m0 + h1 * m1)
        m0, m1 = m0 + k0 * error, m1 + k1 * error
        b00, b01, b10, b11 = 1 - k0 * h0, -k0 * h1, -k1 * h0, 1 - k1 * h1
        p00, p01, p10, p11 = (
            b00 * p00 + b01 * p10,
            b00 * p01 + b01 * p11,
            b10 * p00 + b11 * p10,
            b10 * p01 + b11 * p11,
        )
        means[i, 0], means[i, 1] = m0, m1
    return (np.array([m0, m1]), np.array([[p00, p01], [p10, p11]])), means


def kalman_4(measured: Any, F: Any, H: Any, Q: Any, R: Any) -> Any:
    """A Kalman filter of position and speed in the plane, from positions."""

    def step(state: Any, z: Any) -> Any:
        mean, P = state
        mean = F @ mean
        P = F @ P @ F.T + Q
        S = H @ P @ H.T + R
        adjugate = np.stack(
            [np.stack([S[1, 1], -S[0, 1]]), np.stack([-S[1, 0], S[0, 0]])]
        )
        inverse = adjugate / (S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0])
        gain = P @ H.T @ inverse
        mean = mean + gain @ (z - H @ mean)
        P = (np.eye(4) - gain @ H) @ P
        return (mean, P), mean

    return scan(step, (np.zeros(4), np.eye(4)), measured)


def kalman_4_by_hand(measured: Any, F: Any, H: Any, Q: Any, R: Any) -> Any:
    """A Kalman filter of position and speed in the plane, in loops over arrays."""
    means = np.empty((measured.shape[0], 4))
    m, predicted, P, A = np.zeros(4), np.zeros(4), np.eye(4), np.zeros((4, 4))
    PH, S, V = np.zeros((4, 2)), np.zeros((2, 2)), np.zeros((2, 2))
    K, B, error = np.zeros((4, 2)), np.zeros((4, 4)), np.zeros(2)
    for t in range(measured.shape[0]):
        for i in range(4):
            total = 0.0
            for k in range(4):
                total += F[i, k] * m[k]
            predicted[i] = total
        for i in range(4):
            for j in range(4):
                total = 0.0
                for k in range(4):
                    total += F[i, k] * P[k, j]
                A[i, j] = total
        for i in range(4):
            for j in range(4):
                total = Q[i, j]
                for k in range(4):
                    total += A[i, k] * F[j, k]
                P[i, j] = total
        for i in range(4):
            for j in range(2):
                total = 0.0
                for k in range(4):
                    total += P[i, k] * H[j, k]
                PH[i, j] = total
        for i in range(2):
            for j in range(2):
                total = R[i, j]
                for k in range(4):
                    total += H[i, k] * PH[k, j]
                S[i, j] = total
        determinant = S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0]
        V[0, 0], V[0, 1] = S[1, 1] / determinant, -S[0, 1] / determinant
        V[1, 0], V[1, 1] = -S[1, 0] / determinant, S[0, 0] / determinant
        for i in range(4):
            for j in range(2):
                K[i, j] = PH[i, 0] * V[0, j] + PH[i, 1] * V[1, j]
        for i in range(2):
            total = measured[t, i]
            for k in range(4):
                total -= H[i, k] * predicted[k]
            error[i] = total
        for i in range(4):
            m[i] = predicted[i] + K[i, 0] * error[0] + K[i, 1] * error[1]
            means[t, i] = m[i]
        for i in range(4):
            for j in range(4):
                one = 1.0 if i == j else 0.0
                B[i, j] = one - (K[i, 0] * H[0, j] + K[i, 1] * H[1, j])
        for i in range(4):
            for j in range(4):
                total = 0.0
                for k in range(4):
                    total += B[i, k] * P[k, j]
                A[i, j] = total
        P[:, :] = A
    return (m, P), means


@dataclass(frozen=True)
class Recurrence:
    """A loop to measure.

    Attributes:
        name: as it prints.
        function: with a scan, of NumPy arrays.
        by_hand: the same as loops on numbers.
        arguments: for so many steps.
        wrt: the argument by which the sum of the stack is differentiated.
    """

    name: str
    function: Callable[..., Any]
    by_hand: Callable[..., Any]
    arguments: Callable[[int], tuple[Any, ...]]
    wrt: int


def _of_pendulum(steps: int) -> tuple[Any, ...]:
    return np.float64(0.5), np.cos(np.arange(steps) * 0.013)


def _of_lorenz(steps: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return np.array([1.0, 1.0, 20.0]), 1e-3 * rng.standard_normal((steps, 3))


def _of_kalman_2(steps: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    F = np.array([[1.0, 0.1], [0.0, 1.0]])
    measured = np.cumsum(rng.standard_normal(steps))
    return measured, F, np.array([1.0, 0.0]), 0.01 * np.eye(2), np.float64(0.5)


def _of_kalman_4(steps: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    F = np.eye(4) + 0.1 * np.eye(4, k=2)
    measured = np.cumsum(rng.standard_normal((steps, 2)), axis=0)
    return measured, F, np.eye(2, 4), 0.01 * np.eye(4), 0.5 * np.eye(2)


RECURRENCES = (
    Recurrence(
        "running sum",
        running_sum,
        running_sum_by_hand,
        lambda steps: (np.random.default_rng(0).standard_normal(steps),),
        0,
    ),
    Recurrence("RK4 pendulum", pendulum, pendulum_by_hand, _of_pendulum, 1),
    Recurrence("RK4 Lorenz", lorenz, lorenz_by_hand, _of_lorenz, 1),
    Recurrence("Kalman, 2 states", kalman_2, kalman_2_by_hand, _of_kalman_2, 0),
    Recurrence("Kalman, 4 states", kalman_4, kalman_4_by_hand, _of_kalman_4, 0),
)

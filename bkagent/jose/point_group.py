"""Points of a curve times numbers, by digits of these; which curve, and in which coordinates, is for others to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Generic, List, Tuple, TypeVar

from bkagent.jose import scalar_digits

Point = TypeVar("Point")

_WIDTH = 5


@dataclass(frozen=True)
class PointGroup(Generic[Point]):
    """How points are added. `order` is that of the base point; `add` holds for any two points."""

    neutral: Point
    order: int
    add: Callable[[Point, Point], Point]
    double: Callable[[Point], Point]
    negate: Callable[[Point], Point]

    def multiply_secret(self, number: int, base: Point) -> Point:
        """Return the base point times a secret number; the operations are the same for each number."""
        multiples = [self.neutral, base]
        for _ in range(15):
            multiples.append(self.add(multiples[-1], base))
        product = self.neutral
        for digit in reversed(scalar_digits.masked_digits(number, self.order)):
            for _ in range(scalar_digits.WINDOW_BITS):
                product = self.double(product)
            product = self.add(product, multiples[digit])
        return product

    def add_multiples(self, *factors: Tuple[int, Point]) -> Point:
        """Return the sum of points, each times a number; nothing of it is secret."""
        pairs = [(scalar_digits.signed_digits(number, _WIDTH), self._odd_multiples(point)) for number, point in factors]
        total = self.neutral
        for at in range(max(len(digits) for digits, _ in pairs) - 1, -1, -1):
            total = self.double(total)
            for digits, multiples in pairs:
                digit = digits[at] if at < len(digits) else 0
                if digit > 0:
                    total = self.add(total, multiples[digit >> 1])
                elif digit:
                    total = self.add(total, self.negate(multiples[-digit >> 1]))
        return total

    def _odd_multiples(self, point: Point) -> List[Point]:
        """Return a point once, three times, five times and so on."""
        twice, multiples = self.double(point), [point]
        for _ in range((1 << (_WIDTH - 2)) - 1):
            multiples.append(self.add(multiples[-1], twice))
        return multiples

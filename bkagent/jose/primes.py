"""The primes of RSA: at random (FIPS 186-5 appendix A.1.3), and from the exponents of a key."""

from __future__ import annotations

import math
import secrets
from typing import Optional, Tuple

# More than FIPS 186-5 table B.1 asks for at these lengths; each costs as much as half a signature.
_ROUNDS = 8
# Each try finds the primes of a valid key with a chance of one half.
_MOST_TRIES = 100


def random_prime(bits: int, coprime_to: int) -> int:
    """Return a prime of that length with its two highest bits set, so that a product of two has twice the length.

    p - 1 has no factor in common with `coprime_to`.
    """
    product = _product_of_small_primes()
    while True:
        candidate = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if math.gcd(candidate, product) == 1 and math.gcd(candidate - 1, coprime_to) == 1 and _is_prime(candidate):
            return candidate


def _product_of_small_primes(below: int = 4096) -> int:
    """Return the product of the odd primes below a number: most candidates have a factor in common with it."""
    composite = bytearray(below)
    product = 1
    for number in range(3, below, 2):
        if not composite[number]:
            product *= number
            composite[number * number :: 2 * number] = b"\1" * len(range(number * number, below, 2 * number))
    return product


def _is_prime(number: int) -> bool:
    """Return whether an odd number passes the test of Miller and Rabin, with random bases."""
    odd, twos = number - 1, 0
    while not odd & 1:
        odd, twos = odd >> 1, twos + 1
    return all(_passes(number, 2 + secrets.randbelow(number - 3), odd, twos) for _ in range(_ROUNDS))


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def recover_primes(n: int, e: int, d: int) -> Optional[Tuple[int, int]]:
    """Return the two primes of a modulus, the larger one first; None where the exponents do not belong to it.

    Source: NIST SP 800-56B revision 2, appendix C.1.
    """
    if pow(pow(2, e, n), d, n) != 2:
        return None  # else each of the tries below would fail, and each takes its time
    odd, twos = e * d - 1, 0
    while not odd & 1:
        odd, twos = odd >> 1, twos + 1
    for _ in range(_MOST_TRIES):
        power = pow(2 + secrets.randbelow(n - 3), odd, n)
        for _ in range(twos):
            square = power * power % n
            if square == 1 and power not in (1, n - 1):
                p = math.gcd(power - 1, n)
                return max(p, n // p), min(p, n // p)
            power = square
    return None

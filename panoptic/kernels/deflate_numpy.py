"""One block of deflate with dynamic Huffman codes, from literals and matches.

Plain bodies; `png_numba` compiles the very same code (see `png_numpy`). A token is a literal,
`byte << 16`, or a match, `(256 + length) << 16 | distance`; so both are looked up alike, with
no branch that a processor would have to guess. The formats are RFC 1950 (zlib) and RFC 1951
(deflate).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

WINDOW = 32768
LONGEST_MATCH = 258
END_OF_BLOCK = 256
LITERALS = 286
DISTANCES = 30

# The order in which the lengths of the code length code are written (RFC 1951, 3.2.7).
_LENGTH_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])


def _groups(first_base: int, singles: int, per_width: int, count: int) -> tuple[I64, I64]:
    """Base and number of extra bits of every length or distance symbol (RFC 1951, 3.2.5)."""
    extra = np.array([max(0, (k - singles) // per_width + 1) for k in range(count)])
    base = first_base + np.cumsum(1 << extra) - (1 << extra)
    return base, extra


LENGTH_BASE, LENGTH_EXTRA = _groups(3, 8, 4, 29)
# Length 258 has a symbol of its own without extra bits.
LENGTH_BASE[28], LENGTH_EXTRA[28] = 258, 0
# The symbol of what a token begins with: a byte, or 256 + length. Lengths below 3 never come.
TOKEN_SYMBOL = np.concatenate(
    [np.arange(256), 256 + np.searchsorted(LENGTH_BASE, np.arange(259), side="right")]
)
DISTANCE_BASE, DISTANCE_EXTRA = _groups(1, 4, 2, DISTANCES)
# A literal has the distance 0; its symbol takes no bits.
DISTANCE_BASE = np.append(DISTANCE_BASE, 0)
DISTANCE_EXTRA = np.append(DISTANCE_EXTRA, 0)
# Symbols of the distances to 256, then of the others by (distance - 1) // 128.
_DISTANCE_SYMBOL = np.concatenate(
    [
        [DISTANCES],
        np.searchsorted(DISTANCE_BASE[:-1], np.arange(1, 257), side="right") - 1,
        np.searchsorted(DISTANCE_BASE[:-1], np.arange(1, WINDOW, 128), side="right") - 1,
    ]
)


def write_block(tokens: I32, count: int, adler: int) -> tuple[U32, int]:
    """A zlib stream: its header, one final block, the checksum of the content.

    Returns the stream as 32-bit words, the first byte lowest, and its number of bytes.
    """
    literal_counts, distance_counts = count_symbols(tokens, count)
    literal_lengths = assign_code_lengths(literal_counts, 15)
    distance_lengths = assign_code_lengths(distance_counts, 15)
    bits = 0
    for symbol in range(LITERALS):
        extra = int(LENGTH_EXTRA[symbol - 257]) if symbol > END_OF_BLOCK else 0
        bits += int(literal_counts[symbol]) * (int(literal_lengths[symbol]) + extra)
    for symbol in range(DISTANCES):
        extra = int(DISTANCE_EXTRA[symbol])
        bits += int(distance_counts[symbol]) * (int(distance_lengths[symbol]) + extra)
    # The headers take at most 16 + 17 + 57 + 14 · 316 bits, the checksum 32 + 7.
    words = np.zeros(bits // 32 + 160, np.uint32)
    at, buffer, filled = _write_headers(words, literal_lengths, distance_lengths)
    at, buffer, filled = _write_tokens(
        words, at, buffer, filled, tokens, count, literal_lengths, distance_lengths
    )
    filled = (filled + 7) & ~7
    # The checksum is big-endian, everything else is not.
    for shift in (24, 16, 8, 0):
        at, buffer, filled = _put_bits(words, at, buffer, filled, (adler >> shift) & 255, 8)
    words[at] = buffer
    return words, 4 * at + filled // 8


def count_symbols(tokens: I32, count: int) -> tuple[I64, I64]:
    """How often each literal/length symbol and each distance symbol is needed."""
    literal_counts = np.zeros(LITERALS, np.int64)
    distance_counts = np.zeros(DISTANCES + 1, np.int64)
    for k in range(count):
        token = int(tokens[k])
        literal_counts[TOKEN_SYMBOL[token >> 16]] += 1
        distance_counts[distance_symbol(token & 0xFFFF)] += 1
    literal_counts[END_OF_BLOCK] = 1
    distance_counts[DISTANCES] = 0
    # Some decoders refuse a code of fewer than two distances.
    distance_counts[0] = max(int(distance_counts[0]), 1)
    distance_counts[1] = max(int(distance_counts[1]), 1)
    return literal_counts, distance_counts


def distance_symbol(distance: int) -> int:
    """The symbol of a distance of 1 to 32,768; 30 for no distance."""
    place = distance if distance <= 256 else 257 + ((distance - 1) >> 7)
    return int(_DISTANCE_SYMBOL[place])


def assign_code_lengths(counts: I64, limit: int) -> I64:
    """Lengths of an optimal prefix code, cut to `limit` bits; 0 for symbols that never come.

    Ties are settled by the symbol, so that the code is the same everywhere.
    """
    lengths = np.zeros(len(counts), np.int64)
    order = np.sort(np.array([(int(counts[k]) << 9) | k for k in range(len(counts)) if counts[k]]))
    used = len(order)
    if used < 2:
        for k in range(used):
            lengths[order[k] & 511] = 1
        return lengths
    per_length = _cut(_count_depths(order >> 9), limit)
    # The rarest symbol gets the longest code.
    k = 0
    for length in range(limit, 0, -1):
        for _ in range(per_length[length]):
            lengths[order[k] & 511] = length
            k += 1
    return lengths


def _count_depths(weights: I64) -> I64:
    """How many leaves of the Huffman tree lie at each depth; `weights` ascend."""
    leaves = len(weights)
    parents = np.zeros(2 * leaves - 1, np.int64)
    joined = np.zeros(leaves - 1, np.int64)
    leaf, inner = 0, 0
    for new in range(leaves - 1):
        for _ in range(2):
            # The lightest of two queues: the leaves, and the inner nodes in order of birth.
            if leaf < leaves and (inner >= new or weights[leaf] <= joined[inner]):
                joined[new] += weights[leaf]
                parents[leaf] = leaves + new
                leaf += 1
            else:
                joined[new] += joined[inner]
                parents[leaves + inner] = leaves + new
                inner += 1
    depths = np.zeros(2 * leaves - 1, np.int64)
    per_depth = np.zeros(max(leaves, 32), np.int64)
    for node in range(2 * leaves - 3, -1, -1):
        depths[node] = depths[parents[node]] + 1
        if node < leaves:
            per_depth[depths[node]] += 1
    return per_depth


def _cut(per_length: I64, limit: int) -> I64:
    """Move the leaves below `limit` up to it and make room for them (Kraft's sum stays 1)."""
    for length in range(limit + 1, len(per_length)):
        per_length[limit] += per_length[length]
        per_length[length] = 0
    kraft = 0
    for length in range(1, limit + 1):
        kraft += int(per_length[length]) << (limit - length)
    while kraft > 1 << limit:
        # One leaf goes down a level and takes a leaf of the lowest level beside it.
        length = limit - 1
        while per_length[length] == 0:
            length -= 1
        per_length[length] -= 1
        per_length[length + 1] += 2
        per_length[limit] -= 1
        kraft -= 1
    return per_length


def assign_codes(lengths: I64) -> I64:
    """Canonical codes of these lengths, their bits reversed as deflate writes them."""
    codes = np.zeros(len(lengths), np.int64)
    code = 0
    for length in range(1, 16):
        for symbol in range(len(lengths)):
            if lengths[symbol] == length:
                reverse = 0
                for bit in range(length):
                    reverse |= ((code >> bit) & 1) << (length - 1 - bit)
                codes[symbol] = reverse
                code += 1
        code <<= 1
    return codes


def _write_tokens(
    words: U32,
    at: int,
    buffer: int,
    filled: int,
    tokens: I32,
    count: int,
    literal_lengths: I64,
    distance_lengths: I64,
) -> tuple[int, int, int]:
    """The tokens and the end of the block; returns where the next bit goes."""
    literal_codes = assign_codes(literal_lengths)
    distance_codes = assign_codes(distance_lengths)
    # What a token begins with, extra bits and all.
    codes = np.zeros(len(TOKEN_SYMBOL), np.int64)
    bits = np.zeros(len(TOKEN_SYMBOL), np.int64)
    for first in range(len(TOKEN_SYMBOL)):
        symbol = int(TOKEN_SYMBOL[first])
        codes[first], bits[first] = int(literal_codes[symbol]), int(literal_lengths[symbol])
        if first >= 256 + 3:
            extra = first - 256 - int(LENGTH_BASE[symbol - 257])
            codes[first] |= extra << int(bits[first])
            bits[first] += LENGTH_EXTRA[symbol - 257]
    for k in range(count):
        token = int(tokens[k])
        buffer |= int(codes[token >> 16]) << filled
        filled += int(bits[token >> 16])
        # A word is always written, and left behind only if it is full.
        words[at] = buffer & 0xFFFFFFFF
        full = filled >> 5
        at, buffer, filled = at + full, buffer >> (32 * full), filled & 31
        distance = token & 0xFFFF
        symbol = distance_symbol(distance)
        code = int(distance_codes[symbol])
        code |= (distance - int(DISTANCE_BASE[symbol])) << int(distance_lengths[symbol])
        buffer |= code << filled
        filled += int(distance_lengths[symbol]) + int(DISTANCE_EXTRA[symbol])
        words[at] = buffer & 0xFFFFFFFF
        full = filled >> 5
        at, buffer, filled = at + full, buffer >> (32 * full), filled & 31
    end, length = int(literal_codes[END_OF_BLOCK]), int(literal_lengths[END_OF_BLOCK])
    return _put_bits(words, at, buffer, filled, end, length)


def _write_headers(words: U32, literal_lengths: I64, distance_lengths: I64) -> tuple[int, int, int]:
    """The zlib header and the two codes, themselves coded; returns (at, buffer, filled)."""
    literals, distances = LITERALS, DISTANCES
    while literal_lengths[literals - 1] == 0:
        literals -= 1
    while distance_lengths[distances - 1] == 0:
        distances -= 1
    lengths = np.zeros(literals + distances, np.int64)
    lengths[:literals] = literal_lengths[:literals]
    lengths[literals:] = distance_lengths[:distances]

    # Runs of lengths: 16 repeats the one before, 17 and 18 are runs of zeros.
    symbols = np.zeros(literals + distances, np.int64)
    repeats = np.zeros(literals + distances, np.int64)
    counts = np.zeros(19, np.int64)
    used, k = 0, 0
    while k < len(lengths):
        length = int(lengths[k])
        end = k + 1
        while end < len(lengths) and lengths[end] == length:
            end += 1
        same = end - k
        k = end
        if length:
            symbols[used] = length
            counts[length] += 1
            used += 1
            same -= 1
        while same > 0:
            if length == 0 and same >= 3:
                part = min(same, 138)
                symbol = 18 if part > 10 else 17
                repeat = part - 11 if part > 10 else part - 3
            elif same >= 3:
                part = min(same, 6)
                symbol, repeat = 16, part - 3
            else:
                part, symbol, repeat = 1, length, 0
            symbols[used], repeats[used] = symbol, repeat
            counts[symbol] += 1
            used += 1
            same -= part

    code_lengths = assign_code_lengths(counts, 7)
    codes = assign_codes(code_lengths)
    orders = 19
    while code_lengths[_LENGTH_ORDER[orders - 1]] == 0:
        orders -= 1
    at, buffer, filled = 0, 0, 0
    # 0x78 0x01: deflate with a window of 32 kB, no dictionary.
    at, buffer, filled = _put_bits(words, at, buffer, filled, 0x0178, 16)
    # The last block (1), dynamic codes (2).
    at, buffer, filled = _put_bits(words, at, buffer, filled, 0b101, 3)
    at, buffer, filled = _put_bits(words, at, buffer, filled, literals - 257, 5)
    at, buffer, filled = _put_bits(words, at, buffer, filled, distances - 1, 5)
    at, buffer, filled = _put_bits(words, at, buffer, filled, orders - 4, 4)
    for k in range(orders):
        length = int(code_lengths[_LENGTH_ORDER[k]])
        at, buffer, filled = _put_bits(words, at, buffer, filled, length, 3)
    for k in range(used):
        symbol = int(symbols[k])
        length = int(code_lengths[symbol])
        at, buffer, filled = _put_bits(words, at, buffer, filled, int(codes[symbol]), length)
        if symbol >= 16:
            extra = 2 if symbol == 16 else (3 if symbol == 17 else 7)
            at, buffer, filled = _put_bits(words, at, buffer, filled, int(repeats[k]), extra)
    return at, buffer, filled


def _put_bits(
    words: U32, at: int, buffer: int, filled: int, bits: int, number: int
) -> tuple[int, int, int]:
    buffer |= bits << filled
    filled += number
    if filled >= 32:
        words[at] = buffer & 0xFFFFFFFF
        at, buffer, filled = at + 1, buffer >> 32, filled - 32
    return at, buffer, filled

"""Packets and headers: from payload bits to bits on the wire; packets are counted, not simulated one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stack = Literal["ethernet", "radio", "none"]


@dataclass(frozen=True)
class Packets:
    """Segmentation of a message into packets of at most `mss_bytes` of payload, each with `header_bytes` more."""

    mss_bytes: int
    header_bytes: int

    def __post_init__(self) -> None:
        if self.mss_bytes < 1:
            raise ValueError(f"mss_bytes must be >= 1, got {self.mss_bytes}; Ethernet with TCP has 1448")
        if self.header_bytes < 0:
            raise ValueError(f"header_bytes must be >= 0, got {self.header_bytes}; write 0 for no headers")

    def count(self, payload_bits: int) -> int:
        """Number of packets of a message: ceil(payload / (8 mss)); 0 if empty. Raises ValueError if negative."""
        if payload_bits < 0:
            raise ValueError(f"payload must be >= 0 bits, got {payload_bits}")
        return -(-payload_bits // (8 * self.mss_bytes))

    def wire_bits(self, payload_bits: int) -> int:
        """Bits on the wire: payload + 8 header ceil(payload / (8 mss))."""
        return payload_bits + 8 * self.header_bytes * self.count(payload_bits)

    @property
    def control_bits(self) -> int:
        """Wire bits of a control message: one full packet, whatever its content (an upper bound)."""
        return self.wire_bits(8 * self.mss_bytes)


PACKETS: dict[Stack, Packets] = {
    # TCP with timestamps, IPv4, Ethernet, preamble and gap: 1538 B on the wire
    "ethernet": Packets(1448, 90),
    "radio": Packets(1448, 62),  # TCP with timestamps and IPv4 (52 B), PDCP/RLC/MAC about 10 B
    "none": Packets(1448, 0),  # no headers, as in most papers
}

"""Packets of a message, headers and bits on the wire."""

from __future__ import annotations

import pytest

from netsim.network.packets import PACKETS, Packets

RESNET18_FP32_BITS = 357_567_000  # 11.17 M parameters of 32 bits, to the Mbit/1000


def test_oracle_P1_packets_of_a_resnet18() -> None:
    ethernet = PACKETS["ethernet"]
    assert ethernet.count(RESNET18_FP32_BITS) == 30_868
    assert ethernet.wire_bits(RESNET18_FP32_BITS) == RESNET18_FP32_BITS + 30_868 * 8 * 90


@pytest.mark.parametrize(
    ("packets", "golden"), [(PACKETS["ethernet"], 0.94148), (Packets(1472, 66), 0.95709)]
)
def test_oracle_P1_goodput_of_full_packets(packets: Packets, golden: float) -> None:
    payload_bits = 1000 * 8 * packets.mss_bytes
    assert payload_bits / packets.wire_bits(payload_bits) == pytest.approx(golden, abs=5e-6)


def test_a_partly_filled_packet_counts_as_one_and_an_empty_message_as_none() -> None:
    ethernet = PACKETS["ethernet"]
    assert [ethernet.count(bits) for bits in (0, 1, 11_584, 11_585)] == [0, 1, 1, 2]
    assert PACKETS["none"].wire_bits(12_345) == 12_345


def test_a_control_message_is_one_full_packet() -> None:
    assert [PACKETS[name].control_bits for name in ("ethernet", "radio", "none")] == [12_304, 12_080, 11_584]


def test_invalid_packets_are_rejected() -> None:
    for build, message in (
        (lambda: Packets(0, 90), "mss_bytes must be >= 1, got 0"),
        (lambda: Packets(1448, -1), "header_bytes must be >= 0, got -1"),
        (lambda: PACKETS["none"].count(-1), "payload must be >= 0 bits, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            build()

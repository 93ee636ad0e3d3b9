"""The record: whether losses are remembered over restarts, its size, its failed writes."""

from panels import GREEN, ORANGE, RED, Asked, lines, stat
from queries import increase, of_job


def record() -> list:
    """Whether conformd can rely on its record."""
    third = {"width": 8, "height": 7}
    return [
        stat(
            Asked(
                "Record",
                "Whether losses are kept across restarts. Without a usable record, every loss "
                "waits for an approval.",
                **third,
            ),
            f"min({of_job('conformd_record_usable')})",
            words={1: ("usable", GREEN), 0: ("none usable", ORANGE)},
        ),
        lines(
            Asked(
                "Size of the record",
                "Size of the record in bytes.",
                **third,
                unit="bytes",
            ),
            {"{{instance}}": f"max by (instance) ({of_job('conformd_record_bytes')})"},
        ),
        lines(
            Asked(
                "Failed writes to the record",
                "Writes to the record that failed. conformd does not send a loss that it cannot "
                "record.",
                **third,
            ),
            {"{{instance}}": increase("instance", of_job("conformd_record_write_errors_total"))},
            bars=True,
            shades=RED,
        ),
    ]

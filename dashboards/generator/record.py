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
                "Whether losses are remembered over restarts. Without a usable record, "
                "no loss goes unapproved.",
                **third,
            ),
            f"min({of_job('conformd_record_usable')})",
            words={1: ("usable", GREEN), 0: ("none usable", ORANGE)},
        ),
        lines(
            Asked(
                "Size of the record",
                "Bytes that the record takes.",
                **third,
                unit="bytes",
            ),
            {"{{instance}}": f"max by (instance) ({of_job('conformd_record_bytes')})"},
        ),
        lines(
            Asked(
                "Failed writes to the record",
                "Writes to the record that failed. A loss that cannot be recorded is not "
                "requested of AWS.",
                **third,
            ),
            {"{{instance}}": increase("instance", of_job("conformd_record_write_errors_total"))},
            bars=True,
            shades=RED,
        ),
    ]

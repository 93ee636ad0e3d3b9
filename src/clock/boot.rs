//! How long the machine has run, from the kernel: the only clock across processes that cannot be
//! set.

use std::sync::LazyLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::domain::base::stamp::BootTime;

/// The id of this start of the machine (Linux, random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// It is the same for the whole life of a process.
static ID: LazyLock<Option<String>> = LazyLock::new(|| {
    let id = std::fs::read_to_string(BOOT_ID).ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
});

/// The time since the machine was started, sleep included; `None` where `/proc` is not there.
pub(super) fn boot_time() -> Option<BootTime> {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let elapsed = Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?);
    Some(BootTime { id: ID.clone()?, elapsed })
}

//! How much memory the process may use: the limit of its control group, version 2 or 1.
//!
//! The library knows nothing of control groups. The limit may change while the process runs, so it
//! is read when it is asked for. Without one there is no series.

use std::path::{Path, PathBuf};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Registry, Result};

/// Where the control group of a process is written (`man 7 cgroups`).
const OWN: &str = "/proc/self/cgroup";
/// Where the hierarchy is mounted (`man 7 file-hierarchy`).
const HIERARCHY: &str = "/sys/fs/cgroup";

/// Version 1 writes "no limit" as the largest number of whole pages, which is just below this.
const NO_LIMIT: f64 = 9.0e18;

pub(super) fn register(registry: &Registry) -> Result<()> {
    registry.register(Box::new(MemoryLimit::new()?))
}

struct MemoryLimit(Gauge);

impl MemoryLimit {
    fn new() -> Result<Self> {
        let help = "Bytes that the control group of the process may use, the smallest limit of all \
                    groups above it; absent without a limit.";
        Ok(Self(Gauge::new("conformd_memory_limit_bytes", help)?))
    }
}

impl Collector for MemoryLimit {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let groups = read(Path::new(OWN)).unwrap_or_default();
        let Some(limit) = limit(&groups, Path::new(HIERARCHY)) else { return Vec::new() };
        self.0.set(limit);
        self.0.collect()
    }
}

/// The least limit of the groups that the process is in: what a group may use, all within it share.
fn limit(groups: &str, hierarchy: &Path) -> Option<f64> {
    let files = groups.lines().filter_map(file);
    let limits = files.flat_map(|(controller, group, name)| {
        let root = hierarchy.join(controller);
        let groups: Vec<PathBuf> = group.ancestors().map(|group| root.join(group)).collect();
        groups.into_iter().filter_map(move |group| read(&group.join(name))?.trim().parse().ok())
    });
    limits.filter(|limit| *limit < NO_LIMIT).min_by(f64::total_cmp)
}

/// A line of `/proc/self/cgroup`: where below the hierarchy the group is, and in which file its
/// limit. `0::/system.slice/conformd.service` (2) or `7:memory:/system.slice/conformd.service` (1).
fn file(line: &str) -> Option<(&'static str, &Path, &'static str)> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, group) = rest.split_once(':')?;
    let group = Path::new(group.trim_start_matches('/'));
    if controllers.is_empty() {
        return Some(("", group, "memory.max"));
    }
    let is_memory = controllers.split(',').any(|controller| controller == "memory");
    is_memory.then_some(("memory", group, "memory.limit_in_bytes"))
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(groups: &str, files: &[(&str, &str)]) -> Option<f64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        limit(groups, root.path())
    }

    #[test]
    fn the_least_limit_of_all_groups_above_counts() {
        let groups = "0::/system.slice/conformd.service\n";
        let own = ("system.slice/conformd.service/memory.max", "536870912\n");
        assert_eq!(check(groups, &[own]), Some(536_870_912.));
        let slice = ("system.slice/memory.max", "268435456\n");
        assert_eq!(check(groups, &[own, slice]), Some(268_435_456.));
        let unlimited = ("system.slice/memory.max", "max\n");
        assert_eq!(check(groups, &[own, unlimited]), Some(536_870_912.));
    }

    #[test]
    fn a_container_sees_its_limit_at_the_root() {
        assert_eq!(check("0::/\n", &[("memory.max", "134217728\n")]), Some(134_217_728.));
    }

    #[test]
    fn version_one_has_a_hierarchy_of_its_own_and_a_number_for_no_limit() {
        let groups = "8:cpu,cpuacct:/a\n7:memory:/docker/0a1b\n0::/\n";
        let limited = ("memory/docker/0a1b/memory.limit_in_bytes", "104857600\n");
        let unlimited = ("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(check(groups, &[limited, unlimited]), Some(104_857_600.));
        assert_eq!(check(groups, &[unlimited]), None);
    }

    #[test]
    fn without_groups_or_files_there_is_no_limit() {
        for groups in ["", "0::/gone\n", "nonsense\n"] {
            assert_eq!(check(groups, &[]), None);
        }
    }
}

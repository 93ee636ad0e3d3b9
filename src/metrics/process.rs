//! The standard `process_*` metrics.
//!
//! The start time is our own: the library computes it from `/proc/stat`, which a hardened service
//! unit hides.

use prometheus::{Registry, Result};

use super::view::Program;

#[cfg(target_os = "linux")]
pub(super) fn register(registry: &Registry, program: &Program) -> Result<()> {
    registry.register(Box::new(linux::Process::new(program)?))
}

/// The library knows Linux only.
#[cfg(not(target_os = "linux"))]
pub(super) fn register(_: &Registry, _: &Program) -> Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use prometheus::core::{Collector, Desc};
    use prometheus::process_collector::ProcessCollector;
    use prometheus::proto::MetricFamily;
    use prometheus::{Gauge, Result};

    use super::Program;
    use crate::metrics::figures::seconds;

    const START_TIME: &str = "process_start_time_seconds";

    pub(super) struct Process {
        library: ProcessCollector,
        start_time: Gauge,
    }

    impl Process {
        pub(super) fn new(program: &Program) -> Result<Self> {
            let help = "Start time of the process since the epoch in seconds.";
            let start_time = Gauge::new(START_TIME, help)?;
            start_time.set(seconds(program.started));
            Ok(Self { library: ProcessCollector::for_self(), start_time })
        }
    }

    impl Collector for Process {
        fn desc(&self) -> Vec<&Desc> {
            let library = self.library.desc().into_iter().filter(|desc| desc.fq_name != START_TIME);
            library.chain(self.start_time.desc()).collect()
        }

        fn collect(&self) -> Vec<MetricFamily> {
            let library = self.library.collect().into_iter();
            let library = library.filter(|family| family.name() != START_TIME);
            library.chain(self.start_time.collect()).collect()
        }
    }
}

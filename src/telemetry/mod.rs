//! Spans and metrics of runs, over OTLP, to a collector of the operator's.
//!
//! Where nobody has said where to, or the program was built without the feature `telemetry`, nothing is done. A collector
//! that cannot be reached is nobody's failure, and the end of the program waits for it a moment only.

#[cfg(feature = "telemetry")]
mod otlp;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::run::RunReport;

/// Where spans and metrics go while the program runs.
#[derive(Default)]
pub struct Telemetry {
    #[cfg(feature = "telemetry")]
    exporter: Option<otlp::Exporter>,
}

/// A layer of any subscriber.
pub type AnyLayer<S> = Box<dyn Layer<S> + Send + Sync>;

impl Telemetry {
    /// Begins, if the standard variables of the environment or `telemetry.endpoint` say where to; what is wrong is
    /// returned to be logged.
    #[cfg(feature = "telemetry")]
    pub fn start(endpoint: &str) -> (Self, Option<String>) {
        match otlp::Exporter::start(endpoint) {
            Ok(exporter) => (Telemetry { exporter }, None),
            Err(error) => (Telemetry::default(), Some(format!("there are no spans and metrics: {error}"))),
        }
    }

    /// Says that the program cannot, if it was asked to.
    #[cfg(not(feature = "telemetry"))]
    pub fn start(endpoint: &str) -> (Self, Option<String>) {
        let says = "`telemetry.endpoint` is set, and this program was built without the feature `telemetry`";
        (Telemetry::default(), (!endpoint.is_empty()).then(|| says.to_owned()))
    }

    /// What makes spans of the program's own `tracing` spans.
    pub fn layer<S>(&self) -> Option<AnyLayer<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        #[cfg(feature = "telemetry")]
        return self.exporter.as_ref().and_then(otlp::Exporter::layer);
        #[cfg(not(feature = "telemetry"))]
        None
    }

    /// Sends what is left, and waits for it a moment.
    pub fn end(self) {
        #[cfg(feature = "telemetry")]
        if let Some(exporter) = self.exporter {
            exporter.end();
        }
    }
}

/// Counts a run that has ended.
pub fn count(report: &RunReport) {
    #[cfg(feature = "telemetry")]
    otlp::count(report);
    #[cfg(not(feature = "telemetry"))]
    let _ = report;
}

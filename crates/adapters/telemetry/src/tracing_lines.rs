//! One line per log event on standard error, so that standard output stays free for answers.

use std::io;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Text, for people.
    Text,
}

/// A log format that does not exist.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the log format is \"json\" or \"text\", not {0:?}")]
pub struct UnknownLogFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, UnknownLogFormat> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(UnknownLogFormat(other.to_owned())),
        }
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// The filter is not one.
    #[error("the log filter {filter:?} is not valid")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logging was set up before.
    #[error("logging is already set up")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process, once. `filter` is written like `info,openraft=warn`.
pub fn init_tracing(format: LogFormat, filter: &str) -> Result<(), TracingError> {
    let subscriber = tracing_subscriber::registry().with(layer(format, filter, io::stderr)?);
    subscriber.try_init().map_err(TracingError::AlreadySet)
}

fn layer<S, W>(format: LogFormat, filter: &str, writer: W) -> Result<impl Layer<S>, TracingError>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| TracingError::Filter { filter: filter.to_owned(), source })?;
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    Ok(lines.with_filter(filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer(format, filter, move || writer.clone()).expect("the filter is valid");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(revision = 7, "line\nbreak \u{1b}[31m");
            tracing::debug!("hidden");
        });
        let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    #[test]
    fn json_is_one_line_an_event() {
        let text = logged(LogFormat::Json, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in ["\"level\":\"INFO\"", "\"message\":\"line\\nbreak", "\"revision\":7"] {
            assert!(text.contains(part), "{part} is in {text}");
        }
    }

    #[test]
    fn text_has_no_colours_and_keeps_the_filter() {
        let text = logged(LogFormat::Text, "info");
        assert!(text.contains("revision=7") && !text.contains("hidden"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(logged(LogFormat::Text, "error").is_empty());
    }

    #[test]
    fn bad_settings_are_named() {
        let refused = init_tracing(LogFormat::Json, "info,=,=").err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("the log filter \"info,=,=\" is not valid"));
        assert_eq!("text".parse(), Ok(LogFormat::Text));
        assert!("yaml".parse::<LogFormat>().is_err());
    }
}

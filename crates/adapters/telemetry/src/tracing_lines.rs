//! Logging: one line per event on standard error; standard output is free for the output of commands.

use std::io;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, reload};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Readable text.
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

/// Why logging could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// The filter is invalid.
    #[error("the log filter {filter:?} is not valid: {fault}")]
    Filter {
        /// The filter.
        filter: String,
        /// The error.
        fault: String,
    },
    /// Logging is not set up in this process.
    #[error("logging is not set up")]
    NotSet,
    /// Logging is already set up.
    #[error("logging is already set up")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the process, once. Example of a filter: `info,openraft=warn`.
pub fn init_tracing(format: LogFormat, filter: &str) -> Result<(), TracingError> {
    let (filtering, handle) = reload::Layer::new(parse(filter)?);
    let subscriber = tracing_subscriber::registry().with(layer(format, filtering, io::stderr));
    subscriber.try_init().map_err(TracingError::AlreadySet)?;
    let current = Current { handle, filter: Mutex::new(filter.to_owned()) };
    // Cannot fail: `try_init` succeeds only once.
    let _ = CURRENT.set(current);
    Ok(())
}

/// The current log configuration.
struct Current {
    handle: reload::Handle<EnvFilter, Registry>,
    filter: Mutex<String>,
}

static CURRENT: OnceLock<Current> = OnceLock::new();

/// The current filter; `None` if logging is not set up.
pub fn log_filter() -> Option<String> {
    CURRENT.get().map(|current| current.filter.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Replaces the filter.
pub fn set_log_filter(filter: &str) -> Result<(), TracingError> {
    let parsed = parse(filter)?;
    let current = CURRENT.get().ok_or(TracingError::NotSet)?;
    let mut known = current.filter.lock().unwrap_or_else(PoisonError::into_inner);
    current.handle.reload(parsed).map_err(|_gone| TracingError::NotSet)?;
    filter.clone_into(&mut known);
    Ok(())
}

/// Checks a filter: a level, and optional levels of modules.
pub fn check_log_filter(filter: &str) -> Result<(), TracingError> {
    parse(filter).map(drop)
}

/// Maximum length of a filter, in bytes.
const FILTER_BYTES_MAX: usize = 1024;

fn parse(filter: &str) -> Result<EnvFilter, TracingError> {
    let refused = |fault: String| TracingError::Filter { filter: filter.chars().take(80).collect(), fault };
    if filter.len() > FILTER_BYTES_MAX {
        return Err(refused(format!("it has more than {FILTER_BYTES_MAX} bytes")));
    }
    for directive in filter.split(',').map(str::trim) {
        // Directives with spans and fields are checked by the parser below.
        let (module, level) = match directive.rsplit_once('=') {
            Some((module, level)) => (module, level),
            None => ("any", directive),
        };
        if !directive.contains('[')
            && (module.is_empty() || level.is_empty() || level.parse::<LevelFilter>().is_err())
        {
            let rule = "write a level (off, error, warn, info, debug, trace), or module=level";
            return Err(refused(format!("{directive:?} is neither: {rule}")));
        }
    }
    EnvFilter::try_new(filter).map_err(|error| refused(error.to_string()))
}

fn layer<S, W, F>(format: LogFormat, filter: F, writer: W) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
    F: tracing_subscriber::layer::Filter<S> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    lines.with_filter(filter)
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
        let layer = layer(format, parse(filter).expect("a filter"), move || writer.clone());
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
        let refused = refused.expect("it is refused");
        assert!(
            refused.starts_with("the log filter \"info,=,=\" is not valid: \"=\" is neither"),
            "{refused}"
        );
        for bad in ["inof", "", "info,", "guardian=loud", "=debug", "debug=", "info;warn"] {
            assert!(check_log_filter(bad).is_err(), "{bad:?}");
        }
        for good in ["info", "WARN", "off", "info,openraft=error", "a::b=trace, warn", "[span]=debug"] {
            assert!(check_log_filter(good).is_ok(), "{good:?}");
        }
        assert_eq!("text".parse(), Ok(LogFormat::Text));
        assert!("yaml".parse::<LogFormat>().is_err());
    }
}

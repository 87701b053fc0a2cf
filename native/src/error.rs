//! What can go wrong, as Python exceptions that carry their place.
//!
//! Each has the arguments `(message, path, line, column)`; `path` is `None` and the numbers are 0 where there is no place.

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::PyErr;

create_exception!(_native, PolicyError, PyValueError, "A policy that does not parse or compile.");
create_exception!(_native, InputError, PyValueError, "A value that policies cannot be given.");
create_exception!(_native, RunError, PyRuntimeError, "An evaluation that ended without an answer.");
create_exception!(_native, TimeLimitError, RunError, "An evaluation that took too long.");

/// A message of regorus, taken apart.
///
/// Its messages look like `\n--> FILE:LINE:COLUMN\n  |\n3 | source\n  | ^\nerror: TEXT`, and are plain where there is no place.
pub struct Failure {
    message: String,
    path: Option<String>,
    line: u32,
    column: u32,
    out_of_time: bool,
}

impl Failure {
    /// Reads an error of regorus.
    pub fn new<E>(error: &E) -> Self
    where
        E: std::fmt::Display + ?Sized,
    {
        Self::parse(&error.to_string())
    }

    /// The time limit, said in the caller's unit.
    pub fn time_limit(seconds: f64) -> Self {
        Self {
            message: format!("the time limit of {seconds} s was reached"),
            path: None,
            line: 0,
            column: 0,
            out_of_time: true,
        }
    }

    fn parse(text: &str) -> Self {
        let place = text.lines().find_map(|line| line.strip_prefix("--> ")).and_then(|place| {
            let (rest, column) = place.rsplit_once(':')?;
            let (path, line) = rest.rsplit_once(':')?;
            Some((path.to_owned(), line.parse().ok()?, column.parse().ok()?))
        });
        let message = text.split_once("\nerror: ").map_or(text, |(_, message)| message).trim();
        let (path, line, column) = place.map_or((None, 0, 0), |(path, line, column)| (Some(path), line, column));
        Self { message: message.to_owned(), path, line, column, out_of_time: false }
    }

    /// As an exception about the policy text.
    pub fn into_policy_error(self) -> PyErr {
        PolicyError::new_err(self.arguments())
    }

    /// As an exception about one evaluation.
    pub fn into_run_error(self) -> PyErr {
        if self.out_of_time {
            TimeLimitError::new_err(self.arguments())
        } else {
            RunError::new_err(self.arguments())
        }
    }

    fn arguments(self) -> (String, Option<String>, u32, u32) {
        (self.message, self.path, self.line, self.column)
    }
}

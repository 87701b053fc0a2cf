//! Python values to Rego values and back, without a text in between.
//!
//! No text means no second parser to disagree with Python's: no duplicate keys, no lost digits, no escapes read twice.
//! Every value is bounded before it is taken.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use regorus::Value;

use crate::error::{InputError, RunError};

/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 128;
/// Largest value, in bytes as `Reader` counts them.
pub const MAX_BYTES: usize = 16 << 20;
/// Smallest magnitude that Go writes with an exponent; whole numbers below are written as integers.
const GO_EXPONENT_FROM: f64 = 1e21;
/// Steps of a path that a message shows.
const SHOWN_STEPS: usize = 12;
/// What a scalar, a key or a container costs beside the bytes of its text.
const NODE_BYTES: usize = 8;

/// A value that has been taken over from Python once and can be given to many evaluations. Immutable.
#[pyclass(frozen, module = "ployd_policy._native")]
pub struct Prepared {
    pub value: Value,
}

#[pymethods]
impl Prepared {
    /// The value as policies see it, as Python values.
    fn to_python(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        to_python(py, &self.value)
    }

    /// This value with `value` at `path`, a list of keys; mappings that are missing are made. All else is shared.
    ///
    /// Raises `InputError` as `prepare` does, and where something that is no mapping stands on the way.
    fn with_value(&self, path: Vec<String>, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut whole = self.value.clone();
        let mut place = &mut whole;
        for step in path {
            let fields = place
                .as_object_mut()
                .map_err(|_| InputError::new_err((format!("no mapping to hold {step}"), None::<String>, 0, 0)))?;
            place = fields.get_or_insert_with(Value::from(step), Value::new_object);
        }
        *place = from_python(value, MAX_BYTES, MAX_DEPTH)?;
        Ok(Self { value: whole })
    }
}

/// Take a decoded JSON value over, so that many evaluations can share it.
///
/// Raises `InputError` naming the place for what is not JSON (NaN, a lone surrogate, a key that is no string, any other
/// type), for nesting deeper than `max_depth` and for more than `max_bytes`.
#[pyfunction]
#[pyo3(signature = (value, *, max_bytes = MAX_BYTES, max_depth = MAX_DEPTH))]
pub fn prepare(value: &Bound<'_, PyAny>, max_bytes: usize, max_depth: usize) -> PyResult<Prepared> {
    Ok(Prepared { value: from_python(value, max_bytes, max_depth)? })
}

/// The Rego value of a decoded JSON value.
pub fn from_python(item: &Bound<'_, PyAny>, max_bytes: usize, max_depth: usize) -> PyResult<Value> {
    let mut reader = Reader { left: max_bytes, max_bytes, max_depth };
    reader.read(item, 0).map_err(|refusal| {
        let mut place: String = refusal.steps.iter().rev().take(SHOWN_STEPS).map(String::as_str).collect();
        if place.is_empty() {
            place.push_str("the value");
        } else if refusal.steps.len() > SHOWN_STEPS {
            place.push_str("...");
        }
        InputError::new_err((format!("{place}: {}", refusal.reason), None::<String>, 0, 0))
    })
}

/// Why a value is not taken, and where it stands (innermost step first).
struct Refusal {
    reason: Cow<'static, str>,
    steps: Vec<String>,
}

impl Refusal {
    fn at(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }
}

impl<T: Into<Cow<'static, str>>> From<T> for Refusal {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), steps: Vec::new() }
    }
}

struct Reader {
    left: usize,
    max_bytes: usize,
    max_depth: usize,
}

impl Reader {
    fn read(&mut self, item: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Refusal> {
        self.spend(NODE_BYTES)?;
        if let Ok(text) = item.cast::<PyString>() {
            return self.text(text);
        }
        if item.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(flag) = item.cast::<PyBool>() {
            return Ok(Value::Bool(flag.is_true()));
        }
        if let Ok(number) = item.cast::<PyInt>() {
            return self.integer(number);
        }
        if let Ok(number) = item.cast::<PyFloat>() {
            return float(number.value());
        }
        if depth >= self.max_depth {
            return Err(format!("nested deeper than {} levels", self.max_depth).into());
        }
        if let Ok(fields) = item.cast::<PyDict>() {
            return self.object(fields.iter().map(Ok), depth);
        }
        if let Ok(items) = item.cast::<PyList>() {
            return self.array(items.iter(), depth);
        }
        if let Ok(items) = item.cast::<PyTuple>() {
            return self.array(items.iter(), depth);
        }
        if let Ok(fields) = item.cast::<PyMapping>() {
            let pairs = fields.items().map_err(|error| error.to_string())?;
            return self.object(pairs.iter().map(|pair| pair.extract()), depth);
        }
        let kind = item.get_type();
        let name = kind.name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        Err(format!("a {name} is not a JSON value").into())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(format!("larger than {} bytes", self.max_bytes).into()),
        }
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Result<Value, Refusal> {
        let text = text.to_str().map_err(|_| "a string with half of a surrogate pair")?;
        self.spend(text.len())?;
        Ok(Value::String(text.into()))
    }

    fn integer(&mut self, number: &Bound<'_, PyInt>) -> Result<Value, Refusal> {
        if let Ok(small) = number.extract::<i64>() {
            return Ok(Value::from(small));
        }
        let digits = number.str().map_err(|_| "an integer with thousands of digits")?;
        let digits = digits.to_str().map_err(|error| error.to_string())?;
        self.spend(digits.len())?;
        Value::from_numeric_string(digits).map_err(|error| error.to_string().into())
    }

    fn object<'py>(
        &mut self,
        pairs: impl Iterator<Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>>,
        depth: usize,
    ) -> Result<Value, Refusal> {
        let mut fields = BTreeMap::new();
        for pair in pairs {
            let (key, item) = pair.map_err(|error| error.to_string())?;
            let Ok(name) = key.cast::<PyString>() else {
                return Err(format!("the key {key} is not a string").into());
            };
            self.spend(NODE_BYTES)?;
            let name_value = self.text(name)?;
            let value = self.read(&item, depth + 1).map_err(|refusal| refusal.at(format!(".{name}")))?;
            fields.insert(name_value, value);
        }
        Ok(Value::from(fields))
    }

    fn array<'py>(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> Result<Value, Refusal> {
        let mut values = Vec::new();
        for (index, item) in items.enumerate() {
            let value = self.read(&item, depth + 1).map_err(|refusal| refusal.at(format!("[{index}]")))?;
            values.push(value);
        }
        Ok(Value::from(values))
    }
}

/// Whole floats become integers, as they do on their way through the API server: Go writes 1.0 as `1`.
fn float(number: f64) -> Result<Value, Refusal> {
    if !number.is_finite() {
        return Err("NaN and infinity are not JSON numbers".into());
    }
    if number.fract() == 0.0 && number.abs() < GO_EXPONENT_FROM {
        return Value::from_numeric_string(&format!("{number:.0}")).map_err(|error| error.to_string().into());
    }
    Ok(Value::from(number))
}

/// The Python value of a Rego value, as its JSON would decode: sets are lists, keys are strings.
pub fn to_python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Null => py.None(),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any().unbind(),
        Value::String(text) => PyString::new(py, text).into_any().unbind(),
        Value::Number(number) => {
            if let Some(small) = number.as_i64() {
                small.into_pyobject(py)?.into_any().unbind()
            } else if number.as_big().is_some() {
                py.get_type::<PyInt>().call1((number.format_decimal(),))?.unbind()
            } else {
                PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any().unbind()
            }
        }
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items.iter() {
                list.append(to_python(py, item)?)?;
            }
            list.into_any().unbind()
        }
        Value::Set(items) => {
            let list = PyList::empty(py);
            for item in items.iter_sorted() {
                list.append(to_python(py, item)?)?;
            }
            list.into_any().unbind()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (key, item) in fields.iter_sorted() {
                dict.set_item(key_text(key), to_python(py, item)?)?;
            }
            dict.into_any().unbind()
        }
        Value::Undefined => {
            return Err(RunError::new_err(("an undefined value inside the result", None::<String>, 0, 0)))
        }
    })
}

/// A key that is no string is written as its JSON, as OPA does.
fn key_text(key: &Value) -> Cow<'_, str> {
    match key {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

//! A policy, compiled once and asked many times from any thread.
//!
//! Engines that are not in use wait in a pool; a clone shares the compiled policy and the data with its origin. An engine
//! whose evaluation failed is thrown away: what it held half-way must not reach the next object.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Rc, Value};

use crate::agreement;
use crate::error::Failure;
use crate::guard;
use crate::outline::{policy_length, source};
use crate::value::{from_python, to_python, Prepared, MAX_BYTES, MAX_DEPTH};

/// Steps of the interpreter between two looks at the clock: some tens of microseconds.
const TIMER_INTERVAL: NonZeroU32 = match NonZeroU32::new(64) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// Lines that ran and lines that did not.
type Coverage = (Vec<u32>, Vec<u32>);
/// Lines with code and those that ran, by file.
type Lines = BTreeMap<String, (BTreeSet<u32>, BTreeSet<u32>)>;

/// Compiled modules with their data and one entrypoint.
#[pyclass(frozen, module = "ployd_policy._native")]
pub struct Policy {
    base: Engine,
    entrypoint: String,
    coverage: bool,
    idle: Mutex<Vec<Engine>>,
    /// Coverage of engines that were thrown away.
    lines: Mutex<Lines>,
}

#[pymethods]
impl Policy {
    /// Compile `modules`, each `(path, text, is_v0)`, over `data`; `entrypoint` is a rule, e.g. `data.ployd.main.report`.
    ///
    /// Raises `PolicyError` with the place for what does not compile, `InputError` for data that is no JSON object.
    #[new]
    #[pyo3(signature = (modules, data, entrypoint, *, coverage = false))]
    fn new(
        py: Python<'_>,
        modules: Vec<(String, String, bool)>,
        data: &Bound<'_, PyAny>,
        entrypoint: String,
        coverage: bool,
    ) -> PyResult<Self> {
        let data = from_python(data, usize::MAX, MAX_DEPTH)?;
        let base = py.detach(|| {
            guarded(|| compile(modules, data, &entrypoint, coverage).map_err(|error| Failure::new(&error)))
                .map_err(Failure::into_policy_error)
        })?;
        Ok(Self { base, entrypoint, coverage, idle: Mutex::default(), lines: Mutex::default() })
    }

    /// Evaluate the entrypoint on `document`; `inventory`, where given, is seen as `input.ployd.inventory`.
    ///
    /// `rule` names another rule to evaluate instead, as `entrypoint` does.
    /// Gives the value (`None` where the entrypoint is undefined) and what `print` wrote. Raises `InputError` for a document
    /// beyond the bounds, `TimeLimitError` after `time_limit_s` seconds, `RunError` for everything else, a panic too.
    #[pyo3(signature = (document, inventory = None, *, rule = None, time_limit_s = 10.0, max_bytes = MAX_BYTES))]
    fn evaluate(
        &self,
        py: Python<'_>,
        document: &Bound<'_, PyAny>,
        inventory: Option<&Prepared>,
        rule: Option<String>,
        time_limit_s: f64,
        max_bytes: usize,
    ) -> PyResult<(Option<Py<PyAny>>, Vec<String>)> {
        let mut input = from_python(document, max_bytes, MAX_DEPTH)?;
        if let Some(prepared) = inventory {
            insert_inventory(&mut input, prepared.value.clone()).map_err(Failure::into_run_error)?;
        }
        let (value, prints) = py.detach(|| self.run(rule, input, time_limit_s)).map_err(Failure::into_run_error)?;
        let value = match value {
            Value::Undefined => None,
            value => Some(to_python(py, &value)?),
        };
        Ok((value, prints))
    }

    /// Lines that ran and lines that did not, by file, over all evaluations so far; empty without `coverage`.
    ///
    /// A file of which nothing ran is absent.
    fn covered_lines(&self) -> PyResult<BTreeMap<String, Coverage>> {
        let mut lines = lock(&self.lines).clone();
        for engine in lock(&self.idle).iter() {
            add_coverage(engine, &mut lines).map_err(Failure::into_run_error)?;
        }
        Ok(lines
            .into_iter()
            .map(|(file, (all, ran))| {
                let missed = all.difference(&ran).copied().collect();
                (file, (ran.into_iter().collect(), missed))
            })
            .collect())
    }
}

impl Policy {
    fn run(&self, rule: Option<String>, input: Value, time_limit_s: f64) -> Result<(Value, Vec<String>), Failure> {
        let limit = Duration::try_from_secs_f64(time_limit_s).map_err(|error| Failure::new(&error))?;
        let started = Instant::now();
        let mut engine = lock(&self.idle).pop().unwrap_or_else(|| self.base.clone());
        let answer = guarded(|| {
            engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: TIMER_INTERVAL });
            engine.set_input(input);
            let value = engine.eval_rule(rule.unwrap_or_else(|| self.entrypoint.clone())).map_err(|error| {
                // Inside a function the error has become text on its way.
                let limited = error.to_string().contains("execution exceeded time limit");
                if limited {
                    Failure::time_limit(time_limit_s)
                } else {
                    Failure::new(&error)
                }
            })?;
            // A builtin is not interrupted; whoever waited for one is told all the same.
            if started.elapsed() > limit {
                return Err(Failure::time_limit(time_limit_s));
            }
            let prints = engine.take_prints().map_err(|error| Failure::new(&error))?;
            Ok((value, prints))
        });
        if answer.is_ok() {
            // The pool must not keep the last object of each thread alive.
            engine.set_input(Value::Undefined);
            lock(&self.idle).push(engine);
        } else if self.coverage {
            add_coverage(&engine, &mut lock(&self.lines))?;
        }
        answer
    }
}

fn compile(
    modules: Vec<(String, String, bool)>,
    data: Value,
    entrypoint: &str,
    coverage: bool,
) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    engine.set_enable_coverage(coverage);
    engine.set_policy_length_config(policy_length());
    agreement::install(&mut engine)?;
    for (path, text, is_v0) in modules {
        guard::check(&source(path.clone(), text.clone())?)?;
        engine.set_rego_v0(is_v0);
        engine.add_policy(path, text)?;
    }
    engine.add_data(data)?;
    // Compiles everything and proves that the entrypoint exists; the engine keeps what was compiled.
    engine.compile_with_entrypoint(&Rc::from(entrypoint))?;
    Ok(engine)
}

fn insert_inventory(input: &mut Value, inventory: Value) -> Result<(), Failure> {
    let ployd = Value::from("ployd");
    let failed = |_| Failure::new("the document and its `ployd` must be objects");
    let fields = input.as_object_mut().map_err(failed)?;
    fields
        .get_or_insert_with(ployd, Value::new_object)
        .as_object_mut()
        .map_err(failed)?
        .insert(Value::from("inventory"), inventory);
    Ok(())
}

fn add_coverage(engine: &Engine, lines: &mut Lines) -> Result<(), Failure> {
    let report = engine.get_coverage_report().map_err(|error| Failure::new(&error))?;
    for file in report.files {
        let (all, ran) = lines.entry(file.path).or_default();
        all.extend(&file.covered);
        all.extend(&file.not_covered);
        ran.extend(&file.covered);
    }
    Ok(())
}

/// Runs `work`; a panic becomes a failure. The caller throws away what the work held.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
        Err(Failure::new(&format!("the interpreter failed: {}", text.unwrap_or("unknown cause"))))
    })
}

/// A poisoned lock guards values that are whole: a panic cannot happen between two halves of a change to them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
